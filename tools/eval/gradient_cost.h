// SPDX-License-Identifier: LGPL-2.1-or-later
// The measuring process behind --figure overhead.
#pragma once
#include <string>
#include <vector>

namespace oneadapt::eval {

/// First argument of the program when it is the measuring process.
inline constexpr const char *kGradientCostFlag = "--gradient-cost";

/// The ways that are compared, in the paper's order (Fig. 11).
std::vector<std::string> gradient_cost_modes();

/// `arguments`: mode, model, classes, file of ten RGB frames, WIDTHxHEIGHT, device. Prints one JSON object: mode,
/// time_ratio (to inference alone, in this process), memory_mb (peak of the process). Returns the exit status.
int gradient_cost(const std::vector<std::string> &arguments);

}  // namespace oneadapt::eval
