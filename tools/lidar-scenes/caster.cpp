// SPDX-License-Identifier: LGPL-2.1-or-later
#include "caster.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace oneadapt_lidar {
namespace {

constexpr double kTurn = 2 * M_PI, kNever = std::numeric_limits<double>::infinity();

/// Where a beam ends so far.
struct End {
  double distance = kNever, brightness = 0;
  int object = -1;
};

struct Direction {
  double x, y, z;
};

/// How much light comes back: less from what is seen at a slant, and from far away.
double brightness(double reflectivity, double cosine, double distance) {
  return reflectivity * (0.35 + 0.65 * cosine) * (0.55 + 0.45 * std::exp(-distance / 60));
}

class Casting {
 public:
  Casting(const Scene &scene, const Sensor &sensor, Random &random) : scene_(scene), sensor_(sensor), random_(random) {
    for (unsigned beam = 0; beam < sensor.beams; beam++) {
      const double share = sensor.beams > 1 ? double(beam) / (sensor.beams - 1) : 0;
      const double up = (sensor.top + (sensor.bottom - sensor.top) * share) * M_PI / 180;
      elevations_.push_back({std::cos(up), std::sin(up)});
    }
    for (unsigned column = 0; column < sensor.columns; column++)
      azimuths_.push_back({std::cos(kTurn * column / sensor.columns), std::sin(kTurn * column / sensor.columns)});
    ends_.resize(std::size_t(sensor.beams) * sensor.columns);
  }

  Turn run() {
    cast_ground();
    for (const Solid &solid : scene_.solids) cast_solid(solid);
    return collect();
  }

 private:
  End &end(unsigned beam, unsigned column) { return ends_[std::size_t(beam) * sensor_.columns + column]; }
  Direction direction(unsigned beam, unsigned column) const {
    const auto &[level, up] = elevations_[beam];
    return {level * azimuths_[column][0], level * azimuths_[column][1], up};
  }

  void cast_ground() {
    for (unsigned beam = 0; beam < sensor_.beams; beam++)
      for (unsigned column = 0; column < sensor_.columns; column++) {
        const Direction d = direction(beam, column);
        const double down = d.z - scene_.slope_x * d.x - scene_.slope_y * d.y;
        if (down >= 0) continue;
        const double distance = scene_.height / down;
        end(beam, column) = {distance, brightness(scene_.ground_reflectivity, -down, distance), -1};
      }
  }

  /// The columns in which a circle around the solid's middle is seen.
  std::array<int, 2> columns_of(const Box3d &box) const {
    const double away = std::hypot(box.x, box.y), reach = std::hypot(box.length, box.width) / 2;
    const int all = int(sensor_.columns);
    if (away <= reach) return {0, all};
    const double middle = std::atan2(box.y, box.x) / kTurn * all, half = std::asin(reach / away) / kTurn * all;
    return {int(std::floor(middle - half)),
            std::min(int(std::ceil(middle + half)) + 1, int(std::floor(middle - half)) + all)};
  }

  void cast_solid(const Solid &solid) {
    const Box3d &box = solid.box;
    const double c = std::cos(box.yaw), s = std::sin(box.yaw);
    // The sensor in the box's own axes.
    const std::array<double, 3> from{-(box.x * c + box.y * s), box.x * s - box.y * c, -box.z};
    const std::array<double, 3> half{box.length / 2, box.width / 2, box.height / 2};
    const auto [first, past] = columns_of(box);
    for (int at = first; at < past; at++) {
      const auto column = unsigned((at % int(sensor_.columns) + int(sensor_.columns)) % int(sensor_.columns));
      for (unsigned beam = 0; beam < sensor_.beams; beam++) {
        const Direction d = direction(beam, column);
        const std::array<double, 3> to{d.x * c + d.y * s, d.y * c - d.x * s, d.z};
        double enter = 0, leave = kNever, cosine = 0;
        for (int k = 0; k < 3; k++) {
          const double near = (-std::copysign(half[k], to[k]) - from[k]) / to[k],
                       far = (std::copysign(half[k], to[k]) - from[k]) / to[k];
          if (near > enter) {
            enter = near;
            cosine = std::abs(to[k]);
          }
          leave = std::min(leave, far);
        }
        End &so_far = end(beam, column);
        if (!(enter > 0) || enter > leave || enter >= so_far.distance) continue;
        if (solid.gaps > 0 && random_.chance(solid.gaps)) continue;
        so_far = {enter, brightness(solid.reflectivity, cosine, enter), solid.object};
      }
    }
  }

  Turn collect() {
    Turn turn;
    turn.hits.resize(scene_.objects.size());
    for (unsigned beam = 0; beam < sensor_.beams; beam++)
      for (unsigned column = 0; column < sensor_.columns; column++) {
        const End &e = end(beam, column);
        if (!(e.distance < sensor_.range) || random_.chance(sensor_.drop_out)) continue;
        const double distance = e.distance + sensor_.noise * random_.normal();
        const Direction d = direction(beam, column);
        const double light = std::clamp(e.brightness * random_.between(0.85, 1.15), 0.0, 1.0);
        turn.points.push_back({float(d.x * distance), float(d.y * distance), float(d.z * distance),
                               float(std::round(light * 100) / 100)});
        if (e.object >= 0) turn.hits[std::size_t(e.object)]++;
      }
    return turn;
  }

  const Scene &scene_;
  const Sensor &sensor_;
  Random &random_;
  std::vector<std::array<double, 2>> elevations_, azimuths_;  // cosine and sine
  std::vector<End> ends_;
};

}  // namespace

Turn cast(const Scene &scene, const Sensor &sensor, Random &random) { return Casting(scene, sensor, random).run(); }

}  // namespace oneadapt_lidar
