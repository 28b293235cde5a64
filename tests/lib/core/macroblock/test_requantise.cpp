// SPDX-License-Identifier: LGPL-2.1-or-later
// Quantising a picture, by hand: grey pictures, so that a change of the luma by d changes each colour by 1.164 d.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "core/macroblock/requantise.h"

using namespace oneadapt;

namespace {

constexpr unsigned kWidth = 48, kHeight = 32;

struct Grey {
  std::vector<std::uint8_t> rgb = std::vector<std::uint8_t>(3 * kWidth * kHeight, 100);
  void set(unsigned x, unsigned y, double value) {
    for (unsigned c = 0; c < 3; ++c) rgb[3 * (y * kWidth + x) + c] = std::uint8_t(std::lround(value));
  }
  int at(unsigned x, unsigned y) const { return rgb[3 * (y * kWidth + x) + 1]; }
  RgbPicture picture() { return {rgb.data(), kWidth, kHeight, 3 * kWidth}; }
};

/// Columns that go up and down by `amplitude` with a period of two pixels.
Grey stripes(double amplitude) {
  Grey g;
  for (unsigned y = 0; y < kHeight; ++y)
    for (unsigned x = 0; x < kWidth; ++x) g.set(x, y, 100 + (x % 2 ? amplitude : -amplitude));
  return g;
}

int contrast(const Grey &g, unsigned x, unsigned y) { return std::abs(g.at(x, y) - g.at(x + 1, y)); }

}  // namespace

TEST(Requantise, LeavesAFineCodingAlone) {
  Grey g = stripes(20);
  requantise(g.picture(), 0);
  for (unsigned y = 0; y < kHeight; ++y)
    for (unsigned x = 0; x < kWidth; ++x) EXPECT_NEAR(g.at(x, y), x % 2 ? 120 : 80, 1);
}

TEST(Requantise, WhatIsLessThanTwoThirdsOfAStepIsGone) {
  // Luma of ±a: 0.859 · a. Its greatest coefficient is the seventh: 8 · 0.906 · that = 6.2 a (of 64 a² the others
  // have a sixth). At QP 40 a step is 2^6 = 64: two thirds of it are 42.7, so a = 6 (37) goes and a = 8 (50) stays.
  Grey faint = stripes(6), strong = stripes(8);
  requantise(faint.picture(), 40);
  requantise(strong.picture(), 40);
  EXPECT_LE(contrast(faint, 20, 16), 1);
  EXPECT_GE(contrast(strong, 20, 16), 10);
}

TEST(Requantise, EachMacroblockHasItsQp) {
  Grey g = stripes(6);
  // 3 × 2 macroblocks; the one on the right above stays fine.
  requantise(g.picture(), 40, {0, 0, -30, 0, 0, 0});
  EXPECT_LE(contrast(g, 6, 6), 1);
  EXPECT_GE(contrast(g, 40, 6), 10);
  EXPECT_LE(contrast(g, 40, 26), 1);
  EXPECT_THROW(requantise(g.picture(), 40, {0, 0}), std::invalid_argument);
}

TEST(Requantise, TakesOddAndTinyPictures) {
  for (unsigned size : {1u, 3u, 17u}) {
    std::vector<std::uint8_t> rgb(3 * size * size, 90);
    requantise({rgb.data(), size, size, 3 * size}, 28);
    for (std::uint8_t v : rgb) EXPECT_NEAR(v, 90, 3);
  }
  requantise({nullptr, 0, 0, 0}, 28);
}

TEST(Requantise, ColourIsCoarserThanLight) {
  // Red and blue stripes of the same luma, four pixels wide: chroma of half the size and its own QP.
  std::vector<std::uint8_t> rgb(3 * kWidth * kHeight);
  for (unsigned y = 0; y < kHeight; ++y)
    for (unsigned x = 0; x < kWidth; ++x) {
      std::uint8_t *p = &rgb[3 * (y * kWidth + x)];
      const bool red = x / 4 % 2;
      p[0] = red ? 110 : 90, p[1] = 100, p[2] = red ? 90 : 110;
    }
  const auto before = rgb;
  requantise({rgb.data(), kWidth, kHeight, 3 * kWidth}, 10);
  EXPECT_NEAR(rgb[3 * (16 * kWidth + 20)], before[3 * (16 * kWidth + 20)], 3);
  requantise({rgb.data(), kWidth, kHeight, 3 * kWidth}, 46);
  EXPECT_NEAR(rgb[3 * (16 * kWidth + 20)], rgb[3 * (16 * kWidth + 25)], 3) << "one colour is left";
}
