// SPDX-License-Identifier: LGPL-2.1-or-later
// Curves of results.json, to be compared.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "eval/bootstrap.h"
#include "eval/curves.h"

namespace oneadapt::eval {

struct Curve {
  std::vector<CurvePoint> points;
  CurveSeconds seconds;  ///< of the points; empty: not known
};

/// Of a clip; `unit`: what a share of 1 is worth.
Curve curve_of(const nlohmann::json &curve, const nlohmann::json &clip, double unit = 1);
/// Without seconds.
std::vector<CurvePoint> points_of(const nlohmann::json &curve, const std::string &resource, double unit = 1);

/// Adds `resamples`, and `low` and `high` where there are enough of them, to a row of `bd_rate`.
void add_scatter(nlohmann::json &row, const std::vector<std::optional<double>> &resamples);
/// The field `resamples` of a row; empty: it has none.
std::vector<std::optional<double>> resamples_of(const nlohmann::json &row);

}  // namespace oneadapt::eval
