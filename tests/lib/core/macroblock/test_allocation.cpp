// SPDX-License-Identifier: LGPL-2.1-or-later
// Macroblock quality by hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/macroblock/allocation.h"
#include "core/macroblock/map_model.h"

using namespace oneadapt;

namespace {

/// 9×9 blocks with one weight in the middle: blurred, it is spread over 3×3 blocks.
BlockMap peak(float value) {
  BlockMap map(144, 144);
  map.values.assign(81, 0);
  map.at(4, 4) = value;
  return map;
}

AllocationSettings settings(double share, double slope, double finest, double range) {
  AllocationSettings s;
  s.share = share;
  s.slope = slope;
  s.finest = finest;
  s.range = range;
  return s;
}

}  // namespace

TEST(Allocation, APeakIsSharpWithItsNeighboursAndTheRestIsNot) {
  const auto offsets = allocate_qp(peak(1), settings(0.3, 3, -2, 14));
  ASSERT_EQ(offsets.size(), 81u);
  for (unsigned y = 0; y < 9; ++y)
    for (unsigned x = 0; x < 9; ++x) {
      const bool near = x >= 3 && x <= 5 && y >= 3 && y <= 5;
      EXPECT_EQ(offsets[y * 9 + x], near ? -2 : 12) << x << " " << y;
    }
}
TEST(Allocation, AHalvedWeightCostsTheSlope) {
  // Columns in bands of three, each with half the weight of the one before; in the middle of a band the blur changes
  // nothing. The first band holds 1 / (1 + 1/2 + 1/4) = 57 % of the weight, more than the share.
  BlockMap map(144, 48);
  for (unsigned y = 0; y < 3; ++y)
    for (unsigned x = 0; x < 9; ++x) map.at(x, y) = float(std::exp2(-double(x / 3)));
  const auto offsets = allocate_qp(map, settings(0.3, 4, 0, 20));
  EXPECT_EQ(offsets[9 + 1], 0);
  EXPECT_EQ(offsets[9 + 4], 4);
  EXPECT_EQ(offsets[9 + 7], 8);
}
TEST(Allocation, EvenWeightsAreUniformAndFine) {
  BlockMap map(96, 96);
  map.values.assign(36, 0.5f);
  for (float o : allocate_qp(map, settings(0.3, 3, -2, 14))) EXPECT_EQ(o, -2);
}
TEST(Allocation, NoMapOverAFineBaseNorACoarseOne) {
  EXPECT_EQ(range_over(16, 18, 3), 0);
  EXPECT_EQ(range_over(20, 18, 3), 0) << "the most expensive rung saves nothing";
  EXPECT_EQ(range_over(21, 18, 3), 9);
  EXPECT_EQ(range_over(22, 18, 3), 18);
  EXPECT_EQ(range_over(36, 18, 3), 18);
  EXPECT_EQ(range_over(38, 18, 3), 9);
  EXPECT_EQ(range_over(40, 18, 3), 0);
  EXPECT_EQ(range_over(51, 18, 3), 0);
  EXPECT_EQ(range_over(30, 18, 0), 0) << "nothing to be sharp about";
}
TEST(RegionMap, BlocksThatAnEnlargedBoxTouches) {
  Gradient g;
  g.map = BlockMap(160, 160);  // 10 × 10 blocks
  g.regions = {{0.4, 0.4, 0.6, 0.5}, {0.95, 0.95, 1, 1}, {0.5, 0.5, 0.4, 0.4}};
  const BlockMap map = region_map(g, 0.3);
  // The first reaches from 0.34 to 0.66 and from 0.37 to 0.53; the second over the edge; the third is none.
  double sum = 0;
  for (float v : map.values) sum += v;
  EXPECT_EQ(sum, 4 * 3 + 1);
  EXPECT_EQ(map.at(3, 3), 1);
  EXPECT_EQ(map.at(6, 5), 1);
  EXPECT_EQ(map.at(7, 5), 0);
  EXPECT_EQ(map.at(9, 9), 1);
}
// 1 in a block is 1/9 in nine. Two halvings below that are 10 steps, from -2 to 8. Nine blocks get 1/36 each, so the
// sum is 1.25 before it is scaled.
TEST(Allocation, AnElementWithoutGradientStaysVisible) {
  BlockMap map(160, 160);
  map.at(2, 2) = 1;
  raise_elements(map, {{0.7, 0.7, 0.79, 0.79}});
  EXPECT_FLOAT_EQ(map.at(7, 7), 0.8f / 36);
  EXPECT_FLOAT_EQ(map.at(6, 8), 0.8f / 36);
  EXPECT_EQ(map.at(5, 7), 0);
  EXPECT_FLOAT_EQ(map.at(2, 2), 0.8f);
  const auto offsets = allocate_qp(map);
  EXPECT_EQ(offsets[7 * 10 + 7], 8);
  EXPECT_EQ(offsets[2 * 10 + 2], -2);
  EXPECT_EQ(offsets[9], 16) << "nothing is there";
  raise_elements(map, {{0.2, 0.2, 0.29, 0.29}, {-0.5, 0.9, 2, 1.5}});
  EXPECT_GT(map.at(0, 8), 0) << "clipped to the frame";
  BlockMap outside(160, 160);
  outside.at(2, 2) = 1;
  raise_elements(outside, {{-3, -3, -2, -2}, {2, 0, 1e30, 1}, {-1e30, 5, 1e30, 6}});
  EXPECT_EQ(outside.at(0, 0) + outside.at(9, 0) + outside.at(0, 9), 0) << "a box that is not in the frame";
  BlockMap none(160, 160);
  raise_elements(none, {{0, 0, 1, 1}});
  EXPECT_EQ(none.at(5, 5), 0) << "without a gradient there is no map";
  BlockMap empty;
  raise_elements(empty, {{0, 0, 1, 1}});
  EXPECT_TRUE(empty.values.empty());
}

