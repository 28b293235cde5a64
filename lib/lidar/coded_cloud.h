// SPDX-License-Identifier: LGPL-2.1-or-later
// The wire: a coded point cloud with a header of ours (docs/lidar-format.md).
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lidar/point_cloud.h"
#include "lidar/polar_grid.h"
#include "wire/mark.h"

namespace oneadapt {

/// m; the step of a coded coordinate.
constexpr float kLeastResolution = 0.001f, kMostResolution = 1, kDefaultResolution = 0.01f;

/// Draco's: 0 (small) to 10 (fast).
constexpr int kMostSpeed = 10, kDefaultSpeed = 3;

/// What goes with the points.
struct CloudHeader {
  PolarGrid grid;
  float resolution = kDefaultResolution;
  std::vector<float> shares;          ///< of each block, as asked for; in 255ths on the wire
  std::vector<std::uint32_t> counts;  ///< points of each block before it was thinned
  std::optional<IntervalMark> mark;
};

/// Most bytes of a header, the mark included.
constexpr std::size_t kMostHeaderBytes = 8192;

/// Codes the points, all of which have a place, with Draco's kd-tree. Their order is lost. A coordinate is off by at
/// most half the resolution, an intensity by at most 1/510 of the range that intensities have (at least [0, 1]).
/// Throws std::invalid_argument for a header or a point that cannot be coded.
std::vector<std::uint8_t> encode_cloud(const PointCloud &points, const CloudHeader &header, int speed = kDefaultSpeed);

/// On failure returns false and says why in `error`; `points` and `header` are then unchanged. Never throws on bad
/// input, nor allocates more than kMostPoints take. Thread-safe.
bool decode_cloud(const std::uint8_t *data, std::size_t size, PointCloud &points, CloudHeader &header,
                  std::string &error);

}  // namespace oneadapt
