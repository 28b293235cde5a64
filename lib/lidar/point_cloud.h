// SPDX-License-Identifier: LGPL-2.1-or-later
// A point cloud, as one turn of a LiDAR sensor gives it.
#pragma once
#include <cstddef>
#include <stdexcept>
#include <vector>

namespace oneadapt {

/// As in KITTI's .bin files and in buffers of application/x-lidar: 16 bytes. The sensor is at the origin.
struct Point {
  float x, y, z;    ///< m; forward, left, up
  float intensity;  ///< as the sensor has it: usually in [0, 1]
};
static_assert(sizeof(Point) == 16, "points are read from and written to buffers as they are");
using PointCloud = std::vector<Point>;

/// A cloud of more points is refused (256 MiB).
constexpr std::size_t kMostPoints = std::size_t(1) << 24;
/// A coordinate farther than this from the sensor (m) is no point that a LiDAR has measured.
constexpr float kMostDistance = 10000;

/// Whether a point has a place: false for one that is not finite, or too far away.
inline bool has_place(const Point &p) {
  const auto within = [](float v) { return v >= -kMostDistance && v <= kMostDistance; };  // false for NaN
  return within(p.x) && within(p.y) && within(p.z);
}
/// An intensity that is no number counts as none.
inline Point with_finite_intensity(Point p) {
  if (!(p.intensity - p.intensity == 0)) p.intensity = 0;
  return p;
}

/// A point cloud that cannot be read. The message is one sentence, with the remedy.
class CloudError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace oneadapt
