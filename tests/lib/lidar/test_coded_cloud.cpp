// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "lidar/coded_cloud.h"
#include "lidar/thinning.h"

using namespace oneadapt;

namespace {

CloudHeader header_of(const PolarGrid &grid = {4, 1, 8}) {
  CloudHeader header;
  header.grid = grid;
  header.shares.assign(grid.blocks(), 1);
  header.counts.assign(grid.blocks(), 0);
  return header;
}

PointCloud street(unsigned n) {
  std::mt19937 random(3);
  PointCloud points;
  for (unsigned i = 0; i < n; i++) {
    const float angle = float(i) * 0.01f, distance = 3 + float(random() % 5000) / 100;
    points.push_back({distance * std::cos(angle), distance * std::sin(angle), -1.7f + float(random() % 300) / 100,
                      float(random() % 256) / 255});
  }
  return points;
}

/// In some order that is the same before and after.
PointCloud sorted(PointCloud points) {
  std::sort(points.begin(), points.end(), [](const Point &a, const Point &b) {
    return std::make_tuple(std::lround(a.x * 4), std::lround(a.y * 4), std::lround(a.z * 4)) <
           std::make_tuple(std::lround(b.x * 4), std::lround(b.y * 4), std::lround(b.z * 4));
  });
  return points;
}

std::string why_not(const std::vector<std::uint8_t> &bytes) {
  PointCloud points{{9, 9, 9, 9}};
  CloudHeader header;
  std::string error;
  if (decode_cloud(bytes.data(), bytes.size(), points, header, error)) return "it was read";
  EXPECT_EQ(points.size(), 1u) << "left as they were";
  return error;
}

void seal(std::vector<std::uint8_t> &bytes) {
  const uLong crc = crc32(0, bytes.data(), uInt(bytes.size() - 4));
  for (unsigned i = 0; i < 4; i++) bytes[bytes.size() - 4 + i] = std::uint8_t(crc >> (24 - 8 * i));
}

}  // namespace

TEST(CodedCloud, ComesBackWithinHalfTheResolution) {
  // On a lattice of 0.25 m, so that the order that is lost can be restored.
  PointCloud points;
  for (int i = 0; i < 60; i++)
    points.push_back({float(i % 10) * 0.25f - 1.0f, float(i / 10) * 0.25f, float(i % 7) * 0.25f, float(i) / 60});
  for (float resolution : {0.001f, 0.01f, 0.1f}) {
    CloudHeader header = header_of();
    header.resolution = resolution;
    const auto bytes = encode_cloud(points, header);
    PointCloud back;
    CloudHeader read;
    std::string error;
    ASSERT_TRUE(decode_cloud(bytes.data(), bytes.size(), back, read, error)) << error;
    EXPECT_EQ(read.resolution, resolution);
    const PointCloud a = sorted(points), b = sorted(back);
    ASSERT_EQ(a.size(), b.size());
    const float most = resolution / 2 * 1.001f + 1e-5f;
    for (std::size_t i = 0; i < a.size(); i++) {
      EXPECT_NEAR(a[i].x, b[i].x, most);
      EXPECT_NEAR(a[i].y, b[i].y, most);
      EXPECT_NEAR(a[i].z, b[i].z, most);
      EXPECT_NEAR(a[i].intensity, b[i].intensity, 1.0 / 510 + 1e-6);
    }
  }
}

TEST(CodedCloud, TakesFewerBytesThanThePointsAndFewerAtACoarserResolution) {
  const PointCloud points = street(20000);
  CloudHeader header = header_of();
  const std::size_t fine = encode_cloud(points, header).size();
  header.resolution = 0.1f;
  const std::size_t coarse = encode_cloud(points, header).size();
  EXPECT_LT(fine, points.size() * sizeof(Point) / 2);
  EXPECT_LT(double(coarse), 0.8 * double(fine));
}

