// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>

namespace oneadapt::eval {
namespace {

constexpr std::size_t kResamples = 200;
constexpr double kLow = 0.16, kHigh = 0.84;

/// FNV-1a: the same everywhere, unlike std::hash.
std::uint32_t hash_of(const std::string &text) {
  std::uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ std::uint8_t(c)) * 16777619u;
  return hash;
}

std::vector<CurvePoint> points_of(const CurveSeconds &curve, const Draw &draw) {
  std::vector<CurvePoint> points;
  for (const PointSeconds &point : curve) points.push_back(point_of(point, draw));
  return points;
}

/// Between the two nearest values.
double quantile(const std::vector<double> &sorted, double share) {
  const double at = share * double(sorted.size() - 1);
  const auto below = std::size_t(at);
  const double above = sorted[std::min(below + 1, sorted.size() - 1)];
  return sorted[below] + (at - double(below)) * (above - sorted[below]);
}

}  // namespace

std::vector<Draw> draws_of(const std::string &clip, std::size_t seconds) {
  std::mt19937 random(hash_of(clip));
  std::vector<Draw> draws(kResamples, Draw(seconds));
  for (Draw &draw : draws)
    for (std::size_t &second : draw) second = random() % seconds;
  return draws;
}

CurvePoint point_of(const PointSeconds &point, const Draw &draw) {
  CurvePoint sum;
  double weight = 0;
  for (const std::size_t t : draw) {
    sum.resource += point.resource[t];
    sum.accuracy += point.weight[t] * point.accuracy[t];
    weight += point.weight[t];
  }
  sum.accuracy = weight > 0 ? sum.accuracy / weight : 0;
  return sum;
}

std::vector<std::optional<double>> bd_rates_of(const CurveSeconds &curve, const CurveSeconds &anchor,
                                               const std::vector<Draw> &draws) {
  std::vector<std::optional<double>> rates;
  for (const Draw &draw : draws) rates.push_back(bd_rate(points_of(curve, draw), points_of(anchor, draw)).percent);
  return rates;
}

std::optional<Scatter> scatter_of(const std::vector<std::optional<double>> &values) {
  std::vector<double> sorted;
  for (const auto &value : values)
    if (value) sorted.push_back(*value);
  if (sorted.empty() || 2 * sorted.size() < values.size()) return std::nullopt;
  std::sort(sorted.begin(), sorted.end());
  return Scatter{quantile(sorted, kLow), quantile(sorted, kHigh)};
}

}  // namespace oneadapt::eval
