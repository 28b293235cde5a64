// SPDX-License-Identifier: LGPL-2.1-or-later
// Training the network of policy casva (lib/core/policy/casva/network.h) on clips that are run in a grid of
// configurations.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "eval/casva_fit.h"
#include "eval/evaluation.h"

namespace oneadapt::eval {

/// Every recorded configuration (state) with every other (candidate), in each whole interval but the last: what the
/// sensor knew at its end, and what the candidate came to in the next one. The resource in the state is what the
/// controller measured (IntervalRow::measured_resource; intervals without it give no samples), that of the candidate
/// its bytes as a fraction of the most expensive configuration's.
std::vector<CasvaSample> casva_samples(const Recorded &recorded, Metric metric);

/// Mean absolute errors of a network's predictions.
struct CasvaError {
  double accuracy = 0, log_resource = 0;
};
CasvaError casva_error(const CasvaModel &model, const std::vector<CasvaSample> &samples);

/// The file that oneadaptctl reads; `trained_on` is for people.
nlohmann::json casva_json(const CasvaModel &model, const nlohmann::json &trained_on);

/// Runs the clips of the runner's options, trains, and writes the network to the options' train_casva. Returns what to
/// print: its errors on what it was trained on, and on each clip by a network trained on the others. Throws RunError.
std::string train_casva_file(Runner &runner);

}  // namespace oneadapt::eval
