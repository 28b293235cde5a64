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

/// The least of the largest weights that together hold `share` of all; 0: there is no weight.
double least_of_share(std::vector<double> weights, double share) {
  double total = 0, sum = 0;
  for (double w : weights) total += w;
  if (!(total > 0)) return 0;
  std::sort(weights.begin(), weights.end(), std::greater<>());
  for (double w : weights)
    if ((sum += w) >= share * total) return w;
  return weights.back();
}

/// Σ value · pixels.
double sum_of(const BlockMap &map) {
  double sum = 0;
  for (unsigned y = 0; y < map.rows(); ++y)
    for (unsigned x = 0; x < map.columns(); ++x) sum += double(map.at(x, y)) * double(map.pixels(x, y));
  return sum;
}

/// The weights by which QPs are allocated.
std::vector<double> weights_of(const BlockMap &gradient, const AllocationSettings &s) {
  std::vector<double> weights =
      s.blur ? box_blur(gradient) : std::vector<double>(gradient.values.begin(), gradient.values.end());
  if (s.granularity > 1) coarsen(weights, gradient.columns(), gradient.rows(), s.granularity);
  for (double &w : weights)
    if (!(w > 0) || !std::isfinite(w)) w = 0;
  return weights;
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
  const std::vector<double> weight = weights_of(gradient, s);
  const double least = least_of_share(weight, s.share);
  if (!(least > 0)) return {};
  std::vector<float> offsets;
  offsets.reserve(weight.size());
  const double range = 2 * std::floor(s.range / 2);  // rounding to even offsets must not widen it
  for (double w : weight) {
    const double steps = w > 0 ? std::clamp(s.slope * std::log2(least / w), 0.0, range) : range;
    offsets.push_back(float(2 * std::round((s.finest + steps) / 2)));
  }
  return offsets;
}

void raise_elements(BlockMap &gradient, const std::vector<Box> &elements, double coarsest,
                    const AllocationSettings &s) {
  const double least = gradient.values.empty() ? 0 : least_of_share(weights_of(gradient, s), s.share);
  if (!(least > 0)) return;
  const double before = sum_of(gradient);
  const auto floor = float(least * std::exp2(-(coarsest - s.finest) / s.slope));
  const double columns = double(gradient.frame_width) / gradient.block_size,
               rows = double(gradient.frame_height) / gradient.block_size;
  // One block more on each side: the blur takes it away again. A box outside the frame has none.
  const auto first = [](double at, unsigned n) { return unsigned(std::clamp(std::floor(at) - 1, 0.0, double(n))); };
  const auto end = [](double at, unsigned n) { return unsigned(std::clamp(std::floor(at) + 2, 0.0, double(n))); };
  for (const Box &box : elements)
    for (unsigned y = first(box.y0 * rows, gradient.rows()); y < end(box.y1 * rows, gradient.rows()); ++y)
      for (unsigned x = first(box.x0 * columns, gradient.columns()); x < end(box.x1 * columns, gradient.columns()); ++x)
        gradient.at(x, y) = std::max(gradient.at(x, y), floor);
  const auto scale = float(before / sum_of(gradient));
  for (float &value : gradient.values) value *= scale;
}

double range_over(double base_qp, double range, unsigned confident) {
  if (!confident) return 0;
  constexpr double kFine = 20, kAllFrom = 22, kAllTo = 36, kCoarse = 40;
  return range * std::clamp((base_qp - kFine) / (kAllFrom - kFine), 0.0, 1.0) *
         std::clamp((kCoarse - base_qp) / (kCoarse - kAllTo), 0.0, 1.0);
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
