// SPDX-License-Identifier: LGPL-2.1-or-later
// Two passes (DDS): which boxes are looked at again, which blocks that makes, and what both passes come to.
#include <gtest/gtest.h>

#include <numeric>

#include "eval/dds.h"

using namespace oneadapt;
using namespace oneadapt::eval;

namespace {

ScoredBox scored(double x0, double y0, double x1, double y1, double score, int label = 0) {
  return {{x0, y0, x1, y1}, score, label};
}

/// Columns and rows of the blocks that are sent.
std::vector<std::pair<unsigned, unsigned>> sent(const BlockMap &map) {
  std::vector<std::pair<unsigned, unsigned>> out;
  for (unsigned r = 0; r < map.rows(); ++r)
    for (unsigned c = 0; c < map.columns(); ++c)
      if (map.at(c, r) > 0) out.emplace_back(c, r);
  return out;
}

using Blocks = std::vector<std::pair<unsigned, unsigned>>;

}  // namespace

TEST(DdsRegions, AreUncertainBoxesThatAreNoKnownObject) {
  DdsSettings s;
  s.hint = 0.5;  // of 0.4
  s.overlap = 0.3;
  s.largest = 0.04;
  const std::vector<ScoredBox> confident{scored(0.1, 0.1, 0.2, 0.2, 0.9)};
  EXPECT_TRUE(dds_regions(confident, {}, 0.4, s).empty());
  const auto regions = dds_regions(confident,
                                   {
                                       scored(0.5, 0.5, 0.6, 0.6, 0.2),       // taken
                                       scored(0.7, 0.5, 0.8, 0.6, 0.19),      // no hint
                                       scored(0.15, 0.1, 0.25, 0.2, 0.3),     // IoU 1/3: the same object
                                       scored(0.16, 0.1, 0.26, 0.2, 0.3),     // IoU 1/4: another one
                                       scored(0.14, 0.1, 0.24, 0.2, 0.3, 7),  // IoU 3/7, though of another class
                                       scored(0, 0.5, 0.2, 0.7, 0.3),         // 0.04 of the frame
                                       scored(0, 0.5, 0.21, 0.7, 0.3),        // larger
                                       scored(0.3, 0.3, 0.3, 0.4, 0.3),       // empty
                                       scored(0.4, 0.4, 0.3, 0.3, 0.3),       // inside out
                                   },
                                   0.4, s);
  ASSERT_EQ(regions.size(), 3u);
  EXPECT_EQ(regions[0].x0, 0.5);
  EXPECT_EQ(regions[1].x0, 0.16);
  EXPECT_EQ(regions[2].y1, 0.7);
  // Nothing is known yet: all hints.
  EXPECT_EQ(dds_regions({}, {scored(0.15, 0.1, 0.25, 0.2, 0.3)}, 0.4, s).size(), 1u);
}

// 64×48 in blocks of 16: 4×3.
TEST(DdsBlocks, AreThoseThatAnEnlargedRegionTouches) {
  DdsSettings s;
  s.enlarge = 0;
  EXPECT_TRUE(sent(dds_blocks({}, 64, 48, s)).empty());
  const Box box{18.0 / 64, 20.0 / 48, 30.0 / 64, 30.0 / 48};  // pixels 18 … 30, 20 … 30
  EXPECT_EQ(sent(dds_blocks({box}, 64, 48, s)), (Blocks{{1, 1}}));
  s.enlarge = 0.2;  // 2.4 more across: 15.6 … 32.4; 2 more down: 18 … 32
  EXPECT_EQ(sent(dds_blocks({box}, 64, 48, s)), (Blocks{{0, 1}, {1, 1}, {2, 1}, {0, 2}, {1, 2}, {2, 2}}));
  // Several regions come together; what lies over the edge is cut off.
  s.enlarge = 0;
  const Box corner{50.0 / 64, 40.0 / 48, 1.2, 1.5};
  EXPECT_EQ(sent(dds_blocks({box, corner, box}, 64, 48, s)), (Blocks{{1, 1}, {3, 2}}));
}

TEST(DdsBlocks, OfAFrameThatIsNoMultipleOfThem) {
  DdsSettings s;
  s.enlarge = 0;
  const BlockMap map = dds_blocks({{0, 0.9, 1, 1}}, 40, 20, s);  // 3×2 blocks; rows 18 … 20
  EXPECT_EQ(map.frame_width, 40u);
  EXPECT_EQ(sent(map), (Blocks{{0, 1}, {1, 1}, {2, 1}}));
}

TEST(Covered, IsAShareOfTheBox) {
  BlockMap map(64, 48);
  map.at(1, 1) = 1;  // pixels 16 … 32 both ways
  const auto box = [](double x0, double y0, double x1, double y1) { return Box{x0 / 64, y0 / 48, x1 / 64, y1 / 48}; };
  EXPECT_NEAR(covered(box(18, 18, 30, 30), map), 1, 1e-12);
  EXPECT_NEAR(covered(box(16, 16, 32, 32), map), 1, 1e-12);
  EXPECT_NEAR(covered(box(24, 24, 40, 32), map), 0.5, 1e-12);
  EXPECT_NEAR(covered(box(0, 0, 64, 48), map), 256.0 / 3072, 1e-12);
  EXPECT_EQ(covered(box(32, 16, 48, 32), map), 0);
  EXPECT_EQ(covered(box(20, 20, 20, 30), map), 0);
  map.at(2, 1) = 1;
  EXPECT_NEAR(covered(box(24, 24, 40, 32), map), 1, 1e-12);
}

TEST(DdsMerge, FirstPassKeepsWhatItKnewAndTheSecondAddsInItsRegions) {
  BlockMap map(64, 48);
  map.at(1, 1) = map.at(2, 1) = 1;  // pixels 16 … 48 by 16 … 32
  const auto px = [](double x0, double y0, double x1, double y1, double score, int label = 0) {
    return scored(x0 / 64, y0 / 48, x1 / 64, y1 / 48, score, label);
  };
  const std::vector<ScoredBox> first{px(0, 0, 16, 16, 0.7), px(16, 16, 32, 32, 0.6)};
  const auto merged = dds_merge(first,
                                {
                                    px(16, 16, 32, 30, 0.95),  // the first pass's second one, IoU 7/8, surer
                                    px(36, 18, 46, 28, 0.5),   // new
                                    px(0, 0, 14, 16, 0.99),    // nothing was sent there
                                    px(40, 16, 56, 32, 0.8),  // half of it was; IoU with the new one 8·10/(256+100−80)
                                    px(42, 16, 58, 32, 0.9),  // less than half
                                },
                                map);
  ASSERT_EQ(merged.size(), 4u);
  EXPECT_EQ(merged[0].score, 0.95);
  EXPECT_EQ(merged[1].score, 0.8);
  EXPECT_EQ(merged[2].score, 0.7);
  EXPECT_EQ(merged[3].score, 0.5);
  // A class of its own is an object of its own.
  EXPECT_EQ(dds_merge({px(16, 16, 32, 32, 0.6)}, {px(16, 16, 32, 32, 0.9, 1)}, map).size(), 2u);
  EXPECT_EQ(dds_merge({px(16, 16, 32, 32, 0.6)}, {px(16, 16, 32, 32, 0.9)}, map).size(), 1u);
  EXPECT_EQ(dds_merge(first, {}, map).size(), 2u);
}
