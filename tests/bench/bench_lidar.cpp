// SPDX-License-Identifier: LGPL-2.1-or-later
// CPU time and bytes of filter and coder, at each share of the points.
//   bench-lidar [FILE.bin]
// A turn from the file, or a street of 131072 points. Columns: points kept; ms of CPU to find the blocks, to thin, to
// code, to decode; the first three as a share of one core at ten turns a second; bytes of a turn and of a point.
#include <ctime>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <random>

#include "lidar/cloud_file.h"
#include "lidar/coded_cloud.h"
#include "lidar/thinning.h"

namespace {

using namespace oneadapt;

double cpu_ms() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) * 1e3 + double(now.tv_nsec) / 1e6;
}

/// The least of some tries.
template <class Work>
double time_of(Work work) {
  double least = 1e9;
  for (int i = 0; i < 5; i++) {
    const double start = cpu_ms();
    work();
    least = std::min(least, cpu_ms() - start);
  }
  return least;
}

/// 64 beams over a plane, between houses and poles.
PointCloud street() {
  std::mt19937 random(4);
  PointCloud points;
  for (int beam = 0; beam < 64; beam++)
    for (int column = 0; column < 2048; column++) {
      const double angle = 2 * M_PI * column / 2048, down = (0.5 + 24.0 * beam / 64) * M_PI / 180;
      const double wall = (8 + column / 128 % 5 * 3) / std::max(0.05, std::abs(std::sin(angle)));
      const double distance = std::min(1.7 / std::tan(down), wall) + 0.02 * double(random() % 100) / 100;
      points.push_back({float(distance * std::cos(angle)), float(distance * std::sin(angle)),
                        float(-distance * std::tan(down)), float(random() % 30 + unsigned(column) / 32 % 60) / 100});
    }
  return points;
}

void measure(const PointCloud &points) {
  const PolarGrid grid;
  BlockedCloud blocked;
  const double blocks = time_of([&] { blocked = blocks_of(points.data(), points.size(), grid); });
  std::printf("%zu points\n  keep speed  points  blocks   thin    code  decode  of a core    bytes  a point\n",
              points.size());
  for (int speed : {kDefaultSpeed, 6, kMostSpeed})
    for (float share : {1.0f, 0.5f, 0.25f, 0.12f, 0.06f}) {
      CloudHeader header;
      header.shares.assign(grid.blocks(), share);
      header.counts = blocked.counts;
      ThinnedCloud thinned;
      std::vector<std::uint8_t> bytes;
      PointCloud back;
      std::string error;
      const double thin_ms = time_of([&] { thinned = thin(points.data(), blocked, header.shares, 0); });
      const double code_ms = time_of([&] { bytes = encode_cloud(thinned.points, header, speed); });
      const double decode_ms = time_of([&] { decode_cloud(bytes.data(), bytes.size(), back, header, error); });
      std::printf("%5.0f%% %5d %7zu %7.2f %6.2f %7.2f %7.2f %9.1f%% %8zu %8.2f\n", 100.0 * double(share), speed,
                  thinned.points.size(), blocks, thin_ms, code_ms, decode_ms, blocks + thin_ms + code_ms, bytes.size(),
                  double(bytes.size()) / double(thinned.points.size()));
    }
}

}  // namespace

int main(int argc, char **argv) try {
  PointCloud points = street();
  if (argc > 1) {
    std::ifstream file(argv[1], std::ios::binary);
    const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    points = read_cloud(reinterpret_cast<const std::uint8_t *>(bytes.data()), bytes.size()).points;
  }
  if (points.empty()) {
    std::fprintf(stderr, "bench-lidar: \"%s\" has no points\n", argv[1]);
    return 1;
  }
  measure(points);
  return 0;
} catch (const std::exception &error) {
  std::fprintf(stderr, "bench-lidar: %s\n", error.what());
  return 1;
}