TEST(Allocation, NoGradientNoMap) {
  BlockMap map(96, 96);
  map.values.assign(36, 0);
  EXPECT_TRUE(allocate_qp(map).empty());
  EXPECT_TRUE(allocate_qp(BlockMap()).empty());
  EXPECT_TRUE(allocate_qp(peak(1), settings(0.3, 3, -2, 0)).empty());
  EXPECT_TRUE(allocate_qp(peak(NAN)).empty());
}
TEST(Allocation, RangeGranularityAndEvenSteps) {
  AllocationSettings s = settings(0.3, 3, -2, 7);
  for (float o : allocate_qp(peak(3), s)) {
    EXPECT_EQ(std::fmod(o, 2), 0) << "steps of 1 are swallowed by x264";
    EXPECT_LE(o, 4) << "at most 7 coarser than the finest";
  }
  s.granularity = 3;
  const auto squares = allocate_qp(peak(3), s);
  for (unsigned y = 0; y < 9; ++y)
    for (unsigned x = 0; x < 9; ++x) EXPECT_EQ(squares[y * 9 + x], squares[y / 3 * 27 + x / 3 * 3]);
}
TEST(Allocation, WhatIsCodedIsKnownInAdvance) {
  for (const auto &[base, offset, coded] : std::vector<std::tuple<int, float, int>>{
           {30, 0, 30},        {30, 2, 32},     {30, -2, 28},                  // even steps as they are
           {30, 1, 30},        {30, 3, 32},     {30, -1, 28},   {30, -3, 26},  // odd ones a step finer
           {30, 0.4f, 30},     {30, -0.4f, 30}, {30, 1.6f, 32}, {30, 2.4f, 32}, {30, 2.6f, 32},  // to an integer first
           {35, 51, 51},       {36, 51, 50},    {35, -51, 1},   {36, -51, 0},  // to the ends, an even number of steps
           {0, 51, 50},        {1, 50, 51},     {51, -51, 1},   {50, -51, 0},   {0, -1, 0},     {1, -2, 1},
           {51, 1, 51},        {50, 2, 50},     {49, 2, 51},    {30, 1e9f, 50}, {31, -1e9f, 1}, {30, INFINITY, 50},
           {31, -INFINITY, 1}, {30, NAN, 30}})
    EXPECT_EQ(coded_qp(base, offset), coded) << base << " + " << offset;
  for (int base = 0; base <= 51; base++)
    for (int offset = -60; offset <= 60; offset++) {
      const int coded = coded_qp(base, float(offset));
      EXPECT_TRUE(coded >= 0 && coded <= 51 && (coded - base) % 2 == 0) << base << " + " << offset;
      EXPECT_LE(coded, std::max(base + offset, base % 2)) << "never coarser than asked, but for the end";
    }
}
TEST(Allocation, StretchedByRelativePosition) {
  const std::vector<float> two{0, 8};
  EXPECT_EQ(stretch_offsets(two, 2, 1, 4, 2), (std::vector<float>{0, 0, 8, 8, 0, 0, 8, 8}));
  EXPECT_EQ(stretch_offsets({1, 2, 3, 4}, 4, 1, 2, 1), (std::vector<float>{2, 4}));  // centres at 1/4 and 3/4
  EXPECT_EQ(stretch_offsets(two, 2, 1, 2, 1), two);
  EXPECT_TRUE(stretch_offsets(two, 3, 1, 4, 1).empty());
}

