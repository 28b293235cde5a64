// SPDX-License-Identifier: LGPL-2.1-or-later
// Frame filtering: features, units, thresholds, replays; by hand on small pictures.
#include <gtest/gtest.h>

#include <cmath>

#include "core/frames/frame_filter.h"

using namespace oneadapt;

namespace {

/// 64×32 pixels, 16×8 cells: grey 100, but for a rectangle of cells.
FrameFilter::Frame picture(unsigned x = 0, unsigned y = 0, unsigned w = 0, unsigned h = 0, std::uint8_t value = 200) {
  std::vector<std::uint8_t> luma(64 * 32, 100);
  for (unsigned row = y * 4; row < (y + h) * 4; ++row)
    for (unsigned column = x * 4; column < (x + w) * 4; ++column) luma[row * 64 + column] = value;
  return std::make_shared<Cells>(luma_cells(luma.data(), 64, 64, 32));
}

/// `filter` after an interval of pictures in which `cells` of the 128 cells change from each to the next.
void learn(FrameFilter &filter, unsigned cells) {
  for (int i = 0; i < 10; ++i) {
    const auto frame = i % 2 ? picture(0, 0, cells, 1) : picture();
    filter.observe(frame);
    filter.keep(frame, {}, false);
  }
  filter.begin_interval();
}

}  // namespace

TEST(LumaCells, AreMeansOfFourByFourPixels) {
  std::vector<std::uint8_t> luma(10 * 9);  // what is left over at the right and at the bottom is not looked at
  for (std::size_t i = 0; i < luma.size(); ++i) luma[i] = std::uint8_t(i);
  const Cells cells = luma_cells(luma.data(), 10, 10, 9);
  EXPECT_EQ(cells.cell, 4u);
  EXPECT_EQ(cells.columns, 2u);
  EXPECT_EQ(cells.rows, 2u);
  // Rows 0…3, columns 0…3: mean of 10y + x = 15 + 1.5, rounded up.
  EXPECT_EQ(cells.values, (std::vector<std::uint8_t>{17, 21, 57, 61}));
}
TEST(LumaCells, AreOfEightPixelsInLargePictures) {
  const std::vector<std::uint8_t> luma(1920 * 16, 7);
  const Cells cells = luma_cells(luma.data(), 1920, 1920, 16);
  EXPECT_EQ(cells.cell, 8u);
  EXPECT_EQ(cells.columns, 240u);
  EXPECT_EQ(cells.values, std::vector<std::uint8_t>(480, 7));
}

TEST(FrameDifference, CountsCellsAndTheLargestRegion) {
  // 3×2 cells here, 1×1 there, which touches nothing: 7 of 128 cells, the largest region 6.
  auto luma = [](bool changed) {
    std::vector<std::uint8_t> l(64 * 32, 100);
    if (changed)
      for (unsigned y = 0; y < 32; ++y)
        for (unsigned x = 0; x < 64; ++x)
          if ((x / 4 < 3 && y / 4 < 2) || (x / 4 == 10 && y / 4 == 5)) l[y * 64 + x] = 150;
    return luma_cells(l.data(), 64, 64, 32);
  };
  const FrameDifference d = frame_difference(luma(true), luma(false));
  EXPECT_DOUBLE_EQ(d.pixel, 7 / 128.0);
  EXPECT_DOUBLE_EQ(d.area, 6 / 128.0);
}
TEST(FrameDifference, CornersTouch) {
  std::vector<std::uint8_t> l(64 * 32, 100);
  const Cells before = luma_cells(l.data(), 64, 64, 32);
  for (unsigned y = 0; y < 8; ++y)
    for (unsigned x = 0; x < 8; ++x)
      if (x / 4 == y / 4) l[y * 64 + x] = 150;
  EXPECT_DOUBLE_EQ(frame_difference(luma_cells(l.data(), 64, 64, 32), before).area, 2 / 128.0);
}
TEST(FrameDifference, IgnoresTenLevelsOfNoise) {
  EXPECT_EQ(frame_difference(*picture(0, 0, 4, 4, 110), *picture()).pixel, 0);
  EXPECT_DOUBLE_EQ(frame_difference(*picture(0, 0, 4, 4, 111), *picture()).pixel, 16 / 128.0);
}
TEST(FrameDifference, OfTwoSizesIsEverything) {
  const std::vector<std::uint8_t> luma(32 * 32, 100);
  const FrameDifference d = frame_difference(luma_cells(luma.data(), 32, 32, 32), *picture());
  EXPECT_EQ(d.pixel, 1);
  EXPECT_EQ(d.area, 1);
}

TEST(CellChange, IsAMeanABlock) {
  // Half of the first block's 16 cells changed by 51 = 0.2 of 255.
  const BlockMap map = cell_change(*picture(0, 0, 2, 4, 151), *picture(), 1);
  ASSERT_EQ(map.values.size(), 8u);
  EXPECT_NEAR(map.values[0], 0.1, 1e-6);
  EXPECT_EQ(map.values[1], 0);
  EXPECT_NEAR(cell_change(*picture(0, 0, 2, 4, 151), *picture(), 255.0 / 219).values[0], 0.1 * 255 / 219, 1e-6);
}

