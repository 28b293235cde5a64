// SPDX-License-Identifier: LGPL-2.1-or-later
// An evaluation as oneadapt-eval makes it.
#pragma once
#include <nlohmann/json.hpp>

#include "eval/evaluation.h"

/// The first clip's part of results.json. Throws RunError.
inline nlohmann::json evaluated(const oneadapt::eval::EvalOptions &options) {
  oneadapt::eval::check_options(options);
  oneadapt::eval::Runner runner(options, oneadapt::eval::RunStore(options.output + "/runs"));
  return oneadapt::eval::evaluate_clip(runner, options.clips.front());
}
