// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/vision/mosaic.h"

using namespace oneadapt;

namespace {

TEST(Mosaic, TilesAreWholeMacroblocks) {
  const MosaicLayout layout = MosaicLayout::of(16, 96, 52);
  EXPECT_EQ(layout.tile_width(), 96u);
  EXPECT_EQ(layout.tile_height(), 64u);
  EXPECT_EQ(layout.columns * layout.rows, 16u);
  EXPECT_EQ(layout.width(), layout.columns * 96);
  EXPECT_EQ(layout.height(), layout.rows * 64 + layout.strip_height());
  EXPECT_EQ(layout.strip_height(), 16u);  // 32 cells of 8 pixels in two rows or one
}

TEST(Mosaic, APrimeNumberOfChannelsLeavesTilesEmpty) {
  const MosaicLayout layout = MosaicLayout::of(7, 16, 16);
  EXPECT_GE(layout.columns * layout.rows, 7u);
  // 4×2 tiles of 16 pixels, and 8 cells across, so four rows of them: 64×64. 3×3 are 48×96; 7×1 are too long.
  EXPECT_EQ(layout.columns, 4u);
  EXPECT_EQ(layout.rows, 2u);
  EXPECT_EQ(layout.strip_height(), 32u);
  EXPECT_EQ(MosaicLayout::of(64, 96, 52).columns, 8u);
  EXPECT_EQ(MosaicLayout::of(1, 96, 52).columns, 1u);
}

TEST(PairNumber, IsSixDigits) {
  EXPECT_EQ(PairNumber(0xa1b2c3).text(), "a1b2c3");
  EXPECT_EQ(PairNumber(0x00000f).text(), "00000f");
  EXPECT_EQ(*PairNumber::parse("a1b2c3"), PairNumber(0xa1b2c3));
  for (const char *wrong : {"", "a1b2c", "a1b2c3d", "A1B2C3", "a1b2cg"})
    EXPECT_FALSE(PairNumber::parse(wrong)) << wrong;
  EXPECT_NE(PairNumber::of({1, 2, 3}), PairNumber::of({1, 2, 4}));
}

TEST(PairNumber, IsReadWhereItWasWritten) {
  for (const std::uint8_t level : {0, 255}) {  // a picture that is black or white is no mosaic either
    const MosaicLayout layout = MosaicLayout::of(1, 8, 8);
    const std::vector<std::uint8_t> plain(std::size_t(layout.width()) * layout.height(), level);
    EXPECT_FALSE(PairNumber::read(plain.data(), layout.width(), 1, layout.width(), layout.height(), layout));
  }
  for (const MosaicLayout &layout :
       {MosaicLayout::of(16, 96, 52), MosaicLayout::of(1, 8, 8), MosaicLayout::of(5, 20, 9)}) {
    std::vector<std::uint8_t> mosaic(std::size_t(layout.width()) * layout.height(), 90);
    const auto read = [&](unsigned width, unsigned height) {
      return PairNumber::read(mosaic.data(), layout.width(), 1, width, height, layout);
    };
    EXPECT_FALSE(read(layout.width(), layout.height())) << "a picture that is no mosaic";
    PairNumber(0xc0ffee).write(mosaic.data(), layout.width(), layout);
    ASSERT_TRUE(read(layout.width(), layout.height()));
    EXPECT_EQ(read(layout.width(), layout.height())->text(), "c0ffee");
    EXPECT_EQ(mosaic[0], 90);  // tiles stay
    // Coarse coding leaves each cell on its side of the middle.
    for (auto &level : mosaic) level = std::uint8_t(128 + (int(level) - 128) / 4);
    EXPECT_EQ(read(layout.width(), layout.height())->text(), "c0ffee");
    // One cell that is wrong is noticed.
    const std::size_t cell = std::size_t(layout.rows) * layout.tile_height() * layout.width();
    for (unsigned y = 0; y < 8; ++y)
      for (unsigned x = 0; x < 8; ++x) mosaic[cell + y * layout.width() + x] ^= 0xff;
    EXPECT_FALSE(read(layout.width(), layout.height()));
  }
}

TEST(PairNumber, IsReadInAMosaicOfAnotherSize) {
  const MosaicLayout layout = MosaicLayout::of(16, 96, 52);
  std::vector<std::uint8_t> mosaic(std::size_t(layout.width()) * layout.height());
  PairNumber(0x123456).write(mosaic.data(), layout.width(), layout);
  // Every second pixel of every second row.
  const auto half =
      PairNumber::read(mosaic.data(), 2 * layout.width(), 2, layout.width() / 2, layout.height() / 2, layout);
  ASSERT_TRUE(half);
  EXPECT_EQ(half->text(), "123456");
}

TEST(Mosaic, ABoxIsInEachTile) {
  MosaicLayout layout{3, {96, 52}, 2, 2};
  const auto boxes = boxes_in_tiles({{0.5, 0, 1, 0.5}}, layout);
  ASSERT_EQ(boxes.size(), 3u);
  const double width = 192, height = 128 + layout.strip_height();
  EXPECT_DOUBLE_EQ(boxes[0].x0, 48 / width);
  EXPECT_DOUBLE_EQ(boxes[0].x1, 96 / width);
  EXPECT_DOUBLE_EQ(boxes[0].y1, 26 / height);
  EXPECT_DOUBLE_EQ(boxes[1].x0, (96 + 48) / width);
  EXPECT_DOUBLE_EQ(boxes[2].x0, 48 / width);
  EXPECT_DOUBLE_EQ(boxes[2].y0, 64 / height);
  EXPECT_DOUBLE_EQ(boxes[2].y1, (64 + 26) / height);
}

}  // namespace
