// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lidar/polar_grid.h"

#include <algorithm>
#include <cmath>

namespace oneadapt {

unsigned PolarGrid::sector_of(float x, float y) const {
  constexpr float kTurn = 6.283185307179586f;
  float angle = std::atan2(y, x);
  if (angle < 0) angle += kTurn;
  return std::min(sectors - 1, unsigned(angle * (float(sectors) / kTurn)));
}

unsigned PolarGrid::ring_of(float x, float y) const {
  const float distance = x * x + y * y;
  float end = first_ring * first_ring;
  unsigned ring = 0;
  while (ring + 1 < rings && distance >= end) {
    ring++;
    end *= 4;
  }
  return ring;
}

BlockedCloud blocks_of(const Point *points, std::size_t n, const PolarGrid &grid) {
  BlockedCloud cloud;
  cloud.block.resize(n);
  cloud.counts.resize(grid.blocks());
  for (std::size_t i = 0; i < n; i++) {
    if (!has_place(points[i])) {
      cloud.block[i] = kNoBlock;
      cloud.without_place++;
      continue;
    }
    cloud.block[i] = std::uint16_t(grid.block_of(points[i].x, points[i].y));
    cloud.counts[cloud.block[i]]++;
  }
  return cloud;
}

}  // namespace oneadapt
