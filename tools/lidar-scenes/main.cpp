// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadapt-lidar-scenes: docs/lidar-scenes.md.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "caster.h"
#include "common/cli.h"
#include "common/interruption.h"
#include "config.h"
#include "core/vision/box3d_json.h"
#include "drive.h"

using namespace oneadapt_lidar;
using namespace oneadapt::tools;
using oneadapt::bbox_3d;

namespace {

struct Options {
  std::string output, background;
  double seconds = 10, frame_rate = 10, height = 1.73;
  std::uint64_t seed = 1;
  Sensor sensor;
};

/// In the form of oneadaptdnn's results; the points that hit the object instead of a confidence.
nlohmann::ordered_json labels_of(const Scene &scene, const Turn &turn) {
  nlohmann::ordered_json objects = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < scene.objects.size(); i++) {
    const Object &o = scene.objects[i];
    if (!turn.hits[i]) continue;
    objects.push_back({{"bbox_3d", bbox_3d(o.box)},
                       {"points", turn.hits[i]},
                       {"label_id", int(o.kind)},
                       {"label", kKinds[std::size_t(o.kind)]},
                       {"modality", "lidar"}});
  }
  return objects;
}

/// Of a file of KITTI's layout; empty without one. Throws std::runtime_error.
oneadapt::PointCloud background_of(const std::string &path) {
  oneadapt::PointCloud points;
  if (path.empty()) return points;
  std::ifstream in(path, std::ios::binary);
  oneadapt::Point point{};
  while (in.read(reinterpret_cast<char *>(&point), sizeof point))
    if (oneadapt::has_place(point)) points.push_back(oneadapt::with_finite_intensity(point));
  if (points.empty() || in.gcount())
    throw std::runtime_error("--background: " + path +
                             " is no turn of KITTI's layout: float32 x, y, z, intensity of each point");
  return points;
}

int write_drive(const Options &o) {
  const oneadapt::PointCloud background = background_of(o.background);
  make_folder(o.output, "--output");
  const Drive drive(o.seed, o.seconds);
  const auto turns = unsigned(o.seconds * o.frame_rate + 0.5);
  std::string lines;
  for (unsigned i = 0; i < turns; i++) {
    if (interrupted()) return end_of_interrupted("oneadapt-lidar-scenes", "the turns so far are whole");
    const double time = i / o.frame_rate;
    const Scene scene = background.empty() ? drive.at(time) : drive.traffic_at(time, o.height);
    Random random(o.seed * 1000003 + i);
    const Turn turn =
        background.empty() ? cast(scene, o.sensor, random) : cast_into(background, scene, o.sensor.noise, random);
    char name[16];
    std::snprintf(name, sizeof name, "/%06u.bin", i);
    write_file(o.output + name,
               {reinterpret_cast<const char *>(turn.points.data()), turn.points.size() * sizeof(turn.points[0])},
               "--output");
    nlohmann::ordered_json line;
    line["objects"] = labels_of(scene, turn);
    line["timestamp"] = std::uint64_t(i / o.frame_rate * 1e9 + 0.5);
    line["frame"] = i;
    lines += line.dump() + "\n";
  }
  write_file(o.output + "/labels.jsonl", lines, "--output");
  return 0;
}

}  // namespace

int main(int argc, char **argv) {
  CLI::App app{
      "Writes what a LiDAR sensor would see of a drive along a street: a folder of KITTI's .bin files, and "
      "labels.jsonl, what is to be found in them."};
  Options o;
  app.set_version_flag("--version", "oneadapt-lidar-scenes " VERSION);
  app.add_option("--output", o.output, "Folder, made if need be")->required()->type_name("FOLDER");
  app.add_option("--seconds", o.seconds, "Length of the drive")->capture_default_str()->check(CLI::Range(0.1, 3600.0));
  app.add_option("--frame-rate", o.frame_rate, "Turns a second")->capture_default_str()->check(CLI::Range(0.1, 100.0));
  app.add_option("--seed", o.seed, "Another one is another street")->capture_default_str();
  app.add_option("--background", o.background,
                 "A turn of a real sensor that stands, in KITTI's layout; only what moves is cast into it")
      ->check(CLI::ExistingFile)
      ->type_name("FILE");
  app.add_option("--height", o.height, "With --background: of the sensor above the ground, in m")
      ->check(CLI::Range(0.1, 10.0))
      ->capture_default_str();
  app.add_option("--beams", o.sensor.beams, "Of the sensor")->capture_default_str()->check(CLI::Range(1, 256));
  app.add_option("--columns", o.sensor.columns, "Beams once around")
      ->capture_default_str()
      ->check(CLI::Range(16, 8192));
  app.add_option("--top", o.sensor.top, "The uppermost beam, in degrees")->capture_default_str();
  app.add_option("--bottom", o.sensor.bottom, "The lowest one")->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return app.exit(error) ? 1 : 0;
  }
  catch_interrupts();
  try {
    return write_drive(o);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "oneadapt-lidar-scenes: %s\n", error.what());
    return 1;
  }
}
