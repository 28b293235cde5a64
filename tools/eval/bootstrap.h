// SPDX-License-Identifier: LGPL-2.1-or-later
// How far a BD-rate scatters by chance: the seconds of a clip are drawn anew, with replacement (Efron's bootstrap).
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "eval/curves.h"

namespace oneadapt::eval {

/// A point of a curve by its seconds: the point's accuracy is the weighted mean of theirs, its resource their sum.
struct PointSeconds {
  std::vector<double> resource, accuracy, weight;
};
/// All of the same number of seconds.
using CurveSeconds = std::vector<PointSeconds>;

/// The seconds of one resample, by their numbers.
using Draw = std::vector<std::size_t>;
/// 200 resamples of that many seconds. The same for the same name; those of two names are independent.
std::vector<Draw> draws_of(const std::string &clip, std::size_t seconds);

/// What the point comes to when the clip consists of these seconds; accuracy 0 where nothing in them has a weight.
CurvePoint point_of(const PointSeconds &point, const Draw &draw);

/// bd_rate() of every resample, the same seconds for both curves; nothing where there is none.
std::vector<std::optional<double>> bd_rates_of(const CurveSeconds &curve, const CurveSeconds &anchor,
                                               const std::vector<Draw> &draws);

struct Scatter {
  double low = 0, high = 0;
};
/// From the 16th to the 84th percentile, two standard deviations of a normal distribution. Nothing where fewer than
/// half of the values are there.
std::optional<Scatter> scatter_of(const std::vector<std::optional<double>> &values);

}  // namespace oneadapt::eval
