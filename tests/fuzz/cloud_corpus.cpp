// SPDX-License-Identifier: LGPL-2.1-or-later
#include <random>
#include <string>

#include "corpus.h"
#include "lidar/coded_cloud.h"

using namespace oneadapt;

const char *const kTarget = "fuzz-cloud";
const std::size_t kHeaderBytes = 60;

namespace {

Bytes bytes_of(const std::string &text) { return {text.begin(), text.end()}; }

Bytes coded(unsigned n, const PolarGrid &grid, bool marked, int speed) {
  std::mt19937 random(n);
  PointCloud points;
  for (unsigned i = 0; i < n; i++)
    points.push_back({float(random() % 8000) / 100 - 40, float(random() % 8000) / 100 - 40, float(random() % 300) / 100,
                      float(random() % 256) / 255});
  CloudHeader header;
  header.grid = grid;
  for (unsigned b = 0; b < grid.blocks(); b++) {
    header.shares.push_back(marked ? float(b % 5) / 4 : 0.5f);
    header.counts.push_back(random() % 300 * b);
  }
  if (marked) header.mark = IntervalMark{true, 5, 900000000, 1000000000, 0, kUnknownQp, 0, false};
  return encode_cloud(points, header, speed);
}

}  // namespace

std::vector<Bytes> corpus() {
  std::vector<Bytes> inputs;
  for (unsigned n : {0u, 1u, 2u, 60u, 700u})
    for (int speed : {0, 5, 10}) {
      inputs.push_back(coded(n, {4, 1, 8}, false, speed));
      inputs.push_back(coded(n, {16, 4, 8}, true, speed));
    }
  const std::string head =
      "# .PCD v0.7\nVERSION 0.7\nFIELDS x y z intensity\nSIZE 4 8 2 1\nTYPE F F I U\nCOUNT 1 1 1 1\n"
      "WIDTH 2\nHEIGHT 1\nPOINTS 2\nDATA ";
  inputs.push_back(bytes_of(head + "ascii\n1 2 3 4\n5 nan 7 8\n"));
  inputs.push_back(bytes_of(head + "binary\n" + std::string(30, 'a')));
  // 30 bytes as LZF has them: a run of one literal, and references to it.
  inputs.push_back(bytes_of(head + "binary_compressed\n" +
                            std::string("\x05\0\0\0\x1e\0\0\0\x00"
                                        "a"
                                        "\xe0\x14\x00",
                                        13)));
  inputs.push_back(Bytes(64, 0));
  inputs.push_back({});
  return inputs;
}
