// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lidar/polar_grid.h"

using namespace oneadapt;

TEST(PolarGrid, SectorsBeginAheadAndGoAnticlockwise) {
  const PolarGrid grid;  // 16 sectors of 22.5°
  EXPECT_EQ(grid.sector_of(1, 0), 0u);
  EXPECT_EQ(grid.sector_of(1, 0.4f), 0u) << "21.8°";
  EXPECT_EQ(grid.sector_of(1, 0.42f), 1u) << "22.8°";
  EXPECT_EQ(grid.sector_of(0, 1), 4u);
  EXPECT_EQ(grid.sector_of(-1, 0.01f), 7u);
  EXPECT_EQ(grid.sector_of(-1, -0.01f), 8u);
  EXPECT_EQ(grid.sector_of(0, -1), 12u);
  EXPECT_EQ(grid.sector_of(1, -0.01f), 15u);
  EXPECT_EQ(grid.sector_of(1, -1e-9f), 15u) << "an angle that rounds to a whole turn";
  EXPECT_EQ(grid.sector_of(0, 0), 0u);
}

TEST(PolarGrid, EachRingEndsTwiceAsFarAway) {
  const PolarGrid grid;  // 8, 16, 32 m
  EXPECT_EQ(grid.ring_of(0, 0), 0u);
  EXPECT_EQ(grid.ring_of(7.9f, 0), 0u);
  EXPECT_EQ(grid.ring_of(0, -8), 1u);
  EXPECT_EQ(grid.ring_of(9, 12), 1u) << "15 m";
  EXPECT_EQ(grid.ring_of(16, 0), 2u);
  EXPECT_EQ(grid.ring_of(-31.9f, 0), 2u);
  EXPECT_EQ(grid.ring_of(32, 0), 3u);
  EXPECT_EQ(grid.ring_of(5000, 0), 3u) << "the last one has no end";
  const PolarGrid one{4, 1, 8};
  EXPECT_EQ(one.ring_of(100, 0), 0u);
}

TEST(PolarGrid, ABlockIsARowForTheRingAndAColumnForTheSector) {
  const PolarGrid grid{4, 2, 10};
  EXPECT_EQ(grid.blocks(), 8u);
  EXPECT_EQ(grid.block_of(1, 1), 0u);
  EXPECT_EQ(grid.block_of(-1, 1), 1u);
  EXPECT_EQ(grid.block_of(1, -1), 3u);
  EXPECT_EQ(grid.block_of(20, -20), 7u);
}

TEST(PolarGrid, CountsPointsAndLeavesOutThoseWithoutAPlace) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinite = std::numeric_limits<float>::infinity();
  const PointCloud points{{1, 1, 0, 0},        {20, 20, 0, 0}, {nan, 1, 0, 0},
                          {1, 1, infinite, 0}, {1, 2, 0, nan}, {10001, 0, 0, 0}};
  const BlockedCloud cloud = blocks_of(points.data(), points.size(), PolarGrid{4, 2, 10});
  EXPECT_EQ(cloud.block, (std::vector<std::uint16_t>{0, 4, kNoBlock, kNoBlock, 0, kNoBlock}));
  EXPECT_EQ(cloud.counts, (std::vector<std::uint32_t>{2, 0, 0, 0, 1, 0, 0, 0}));
  EXPECT_EQ(cloud.without_place, 3u);
}

TEST(PolarGrid, KnowsItsLimits) {
  EXPECT_TRUE((PolarGrid{64, 8, 8}).valid());
  EXPECT_FALSE((PolarGrid{65, 4, 8}).valid());
  EXPECT_FALSE((PolarGrid{16, 0, 8}).valid());
  EXPECT_FALSE((PolarGrid{16, 4, std::numeric_limits<float>::quiet_NaN()}).valid());
}
