// SPDX-License-Identifier: LGPL-2.1-or-later
// Coded point clouds and files of point clouds under arbitrary bytes: libFuzzer's entry point. The same bytes are tried
// as they are, and as a coded cloud with the right sizes and checksum. What must hold is checked here; a failure is
// printed and aborts. Without libFuzzer: fuzz_driver.cpp.
#include <zlib.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "lidar/cloud_file.h"
#include "lidar/coded_cloud.h"
#include "must.h"

namespace {

using namespace oneadapt;

void check_points(const PointCloud &points) {
  for (const Point &p : points) MUST(has_place(p) && p.intensity - p.intensity == 0);
}

/// From a buffer of just that size, so that a sanitizer sees a byte too many.
std::unique_ptr<std::uint8_t[]> exact(const std::vector<std::uint8_t> &bytes) {
  std::unique_ptr<std::uint8_t[]> copy(new std::uint8_t[bytes.size()]);
  std::copy(bytes.begin(), bytes.end(), copy.get());
  return copy;
}

void try_coded(const std::vector<std::uint8_t> &bytes) {
  PointCloud points;
  CloudHeader header;
  std::string error;
  const bool ok = decode_cloud(exact(bytes).get(), bytes.size(), points, header, error);
  MUST(ok == error.empty());
  if (!ok) return;
  check_points(points);
  MUST(header.grid.valid());
  MUST(header.shares.size() == header.grid.blocks() && header.counts.size() == header.grid.blocks());
  MUST(header.resolution >= kLeastResolution && header.resolution <= kMostResolution);
  if (points.size() > 2000) return;
  // What was read can be written, and read again.
  const auto again = encode_cloud(points, header);
  PointCloud back;
  MUST(decode_cloud(again.data(), again.size(), back, header, error));
  MUST(back.size() == points.size());
}

void try_file(const std::vector<std::uint8_t> &bytes) {
  for (auto read : {read_cloud, read_pcd, read_kitti}) {
    try {
      const CloudFile file = read(exact(bytes).get(), bytes.size());
      check_points(file.points);
    } catch (const CloudError &error) {
      MUST(*error.what());
    }
  }
}

void put_number(std::uint8_t *at, std::size_t value, int bytes) {
  for (int i = 0; i < bytes; i++) at[i] = std::uint8_t(value >> (8 * (bytes - 1 - i)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  std::vector<std::uint8_t> bytes(data, data + size);
  try_file(bytes);
  try_coded(bytes);
  if (size < 43) return 0;
  // The sizes in the header made right, and then the checksum.
  const std::size_t header = std::size_t(bytes[6]) << 8 | bytes[7];
  if (header >= 34 && header <= size - 4) put_number(&bytes[30], size - 4 - header, 4);
  put_number(&bytes[size - 4], crc32(0, bytes.data(), uInt(size - 4)), 4);
  try_coded(bytes);
  return 0;
}