TEST(Texture, LaplacianByHand) {
  // 4×4 in one block: of the inner four pixels one is 8 above the rest: |4·8| there, |−8| at its two inner neighbours,
  // 0 at the one across; mean 48 / 4, a quarter of it.
  std::vector<std::uint8_t> luma(16, 100);
  luma[5] = 108;
  const BlockMap map = block_texture(luma.data(), 4, 4, 4);
  ASSERT_EQ(map.values.size(), 1u);
  EXPECT_FLOAT_EQ(map.values[0], 3);
}
TEST(MapModel, BitsHalveEverySixStepsAndGoByTexture) {
  BlockMap texture(32, 16);
  texture.values = {1.5f, 5.5f};  // 2 and 6 with what a plain block costs
  const MapModel uniform(texture, {});
  EXPECT_DOUBLE_EQ(uniform.resource(20), 1);
  EXPECT_DOUBLE_EQ(uniform.resource(26), 0.5);
  EXPECT_DOUBLE_EQ(uniform.resource(32), 0.25);
  // The second block 12 coarser: (2 + 6 / 4) / 8.
  EXPECT_DOUBLE_EQ(MapModel(texture, {0, 12}).resource(20), 3.5 / 8);
  // What is coded counts: 13 as 12, and over QP 32 an offset of 51 as 18.
  EXPECT_DOUBLE_EQ(MapModel(texture, {0, 13}).resource(20), 3.5 / 8);
  EXPECT_DOUBLE_EQ(MapModel(texture, {0, 51}).resource(32), (2 + 6 / 8.0) / 8 / 4);
  EXPECT_THROW(MapModel(texture, {0}), std::invalid_argument);
}
TEST(MapModel, ErrorsGrowUpToWhatThereIsToLose) {
  BlockMap texture(32, 16);
  texture.values = {0.0f, 20.0f};
  const MapModel model(texture, {});
  const BlockMap fine = model.change(20, 24), coarse = model.change(44, 48);
  EXPECT_GT(coarse.values[1], fine.values[1]);
  EXPECT_LE(coarse.values[0], 0.25 * std::sqrt(2.0) / 255 + 1e-7);
  EXPECT_LE(coarse.values[1], 20.25 * std::sqrt(2.0) / 255);
  EXPECT_GT(fine.values[1], fine.values[0]);
}
TEST(MapModel, AnotherHalving) {
  BlockMap texture(32, 16);
  texture.values = {1.5f, 5.5f};
  EXPECT_DOUBLE_EQ(MapModel(texture, {}, 4).resource(28), 0.25);
  EXPECT_DOUBLE_EQ(MapModel(texture, {}, 4).log_bits(0), 3);
  EXPECT_THROW(MapModel(texture, {}, 0), std::invalid_argument);
}
TEST(RateFit, FindsTheHalvingOfTheBytes) {
  BlockMap texture(32, 16);
  texture.values = {1.5f, 5.5f};
  for (double truth : {3.5, 6.0, 9.0}) {
    RateFit fit;
    EXPECT_EQ(fit.halving(), 6) << "nothing known";
    for (int i = 0; i < 4; ++i) fit.observe(texture, {}, 24, 5000);
    EXPECT_EQ(fit.halving(), 6) << "one QP says nothing";
    for (int i = 0; i < 12; ++i) {
      const double qp = 24 + 4 * (i % 4);
      const std::vector<float> offsets = i % 3 ? std::vector<float>{0, float(2 * (i % 5))} : std::vector<float>{};
      fit.observe(
          texture, offsets, qp,
          5000 * std::exp2(MapModel(texture, offsets, truth).log_bits(qp) - MapModel(texture, {}, truth).log_bits(24)));
    }
    EXPECT_NEAR(fit.halving(), truth, 1.01) << "what is usual pulls a little";
  }
}
TEST(RateFit, ForgetsAndTakesNoNonsense) {
  BlockMap texture(16, 16);
  texture.values = {4};
  RateFit fit;
  fit.observe(texture, {}, 24, 0);
  fit.observe(texture, {}, 24, NAN);
  const auto run = [&](double truth) {
    for (int i = 0; i < 40; ++i) {
      const double qp = 24 + 4 * (i % 4);
      fit.observe(texture, {}, qp, 1e4 * std::exp2(-qp / truth));
    }
  };
  run(4);
  EXPECT_EQ(fit.halving(), 4);
  run(8);
  EXPECT_NEAR(fit.halving(), 8, 0.51);
}
