// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include "core/vision/gray16.h"

using namespace oneadapt;

namespace {

TEST(Gray16, WholeRangeKeepsTheUpperByte) {
  const Gray16Table table{Gray16Mapping{}};
  EXPECT_EQ(table[0], 0);
  EXPECT_EQ(table[65535], 255);
  EXPECT_EQ(table[257], 1);  // 65535 / 255 = 257 numbers a level
  EXPECT_EQ(table[128], 0);  // 0.498 rounds down,
  EXPECT_EQ(table[129], 1);  // 0.502 up
  EXPECT_EQ(table[128 * 257], 128);
}

TEST(Gray16, TemperaturesOfALepton) {
  // TLinear: hundredths of a kelvin. 10 °C to 35.5 °C: a tenth of a degree a level.
  const Gray16Table table{Gray16Mapping{28315, 30865}};
  EXPECT_EQ(table[28315], 0);
  EXPECT_EQ(table[28325], 1);
  EXPECT_EQ(table[30315], 200);  // 30 °C
  EXPECT_EQ(table[30865], 255);
  EXPECT_EQ(table[27315], 0);    // 0 °C and
  EXPECT_EQ(table[37315], 255);  // 100 °C are clipped
}

TEST(Gray16, DepthNearIsBrightAndHolesAreFar) {
  // Half a metre is white, 5.6 metres black: 20 mm a level.
  const Gray16Table far_holes{Gray16Mapping{5600, 500, 0}};
  EXPECT_EQ(far_holes[500], 255);
  EXPECT_EQ(far_holes[520], 254);
  EXPECT_EQ(far_holes[5600], 0);
  EXPECT_EQ(far_holes[9000], 0);
  EXPECT_EQ(far_holes[100], 255);  // nearer than near
  EXPECT_EQ(far_holes[0], 0);      // not measured
  EXPECT_EQ(far_holes[1], 255);
  // Without a level for holes they would be the nearest thing in the picture.
  const Gray16Table no_holes{Gray16Mapping{5600, 500}};
  EXPECT_EQ(no_holes[0], 255);
  const Gray16Table middle{Gray16Mapping{500, 5600, 77}};
  EXPECT_EQ(middle[0], 77);
  EXPECT_EQ(middle[500], 0);
  EXPECT_EQ(middle[5600], 255);
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
