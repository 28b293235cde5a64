// SPDX-License-Identifier: LGPL-2.1-or-later
#include "scene.h"

#include <cmath>

namespace oneadapt_lidar {

const std::vector<std::string> kKinds{"car", "van", "pedestrian", "cyclist"};

void Scene::add_solid(double x, double y, double yaw, double along, double across, double length, double width,
                      double from, double to, Solid solid) {
  const double c = std::cos(yaw), s = std::sin(yaw);
  solid.box = {x + along * c - across * s,
               y + along * s + across * c,
               ground(x, y) + (from + to) / 2,
               length,
               width,
               to - from,
               yaw};
  solids.push_back(solid);
}

/// Body, cabin and wheels; of a van, a box with a bonnet.
void Scene::add_vehicle(const Box3d &box, bool van, Random &random) {
  Solid paint, glass, tyre;
  paint.object = glass.object = tyre.object = int(objects.size()) - 1;
  paint.reflectivity = random.between(0.1, 0.85);
  glass.reflectivity = 0.08;
  glass.gaps = 0.4;
  tyre.reflectivity = 0.06;
  const double l = box.length, w = box.width, h = box.height, clear = van ? 0.25 : 0.2, wheel = 0.62;
  const double waist = van ? 0.5 * h : clear + 0.5 * (h - clear);
  const auto add_part = [&](double along, double length, double width, double from, double to, const Solid &solid) {
    add_solid(box.x, box.y, box.yaw, along, 0, length, width, from, to, solid);
  };
  add_part(0, l, w, clear, waist, paint);
  if (van) {
    add_part(-0.08 * l, 0.84 * l, w, waist, h, paint);
  } else {
    const double cabin = random.between(0.48, 0.6) * l, back = random.between(-0.12, -0.04) * l;
    add_part(back, cabin, 0.86 * w, waist, h - 0.05, glass);
    add_part(back, 0.8 * cabin, 0.8 * w, h - 0.06, h, paint);
  }
  for (double along : {-0.31 * l, 0.31 * l})
    for (double across : {-w / 2 + 0.1, w / 2 - 0.1})
      add_solid(box.x, box.y, box.yaw, along, across, wheel, 0.2, 0, wheel, tyre);
}

void Scene::add(Kind kind, double x, double y, double yaw, Random &random) {
  Object object;
  object.kind = kind;
  Solid part;
  part.object = int(objects.size());
  part.reflectivity = random.between(0.15, 0.6);
  Box3d &box = object.box;
  box.x = x;
  box.y = y;
  box.yaw = yaw;
  const double bigger = random.between(0.92, 1.08);
  switch (kind) {
    case Kind::Car:
      box.length = 4.0 * bigger * random.between(0.93, 1.07);
      box.width = 1.68 * bigger;
      box.height = 1.52 * random.between(0.94, 1.08);
      break;
    case Kind::Van:
      box.length = 5.2 * bigger;
      box.width = 1.9 * bigger;
      box.height = 2.2 * random.between(0.9, 1.15);
      break;
    case Kind::Pedestrian:
      box.length = 0.7;
      box.width = 0.6;
      box.height = 1.74 * bigger;
      break;
    case Kind::Cyclist:
      box.length = 1.76;
      box.width = 0.6;
      box.height = 1.74 * bigger;
      break;
  }
  const double h = box.height;
  box.z = ground(x, y) + h / 2;
  objects.push_back(object);
  switch (kind) {
    case Kind::Car:
    case Kind::Van:
      return add_vehicle(objects.back().box, kind == Kind::Van, random);
    case Kind::Pedestrian: {
      const double stride = random.between(0, 0.25);
      add_solid(x, y, yaw, stride, 0.1, 0.16, 0.16, 0, 0.48 * h, part);
      add_solid(x, y, yaw, -stride, -0.1, 0.16, 0.16, 0, 0.48 * h, part);
      add_solid(x, y, yaw, 0, 0, 0.28, 0.46, 0.46 * h, 0.83 * h, part);
      add_solid(x, y, yaw, 0, 0, 0.2, 0.2, 0.84 * h, h, part);
      return;
    }
    case Kind::Cyclist:
      for (double along : {-0.52, 0.52}) add_solid(x, y, yaw, along, 0, 0.64, 0.06, 0, 0.64, part);
      add_solid(x, y, yaw, 0, 0, 0.9, 0.06, 0.4, 0.75, part);
      add_solid(x, y, yaw, -0.1, 0, 0.35, 0.3, 0.4, 0.95, part);
      add_solid(x, y, yaw, 0.05, 0, 0.35, 0.45, 0.9, 0.84 * h, part);
      add_solid(x, y, yaw, 0.1, 0, 0.2, 0.2, 0.85 * h, h, part);
      return;
  }
}

}  // namespace oneadapt_lidar
