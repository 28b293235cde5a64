// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/macroblock/allocation.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace oneadapt {
namespace {

/// Squares of `side` blocks take the mean of theirs.
void coarsen(std::vector<double> &values, unsigned columns, unsigned rows, unsigned side) {
  for (unsigned y = 0; y < rows; y += side)
    for (unsigned x = 0; x < columns; x += side) {
      double sum = 0;
      unsigned n = 0;
      for (unsigned j = y; j < std::min(rows, y + side); ++j)
        for (unsigned i = x; i < std::min(columns, x + side); ++i, ++n) sum += values[std::size_t(j) * columns + i];
      for (unsigned j = y; j < std::min(rows, y + side); ++j)
        for (unsigned i = x; i < std::min(columns, x + side); ++i) values[std::size_t(j) * columns + i] = sum / n;
    }
}

}  // namespace

int coded_qp(int base, float offset) {
  constexpr int kMost = 51;
  const int parity = base % 2;
  if (std::isnan(offset)) return base;
  const long asked = std::lround(std::clamp(offset, -float(kMost), float(kMost)));
  const int even = int(asked - (asked % 2 != 0));
  return std::clamp(base + even, parity, kMost - (kMost - parity) % 2);
}

std::vector<float> allocate_qp(const BlockMap &gradient, const AllocationSettings &s) {
  if (gradient.values.empty() || !(s.range > 0)) return {};
  std::vector<double> weight = box_blur(gradient);
  if (s.granularity > 1) coarsen(weight, gradient.columns(), gradient.rows(), s.granularity);
  for (double &w : weight)
    if (!(w > 0) || !std::isfinite(w)) w = 0;
  double total = 0;
  for (double w : weight) total += w;
  if (!(total > 0)) return {};
  std::vector<double> sorted = weight;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  double least = sorted.front(), sum = 0;
  for (double w : sorted) {
    least = w;
    if ((sum += w) >= s.share * total) break;
  }
  std::vector<float> offsets;
  offsets.reserve(weight.size());
  const double range = 2 * std::floor(s.range / 2);  // rounding to even offsets must not widen it
  for (double w : weight) {
    const double steps = w > 0 ? std::clamp(s.slope * std::log2(least / w), 0.0, range) : range;
    offsets.push_back(float(2 * std::round((s.finest + steps) / 2)));
  }
  return offsets;
}

double range_over(double base_qp, double range, unsigned confident) {
  if (!confident) return 0;
  constexpr double kAll = 36, kNone = 40;
  return range * std::clamp((kNone - base_qp) / (kNone - kAll), 0.0, 1.0);
}

std::vector<float> stretch_offsets(const std::vector<float> &offsets, unsigned columns, unsigned rows,
                                   unsigned to_columns, unsigned to_rows) {
  std::vector<float> out;
  if (!columns || !rows || offsets.size() != std::size_t(columns) * rows) return out;
  if (columns == to_columns && rows == to_rows) return offsets;
  out.reserve(std::size_t(to_columns) * to_rows);
  for (unsigned y = 0; y < to_rows; ++y)
    for (unsigned x = 0; x < to_columns; ++x) {
      const auto from_x = std::min(columns - 1, unsigned((x + 0.5) * columns / to_columns));
      const auto from_y = std::min(rows - 1, unsigned((y + 0.5) * rows / to_rows));
      out.push_back(offsets[std::size_t(from_y) * columns + from_x]);
    }
  return out;
}

}  // namespace oneadapt
