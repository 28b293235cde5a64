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

/// What the sensor says of it.
oneadapt::Point measured(const End &end, const Direction &d, double noise, Random &random) {
  const double distance = end.distance + noise * random.normal();
  const double light = std::clamp(end.brightness * random.between(0.85, 1.15), 0.0, 1.0);
  return {float(d.x * distance), float(d.y * distance), float(d.z * distance), float(std::round(light * 100) / 100)};
}

/// A solid, and the sensor in its own axes.
class Target {
 public:
  explicit Target(const Box3d &box)
      : c_(std::cos(box.yaw)),
        s_(std::sin(box.yaw)),
        from_{-(box.x * c_ + box.y * s_), box.x * s_ - box.y * c_, -box.z},
        half_{box.length / 2, box.width / 2, box.height / 2} {}

  /// Where a beam enters it, and the cosine of its angle to the side that it meets; kNever: nowhere.
  double meet(const Direction &d, double &cosine) const {
    const std::array<double, 3> to{d.x * c_ + d.y * s_, d.y * c_ - d.x * s_, d.z};
    double enter = 0, leave = kNever;
    for (std::size_t k = 0; k < 3; k++) {
      const double near = (-std::copysign(half_[k], to[k]) - from_[k]) / to[k],
                   far = (std::copysign(half_[k], to[k]) - from_[k]) / to[k];
      if (near > enter) {
        enter = near;
        cosine = std::abs(to[k]);
      }
      leave = std::min(leave, far);
    }
    return enter > 0 && enter <= leave ? enter : kNever;
  }

 private:
  double c_, s_;
  std::array<double, 3> from_, half_;
};

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
    const Target target(solid.box);
    const auto [first, past] = columns_of(solid.box);
    for (int at = first; at < past; at++) {
      const auto column = unsigned((at % int(sensor_.columns) + int(sensor_.columns)) % int(sensor_.columns));
      for (unsigned beam = 0; beam < sensor_.beams; beam++) {
        double cosine = 0;
        const double enter = target.meet(direction(beam, column), cosine);
        End &so_far = end(beam, column);
        if (enter >= so_far.distance) continue;
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
        turn.points.push_back(measured(e, direction(beam, column), sensor_.noise, random_));
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

Turn cast_into(const oneadapt::PointCloud &background, const Scene &scene, double noise, Random &random) {
  std::vector<Direction> directions;
  std::vector<End> ends;
  for (const oneadapt::Point &p : background) {
    const double x = double(p.x), y = double(p.y), z = double(p.z), away = std::sqrt(x * x + y * y + z * z);
    directions.push_back(away > 0 ? Direction{x / away, y / away, z / away} : Direction{0, 0, 1});
    ends.push_back({away, 0, -1});
  }
  Turn turn{background, std::vector<unsigned>(scene.objects.size())};
  for (const Solid &solid : scene.solids) {
    const Box3d &box = solid.box;
    const double away = std::sqrt(box.x * box.x + box.y * box.y + box.z * box.z);
    const double reach = std::sqrt(box.length * box.length + box.width * box.width + box.height * box.height) / 2;
    // The cosine of the widest angle at which the solid is seen.
    const double least = away > reach ? std::sqrt(1 - reach * reach / (away * away)) : -1;
    const Target target(box);
    for (std::size_t i = 0; i < directions.size(); i++) {
      const Direction &d = directions[i];
      if (d.x * box.x + d.y * box.y + d.z * box.z < least * away) continue;
      double cosine = 0;
      const double enter = target.meet(d, cosine);
      if (enter >= ends[i].distance || (solid.gaps > 0 && random.chance(solid.gaps))) continue;
      ends[i] = {enter, brightness(solid.reflectivity, cosine, enter), solid.object};
    }
  }
  for (std::size_t i = 0; i < ends.size(); i++) {
    if (ends[i].object < 0) continue;
    turn.points[i] = measured(ends[i], directions[i], noise, random);
    turn.hits[std::size_t(ends[i].object)]++;
  }
  return turn;
}

}  // namespace oneadapt_lidar
