// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/map_model.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <stdexcept>

#include "core/allocation.h"

namespace oneadapt {
namespace {

constexpr double kBestQp = 20;  // the most expensive configuration
// Shape of the error only, not measured: its size is what the policy's sensitivity makes up for.
constexpr double kErrorPerStep = 0.12;
// What a block without texture still costs and can lose, in levels.
constexpr double kLeastBits = 0.5, kLeastError = 0.25;

// How far from one interval to the next bytes are off by the content alone, in log2; and how far halvings lie apart.
constexpr double kBytesScatter = 0.25, kHalvingScatter = 0.4;
constexpr double kForgetting = 0.9;

double quantiser_step(double qp) { return 0.625 * std::exp2(qp / 6); }  // H.264, 8.5.9

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
  if (!offsets_.empty() && offsets_.size() != texture_.values.size())
    throw std::invalid_argument("a map must have an offset for every block of the picture");
}

double MapModel::qp_of(std::size_t block, double base) const {
  return offsets_.empty() ? base : coded_qp(int(std::lround(base)), offsets_[block]);
}

double MapModel::bits(double base, bool mapped) const {
  double sum = 0;
  for (std::size_t i = 0; i < texture_.values.size(); ++i)
    sum += (double(texture_.values[i]) + kLeastBits) * std::exp2(-(mapped ? qp_of(i, base) : base) / halving_);
  return sum;
}

double MapModel::resource(double qp) const { return bits(qp, true) / bits(kBestQp, false); }

double MapModel::log_bits(double qp) const { return std::log2(bits(qp, true)); }

double MapModel::error(std::size_t block, double base) const {
  const double most = double(texture_.values[block]) + kLeastError;
  return most * (1 - std::exp(-kErrorPerStep * quantiser_step(qp_of(block, base)) / most));
}

BlockMap MapModel::change(double from_qp, double to_qp) const {
  BlockMap map(texture_.frame_width, texture_.frame_height, texture_.block_size);
  for (std::size_t i = 0; i < map.values.size(); ++i)
    map.values[i] = float(std::hypot(error(i, from_qp), error(i, to_qp)) / 255);
  return map;
}

RateFit::RateFit() {
  for (double halving = 3; halving <= 12; halving += 0.5) candidates_.push_back({halving});
}

void RateFit::observe(const BlockMap &texture, const std::vector<float> &offsets, double qp, double bytes) {
  if (!(bytes > 0)) return;
  const double before = weight_ * kForgetting;
  weight_ = before + 1;
  for (Candidate &c : candidates_) {
    const double value = std::log2(bytes) - MapModel(texture, offsets, c.halving).log_bits(qp);
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
