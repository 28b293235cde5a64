// SPDX-License-Identifier: LGPL-2.1-or-later
// The ray caster, by distances that can be worked out, and the streets.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "caster.h"
#include "drive.h"

using namespace oneadapt_lidar;
using oneadapt::Point;
using oneadapt::PointCloud;

namespace {

/// Beams at 0°, 45° below, and 90° apart; exact.
Sensor exact(unsigned beams = 2, double top = 0, double bottom = -45) {
  Sensor sensor;
  sensor.beams = beams;
  sensor.columns = 4;
  sensor.top = top;
  sensor.bottom = bottom;
  sensor.noise = sensor.drop_out = 0;
  return sensor;
}

PointCloud points_of(const Scene &scene, const Sensor &sensor) {
  Random random(1);
  return cast(scene, sensor, random).points;
}

Solid wall_of(double reflectivity = 0.5) {
  Solid solid;
  solid.reflectivity = reflectivity;
  return solid;
}

}  // namespace

TEST(LidarCaster, BeamsMeetTheGround) {
  Scene scene;
  scene.height = -2;
  const PointCloud points = points_of(scene, exact());
  ASSERT_EQ(points.size(), 4u) << "those at 45°; the level ones meet nothing";
  EXPECT_NEAR(points[0].x, 2, 1e-5);
  EXPECT_NEAR(points[0].z, -2, 1e-5);
  EXPECT_NEAR(points[1].y, 2, 1e-5) << "they go on anticlockwise";
  EXPECT_NEAR(points[2].x, -2, 1e-5);
  scene.slope_x = 0.5;  // z = -2 + x/2: the level beam ahead meets it at x = 4, the others at x = 4/3 and x = -4
  const PointCloud sloping = points_of(scene, exact());
  ASSERT_EQ(sloping.size(), 5u);
  EXPECT_NEAR(sloping[0].x, 4, 1e-5);
  EXPECT_NEAR(sloping[1].x, 4.0 / 3, 1e-5);
  EXPECT_NEAR(sloping[3].x, -4, 1e-5);
}

TEST(LidarCaster, BeamsEndAtTheFirstSolid) {
  Scene scene;
  scene.add_solid(10, 0, 0, 0, 0, 4, 2, 0, 3, wall_of());        // ahead: its face is at 8 m
  scene.add_solid(20, 0, 0, 0, 0, 4, 50, 0, 3, wall_of());       // behind it
  scene.add_solid(0, 6, M_PI / 4, 0, 0, 2, 2, 0, 3, wall_of());  // to the left: a corner, √2 nearer than its middle
  const PointCloud points = points_of(scene, exact(1));
  ASSERT_EQ(points.size(), 2u);
  EXPECT_NEAR(points[0].x, 8, 1e-5);
  EXPECT_NEAR(points[1].y, 6 - std::sqrt(2), 1e-5);
}

TEST(LidarCaster, CountsHitsOfObjects) {
  Scene scene;
  Random random(3);
  scene.add(Kind::Car, 12, 2, 0.3, random);
  scene.add(Kind::Pedestrian, -8, 1, 0, random);
  scene.add(Kind::Car, 24, 4.05, 0.3, random);  // in the shadow of the first
  scene.add(Kind::Cyclist, 200, 0, 0, random);
  Sensor sensor;
  const Turn turn = cast(scene, sensor, random);
  ASSERT_EQ(turn.hits.size(), 4u);
  EXPECT_GT(turn.hits[0], 300u);
  EXPECT_GT(turn.hits[1], 50u);
  EXPECT_LT(turn.hits[2], turn.hits[0] / 4);
  EXPECT_EQ(turn.hits[3], 0u) << "out of range";
  // What hits the first car lies in its box, noise and all.
  const Box3d &box = scene.objects[0].box;
  unsigned inside = 0;
  for (const Point &p : turn.points) {
    const double x = p.x - box.x, y = p.y - box.y, c = std::cos(box.yaw), s = std::sin(box.yaw);
    inside += std::abs(x * c + y * s) < box.length / 2 + 0.1 && std::abs(y * c - x * s) < box.width / 2 + 0.1 &&
              p.z > box.z - box.height / 2 + 0.05 && p.z < box.z + box.height / 2 + 0.1;
  }
  EXPECT_GE(inside, turn.hits[0] * 9 / 10);
}

TEST(LidarCaster, GapsLetBeamsThrough) {
  Scene scene;
  Solid leaves = wall_of();
  leaves.gaps = 0.5;
  scene.add_solid(10, 0, 0, 0, 0, 2, 40, 0, 3, leaves);
  scene.add_solid(20, 0, 0, 0, 0, 2, 80, 0, 3, wall_of());
  Sensor sensor = exact(8, 1, -1);
  sensor.columns = 720;
  unsigned near = 0, far = 0;
  for (const Point &p : points_of(scene, sensor)) {
    near += p.x > 8.5 && p.x < 9.5;
    far += p.x > 18.5 && p.x < 19.5;
  }
  EXPECT_GT(near, 300u);
  EXPECT_GT(far, 300u);
}

