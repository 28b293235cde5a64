// SPDX-License-Identifier: LGPL-2.1-or-later
// The blocks of the space around a sensor: sectors of a circle, cut into rings.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "lidar/point_cloud.h"

namespace oneadapt {

/// Blocks are numbered sector by sector within a ring, the innermost ring first. So a map of them has a column for each
/// sector and a row for each ring. Sector 0 begins straight ahead (the x axis), and they go on anticlockwise. The first
/// ring ends `first_ring` m from the sensor, each further one at twice the distance of the one before, and the last one
/// has no end. Near the sensor there are many points on little ground, so rings of equal width would leave all but one
/// nearly empty.
struct PolarGrid {
  static constexpr unsigned kMostSectors = 64, kMostRings = 8;

  unsigned sectors = 16, rings = 4;
  float first_ring = 8;  ///< m

  unsigned blocks() const { return sectors * rings; }
  bool operator==(const PolarGrid &o) const {
    return sectors == o.sectors && rings == o.rings && first_ring == o.first_ring;
  }
  bool operator!=(const PolarGrid &o) const { return !(*this == o); }
  /// Within the limits above, the first ring from 0.1 to 1000 m.
  bool valid() const {
    return sectors >= 1 && sectors <= kMostSectors && rings >= 1 && rings <= kMostRings && first_ring >= 0.1f &&
           first_ring <= 1000;
  }
  unsigned sector_of(float x, float y) const;
  unsigned ring_of(float x, float y) const;
  unsigned block_of(float x, float y) const { return ring_of(x, y) * sectors + sector_of(x, y); }
};

/// For a point that has no place (has_place()).
constexpr std::uint16_t kNoBlock = 0xffff;

/// The block of each point, and what is in each block.
struct BlockedCloud {
  std::vector<std::uint16_t> block;   ///< of each point; kNoBlock: of none
  std::vector<std::uint32_t> counts;  ///< points in each block
  std::size_t without_place = 0;      ///< points in none
};
BlockedCloud blocks_of(const Point *points, std::size_t n, const PolarGrid &grid);

}  // namespace oneadapt
