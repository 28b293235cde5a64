// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lidar/thinning.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace oneadapt {
namespace {

// In units of 2^-32: the golden ratio's fraction, whose multiples are the most evenly spread (Weyl, three-distance
// theorem).
constexpr std::uint32_t kGolden = 0x9e3779b9;

/// The places below which points are kept. 2^32, for a share of 1, is above all of them.
std::uint64_t limit_of(double share) { return std::uint64_t(std::clamp(share, 0.0, 1.0) * 4294967296.0); }

std::uint32_t place_of(std::uint32_t index, std::uint32_t seed) { return (index + seed) * kGolden; }

}  // namespace

bool is_kept(std::uint32_t index, double share, std::uint32_t seed) { return place_of(index, seed) < limit_of(share); }

ThinnedCloud thin(const Point *points, const BlockedCloud &blocked, const std::vector<float> &shares,
                  std::uint32_t seed) {
  const std::size_t blocks = blocked.counts.size();
  std::vector<std::uint64_t> limits(blocks);
  std::vector<std::uint32_t> index(blocks);
  double expected = 0;
  for (std::size_t b = 0; b < blocks; b++) {
    limits[b] = limit_of(shares[b]);
    expected += double(shares[b]) * blocked.counts[b] + 8;
  }
  ThinnedCloud thinned;
  thinned.kept.resize(blocks);
  thinned.points.reserve(std::min(std::size_t(expected), blocked.block.size()));
  for (std::size_t i = 0; i < blocked.block.size(); i++) {
    const std::uint16_t b = blocked.block[i];
    if (b == kNoBlock || place_of(index[b]++, seed) >= limits[b]) continue;
    thinned.points.push_back(with_finite_intensity(points[i]));
    thinned.kept[b]++;
  }
  return thinned;
}

PointCloud halved(const Point *points, std::size_t n) {
  PointCloud half;
  half.reserve(n / 2 + 1);
  std::uint32_t index = 0;
  for (std::size_t i = 0; i < n; i++)
    if (has_place(points[i]) && is_kept(index++, 0.5)) half.push_back(with_finite_intensity(points[i]));
  return half;
}

}  // namespace oneadapt