TEST(LidarCaster, DropOutsAndNoise) {
  Scene scene;
  Sensor sensor;
  sensor.beams = 16;
  sensor.columns = 1000;
  sensor.drop_out = 0.25;
  sensor.noise = 0.05;
  const PointCloud points = points_of(scene, sensor);
  Sensor all = sensor;
  all.drop_out = all.noise = 0;
  EXPECT_NEAR(double(points.size()), 0.75 * double(points_of(scene, all).size()), 200);
  double squares = 0;
  for (const Point &p : points)
    squares += std::pow(
        (double(p.z) - scene.height) / std::sin(std::atan2(-double(p.z), std::hypot(double(p.x), double(p.y)))), 2);
  EXPECT_NEAR(std::sqrt(squares / double(points.size())), 0.05, 0.005);
}

TEST(LidarCaster, ObjectsAreCastIntoARealTurn) {
  Scene scene;
  scene.height = -2;
  Solid box = wall_of();
  box.object = 0;
  scene.objects.resize(1);
  scene.add_solid(10, 0, 0, 0, 0, 2, 2, 0, 4, box);  // its near side is 9 m ahead, from y = −1 to 1, z = −2 to 2
  // Behind it, before it, beside it, on the other side, above it; and 45° to the left of straight ahead.
  const PointCloud real{{18, 1, 0, 0.1F},  {5, 0, 0, 0.2F},  {18, 3, 0, 0.3F},
                        {-18, 0, 0, 0.4F}, {18, 0, 5, 0.5F}, {20, 20, 0, 0.6F}};
  Random random(1);
  const Turn turn = cast_into(real, scene, 0, random);
  ASSERT_EQ(turn.points.size(), 6u);
  EXPECT_NEAR(turn.points[0].x, 9, 1e-5);
  EXPECT_NEAR(turn.points[0].y, 0.5, 1e-5) << "on the same beam";
  EXPECT_NE(turn.points[0].intensity, 0.1F);
  for (std::size_t i = 1; i < 6; i++) {
    EXPECT_EQ(turn.points[i].x, real[i].x) << i;
    EXPECT_EQ(turn.points[i].intensity, real[i].intensity) << i;
  }
  EXPECT_EQ(turn.hits, std::vector<unsigned>{1});
}

TEST(LidarDrive, OnlyWhatMovesIsCastIntoARealTurn) {
  const Drive drive(3, 20);
  const Scene first = drive.traffic_at(5, 2.1), later = drive.traffic_at(5.1, 2.1);
  ASSERT_GT(first.objects.size(), 3u);
  for (const Solid &solid : first.solids) EXPECT_GE(solid.object, 0) << "no houses, no trees";
  for (const Object &o : first.objects) {
    EXPECT_NEAR(o.box.z - o.box.height / 2, -2.1, 1e-9) << "they stand on the ground";
    // The sensor stands: what was here is less than 2 m away a tenth of a second later, and not in the same place.
    const auto moved = std::count_if(later.objects.begin(), later.objects.end(), [&](const Object &p) {
      const double way = std::hypot(p.box.x - o.box.x, p.box.y - o.box.y);
      return p.kind == o.kind && way > 0 && way < 2 && p.box.length == o.box.length;
    });
    const double away = std::hypot(o.box.x, o.box.y);
    if (away > 6 && away < 76) {
      EXPECT_GE(moved, 1) << int(o.kind);
    }
  }
}

TEST(LidarDrive, IsTheSameForASeed) {
  const Drive a(5, 20), b(5, 20), c(6, 20);
  (void)b.at(17);  // whatever was asked for before
  const Scene x = a.at(3.5), y = b.at(3.5), z = c.at(3.5);
  ASSERT_EQ(x.solids.size(), y.solids.size());
  Sensor sensor;
  sensor.columns = 360;
  const PointCloud p = points_of(x, sensor), q = points_of(y, sensor), r = points_of(z, sensor);
  ASSERT_EQ(p.size(), q.size());
  EXPECT_EQ(std::memcmp(p.data(), q.data(), p.size() * sizeof(Point)), 0);
  EXPECT_TRUE(p.size() != r.size() || std::memcmp(p.data(), r.data(), p.size() * sizeof(Point)));
}

TEST(LidarDrive, HasTrafficThatMovesAndNothingInTheSamePlace) {
  for (std::uint64_t seed = 1; seed <= 4; seed++) {
    const Drive drive(seed, 30);
    unsigned cars = 0, others = 0;
    for (double time : {0.0, 15.0, 29.0}) {
      const Scene scene = drive.at(time);
      for (std::size_t i = 0; i < scene.objects.size(); i++) {
        const Object &o = scene.objects[i];
        (o.kind == Kind::Car || o.kind == Kind::Van ? cars : others)++;
        EXPECT_GT(std::hypot(o.box.x, o.box.y), 3.5) << "not in ourselves";
        EXPECT_NEAR(o.box.z - o.box.height / 2, scene.ground(o.box.x, o.box.y), 1e-6) << "on the ground";
        for (std::size_t j = 0; j < i; j++) EXPECT_LT(bev_iou(o.box, scene.objects[j].box), 0.2);
      }
    }
    EXPECT_GT(cars, 20u) << seed;
    EXPECT_GT(others, 10u) << seed;
  }
}
