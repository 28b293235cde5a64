// SPDX-License-Identifier: LGPL-2.1-or-later
// Which points of a cloud are kept when each block keeps a share of its own.
#pragma once
#include <cstdint>
#include <vector>

#include "lidar/polar_grid.h"

namespace oneadapt {

/// Whether the point that is the `index`-th of its block, in the order of the scan, is kept at a share in [0, 1].
/// Points are taken at multiples of the golden ratio, modulo 1, below the share: they are spread evenly over the scan
/// whatever the share is, fewer are always some of more, and of n points share·n are kept, give or take a few. `seed`
/// moves where the sequence begins.
bool is_kept(std::uint32_t index, double share, std::uint32_t seed = 0);

/// A cloud, thinned, and how much of each block is left.
struct ThinnedCloud {
  PointCloud points;                ///< in the order of the scan
  std::vector<std::uint32_t> kept;  ///< of each block
};
/// `shares` has one number for each block of `blocked`, which is of these points. Points without a place are left out.
ThinnedCloud thin(const Point *points, const BlockedCloud &blocked, const std::vector<float> &shares,
                  std::uint32_t seed);

/// Half of the points that have a place, spread evenly over their order.
PointCloud halved(const Point *points, std::size_t n);

}  // namespace oneadapt
