// SPDX-License-Identifier: LGPL-2.1-or-later
// DDS: a coarse pass over the whole clip, and a finer one over what the DNN was not sure of (docs/baselines.md).
#pragma once
#include <memory>
#include <utility>
#include <vector>

#include "eval/compose.h"
#include "eval/dds.h"
#include "eval/run.h"

namespace oneadapt::eval {

/// Rungs of the first and the second pass, a pair a point of the curve, cheap → expensive; `qps` is a ladder of QPs,
/// cheap → expensive. Each rung with the first one that is finer by 12 or more; where there is none, with the most
/// expensive one, if that is finer by 8 or more. The cheapest rung always has a pair; a ladder of one rung has none.
std::vector<std::pair<std::size_t, std::size_t>> dds_pairs(const std::vector<double> &qps);

/// What a first pass keeps of what the DNN is not sure of (RunOptions::uncertain_from); DdsSettings choose from it.
constexpr double kUncertainFrom = 0.1;

/// What the second pass sends after `first`, which must have kept its uncertain boxes.
SecondPass second_pass_of(const RunResult &first, double first_qp, const DdsSettings &settings = {});

/// Both passes as one run: the bytes, times and inferences of both, and what is known after the second. `second` may
/// be null when nothing was to be sent.
PolicyRun join_passes(const RunResult &first, const RunResult *second, const SecondPass &pass,
                      const DdsSettings &settings = {});

}  // namespace oneadapt::eval
