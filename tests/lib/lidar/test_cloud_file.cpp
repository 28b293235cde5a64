// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>
#include <lzf.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <string>

#include "lidar/cloud_file.h"

using namespace oneadapt;

namespace {

template <class T>
void add(std::string &bytes, T value) {
  bytes.append(reinterpret_cast<const char *>(&value), sizeof value);
}

CloudFile read(const std::string &bytes) {
  return read_cloud(reinterpret_cast<const std::uint8_t *>(bytes.data()), bytes.size());
}
std::string error_of(const std::string &bytes) {
  try {
    read(bytes);
  } catch (const CloudError &error) {
    return error.what();
  }
  return "no error";
}
void expect_error(const std::string &bytes, const char *part) {
  EXPECT_NE(error_of(bytes).find(part), std::string::npos) << error_of(bytes);
}
void expect_points(const CloudFile &file, const PointCloud &points) {
  ASSERT_EQ(file.points.size(), points.size());
  EXPECT_EQ(std::memcmp(file.points.data(), points.data(), points.size() * sizeof(Point)), 0);
}

std::string pcd(const std::string &fields, const std::string &size, const std::string &type, const std::string &count,
                unsigned points, const std::string &data) {
  const std::string n = std::to_string(points);
  return "# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\nFIELDS " + fields + "\nSIZE " + size + "\nTYPE " +
         type + "\nCOUNT " + count + "\nWIDTH " + n + "\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\nPOINTS " + n + "\nDATA " +
         data + "\n";
}

/// A double x, an unused pair of bytes, a signed z of 16 bits, a float y, an intensity of 8 bits.
const std::string kMixed = "x rgb z y intensity", kMixedSize = "8 1 2 4 1", kMixedType = "F U I F U",
                  kMixedCount = "1 2 1 1 1";
const PointCloud kMixedPoints{{1.5f, 2.5f, -3, 200}, {-4, 0.25f, 300, 7}};

std::string mixed_plain() {
  std::string bytes;
  for (const Point &p : kMixedPoints) {
    add<double>(bytes, p.x);
    add<std::uint16_t>(bytes, 0xabcd);
    add<std::int16_t>(bytes, std::int16_t(p.z));
    add<float>(bytes, p.y);
    add<std::uint8_t>(bytes, std::uint8_t(p.intensity));
  }
  return bytes;
}

/// The same, field by field.
std::string mixed_by_field() {
  std::string bytes;
  for (const Point &p : kMixedPoints) add<double>(bytes, p.x);
  for (std::size_t i = 0; i < 2; i++) add<std::uint16_t>(bytes, 0xabcd);
  for (const Point &p : kMixedPoints) add<std::int16_t>(bytes, std::int16_t(p.z));
  for (const Point &p : kMixedPoints) add<float>(bytes, p.y);
  for (const Point &p : kMixedPoints) add<std::uint8_t>(bytes, std::uint8_t(p.intensity));
  return bytes;
}

std::string compressed(const std::string &bytes) {
  std::string packed(bytes.size() * 2 + 64, '\0');
  packed.resize(lzf_compress(bytes.data(), unsigned(bytes.size()), packed.data(), unsigned(packed.size())));
  std::string out;
  add<std::uint32_t>(out, std::uint32_t(packed.size()));
  add<std::uint32_t>(out, std::uint32_t(bytes.size()));
  return out + packed;
}

}  // namespace

TEST(CloudFile, ReadsKitti) {
  std::string bytes;
  for (float value : {1.0f, -2.0f, 0.5f, 0.25f, 30.0f, 4.0f, -1.5f, 0.99f}) add(bytes, value);
  expect_points(read(bytes), {{1, -2, 0.5f, 0.25f}, {30, 4, -1.5f, 0.99f}});
  EXPECT_EQ(read("").points.size(), 0u) << "a turn in which nothing was hit";
  expect_error(bytes.substr(0, 25), "25 bytes are not a whole number of points of 16 bytes");
}

TEST(CloudFile, LeavesOutPointsWithoutAPlace) {
  std::string bytes;
  for (float value : {1.0f, 2.0f, 3.0f, NAN, NAN, 2.0f, 3.0f, 0.5f, 1.0f, INFINITY, 0.0f, 0.0f}) add(bytes, value);
  const CloudFile file = read(bytes);
  expect_points(file, {{1, 2, 3, 0}});
  EXPECT_EQ(file.without_place, 2u);
}

