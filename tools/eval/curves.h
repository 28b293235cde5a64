// SPDX-License-Identifier: LGPL-2.1-or-later
// Comparing trade-off curves: one number for two policies (Bjøntegaard, VCEG-M33, with piecewise-cubic interpolation).
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace oneadapt::eval {

/// One run of one policy: resource used (any unit > 0) and accuracy reached.
struct CurvePoint {
  double resource = 0;
  double accuracy = 0;
};

/// The Pareto-optimal points, by increasing resource: each is more accurate than every cheaper one. Points that are
/// not finite or whose resource is not positive are left out.
std::vector<CurvePoint> frontier(std::vector<CurvePoint> points);

struct BdRate {
  std::optional<double> percent;  ///< mean change of resource at equal accuracy; negative: the first curve saves
  std::string reason;             ///< why `percent` has no value
  double from = 0, to = 0;        ///< range of accuracy compared
};

/// Resource of `curve` against `anchor` at equal accuracy, averaged over the accuracies that both reach: log resource
/// is interpolated over accuracy by a monotone cubic (Fritsch–Carlson, as SciPy's PchipInterpolator) and integrated
/// exactly. None, with a reason, when a curve has less than two useful points or the common range of accuracy is below
/// `min_overlap`: a flat curve's bumps are noise.
BdRate bd_rate(const std::vector<CurvePoint> &curve, const std::vector<CurvePoint> &anchor, double min_overlap = 0.02);

/// The least resource at which `points` reach `accuracy`, interpolated as above; no value when they never do. When the
/// cheapest point already reaches it, the result is the resource of that point.
std::optional<double> resource_at(const std::vector<CurvePoint> &points, double accuracy);

}  // namespace oneadapt::eval
