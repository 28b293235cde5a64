// SPDX-License-Identifier: LGPL-2.1-or-later
// What the detector of pillars should say of a turn. No LibTorch header in here.
#pragma once
#include <string>
#include <vector>

#include "lidar/point_cloud.h"
#include "scene.h"

namespace oneadapt_lidar {

/// The detector looks at a square around the sensor, kCells pillars wide, and says for each place, 2×2 pillars, what
/// object has its middle there. A pillar is as wide as a pedestrian's shoulders.
constexpr double kPillar = 0.4, kReachSeen = 40;             // m
constexpr int kCells = int(2 * kReachSeen / kPillar + 0.5);  // 200
constexpr int kMaps = kCells / 2;
constexpr double kPlace = 2 * kPillar;  // m
constexpr int kBoxNumbers = 8;

/// Cars and vans are one class: they differ in size only, and whoever marks turns does not agree on it.
extern const std::vector<std::string> kClassNames;  // car, pedestrian, cyclist
constexpr int kClasses = 3;
int class_of(Kind kind);

/// A detector cannot be asked for objects that fewer points hit, nor for those out of the square.
constexpr unsigned kLeastHits = 8;
bool in_reach(const Box3d &box);

/// A turn with what is to be found in it.
struct Example {
  oneadapt::PointCloud points;
  std::vector<Object> objects;
};

/// Maps of kMaps × kMaps places, row by row, a row at one y; place (0, 0) is at the smallest x and y.
struct Targets {
  std::vector<float> heat;    ///< kClasses maps: 1 where an object's middle is, less around it, in [0, 1]
  std::vector<float> box;     ///< kBoxNumbers maps: dx, dy from the place's middle, in places; z of the centre, m;
                              ///< logarithms of length, width, height in m; sine and cosine of twice the yaw
  std::vector<float> weight;  ///< of each place's box in the loss; the sum is 3 for each object
  float total_weight = 0;     ///< sum of these
  unsigned objects = 0;       ///< in reach
};
Targets make_targets(const std::vector<Object> &objects);

}  // namespace oneadapt_lidar
