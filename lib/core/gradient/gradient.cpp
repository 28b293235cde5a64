// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/gradient/gradient.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "core/gradient/spans.h"

namespace oneadapt {

double element_utility(double score, double theta, double slope) {
  return 2.0 / (1.0 + std::exp(-slope * (score - theta))) - 1.0;
}

BlockMap::BlockMap(std::uint32_t width, std::uint32_t height, std::uint32_t block)
    : frame_width(width), frame_height(height), block_size(block), values(std::size_t(columns()) * rows(), 0.0f) {}

std::uint64_t BlockMap::pixels(unsigned column, unsigned row) const {
  const std::uint64_t w = std::min(block_size, frame_width - column * block_size);
  const std::uint64_t h = std::min(block_size, frame_height - row * block_size);
  return w * h;
}

namespace {

/// For each new block of one axis, the old blocks that lie under it, in old pixels.
std::vector<std::vector<Span>> overlaps(unsigned old_length, unsigned new_length, unsigned block, unsigned blocks) {
  const double shrink = double(old_length) / new_length;
  std::vector<std::vector<Span>> result(blocks);
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = spans(double(i) * block * shrink, std::min<double>((double(i) + 1) * block, new_length) * shrink,
                      old_length, block);
  return result;
}

}  // namespace

bool can_be_added(const Gradient &a, const Gradient &b) {
  return a.map.block_size == b.map.block_size && a.domain == b.domain;
}

void MeasuredAccuracy::add(const MeasuredAccuracy &other) {
  const unsigned both = occupied + other.occupied;
  if (both) accuracy = (accuracy * occupied + other.accuracy * other.occupied) / both;
  occupied = both;
  frames += other.frames;
  objects += other.objects;
}

void ReuseAccuracy::add(const ReuseAccuracy &other) {
  const unsigned both = frames + other.frames;
  for (std::size_t i = 0; both && i < accuracy.size(); ++i)
    accuracy[i] = (accuracy[i] * frames + other.accuracy[i] * other.frames) / both;
  frames = both;
}

Gradient sum_of(const Gradient &before, const Gradient &newest) {
  if (!can_be_added(before, newest)) throw std::invalid_argument("gradients of different blocks cannot be added");
  Gradient sum = newest;
  sum.z += before.z;
  sum.elements += before.elements;
  sum.confident += before.confident;
  sum.measured.add(before.measured);
  sum.reuse.add(before.reuse);
  const BlockMap map = resample(before.map, newest.map.frame_width, newest.map.frame_height);
  for (std::size_t i = 0; i < map.values.size(); ++i) sum.map.values[i] += map.values[i];
  return sum;
}

void raise_values(BlockMap &map, double power) {
  const double peak = map.values.empty() ? 0 : *std::max_element(map.values.begin(), map.values.end());
  if (!(peak > 0)) return;
  double before = 0, after = 0;
  for (unsigned row = 0; row < map.rows(); ++row)
    for (unsigned column = 0; column < map.columns(); ++column) {
      float &value = map.at(column, row);
      const double pixels = double(map.pixels(column, row));
      before += value / peak * pixels;
      value = float(std::pow(value / peak, power));  // of the peak: no power of it is too large for a float
      after += value * pixels;
    }
  for (float &value : map.values) value = float(value * (peak * (before / after)));
}

std::vector<double> box_blur(const BlockMap &map) {
  const int columns = int(map.columns()), rows = int(map.rows());
  std::vector<double> out(map.values.size());
  for (int y = 0; y < rows; ++y)
    for (int x = 0; x < columns; ++x) {
      double sum = 0;
      int n = 0;
      for (int j = std::max(0, y - 1); j <= std::min(rows - 1, y + 1); ++j)
        for (int i = std::max(0, x - 1); i <= std::min(columns - 1, x + 1); ++i, ++n)
          sum += map.at(unsigned(i), unsigned(j));
      out[std::size_t(y) * std::size_t(columns) + std::size_t(x)] = sum / n;
    }
  return out;
}

BlockMap resample(const BlockMap &map, unsigned frame_width, unsigned frame_height) {
  if (map.frame_width == frame_width && map.frame_height == frame_height) return map;
  BlockMap out(frame_width, frame_height, map.block_size);
  if (map.values.empty() || out.values.empty()) return out;
  const auto across = overlaps(map.frame_width, frame_width, map.block_size, out.columns());
  const auto down = overlaps(map.frame_height, frame_height, map.block_size, out.rows());
  for (unsigned r = 0; r < out.rows(); ++r) {
    for (unsigned c = 0; c < out.columns(); ++c) {
      double sum = 0;  // of value · old pixels under the new block
      for (const Span &row : down[r])
        for (const Span &column : across[c]) sum += map.at(column.block, row.block) * column.pixels * row.pixels;
      out.at(c, r) = float(sum / out.pixels(c, r));
    }
  }
  return out;
}

double output_grad(const BlockMap &gradient, const BlockMap &delta) {
  if (gradient.frame_width != delta.frame_width || gradient.frame_height != delta.frame_height ||
      gradient.block_size != delta.block_size || gradient.values.size() != delta.values.size())
    throw std::invalid_argument("the gradient and the change of the input are on different grids");
  double sum = 0;
  for (unsigned r = 0; r < gradient.rows(); ++r)
    for (unsigned c = 0; c < gradient.columns(); ++c)
      sum += std::abs(double(gradient.at(c, r))) * std::abs(double(delta.at(c, r))) * gradient.pixels(c, r);
  return sum;
}

BlockMap mean_abs_difference(const std::uint8_t *a, std::size_t stride_a, const std::uint8_t *b, std::size_t stride_b,
                             unsigned width, unsigned height, unsigned block_size) {
  BlockMap out(width, height, block_size);
  std::vector<std::uint64_t> sums(out.columns());
  for (unsigned r = 0; r < out.rows(); ++r) {
    std::fill(sums.begin(), sums.end(), std::uint64_t(0));
    const unsigned last = std::min(height, (r + 1) * block_size);
    for (unsigned y = r * block_size; y < last; ++y) {
      const std::uint8_t *pa = a + y * stride_a, *pb = b + y * stride_b;
      for (unsigned c = 0; c < out.columns(); ++c) {
        const unsigned to = std::min(width, (c + 1) * block_size);
        std::uint32_t sum = 0;
        for (unsigned x = c * block_size; x < to; ++x) sum += std::uint32_t(std::abs(int(pa[x]) - int(pb[x])));
        sums[c] += sum;
      }
    }
    for (unsigned c = 0; c < out.columns(); ++c)
      out.at(c, r) = float(double(sums[c]) / (255.0 * double(out.pixels(c, r))));
  }
  return out;
}

double cosine(const std::vector<double> &a, const std::vector<double> &b) {
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0.0;
}

std::uint64_t interval_of(std::uint64_t stream_time, std::uint64_t interval_duration) {
  return interval_duration ? stream_time / interval_duration : 0;
}

GradientSmoother::GradientSmoother(double weight) : weight_(std::clamp(weight, 0.01, 1.0)) {}

Gradient GradientSmoother::push(const Gradient &newest) {
  if (!any_) {
    any_ = true;
    z_ = newest.z;
    confident_ = newest.confident;
    map_ = newest.map;
  } else {
    z_ += weight_ * (newest.z - z_);
    confident_ += weight_ * (double(newest.confident) - confident_);
    if (!newest.averages_over_intervals() || map_.block_size != newest.map.block_size)
      map_ = newest.map;
    else
      map_ = resample(map_, newest.map.frame_width, newest.map.frame_height);
    for (std::size_t i = 0; i < map_.values.size(); ++i)
      map_.values[i] += float(weight_) * (newest.map.values[i] - map_.values[i]);
  }
  Gradient out = newest;
  out.z = z_;
  out.map = map_;
  out.confident = unsigned(std::lround(confident_));
  return out;
}

void GradientSmoother::reset() { *this = GradientSmoother(weight_); }

BlockMap region_map(const Gradient &gradient, double enlarge) {
  BlockMap map(gradient.map.frame_width, gradient.map.frame_height, gradient.map.block_size);
  map.values.assign(std::size_t(map.columns()) * map.rows(), 0);
  for (const Box &box : gradient.regions) {
    const double across = enlarge * (box.x1 - box.x0), down = enlarge * (box.y1 - box.y0);
    const auto block = [&](double share, unsigned pixels, unsigned blocks) {
      return unsigned(std::clamp(share * pixels / map.block_size, 0.0, double(blocks - 1)));
    };
    if (!(box.x1 > box.x0) || !(box.y1 > box.y0) || !map.columns() || !map.rows()) continue;
    for (unsigned y = block(box.y0 - down, map.frame_height, map.rows());
         y <= block(box.y1 + down, map.frame_height, map.rows()); ++y)
      for (unsigned x = block(box.x0 - across, map.frame_width, map.columns());
           x <= block(box.x1 + across, map.frame_width, map.columns()); ++x)
        map.at(x, y) = 1;
  }
  return map;
}

}  // namespace oneadapt