TEST(FrameFilter, WithoutThresholdsSendsEverything) {
  FrameFilter filter;
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(filter.keep(picture(), {}, false));
}
TEST(FrameFilter, SendsTheFirstFrameAndWhateverMustBe) {
  FrameFilter filter;
  EXPECT_TRUE(filter.keep(picture(), {0, 0, 5}, false));
  EXPECT_FALSE(filter.keep(picture(), {0, 0, 5}, false));
  EXPECT_TRUE(filter.keep(picture(), {0, 0, 5}, true));
}
TEST(FrameFilter, FirstIntervalHasNoUnits) {
  FrameFilter filter;
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(filter.keep(picture(), {8, 0, 0}, false));
}
TEST(FrameFilter, ThresholdsAreInUnitsOfTheStream) {
  // 4 of 128 cells change from frame to frame, always: mean 4/128, deviation 0.
  FrameFilter filter;
  learn(filter, 4);
  const FilterThresholds twice{2, 0, 0};
  filter.keep(picture(), twice, true);
  EXPECT_FALSE(filter.keep(picture(0, 0, 8, 1), twice, false));  // exactly twice the usual
  EXPECT_TRUE(filter.keep(picture(0, 0, 9, 1), twice, false));
  FrameFilter busier;
  learn(busier, 8);
  busier.keep(picture(), twice, true);
  EXPECT_FALSE(busier.keep(picture(0, 0, 16, 1), twice, false));
}
TEST(FrameFilter, MeasuresAgainstTheLastFrameSent) {
  FrameFilter filter;
  learn(filter, 2);
  const FilterThresholds t{2, 0, 0};  // 4 cells
  filter.keep(picture(), t, true);
  // A creeping change: 2 cells a frame.
  EXPECT_FALSE(filter.keep(picture(0, 0, 2, 1), t, false));
  EXPECT_FALSE(filter.keep(picture(0, 0, 4, 1), t, false));
  EXPECT_TRUE(filter.keep(picture(0, 0, 6, 1), t, false));
  EXPECT_FALSE(filter.keep(picture(0, 0, 8, 1), t, false));
}
TEST(FrameFilter, DropsWhatAnyThresholdSays) {
  FrameFilter filter;
  learn(filter, 4);  // the usual: 4 cells, in one region
  filter.keep(picture(), {1, 2, 0}, true);
  EXPECT_FALSE(filter.keep(picture(0, 0, 8, 1), {1, 2, 0}, false));  // an area of 8
  EXPECT_TRUE(filter.keep(picture(0, 0, 9, 1), {1, 2, 0}, false));
  filter.keep(picture(), {1, 2, 0}, true);
  EXPECT_FALSE(filter.keep(picture(0, 0, 8, 1), {1, 0, 0.5}, false));  // too many pixels, but little lost yet
}
TEST(FrameFilter, StillPicturesHaveAUnitAllTheSame) {
  FrameFilter filter;
  for (int i = 0; i < 10; ++i) filter.observe(picture());
  filter.begin_interval();
  filter.keep(picture(), {16, 0, 0}, true);
  EXPECT_FALSE(filter.keep(picture(), {16, 0, 0}, false));
  EXPECT_TRUE(filter.keep(picture(0, 0, 1, 1), {16, 0, 0}, false));  // 1/128 > 16 · 10⁻⁴
}
TEST(FrameFilter, KeepsAMaximumGap) {
  FrameFilter filter;
  std::string sent;
  for (int i = 0; i < 10; ++i) sent += filter.keep(picture(), {0, 0, 1000}, false, 3) ? 'x' : '.';
  EXPECT_EQ(sent, "x...x...x.");
}
TEST(FrameFilter, AnotherSizeIsSent) {
  FrameFilter filter;
  filter.keep(picture(), {0, 0, 1000}, false);
  const std::vector<std::uint8_t> luma(32 * 32, 100);
  EXPECT_TRUE(filter.keep(std::make_shared<Cells>(luma_cells(luma.data(), 32, 32, 32)), {0, 0, 1000}, false));
}
TEST(FrameFilter, ResetForgetsTheFrameSent) {
  FrameFilter filter;
  filter.keep(picture(), {0, 0, 1000}, false);
  filter.reset();
  EXPECT_TRUE(filter.keep(picture(), {0, 0, 1000}, false));
}

