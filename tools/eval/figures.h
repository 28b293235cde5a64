// SPDX-License-Identifier: LGPL-2.1-or-later
// The paper's own checks, on one's own clips and model.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "eval/evaluation.h"

namespace oneadapt::eval {

/// "gradient-correlation" (Fig. 6) …
std::vector<std::string> figure_names();

/// One of them over all clips of the runner's options; the shape is in docs/report.md. Throws RunError.
nlohmann::json make_figure(Runner &runner, const std::string &name);

/// For the terminal.
std::string figure_table(const nlohmann::json &figures);

}  // namespace oneadapt::eval
