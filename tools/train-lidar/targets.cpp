// SPDX-License-Identifier: LGPL-2.1-or-later
#include "targets.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace oneadapt_lidar {
namespace {

constexpr int kAround = 2;                               // places around the middle that have heat
constexpr double kCarSpread = 1.0, kPersonSpread = 0.6;  // of the heat, in places
/// A box is also learnt at the four places beside a car's middle: the middle that is found may be one of them.
constexpr float kBesideWeight = 0.5F;
/// A person's is learnt at one place only, with the weight of all of a car's: it has to be right to 0.1 m.
constexpr float kPersonWeight = 1 + 4 * kBesideWeight;

/// The loss compares angles by sine and cosine of twice the yaw: a box turned by half a circle is the same box.
std::array<double, kBoxNumbers> numbers_of(const Box3d &b, double dx, double dy) {
  return {
      dx, dy, b.z, std::log(b.length), std::log(b.width), std::log(b.height), std::sin(2 * b.yaw), std::cos(2 * b.yaw)};
}

}  // namespace

const std::vector<std::string> kClassNames{"car", "pedestrian", "cyclist"};

int class_of(Kind kind) { return kind == Kind::Pedestrian ? 1 : kind == Kind::Cyclist ? 2 : 0; }

bool in_reach(const Box3d &box) { return std::max(std::abs(box.x), std::abs(box.y)) < kReachSeen; }

Targets make_targets(const std::vector<Object> &objects) {
  constexpr std::size_t kPlaces = std::size_t(kMaps) * kMaps;
  Targets t;
  t.heat.resize(kClasses * kPlaces);
  t.box.resize(kBoxNumbers * kPlaces);
  t.weight.resize(kPlaces);
  for (const Object &object : objects) {
    const Box3d &b = object.box;
    if (!in_reach(b)) continue;
    t.objects++;
    const double x = (b.x + kReachSeen) / kPlace, y = (b.y + kReachSeen) / kPlace;
    const int column = int(x), row = int(y), label = class_of(object.kind);
    const double spread = label == 0 ? kCarSpread : kPersonSpread;
    for (int r = std::max(0, row - kAround); r <= std::min(kMaps - 1, row + kAround); r++)
      for (int c = std::max(0, column - kAround); c <= std::min(kMaps - 1, column + kAround); c++) {
        const std::size_t place = std::size_t(r) * kMaps + std::size_t(c);
        const int away = (r - row) * (r - row) + (c - column) * (c - column);
        float &heat = t.heat[std::size_t(label) * kPlaces + place];
        heat = std::max(heat, float(std::exp(-away / (2 * spread * spread))));
        const float whole = label == 0 ? 1 : kPersonWeight;
        const float weight = away == 0 ? whole : label == 0 && away == 1 ? kBesideWeight : 0;
        if (weight <= t.weight[place]) continue;
        t.total_weight += weight - t.weight[place];
        t.weight[place] = weight;
        const auto numbers = numbers_of(b, x - c - 0.5, y - r - 0.5);
        for (std::size_t k = 0; k < numbers.size(); k++) t.box[k * kPlaces + place] = float(numbers[k]);
      }
  }
  return t;
}

}  // namespace oneadapt_lidar