TEST(CodedCloud, KeepsTheHeader) {
  CloudHeader header = header_of({16, 4, 6});
  for (unsigned b = 0; b < 64; b++) {
    header.shares[b] = float(b) / 255;
    header.counts[b] = b * b * 1000;
  }
  IntervalMark mark;
  mark.last = true;
  mark.stream = 77;
  mark.stream_time = 5900000000;
  mark.interval_duration = 1000000000;
  header.mark = mark;
  const auto bytes = encode_cloud(street(100), header);
  PointCloud points;
  CloudHeader read;
  std::string error;
  ASSERT_TRUE(decode_cloud(bytes.data(), bytes.size(), points, read, error)) << error;
  EXPECT_EQ(read.grid, header.grid);
  EXPECT_EQ(read.counts, header.counts);
  EXPECT_EQ(read.shares, header.shares);
  ASSERT_TRUE(read.mark);
  EXPECT_TRUE(read.mark->last);
  EXPECT_EQ(read.mark->stream, 77u);
  EXPECT_EQ(read.mark->interval(), 5u);
}

TEST(CodedCloud, HeaderIsSmall) {
  // 34 fixed bytes, a share for all, a count for each of 4 blocks, a checksum.
  EXPECT_EQ(encode_cloud({}, header_of()).size(), 34u + 1 + 4 + 4);
  CloudHeader marked = header_of();
  marked.mark = IntervalMark{false, 0, 0, 1000000000, 0, kUnknownQp, 0, false};
  EXPECT_EQ(encode_cloud({}, marked).size(), 34u + 1 + 25 + 1 + 4 + 4);
}

TEST(CodedCloud, ZeroPointsAndIntensitiesOfAnyRange) {
  const auto none = encode_cloud({}, header_of());
  PointCloud points{{1, 1, 1, 1}};
  CloudHeader header;
  std::string error;
  ASSERT_TRUE(decode_cloud(none.data(), none.size(), points, header, error)) << error;
  EXPECT_TRUE(points.empty());

  const auto wide = encode_cloud({{1, 2, 3, -10}, {3, 2, 1, 245}, {0, 0, 0, NAN}}, header_of());
  ASSERT_TRUE(decode_cloud(wide.data(), wide.size(), points, header, error)) << error;
  float low = 0, high = 0;
  for (const Point &p : points) {
    low = std::min(low, p.intensity);
    high = std::max(high, p.intensity);
  }
  EXPECT_NEAR(low, -10, 0.6);
  EXPECT_NEAR(high, 245, 0.6);
}

TEST(CodedCloud, RefusesWhatCannotBeCoded) {
  EXPECT_THROW(encode_cloud({{NAN, 0, 0, 0}}, header_of()), std::invalid_argument);
  CloudHeader fine = header_of();
  fine.resolution = 0;
  EXPECT_THROW(encode_cloud({}, fine), std::invalid_argument);
  CloudHeader short_of = header_of();
  short_of.counts.pop_back();
  EXPECT_THROW(encode_cloud({}, short_of), std::invalid_argument);
}

TEST(CodedCloud, SaysWhyItCannotBeRead) {
  const auto good = encode_cloud(street(50), header_of());
  const auto with = [&](std::size_t at, std::uint8_t value) {
    auto bytes = good;
    bytes.at(at) = value;
    seal(bytes);
    return why_not(bytes);
  };
  EXPECT_EQ(why_not({}), "it is no coded point cloud");
  EXPECT_EQ(with(0, 'X'), "it is no coded point cloud");
  EXPECT_EQ(with(4, 2), "it is of a version of the format that is not known here");
  EXPECT_EQ(with(5, 0x80), "it has flags that are not known here");
  EXPECT_EQ(with(6, 0xff), "its header is longer than it is");
  EXPECT_EQ(with(8, 0), "its header makes no sense") << "no sectors";
  EXPECT_EQ(with(14, 0x7f), "its header makes no sense") << "a resolution that is no number";
  EXPECT_EQ(with(29, 49), "Draco cannot read its points") << "fewer points than it has";
}

TEST(CodedCloud, NoticesDamage) {
  auto bytes = encode_cloud(street(50), header_of());
  bytes[bytes.size() / 2] ^= 1;
  EXPECT_EQ(why_not(bytes), "its checksum is wrong: bytes were changed or lost on the way");
  bytes[bytes.size() / 2] ^= 1;
  bytes.resize(bytes.size() - 10);
  EXPECT_EQ(why_not(bytes), "its checksum is wrong: bytes were changed or lost on the way");
  // Sealed again: Draco's count of points is another one than the header's.
  auto other = encode_cloud(street(50), header_of());
  other[34 + 1 + 4 + 11]++;
  seal(other);
  EXPECT_EQ(why_not(other), "Draco cannot read its points");
}
