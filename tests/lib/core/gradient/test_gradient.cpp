// SPDX-License-Identifier: LGPL-2.1-or-later
// Utility, the block map, OutputGrad, smoothing, and numbers of intervals.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>

#include "core/gradient/gradient.h"

using namespace oneadapt;

TEST(Utility, IsZeroAtThetaAndSaturates) {
  EXPECT_DOUBLE_EQ(element_utility(0.5, 0.5), 0.0);
  // 2·sigmoid(20·0.1) − 1 = 2·0.880797 − 1
  EXPECT_NEAR(element_utility(0.6, 0.5), 0.761594, 1e-6);
  EXPECT_NEAR(element_utility(0.4, 0.5), -0.761594, 1e-6);
  EXPECT_NEAR(element_utility(0.9, 0.4, 8), 2 / (1 + std::exp(-4.0)) - 1, 1e-12);
}

TEST(BlockMap, CutsBlocksAtTheEdge) {
  const BlockMap m(40, 20);
  EXPECT_EQ(m.columns(), 3u);
  EXPECT_EQ(m.rows(), 2u);
  EXPECT_EQ(m.pixels(0, 0), 256u);
  EXPECT_EQ(m.pixels(2, 0), 8u * 16);
  EXPECT_EQ(m.pixels(2, 1), 8u * 4);
}

TEST(BlockMap, ResampleKeepsTheSumOverPixels) {
  BlockMap m(48, 32);
  for (std::size_t i = 0; i < m.values.size(); ++i) m.values[i] = float(i + 1);
  auto sum = [](const BlockMap &b) {
    double s = 0;
    for (unsigned r = 0; r < b.rows(); ++r)
      for (unsigned c = 0; c < b.columns(); ++c) s += double(b.at(c, r)) * b.pixels(c, r);
    return s;
  };
  for (auto [w, h] : {std::pair{96u, 64u}, {24u, 16u}, {50u, 30u}, {7u, 5u}})
    EXPECT_NEAR(sum(resample(m, w, h)), sum(m), 1e-4 * sum(m)) << w << "x" << h;
  // Twice the size: a value is shared by four pixels.
  EXPECT_NEAR(resample(m, 96, 64).at(1, 1), 1.0 / 4, 1e-6);
  EXPECT_NEAR(resample(m, 96, 64).at(2, 0), 2.0 / 4, 1e-6);
}

TEST(BlockMap, APowerOfItsValuesKeepsTheSumOverPixels) {
  BlockMap map(24, 16, 16);  // the second block has 8 columns
  map.values = {9, 1};
  raise_values(map, 0.5);
  // 1 and 1/3 of the peak, times (256 · 9 + 128 · 1) ÷ (256 · 1 + 128 / 3) = 8.142857.
  EXPECT_NEAR(map.values[0], 8.142857, 1e-5);
  EXPECT_NEAR(map.values[1], 8.142857 / 3, 1e-5);
  EXPECT_NEAR(256 * map.values[0] + 128 * map.values[1], 2432, 1e-3);
  map.values = {3e38f, 0};
  raise_values(map, 0.9);
  EXPECT_NEAR(map.values[0] / 3e38, 1, 1e-6);
  map.values = {0, 0};
  raise_values(map, 0.9);
  EXPECT_EQ(map.values, (std::vector<float>{0, 0}));
}

TEST(BlockMap, DifferenceAndOutputGradByHand) {
  std::vector<std::uint8_t> a(32 * 16, 10), b(32 * 16, 10);
  for (int y = 0; y < 16; ++y) b[y * 32 + 3] = 61;  // one column of the left block: 51 / 255 = 0.2 on 1 of 16 pixels
  const BlockMap d = mean_abs_difference(a.data(), 32, b.data(), 32, 32, 16);
  EXPECT_NEAR(d.at(0, 0), 0.2 / 16, 1e-7);
  EXPECT_EQ(d.at(1, 0), 0.0f);
  BlockMap g(32, 16);
  g.at(0, 0) = 0.5f;
  g.at(1, 0) = 9.0f;
  EXPECT_NEAR(output_grad(g, d), 0.5 * 0.2 / 16 * 256, 1e-5);
  EXPECT_THROW(output_grad(g, BlockMap(48, 16)), std::invalid_argument);
}

