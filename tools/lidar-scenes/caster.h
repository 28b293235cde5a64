// SPDX-License-Identifier: LGPL-2.1-or-later
// Casts the beams of a sensor into a scene.
#pragma once
#include <vector>

#include "lidar/point_cloud.h"
#include "scene.h"

namespace oneadapt_lidar {

/// The default is a sensor of 64 beams such as KITTI's.
struct Sensor {
  unsigned beams = 64, columns = 2048;
  double top = 2, bottom = -24.8;  ///< degrees above the horizon
  double range = 120;              ///< m
  double noise = 0.015;            ///< m, standard deviation of a distance
  double drop_out = 0.04;          ///< share of the beams that come back from nothing
};

struct Turn {
  oneadapt::PointCloud points;  ///< beam by beam, from the top one on, each once around from straight ahead
  std::vector<unsigned> hits;   ///< points on each of the scene's objects
};

Turn cast(const Scene &scene, const Sensor &sensor, Random &random);

/// The scene's objects in a turn of a real sensor: a beam that meets one of them before it gets to where it ended, ends
/// there. Beams that did not come back are not known, so nothing is in front of the sky. `noise`: m, as Sensor has it.
Turn cast_into(const oneadapt::PointCloud &background, const Scene &scene, double noise, Random &random);

}  // namespace oneadapt_lidar
