// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/macroblock/map_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <stdexcept>

#include "core/macroblock/allocation.h"

namespace oneadapt {
namespace {

constexpr int kBestQp = 20;  // the most expensive configuration
// Shape of the error only, not measured: its size is what the policy's sensitivity makes up for.
constexpr double kErrorPerStep = 0.12;
// What a block without texture still costs and can lose, in levels.
constexpr double kLeastBits = 0.5, kLeastError = 0.25;

// How far from one interval to the next bytes are off by the content alone, in log2; and how far halvings lie apart.
constexpr double kBytesScatter = 0.25, kHalvingScatter = 0.4;
constexpr double kForgetting = 0.9;

constexpr int kMostQp = 51;
using ByQp = std::array<double, kMostQp + 1>;

int whole(double qp) { return std::clamp(int(std::lround(qp)), 0, kMostQp); }

const ByQp &quantiser_steps() {  // H.264, 8.5.9
  static const ByQp steps = [] {
    ByQp all;
    for (int qp = 0; qp <= kMostQp; ++qp) all[std::size_t(qp)] = 0.625 * std::exp2(qp / 6.0);
    return all;
  }();
  return steps;
}

void check(const BlockMap &texture, const std::vector<float> &offsets) {
  if (!offsets.empty() && offsets.size() != texture.values.size())
    throw std::invalid_argument("a map must have an offset for every block of the picture");
}

/// What the blocks of each QP weigh together: all that the sum of the bits needs, whatever the halving.
ByQp weights(const BlockMap &texture, const std::vector<float> &offsets, int base) {
  ByQp sums{};
  for (std::size_t i = 0; i < texture.values.size(); ++i)
    sums[std::size_t(offsets.empty() ? base : coded_qp(base, offsets[i]))] += double(texture.values[i]) + kLeastBits;
  return sums;
}

double bits(const ByQp &weights, double halving) {
  double sum = 0;
  for (int qp = 0; qp <= kMostQp; ++qp) sum += weights[std::size_t(qp)] * std::exp2(-qp / halving);
  return sum;
}

}  // namespace

BlockMap block_texture(const std::uint8_t *luma, std::size_t stride, unsigned width, unsigned height,
                       unsigned block_size) {
  BlockMap map(width, height, block_size);
  for (unsigned row = 0; row < map.rows(); ++row)
    for (unsigned column = 0; column < map.columns(); ++column) {
      unsigned sum = 0, n = 0;
      for (unsigned y = std::max(1u, row * block_size); y < std::min(height - 1, (row + 1) * block_size); ++y) {
        const std::uint8_t *p = luma + y * stride, *above = p - stride, *below = p + stride;
        for (unsigned x = std::max(1u, column * block_size); x < std::min(width - 1, (column + 1) * block_size);
             ++x, ++n)
          sum += unsigned(std::abs(4 * p[x] - p[x - 1] - p[x + 1] - above[x] - below[x]));
      }
      map.at(column, row) = n ? float(sum) / 4 / float(n) : 0;
    }
  return map;
}

MapModel::MapModel(BlockMap texture, std::vector<float> offsets, double halving)
    : texture_(std::move(texture)), offsets_(std::move(offsets)), halving_(halving) {
  if (!(halving > 0)) throw std::invalid_argument("bits must halve in more than 0 steps of QP");
  check(texture_, offsets_);
}

double MapModel::resource(double qp) const {
  return bits(weights(texture_, offsets_, whole(qp)), halving_) / bits(weights(texture_, {}, kBestQp), halving_);
}

double MapModel::log_bits(double qp) const { return std::log2(bits(weights(texture_, offsets_, whole(qp)), halving_)); }

int MapModel::block_qp(std::size_t block, int base) const {
  return offsets_.empty() ? base : coded_qp(base, offsets_[block]);
}

double MapModel::error(std::size_t block, int base) const {
  const int qp = block_qp(block, base);
  const double most = double(texture_.values[block]) + kLeastError;
  return most * (1 - std::exp(-kErrorPerStep * quantiser_steps()[std::size_t(qp)] / most));
}

BlockMap MapModel::change(double from_qp, double to_qp) const {
  BlockMap map(texture_.frame_width, texture_.frame_height, texture_.block_size);
  for (std::size_t i = 0; i < map.values.size(); ++i)
    map.values[i] = float(std::hypot(error(i, whole(from_qp)), error(i, whole(to_qp))) / 255);
  return map;
}

BlockMap MapModel::change(const MapModel &other, double other_qp, double qp) const {
  if (other.texture_.values.size() != texture_.values.size())
    throw std::invalid_argument("two maps can be compared over the same blocks only");
  BlockMap map(texture_.frame_width, texture_.frame_height, texture_.block_size);
  const int here = whole(qp), there = whole(other_qp);
  for (std::size_t i = 0; i < map.values.size(); ++i)
    if (block_qp(i, here) != other.block_qp(i, there))
      map.values[i] = float(std::hypot(error(i, here), other.error(i, there)) / 255);
  return map;
}

RateFit::RateFit() {
  for (double halving = 3; halving <= 12; halving += 0.5) candidates_.push_back({halving});
}

void RateFit::observe(const BlockMap &texture, const std::vector<float> &offsets, double qp, double bytes) {
  check(texture, offsets);
  if (!(bytes > 0)) return;
  const ByQp sums = weights(texture, offsets, whole(qp));
  const double before = weight_ * kForgetting;
  weight_ = before + 1;
  for (Candidate &c : candidates_) {
    const double value = std::log2(bytes) - std::log2(bits(sums, c.halving));
    const double away = value - c.mean;
    c.mean += away / weight_;
    c.deviations = kForgetting * c.deviations + away * away * before / weight_;
  }
}

double RateFit::halving() const {
  const auto cost = [](const Candidate &c) {
    const double prior = std::log2(c.halving / 6) / kHalvingScatter;
    return c.deviations / (kBytesScatter * kBytesScatter) + prior * prior;
  };
  return std::min_element(candidates_.begin(), candidates_.end(),
                          [&](const Candidate &a, const Candidate &b) { return cost(a) < cost(b); })
      ->halving;
}

}  // namespace oneadapt
