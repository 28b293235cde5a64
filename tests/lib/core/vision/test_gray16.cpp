// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <cstdint>
#include <map>

#include "core/vision/gray16.h"

using namespace oneadapt;

namespace {

void expect_levels(const Gray16Mapping &mapping, const std::map<unsigned, int> &levels) {
  const Gray16Table table{mapping};
  for (const auto &[number, level] : levels) EXPECT_EQ(table[std::uint16_t(number)], level) << number;
}

TEST(Gray16, WholeRangeKeepsTheUpperByte) {
  // 65535 / 255 = 257 numbers a level: 128 / 257 = 0.498 rounds down, 129 / 257 = 0.502 up.
  expect_levels(Gray16Mapping{}, {{0, 0}, {128, 0}, {129, 1}, {257, 1}, {128 * 257, 128}, {65535, 255}});
}

TEST(Gray16, TemperaturesOfALepton) {
  // TLinear: hundredths of a kelvin. 10 °C to 35.5 °C: a tenth of a degree a level; 30 °C. 0 and 100 °C are clipped.
  expect_levels({28315, 30865}, {{28315, 0}, {28325, 1}, {30315, 200}, {30865, 255}, {27315, 0}, {37315, 255}});
}

TEST(Gray16, DepthNearIsBrightAndHolesAreFar) {
  // Half a metre is white, 5.6 metres black: 20 mm a level. 100 mm are nearer than near, 0 was not measured.
  expect_levels({5600, 500, 0}, {{500, 255}, {520, 254}, {5600, 0}, {9000, 0}, {100, 255}, {0, 0}, {1, 255}});
  // Without a level for holes they would be the nearest thing in the picture.
  expect_levels({5600, 500}, {{0, 255}});
  expect_levels({500, 5600, 77}, {{0, 77}, {500, 0}, {5600, 255}});
}

TEST(Gray16, OneNumberIsAStep) {
  const Gray16Table table{Gray16Mapping{1000, 1000}};
  EXPECT_EQ(table[1000], 0);
  EXPECT_EQ(table[1001], 255);
}

TEST(Gray16, ConvertsRowsOfAnyStride) {
  // Two rows of two numbers, 5 bytes apart, little endian: 257 × (1, 2), 257 × (3, 255).
  const std::uint8_t in[] = {1, 1, 2, 2, 99, 3, 3, 255, 255};
  std::uint8_t out[8] = {9, 9, 9, 9, 9, 9, 9, 9};
  Gray16Table table{Gray16Mapping{}};
  table.convert(in, 5, out, 3, 2, 2);
  const std::uint8_t expected[8] = {1, 2, 9, 3, 255, 9, 9, 9};
  for (int i = 0; i < 8; ++i) EXPECT_EQ(out[i], expected[i]) << i;
  std::uint8_t rgb[6] = {};
  table.convert(in, 5, rgb, 6, 2, 1, 3);
  const std::uint8_t colours[6] = {1, 1, 1, 2, 2, 2};
  for (int i = 0; i < 6; ++i) EXPECT_EQ(rgb[i], colours[i]) << i;
}

}  // namespace
