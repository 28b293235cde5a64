// SPDX-License-Identifier: LGPL-2.1-or-later
#include "streets.h"

#include <algorithm>
#include <cmath>

#include "lidar/thinning.h"

namespace oneadapt_lidar {
namespace {

constexpr unsigned kStreetsScored = 10;
constexpr double kCrowded = 0.7;                // share of the turns with more people
constexpr double kNearest = 3, kFarthest = 32;  // m from the sensor to them

Sensor some_sensor(Random &random) {
  constexpr unsigned kBeams[] = {32, 40, 64, 64, 128};
  Sensor sensor;
  sensor.beams = kBeams[random.below(5)];
  sensor.columns = sensor.beams == 128 ? 1024 : 2048;
  sensor.top = random.chance(0.5) ? 2 : random.between(2, 22);
  sensor.bottom = random.between(-31, -20);
  sensor.drop_out = random.between(0, 0.1);
  sensor.noise = random.between(0.005, 0.03);
  return sensor;
}

/// Rotation about the sensor, after the mirror.
struct Movement {
  double cosine, sine, mirror, yaw, up;

  explicit Movement(Random &random) {
    // Streets mostly lead ahead.
    yaw = random.chance(0.6) ? random.between(-0.3, 0.3) : random.between(-M_PI, M_PI);
    mirror = random.chance(0.5) ? -1 : 1;
    up = random.between(-0.15, 0.15);
    cosine = std::cos(yaw);
    sine = std::sin(yaw);
  }
  template <class Number>
  void move(Number &x, Number &y, Number &z) const {
    const double from_x = double(x), from_y = mirror * double(y);
    x = Number(from_x * cosine - from_y * sine);
    y = Number(from_x * sine + from_y * cosine);
    z = Number(double(z) + up);
  }
};

/// In a street, 1 object in 20 is a cyclist. To be learnt as well as cars, people stand and ride anywhere in most turns
/// that are trained on: not in others, but in bushes and behind posts as it comes.
void add_people(Scene &scene, Random &random) {
  if (!random.chance(kCrowded)) return;
  for (std::size_t more = 6 + random.below(13); more > 0; more--) {
    const double away = random.between(kNearest, kFarthest), around = random.between(-M_PI, M_PI);
    const double x = away * std::cos(around), y = away * std::sin(around), yaw = random.between(-M_PI, M_PI);
    const Kind kind = random.chance(0.5) ? Kind::Pedestrian : Kind::Cyclist;
    const auto covered = [&](const Object &o) { return std::hypot(o.box.x - x, o.box.y - y) < o.box.length / 2 + 1; };
    if (std::none_of(scene.objects.begin(), scene.objects.end(), covered)) scene.add(kind, x, y, yaw, random);
  }
}

}  // namespace

Example example_to_train(Random &random) {
  const Drive drive(kFirstTrained + random.below(kStreetsTrained), kDriveSeconds);
  Scene scene = drive.at(random.between(0, kDriveSeconds));
  add_people(scene, random);
  const Turn turn = cast(scene, some_sensor(random), random);
  const Movement movement(random);
  const double share = random.chance(0.5) ? 1 : random.scaled(0.12, 1);
  const auto seed = std::uint32_t(random.below(1U << 30));
  Example example;
  for (std::size_t i = 0; i < turn.points.size(); i++) {
    if (!oneadapt::is_kept(std::uint32_t(i), share, seed)) continue;
    oneadapt::Point p = turn.points[i];
    movement.move(p.x, p.y, p.z);
    example.points.push_back(p);
  }
  for (std::size_t i = 0; i < scene.objects.size(); i++) {
    if (turn.hits[i] * share < kLeastHits) continue;
    Object o = scene.objects[i];
    movement.move(o.box.x, o.box.y, o.box.z);
    o.box.yaw = o.box.yaw * movement.mirror + movement.yaw;
    example.objects.push_back(o);
  }
  return example;
}

Example example_to_score(unsigned index, unsigned turns, const Sensor &sensor) {
  const Drive drive(1 + index % kStreetsScored, kDriveSeconds);
  const Scene scene = drive.at((index + 0.5) * kDriveSeconds / turns);
  Random random(index);
  Turn turn = cast(scene, sensor, random);
  Example example;
  example.points = std::move(turn.points);
  for (std::size_t i = 0; i < scene.objects.size(); i++)
    if (turn.hits[i] >= kLeastHits && in_reach(scene.objects[i].box)) example.objects.push_back(scene.objects[i]);
  return example;
}

}  // namespace oneadapt_lidar
