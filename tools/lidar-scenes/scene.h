// SPDX-License-Identifier: LGPL-2.1-or-later
// What a LiDAR sensor would see of a street: solids on a plane, and the objects that are made of them.
#pragma once
#include <string>
#include <vector>

#include "common/random.h"
#include "core/vision/box3d.h"

namespace oneadapt_lidar {

using oneadapt::Box3d;
using oneadapt::tools::Random;

/// In the order of labels.
enum class Kind { Car, Van, Pedestrian, Cyclist };
extern const std::vector<std::string> kKinds;

/// A block that stops beams, or lets some through (leaves, fences).
struct Solid {
  Box3d box;
  double reflectivity = 0.3;  ///< [0, 1]
  double gaps = 0;            ///< share of the beams that go through
  int object = -1;            ///< whose it is; −1: of none
};

/// What a detector has to find. The box is that of a person who marks it: all of it, from the ground up.
struct Object {
  Kind kind = Kind::Car;
  Box3d box;
};

/// Coordinates are the sensor's, which is at the origin. The ground is z = height + slope_x·x + slope_y·y.
struct Scene {
  double height = -1.73, slope_x = 0, slope_y = 0;
  double ground_reflectivity = 0.25;
  std::vector<Solid> solids;
  std::vector<Object> objects;

  double ground(double x, double y) const { return height + slope_x * x + slope_y * y; }
  /// A block of these sides whose middle is (along, across) from (x, y), turned by yaw with it, from `from` to `to`
  /// above the ground at (x, y).
  void add_solid(double x, double y, double yaw, double along, double across, double length, double width, double from,
                 double to, Solid solid);
  /// An object of a usual size that stands at (x, y).
  void add(Kind kind, double x, double y, double yaw, Random &random);

 private:
  void add_vehicle(const Box3d &box, bool van, Random &random);
};

}  // namespace oneadapt_lidar
