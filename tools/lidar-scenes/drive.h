// SPDX-License-Identifier: LGPL-2.1-or-later
// A drive along a street with traffic: the scene at any instant of it.
#pragma once
#include <cstdint>
#include <vector>

#include "scene.h"

namespace oneadapt_lidar {

/// The same street for the same seed. Everything is where it is at an instant, whatever was asked for before.
class Drive {
 public:
  Drive(std::uint64_t seed, double seconds);
  /// What is within 80 m of the sensor, `time` s after the start.
  Scene at(double time) const;
  /// Only what moves, seen by a sensor that stands beside the traffic, `height` m above a level ground.
  Scene traffic_at(double time, double height) const;

 private:
  /// Where the sensor is along the street, and how it is turned.
  class View;
  /// Something that goes along the street, or stands beside it.
  struct Actor {
    Kind kind;
    double start, across, speed, yaw;  ///< m, m, m/s along the street, rad
    std::uint64_t seed;                ///< of its size and paint
  };
  /// A house, wall, tree, post, bush or fence.
  struct Fixture {
    double along, across, yaw, length, width, from, to, reflectivity, gaps;
  };

  void add_traffic(Random &random);
  void add_parked(Random &random);
  void add_people(Random &random);
  void add_houses(Random &random);
  void add_clutter(Random &random);
  void add_actors(Scene &scene, const View &view, double time, bool parked) const;
  double own_place(double time) const;

  double length_ = 0, seconds_ = 0, speed_ = 0, slope_ = 0, bank_ = 0;
  std::uint64_t seed_;
  std::vector<Actor> actors_;
  std::vector<Fixture> fixtures_;
};

}  // namespace oneadapt_lidar
