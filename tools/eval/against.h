// SPDX-License-Identifier: LGPL-2.1-or-later
// One evaluation against another: the same policies with another model, property or build.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

namespace oneadapt::eval {

/// results.json of an evaluation's folder, to be compared with one that has the same resource, metric and reference as
/// `head`. Throws RunError, which names option --against: before anything is run.
nlohmann::json read_other(const std::string &folder, const nlohmann::json &head);

/// Curves of `results` against those of the same policy on the same clip in `other`: {"clips": [{"clip", "bd_rate"}],
/// "mean_bd_rate"}, rows as in results.json, "against" being "the other". Bandwidths are compared in kbit/s, because
/// the most expensive configuration may have changed too. Other clips and policies are left out.
nlohmann::json compare_evaluations(const nlohmann::json &results, const nlohmann::json &other);

/// Its lines for the terminal.
std::string against_table(const nlohmann::json &against);

}  // namespace oneadapt::eval
