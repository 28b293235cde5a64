// SPDX-License-Identifier: LGPL-2.1-or-later
// Numbers worked out by hand.
#include <gtest/gtest.h>

#include "../../../support/block_total.h"
#include "core/gradient/frame_transform.h"

using namespace oneadapt;
using oneadapt_test::total;

namespace {

void expect_box(const Box &box, const Box &wanted) {
  EXPECT_NEAR(box.x0, wanted.x0, 1e-12);
  EXPECT_NEAR(box.y0, wanted.y0, 1e-12);
  EXPECT_NEAR(box.x1, wanted.x1, 1e-12);
  EXPECT_NEAR(box.y1, wanted.y1, 1e-12);
}

/// 4 × 2 blocks, each with its number.
BlockMap numbered() {
  BlockMap map(64, 32);
  for (std::size_t i = 0; i < map.values.size(); ++i) map.values[i] = float(i + 1);
  return map;
}

void expect_values(const BlockMap &map, const std::vector<float> &wanted) {
  ASSERT_EQ(map.values.size(), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(map.values[i], wanted[i], 1e-5) << i;
}

}  // namespace

// A thing at the upper left of a picture, seen after each way of turning it: the third of its width and half of its
// height come to lie where a person would point at.
TEST(FrameTransform, TurnsAsASheetOfPaperIsTurned) {
  const Box thing{0, 0, 1 / 3.0, 1 / 2.0};
  const auto seen = [&](Orientation o) { return FrameTransform::turned(o).to_picture(thing); };
  expect_box(seen(Orientation::Identity), {0, 0, 1 / 3.0, 1 / 2.0});
  expect_box(seen(Orientation::Rotate90), {1 / 2.0, 0, 1, 1 / 3.0});        // upper right
  expect_box(seen(Orientation::Rotate180), {2 / 3.0, 1 / 2.0, 1, 1});       // lower right
  expect_box(seen(Orientation::Rotate270), {0, 2 / 3.0, 1 / 2.0, 1});       // lower left
  expect_box(seen(Orientation::FlipHorizontal), {2 / 3.0, 0, 1, 1 / 2.0});  // upper right
  expect_box(seen(Orientation::FlipVertical), {0, 1 / 2.0, 1 / 3.0, 1});    // lower left
  expect_box(seen(Orientation::Transpose), {0, 0, 1 / 2.0, 1 / 3.0});       // where it was, lying
  expect_box(seen(Orientation::AntiTranspose), {1 / 2.0, 2 / 3.0, 1, 1});   // lower right, lying
  for (int i = 0; i <= int(Orientation::AntiTranspose); ++i) {
    const FrameTransform t = FrameTransform::turned(Orientation(i));
    expect_box(t.to_source(t.to_picture(thing)), thing);
    expect_box(t.shown(), {0, 0, 1, 1});
    EXPECT_EQ(t.is_whole(), i == 0);
    EXPECT_EQ(t.is_transposed(), swaps_sides(Orientation(i)));
  }
}

TEST(FrameTransform, FourQuarterTurnsAreNone) {
  FrameTransform t;
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(t.is_whole(), i == 0);
    t = t.then(FrameTransform::turned(Orientation::Rotate90));
  }
  EXPECT_TRUE(t.is_whole());
  // A quarter turn of a mirrored picture: mirrored at the other diagonal than the mirrored one of a turned picture.
  const auto turn = FrameTransform::turned(Orientation::Rotate90),
             mirror = FrameTransform::turned(Orientation::FlipHorizontal);
  const Box thing{0, 0, 0.25, 0.125};
  expect_box(mirror.then(turn).to_picture(thing), FrameTransform::turned(Orientation::AntiTranspose).to_picture(thing));
  expect_box(turn.then(mirror).to_picture(thing), FrameTransform::turned(Orientation::Transpose).to_picture(thing));
}

TEST(FrameTransform, CropsAndBordersOneAfterTheOther) {
  // 32 of 256 pixels go at the left, 64 at the top; 16 pixels of border come to the right of the 224 that are left.
  const auto crop = FrameTransform::placed({32 / 256.0, 64 / 256.0, 1, 1}, {0, 0, 1, 1});
  const auto border = FrameTransform::placed({0, 0, 1, 1}, {0, 0, 224 / 240.0, 1});
  const FrameTransform both = crop.then(border);
  expect_box(both.to_picture({32 / 256.0, 64 / 256.0, 144 / 256.0, 160 / 256.0}), {0, 0, 112 / 240.0, 0.5});
  expect_box(both.shown(), {0, 0, 224 / 240.0, 1});
  // What was cropped does not come back where there is room for it later.
  const FrameTransform framed = crop.then(FrameTransform::placed({0, 0, 1, 1}, {0.5, 0.5, 1, 1}));
  expect_box(framed.shown(), {0.5, 0.5, 1, 1});
  // A crop of a border: nothing of the picture is left.
  const FrameTransform gone = border.then(FrameTransform::placed({235 / 240.0, 0, 1, 1}, {0, 0, 1, 1}));
  EXPECT_TRUE(is_empty(gone.shown()));
  // A crop that is undone by a larger place is not the whole.
  EXPECT_FALSE(crop.is_whole());
  EXPECT_TRUE(FrameTransform::placed({0, 0, 1, 1}, {0, 0, 1, 1}).is_whole());
}

