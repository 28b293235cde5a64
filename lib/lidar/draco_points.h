// SPDX-License-Identifier: LGPL-2.1-or-later
// Points as Draco codes them. Its headers stay in draco_points.cpp.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "lidar/point_cloud.h"

namespace oneadapt {

/// Intensities are coded as bytes, from `low` to `high`.
struct IntensityRange {
  float low = 0, high = 1;
};

/// A Draco stream of at least one point: the attributes POSITION, quantised in steps of `resolution`, and GENERIC, one
/// byte of intensity. Appended to `out`. `speed` as encode_cloud() has it. Throws std::runtime_error where Draco
/// refuses.
void draco_encode(const PointCloud &points, float resolution, IntensityRange range, int speed,
                  std::vector<std::uint8_t> &out);
/// False for a stream that is not one of `count` points with these attributes. Never throws on bad input.
bool draco_decode(const std::uint8_t *data, std::size_t size, std::size_t count, IntensityRange range,
                  PointCloud &points);

}  // namespace oneadapt
