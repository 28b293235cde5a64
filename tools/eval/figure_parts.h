// SPDX-License-Identifier: LGPL-2.1-or-later
// The figures behind make_figure(), and what they share.
#pragma once
#include <string>
#include <vector>

#include "eval/evaluation.h"

namespace oneadapt::eval {

std::string base_name(const std::string &path);

/// Mean of the frames' accuracy in each second.
std::vector<double> per_second(const RunResult &run, const RunResult &reference, Metric metric);

/// The run of `clip` in the most expensive configuration, without gradients.
RunOptions fixed_run(const Runner &runner, const std::string &clip);

/// The ladders of the knobs `names` as the reference run found them. Throws RunError for an unknown knob.
std::vector<KnobLadder> ladders_of(const std::vector<std::string> &names, const RunResult &reference);

/// Side, in macroblocks, of the squares that cut a frame of so many macroblocks into about `blocks` (≥ 1) blocks.
unsigned side_for_blocks(unsigned columns, unsigned rows, unsigned blocks);

nlohmann::json gradient_correlation(Runner &runner);  ///< Fig. 6
nlohmann::json gradient_reuse(Runner &runner);        ///< Figs. 12 and 13
nlohmann::json granularity(Runner &runner);           ///< Fig. 9
nlohmann::json convergence(Runner &runner);           ///< Fig. 14
nlohmann::json overhead(Runner &runner);              ///< Fig. 11

}  // namespace oneadapt::eval
