// SPDX-License-Identifier: LGPL-2.1-or-later
#include "drive.h"

#include <algorithm>
#include <cmath>

namespace oneadapt_lidar {
namespace {

constexpr double kReach = 80, kOwnLane = -1.75, kKerb = 5.9;  // m; left is positive

}  // namespace

Drive::Drive(std::uint64_t seed, double seconds) : seconds_(seconds), seed_(seed) {
  Random random(seed);
  speed_ = random.between(4, 12);
  length_ = seconds * (speed_ + 2) + 2 * kReach;
  slope_ = random.between(-0.015, 0.015);
  bank_ = random.between(-0.01, 0.01);
  add_traffic(random);
  add_parked(random);
  add_people(random);
  add_houses(random);
  add_clutter(random);
}

/// Its speed changes as in a town.
double Drive::own_place(double time) const {
  return kReach + speed_ * time + 0.6 * speed_ * (1 - std::cos(time / 4)) * 0.8;
}

void Drive::add_traffic(Random &random) {
  const auto kind = [&] { return random.chance(0.18) ? Kind::Van : Kind::Car; };
  const double busy = random.between(18, 60);  // m from one to the next
  // Those that come towards us start far ahead.
  for (double at = 0; at < 3 * length_; at += busy * random.between(0.4, 1.8))
    actors_.push_back(
        {kind(), at, 1.75 + random.between(-0.3, 0.3), -random.between(6, 13), M_PI, seed_ * 977 + actors_.size()});
  for (double at = 12; at < length_; at += 1.5 * busy * random.between(0.5, 1.8))
    actors_.push_back({kind(), kReach + at, kOwnLane + random.between(-0.2, 0.2), speed_ * random.between(0.92, 1.2), 0,
                       seed_ * 977 + actors_.size()});
}

void Drive::add_parked(Random &random) {
  for (int side : {-1, 1}) {
    const double share = random.between(0.15, 0.85);
    for (double at = 0; at < length_; at += random.between(5.8, 8))
      if (random.chance(share))
        actors_.push_back({random.chance(0.15) ? Kind::Van : Kind::Car, at, side * (4.75 + random.between(-0.2, 0.2)),
                           0, (random.chance(0.15) ? M_PI : 0) + random.between(-0.05, 0.05),
                           seed_ * 977 + actors_.size()});
  }
}

void Drive::add_people(Random &random) {
  for (int side : {-1, 1}) {
    for (double at = 0; at < length_; at += random.between(6, 45)) {
      const bool back = random.chance(0.5);
      actors_.push_back({Kind::Pedestrian, at, side * random.between(kKerb + 0.6, kKerb + 2.6),
                         (back ? -1 : 1) * random.between(0, 1.7), back ? M_PI : 0, seed_ * 977 + actors_.size()});
    }
    for (double at = 0; at < length_; at += random.between(30, 120))
      actors_.push_back({Kind::Cyclist, at, side * random.between(3.2, 3.5), -side * random.between(3, 6),
                         side < 0 ? 0 : M_PI, seed_ * 977 + actors_.size()});
  }
}

void Drive::add_houses(Random &random) {
  for (int side : {-1, 1})
    for (double at = 0; at < length_;) {
      const double long_side = random.between(7, 24), away = random.between(9.5, 16), deep = random.between(6, 10);
      if (random.chance(0.8))
        fixtures_.push_back({at + long_side / 2, side * (away + deep / 2), random.between(-0.03, 0.03), long_side, deep,
                             0, random.between(4, 12), random.between(0.15, 0.6), 0});
      at += long_side + random.between(0, 9);
    }
}

void Drive::add_clutter(Random &random) {
  for (int side : {-1, 1})
    for (double at = 0; at < length_; at += random.between(4, 16)) {
      const double across = side * random.between(kKerb + 0.2, kKerb + 0.9), turned = random.between(-M_PI, M_PI);
      switch (random.below(5)) {
        case 0:  // a post
          fixtures_.push_back({at, across, turned, 0.15, 0.15, 0, random.between(2.5, 7), 0.5, 0});
          break;
        case 1: {  // a tree
          const double trunk = random.between(0.2, 0.45), crown = random.between(1.8, 3.6);
          fixtures_.push_back({at, across, turned, trunk, trunk, 0, 3, 0.25, 0});
          fixtures_.push_back({at, across, turned, crown, crown, 2.4, 6, 0.35, 0.75});
          break;
        }
        case 2:  // a bush
          fixtures_.push_back({at, across + side * 1.6, turned, random.between(0.8, 3), random.between(0.7, 1.5), 0,
                               random.between(0.6, 1.9), 0.4, 0.45});
          break;
        case 3:  // a fence
          fixtures_.push_back(
              {at, side * (kKerb + 3), 0, random.between(2, 9), 0.06, 0, random.between(0.9, 1.8), 0.3, 0.6});
          break;
        default:  // a box: a bin, a cabinet
          fixtures_.push_back({at, across, random.between(-0.2, 0.2), random.between(0.4, 1.4),
                               random.between(0.4, 0.8), 0, random.between(0.7, 1.5), random.between(0.1, 0.7), 0});
      }
    }
}

/// From the street to the sensor.
class Drive::View {
 public:
  View(double own, double turned) : own_(own), turned_(turned), c_(std::cos(turned)), s_(std::sin(turned)) {}
  double turned() const { return turned_; }
  /// Whether it is within reach.
  bool place(double along, double across, double &x, double &y) const {
    const double dx = along - own_, dy = across - kOwnLane;
    x = dx * c_ + dy * s_;
    y = dy * c_ - dx * s_;
    return std::hypot(x, y) < kReach;
  }

 private:
  double own_, turned_, c_, s_;
};

Scene Drive::at(double time) const {
  Scene scene;
  scene.slope_x = slope_ * std::sin(time / 5);
  scene.slope_y = bank_;
  const View view(own_place(time), 0.02 * std::sin(time / 3));
  double x = 0, y = 0;
  for (const Fixture &f : fixtures_)
    if (view.place(f.along, f.across, x, y)) {
      Solid solid;
      solid.reflectivity = f.reflectivity;
      solid.gaps = f.gaps;
      scene.add_solid(x, y, f.yaw - view.turned(), 0, 0, f.length, f.width, f.from, f.to, solid);
    }
  add_actors(scene, view, time, true);
  return scene;
}

Scene Drive::traffic_at(double time, double height) const {
  Scene scene;
  scene.height = -height;
  // Most of what drives our way comes past in the time.
  add_actors(scene, View(kReach + 0.6 * seconds_ * speed_, 0), time, false);
  return scene;
}

void Drive::add_actors(Scene &scene, const View &view, double time, bool parked) const {
  double x = 0, y = 0;
  for (const Actor &a : actors_) {
    if (a.speed == 0 && !parked) continue;
    // What goes along our own lane keeps its distance by being somewhere else.
    if (!view.place(a.start + a.speed * time, a.across, x, y) || std::hypot(x, y) < 4) continue;
    // Nor do two of them stand in the same place.
    const auto covered = [&](const Object &o) { return std::hypot(o.box.x - x, o.box.y - y) < o.box.length / 2 + 1.2; };
    if (std::any_of(scene.objects.begin(), scene.objects.end(), covered)) continue;
    Random own_looks(a.seed);
    scene.add(a.kind, x, y, a.yaw - view.turned(), own_looks);
  }
}

}  // namespace oneadapt_lidar