TEST(Gradient, SmootherLeavesInstantsWhereTheyAre) {
  GradientSmoother s(0.5);
  Gradient g;
  g.domain = Domain::Signal;
  g.map = BlockMap(800, 1, 80);
  g.map.at(2, 0) = 1;
  g.z = 4;
  s.push(g);
  g.map.at(2, 0) = 0;
  g.map.at(7, 0) = 1;
  g.z = 2;
  const Gradient out = s.push(g);
  EXPECT_EQ(out.map.values, g.map.values);
  EXPECT_DOUBLE_EQ(out.z, 3);
}

TEST(Gradient, WhatFollowsFromTheDomainDoesNotFollowFromTheHeight) {
  Gradient g;
  g.map = BlockMap(800, 1, 80);
  EXPECT_TRUE(g.averages_over_intervals());
  EXPECT_FALSE(g.micro_averaged());
  EXPECT_TRUE(g.fits_domain());
  GradientSmoother s(0.5);
  g.map.at(2, 0) = 1;
  s.push(g);
  g.map.at(2, 0) = 0;
  EXPECT_FLOAT_EQ(s.push(g).map.at(2, 0), 0.5) << "a picture of one row is averaged";
  g.domain = Domain::Signal;
  EXPECT_FALSE(g.averages_over_intervals());
  EXPECT_TRUE(g.micro_averaged());
  g.map = BlockMap(800, 2, 80);
  EXPECT_FALSE(g.fits_domain());
  EXPECT_EQ(domain_of(0), Domain::Grid);
  EXPECT_EQ(domain_of(1), Domain::Signal);
  EXPECT_EQ(domain_of(2), Domain::Space);
  EXPECT_EQ(domain_of(3), std::nullopt);
  g.domain = Domain::Space;
  EXPECT_TRUE(g.averages_over_intervals() && g.fits_domain());
}

TEST(BlockMap, SidesOf32Bits) {
  constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();
  const BlockMap m(kMost, 3, 1u << 31);  // one block of 2^31 columns, and one of a column less
  ASSERT_EQ(m.values.size(), 2u);
  EXPECT_EQ(m.pixels(0, 0), 3ull << 31);
  EXPECT_EQ(m.pixels(1, 0), 3ull * ((1u << 31) - 1));
  BlockMap values = m;
  values.values = {1, 3};
  // Two columns of blocks on four pixels: the halves, as many times the density.
  const BlockMap small = resample(values, 4, 3);
  ASSERT_EQ(small.values.size(), 1u);
  EXPECT_NEAR(small.at(0, 0) / (2.0 * kMost / 4), 1, 1e-6);
}

TEST(Gradient, SmootherAveragesOverIntervals) {
  GradientSmoother s(0.5);
  Gradient g;
  g.map = BlockMap(16, 16);
  g.map.values[0] = 4;
  g.z = 2;
  g.confident = 4;
  EXPECT_FLOAT_EQ(s.push(g).map.values[0], 4);
  g.map.values[0] = 0;
  g.z = 0;
  g.confident = 1;
  const Gradient out = s.push(g);
  EXPECT_FLOAT_EQ(out.map.values[0], 2);
  EXPECT_DOUBLE_EQ(out.z, 1);
  EXPECT_DOUBLE_EQ(s.confident(), 2.5);
  // Another frame size: the old map comes along, its sum kept.
  g.map = BlockMap(32, 32);
  EXPECT_NEAR(s.push(g).map.values[0], 2.0 / 4 / 2, 1e-6);
}

TEST(Gradient, Cosine) {
  EXPECT_DOUBLE_EQ(cosine({1, 0}, {0, 1}), 0);
  EXPECT_DOUBLE_EQ(cosine({3, 4}, {6, 8}), 1);
  EXPECT_DOUBLE_EQ(cosine({0, 0}, {6, 8}), 0);
  EXPECT_NEAR(cosine({1, 1}, {1, 0}), std::sqrt(0.5), 1e-12);
}

TEST(Interval, FloorsStreamTime) {
  EXPECT_EQ(interval_of(0, 1000), 0u);
  EXPECT_EQ(interval_of(999, 1000), 0u);
  EXPECT_EQ(interval_of(1000, 1000), 1u);
  EXPECT_EQ(interval_of(5, 0), 0u);
}
