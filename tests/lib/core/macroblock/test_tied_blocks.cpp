// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include "core/macroblock/allocation.h"
#include "core/macroblock/tied_blocks.h"

using namespace oneadapt;

namespace {

/// 2×2 tiles of 4×4 macroblocks, and a strip of as many rows as it needs.
const MosaicLayout kLayout{4, {64, 64}, 2, 2};

BlockMap gradient(unsigned x, unsigned y, float value) {
  BlockMap map(kLayout.width(), kLayout.height());
  map.at(x, y) = value;
  return map;
}

}  // namespace

TEST(TiedBlocks, APlaceIsTheSameInAllTiles) {
  // 4 blocks: each is 2×2 macroblocks of each of 4 tiles, 16 together. Weight 16 in the lower left of the second tile.
  const BlockMap tied = tie_blocks(gradient(4, 3, 16), kLayout, 4);
  for (unsigned y = 0; y < 8; ++y)
    for (unsigned x = 0; x < 8; ++x)
      EXPECT_FLOAT_EQ(tied.at(x, y), x % 4 < 2 && y % 4 >= 2 ? 1.f : 0.f) << x << " " << y;
  for (unsigned y = 8; y < tied.rows(); ++y)
    for (unsigned x = 0; x < 8; ++x) EXPECT_EQ(tied.at(x, y), 0) << "the strip is a block of its own";
}

TEST(TiedBlocks, TheStripIsNoPlace) {
  const BlockMap tied = tie_blocks(gradient(1, 8, 8), kLayout, 16);
  for (unsigned y = 0; y < 8; ++y)
    for (unsigned x = 0; x < 8; ++x) EXPECT_EQ(tied.at(x, y), 0);
  EXPECT_GT(tied.at(7, 8), 0);
}

TEST(TiedBlocks, PaddingGoesWithTheEdge) {
  // Planes of 24×24 in tiles of 32×32: the first of 2×2 blocks ends at 12, and a macroblock's middle at 8 is in it;
  // that at 24 is padding.
  const MosaicLayout layout{4, {24, 24}, 2, 2};
  BlockMap map(layout.width(), layout.height());
  map.at(1, 1) = 4;
  const BlockMap tied = tie_blocks(map, layout, 4);
  EXPECT_FLOAT_EQ(tied.at(1, 1), 1);
  EXPECT_FLOAT_EQ(tied.at(3, 3), 1);
  EXPECT_FLOAT_EQ(tied.at(0, 0), 0);
  EXPECT_FLOAT_EQ(tied.at(2, 2), 0);
}

TEST(TiedBlocks, AMapThatCameSmallerIsTiedTheSame) {
  // Half the size: a macroblock is 2×2 of the mosaic's.
  BlockMap half(kLayout.width() / 2, kLayout.height() / 2);
  half.at(2, 1) = 4;  // the lower left block of the second tile, alone
  const BlockMap tied = tie_blocks(half, kLayout, 4);
  EXPECT_FLOAT_EQ(tied.at(0, 1), 1);
  EXPECT_FLOAT_EQ(tied.at(0, 3), 1);
  EXPECT_FLOAT_EQ(tied.at(1, 1), 0);
}

TEST(TiedBlocks, QpsAreTied) {
  BlockMap map = gradient(4, 3, 16);
  map.at(0, 0) = 1;
  AllocationSettings settings;
  settings.blur = false;
  const auto offsets = allocate_qp(tie_blocks(map, kLayout, 4), settings);
  ASSERT_EQ(offsets.size(), map.values.size());
  for (unsigned y = 0; y < 8; ++y)
    for (unsigned x = 0; x < 8; ++x) {
      EXPECT_EQ(offsets[y * 8 + x], offsets[y % 4 / 2 * 2 * 8 + x % 4 / 2 * 2]) << x << " " << y;
    }
  EXPECT_EQ(offsets[2 * 8], -2) << "most weight: the finest";
  EXPECT_EQ(offsets[2], 16) << "no weight: the coarsest";
  EXPECT_EQ(offsets[0], 16) << "a sixteenth: 4 halvings of 5 steps each, more than the range";
}