TEST(FrameTransform, KeepsWhatIsHiddenWhereItIs) {
  FrameTransform t = FrameTransform::placed({0, 0, 1, 1}, {0, 0, 0.5, 1});
  t.hide({0.25, 0, 0.75, 0.5});  // half of it is over somebody else's
  ASSERT_EQ(t.hidden().size(), 1u);
  expect_box(t.hidden()[0], {0.25, 0, 0.5, 0.5});
  EXPECT_FALSE(t.is_whole());
  const FrameTransform turned = t.then(FrameTransform::turned(Orientation::FlipHorizontal));
  ASSERT_EQ(turned.hidden().size(), 1u);
  expect_box(turned.hidden()[0], {0.5, 0, 0.75, 0.5});
  t.hide({0.6, 0, 1, 1});  // nothing of ours
  EXPECT_EQ(t.hidden().size(), 1u);
}

TEST(FrameTransform, TakesAMapBack) {
  const BlockMap map = numbered();  // 1 2 3 4 / 5 6 7 8
  const auto back = [&](Orientation o, unsigned width, unsigned height) {
    return resample(map, FrameTransform::turned(o), width, height);
  };
  expect_values(back(Orientation::Identity, 64, 32), {1, 2, 3, 4, 5, 6, 7, 8});
  expect_values(back(Orientation::FlipHorizontal, 64, 32), {4, 3, 2, 1, 8, 7, 6, 5});
  expect_values(back(Orientation::FlipVertical, 64, 32), {5, 6, 7, 8, 1, 2, 3, 4});
  expect_values(back(Orientation::Rotate180, 64, 32), {8, 7, 6, 5, 4, 3, 2, 1});
  // The source is 2 blocks wide and 4 high. Turned clockwise, its lower left block has become the upper left one.
  expect_values(back(Orientation::Rotate90, 32, 64), {4, 8, 3, 7, 2, 6, 1, 5});
  expect_values(back(Orientation::Rotate270, 32, 64), {5, 1, 6, 2, 7, 3, 8, 4});
  expect_values(back(Orientation::Transpose, 32, 64), {1, 5, 2, 6, 3, 7, 4, 8});
  expect_values(back(Orientation::AntiTranspose, 32, 64), {8, 4, 7, 3, 6, 2, 5, 1});
}

TEST(FrameTransform, TakesAMapBackFromACrop) {
  // The lower right quarter of 128 × 64 pixels.
  expect_values(resample(numbered(), FrameTransform::placed({0.5, 0.5, 1, 1}, {0, 0, 1, 1}), 128, 64),
                {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 5, 6, 7, 8});
  // Half a block went at the left: of the first block half is seen, of the last column there is only half.
  const BlockMap shifted = resample(numbered(), FrameTransform::placed({8 / 72.0, 0, 1, 1}, {0, 0, 1, 1}), 72, 32);
  expect_values(shifted, {0.5f, 1.5f, 2.5f, 3.5f, 4, 2.5f, 5.5f, 6.5f, 7.5f, 8});
  EXPECT_NEAR(total(shifted), total(numbered()), 1e-3);
}

TEST(FrameTransform, TakesAMapBackFromBordersAndScaling) {
  // 32 × 32 pixels between borders of 16.
  expect_values(resample(numbered(), FrameTransform::placed({0, 0, 1, 1}, {0.25, 0, 0.75, 1}), 32, 32), {2, 3, 6, 7});
  // Twice as large as it was: what weighed on four pixels weighs on one.
  const BlockMap small = resample(numbered(), FrameTransform(), 32, 16);
  expect_values(small, {1 + 2 + 5 + 6, 3 + 4 + 7 + 8});
  EXPECT_NEAR(total(small), total(numbered()), 1e-3);
  // The same as the plain resampling, at odd sizes.
  const BlockMap a = resample(numbered(), FrameTransform(), 77, 41), b = resample(numbered(), 77, 41);
  expect_values(a, b.values);
  // Beyond the picture's right edge, 32 of 64 pixels: nothing is known of them.
  const BlockMap half = resample(numbered(), FrameTransform::placed({0, 0, 1, 1}, {0.5, 0, 1.5, 1}), 64, 32);
  expect_values(half, {3, 4, 0, 0, 7, 8, 0, 0});
  // A source that is not seen at all.
  const BlockMap none = resample(numbered(), FrameTransform::placed({0, 0, 1, 1}, {1, 1, 2, 2}), 64, 32);
  expect_values(none, std::vector<float>(8, 0));
}

TEST(FrameTransform, LeavesToOthersWhatIsTheirs) {
  FrameTransform t;
  t.hide({24 / 64.0, 0, 1, 1});  // from the middle of the second column on
  expect_values(resample(numbered(), t, 64, 32), {1, 1, 0, 0, 5, 3, 0, 0});
  t.hide({0, 0.5, 1, 1});  // and the second row, part of it twice
  expect_values(resample(numbered(), t, 64, 32), {1, 1, 0, 0, 0, 0, 0, 0});
}

TEST(FrameTransform, OneAfterTheOtherIsAllAtOnce) {
  // The right half of 128 × 64 pixels, mirrored, then turned clockwise: 64 × 64; an object's block, followed by hand.
  const FrameTransform all = FrameTransform::placed({0.5, 0, 1, 1}, {0, 0, 1, 1})
                                 .then(FrameTransform::turned(Orientation::FlipHorizontal))
                                 .then(FrameTransform::turned(Orientation::Rotate90));
  // Pixels (112, 16) to (128, 32): cropped (48, 16), mirrored (0, 16), turned (64 − 32, 0).
  expect_box(all.to_picture({112 / 128.0, 16 / 64.0, 1, 32 / 64.0}), {32 / 64.0, 0, 48 / 64.0, 16 / 64.0});
  BlockMap map(64, 64);
  map.at(2, 0) = 9;
  const BlockMap back = resample(map, all, 128, 64);
  BlockMap wanted(128, 64);
  wanted.at(7, 1) = 9;
  expect_values(back, wanted.values);
}
