// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads point clouds from the files that people have: KITTI's .bin, and PCD, the Point Cloud Library's.
#pragma once
#include <cstddef>
#include <cstdint>

#include "lidar/point_cloud.h"

namespace oneadapt {

struct CloudFile {
  PointCloud points;
  std::size_t without_place = 0;  ///< points that were left out: not finite, as where a beam met nothing, or too far
};

/// A whole file: PCD where it begins as one, else KITTI's. Thread-safe. Throws CloudError.
CloudFile read_cloud(const std::uint8_t *data, std::size_t size);

/// float32 x, y, z, intensity of each point, little-endian, and nothing else. Throws CloudError.
CloudFile read_kitti(const std::uint8_t *data, std::size_t size);
/// PCD 0.7 and before: ascii, binary, binary_compressed; fields in any order and of any of its types, others than x, y,
/// z and intensity being passed over. Without a field intensity (or reflectivity, reflectance, i) it is 0. Throws
/// CloudError.
CloudFile read_pcd(const std::uint8_t *data, std::size_t size);
/// Whether a file begins as a PCD file does.
bool looks_like_pcd(const std::uint8_t *data, std::size_t size);

}  // namespace oneadapt