TEST(ChangeThreshold, AddsUpWhatIsLost) {
  // A still picture: nothing but the 0.02 a frame that an unseen one costs. 0.11 is passed by the sixth.
  FrameFilter filter;
  std::string sent;
  for (int i = 0; i < 13; ++i) sent += filter.keep(picture(), {0, 0, 0.11}, false) ? 'x' : '.';
  EXPECT_EQ(sent, "x.....x.....x");
}
TEST(ChangeThreshold, LooksWhereTheDnnLooks) {
  FrameFilter filter;
  BlockMap gradient(64, 32);
  gradient.at(0, 0) = 0.5;  // the first block only
  filter.set_gradient(gradient, 2);
  filter.keep(picture(), {0, 0, 1}, true);
  EXPECT_DOUBLE_EQ(filter.loss(*picture()), 0.02);
  EXPECT_DOUBLE_EQ(filter.loss(*picture(8, 4, 4, 4)), 0.02);  // another block
  // All 256 pixels of the first block by 100/255 · 255/219, weight 0.5, two elements: 0.0028 · 58.447 / 2 = 0.08183;
  // levelled off at 0.3.
  EXPECT_NEAR(filter.loss(*picture(0, 0, 4, 4)), 0.02 + 0.3 * (1 - std::exp(-0.0028 * 256 * 0.5 * 100 / 219 / 2 / 0.3)),
              1e-6);
}
TEST(ChangeThreshold, TakesAGradientOfAnotherSize) {
  FrameFilter small, large;
  BlockMap map(64, 32), doubled(128, 64);
  map.at(0, 0) = 0.4f;
  for (unsigned y = 0; y < 2; ++y)
    for (unsigned x = 0; x < 2; ++x) doubled.at(x, y) = 0.1f;  // four times the pixels
  small.set_gradient(map, 1);
  large.set_gradient(doubled, 1);
  for (FrameFilter *f : {&small, &large}) f->keep(picture(), {0, 0, 1}, true);
  EXPECT_NEAR(small.loss(*picture(0, 0, 4, 4)), large.loss(*picture(0, 0, 4, 4)), 1e-6);
}
TEST(ChangeThreshold, WithoutAGradientEveryPixelCounts) {
  FrameFilter filter;
  filter.keep(picture(), {0, 0, 1}, true);
  const double mean = 16 / 128.0 * 100 / 219;
  EXPECT_NEAR(filter.loss(*picture(0, 0, 4, 4)), 0.02 + 0.3 * (1 - std::exp(-5 * mean / 0.3)), 1e-6);
  EXPECT_NEAR(filter.loss(*picture(8, 4, 4, 4)), filter.loss(*picture(0, 0, 4, 4)), 1e-9);
}
TEST(ChangeThreshold, IsTheGapThatPays) {
  // Losses that grow by ρ a frame, ρ small against where they level off: sent at √(2λ/ρ) frames.
  FrameFilter filter;
  BlockMap gradient(64, 32);
  gradient.at(0, 0) = 1;
  filter.set_gradient(gradient, 1);
  filter.keep(picture(), {0, 0, 0.8}, true);
  unsigned gap = 1;
  while (!filter.keep(picture(0, 0, 4, 4, std::uint8_t(100 + gap)), {0, 0, 0.8}, false)) ++gap;
  const double rate = 0.0028 * 256 / 219;  // one level a frame
  EXPECT_NEAR(gap, (std::sqrt(0.02 * 0.02 + 2 * 0.8 * rate) - 0.02) / rate, 1.5);
}

TEST(Replay, IsWhatHappened) {
  FrameFilter filter;
  learn(filter, 2);
  FilterRecord record{filter, {}, {}};
  const FilterThresholds t{2, 0, 0};
  unsigned kept = 0;
  for (unsigned i = 0; i < 16; ++i) {
    record.frames.push_back(picture(0, 0, i, 1));
    record.must.push_back(i == 15);
    kept += filter.keep(record.frames.back(), t, i == 15);
  }
  EXPECT_EQ(replay(record, t, 0, 1).kept, kept);
  EXPECT_EQ(replay(record, {}, 0, 1).kept, 16u);
  EXPECT_EQ(replay(record, {1000, 0, 0}, 0, 1).kept, 1u);  // the last one must
  EXPECT_EQ(replay(record, {1000, 0, 0}, 4, 1).kept, 4u);  // one in five, and the last one
}
TEST(Replay, AddsUpTheChangeOfWhatIsReused) {
  FilterRecord record;
  record.filter.keep(picture(), {}, true);
  record.frames = {picture(0, 0, 4, 4, 151), picture(0, 0, 4, 4, 202), picture()};
  record.must = {false, false, false};
  const FilterOutcome all = replay(record, {0, 0, 1000}, 0, 1);
  EXPECT_EQ(all.kept, 0u);
  EXPECT_NEAR(all.change.values[0], (0.2 + 0.4 + 0) / 3, 1e-6);
  EXPECT_EQ(all.change.values[1], 0);
  const FilterOutcome none = replay(record, {}, 0, 1);
  EXPECT_EQ(none.kept, 3u);
  EXPECT_EQ(none.change.values[0], 0);
}
TEST(Replay, OfNothingIsNothing) { EXPECT_EQ(replay(FilterRecord(), {1, 1, 1}, 0, 1).kept, 0u); }