TEST(CloudFile, ReadsPcdAsText) {
  const CloudFile file = read(pcd("intensity x y z", "4 4 4 4", "F F F F", "1 1 1 1", 3, "ascii") +
                              "0.5 1 -2 3e0\n0.25 nan nan nan\n+1 4 5 6\n");
  expect_points(file, {{1, -2, 3, 0.5f}, {4, 5, 6, 1}});
  EXPECT_EQ(file.without_place, 1u);
}

TEST(CloudFile, ReadsOtherFieldsAndTypes) {
  expect_points(read(pcd(kMixed, kMixedSize, kMixedType, kMixedCount, 2, "binary") + mixed_plain()), kMixedPoints);
  expect_points(read(pcd(kMixed, kMixedSize, kMixedType, kMixedCount, 2, "ascii") +
                     "1.5 0 0 -3 2.5 200\r\n-4 0 0 300 0.25 7\r\n"),
                kMixedPoints);
  expect_points(
      read(pcd(kMixed, kMixedSize, kMixedType, kMixedCount, 2, "binary_compressed") + compressed(mixed_by_field())),
      kMixedPoints);
}

TEST(CloudFile, TakesReflectivityForIntensityAndNoneForZero) {
  expect_points(read(pcd("x y z reflectivity", "4 4 4 2", "F F F U", "1 1 1 1", 1, "ascii") + "1 2 3 9\n"),
                {{1, 2, 3, 9}});
  expect_points(read(pcd("x y z", "4 4 4", "F F F", "1 1 1", 1, "ascii") + "1 2 3\n"), {{1, 2, 3, 0}});
}

TEST(CloudFile, SaysWhereAFileIsCutShort) {
  const auto head = [](const char *data) { return pcd(kMixed, kMixedSize, kMixedType, kMixedCount, 2, data); };
  expect_error(head("binary").substr(0, 60), "ends within its header");
  expect_error(head("binary") + mixed_plain().substr(0, 20), "promises 2 points, and 1 points are there");
  expect_error(head("ascii") + "1.5 0 0 -3 2.5 200\n-4 0", "promises 2 points, and 1 points are there");
  const std::string packed = compressed(mixed_by_field());
  expect_error(head("binary_compressed") + packed.substr(0, 6), "is cut short");
  expect_error(head("binary_compressed") + packed.substr(0, packed.size() - 5), "is cut short");
}

TEST(CloudFile, SaysWhatIsWrongWithAHeader) {
  const std::string point = "1 2 3\n";
  expect_error(pcd("x y q", "4 4 4", "F F F", "1 1 1", 1, "ascii") + point, "no field \"z\"");
  expect_error(pcd("x y z", "4 4 2", "F F F", "1 1 1", 1, "ascii") + point, "field \"z\" has TYPE F and SIZE 2");
  expect_error(pcd("x y z", "4 4", "F F F", "1 1 1", 1, "ascii") + point, "one entry for each of the 3 names");
  expect_error(pcd("x y z", "4 4 4", "F F F", "1 1 1", 1, "base64") + point, "its line DATA says \"base64\"");
  expect_error(pcd("x y z", "4 4 4", "F F F", "1 1 a", 1, "ascii") + point, "\"a\", which is no number");
  expect_error(pcd("x y z", "4 4 4", "F F F", "1 1 1", 200000000, "ascii") + point, "more than 16777216 points");
  expect_error("VERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nWIDTH 2\nHEIGHT 1\nPOINTS 3\nDATA ascii\n",
               "do not agree");
  expect_error("VERSION 0.7\nFIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nDATA ascii\n",
               "neither WIDTH and HEIGHT nor POINTS");
  expect_error(pcd("x y z", "4 4 4", "F F F", "1 1 1", 1, "ascii") + "1 two 3\n", "\"two\", which is no number");
}

TEST(CloudFile, RefusesCompressedDataThatPromisesTooMuch) {
  std::string bytes;
  add<std::uint32_t>(bytes, 4);
  add<std::uint32_t>(bytes, 12 * 1000000);
  bytes += "abcd";
  expect_error(pcd("x y z", "4 4 4", "F F F", "1 1 1", 1000000, "binary_compressed") + bytes, "of another size");
  std::string damaged = compressed(mixed_by_field());
  for (std::size_t i = 8; i < damaged.size(); i++) damaged[i] = '\x7f';
  expect_error(pcd(kMixed, kMixedSize, kMixedType, kMixedCount, 2, "binary_compressed") + damaged, "is damaged");
}
