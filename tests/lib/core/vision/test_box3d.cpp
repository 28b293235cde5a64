// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/vision/box3d.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace oneadapt;

namespace {

constexpr double kPi = 3.14159265358979323846;

Box3d box(double x, double y, double l, double w, double yaw = 0, double z = 0, double h = 2) {
  return {x, y, z, l, w, h, yaw};
}

}  // namespace

TEST(Box3d, OverlapFromAbove) {
  EXPECT_DOUBLE_EQ(bev_iou(box(0, 0, 4, 2), box(0, 0, 4, 2)), 1);
  // Moved by half its length: 4 of 12 m².
  EXPECT_NEAR(bev_iou(box(0, 0, 4, 2), box(2, 0, 4, 2)), 4.0 / 12, 1e-12);
  EXPECT_EQ(bev_iou(box(0, 0, 4, 2), box(4, 0, 4, 2)), 0) << "they touch";
  EXPECT_EQ(bev_iou(box(0, 0, 4, 2), box(50, 0, 4, 2)), 0);
  EXPECT_EQ(bev_iou(box(0, 0, 0, 2), box(0, 0, 4, 2)), 0) << "empty";
}

TEST(Box3d, OverlapOfTurnedBoxes) {
  // Across each other: 2 × 2 of 4 × 2 + 4 × 2 − 4.
  EXPECT_NEAR(bev_iou(box(1, 3, 4, 2), box(1, 3, 4, 2, kPi / 2)), 4.0 / 12, 1e-12);
  EXPECT_NEAR(bev_iou(box(1, 3, 4, 2), box(1, 3, 4, 2, kPi)), 1, 1e-12) << "half a turn is the same box";
  // A square of side 2 and the same turned by 45°: an octagon of 8·(√2 − 1) m².
  const double octagon = 8 * (std::sqrt(2) - 1);
  EXPECT_NEAR(bev_iou(box(0, 0, 2, 2), box(0, 0, 2, 2, kPi / 4)), octagon / (8 - octagon), 1e-12);
  EXPECT_NEAR(bev_iou(box(0, 0, 2, 2, kPi / 4), box(0, 0, 2, 2)), octagon / (8 - octagon), 1e-12);
  // A small one inside a large one that is turned.
  EXPECT_NEAR(bev_iou(box(5, 5, 1, 1, 0.2), box(5, 5, 6, 4, 1.1)), 1.0 / 24, 1e-12);
}

TEST(Box3d, OverlapInSpace) {
  EXPECT_NEAR(iou(box(0, 0, 4, 2), box(0, 0, 4, 2, 0, 1)), 1.0 / 3, 1e-12) << "half as high over each other";
  EXPECT_EQ(iou(box(0, 0, 4, 2), box(0, 0, 4, 2, 0, 2)), 0);
  EXPECT_NEAR(iou(box(0, 0, 4, 2), box(2, 0, 4, 2, 0, 1)), 4.0 / 28, 1e-12);
  EXPECT_NEAR(iou(box(0, 0, 4, 2, 0, 0, 2), box(0, 0, 4, 2, 0, 0, 1)), 0.5, 1e-12);
}

TEST(Box3d, NmsKeepsTheBestOfEachClass) {
  const std::vector<ScoredBox3d> boxes{{box(0, 0, 4, 2), 0.6, 0},
                                       {box(0.5, 0, 4, 2, 0.1), 0.9, 0},
                                       {box(0, 0, 4, 2), 0.5, 1},
                                       {box(9, 0, 4, 2), 0.7, 0}};
  EXPECT_EQ(nms(boxes, 0.1), (std::vector<std::size_t>{1, 3, 2}));
  EXPECT_EQ(nms(boxes, 1), (std::vector<std::size_t>{1, 3, 0, 2}));
}

TEST(Box3d, OfTwoClassesInOnePlaceTheBetterOneIsOfInterest) {
  const auto boxes = of_interest({{box(0, 0, 4, 2), 0.6, 1}, {box(0.5, 0, 4, 2), 0.9, 2}, {box(9, 0, 4, 2), 0.7, 1}});
  ASSERT_EQ(boxes.size(), 2u);
  EXPECT_EQ(boxes[0].score, 0.9);
  EXPECT_EQ(boxes[1].score, 0.7);
  for (const ScoredBox3d &b : boxes) EXPECT_EQ(b.label, 0);
}

TEST(Box3d, F1CountsMatchesInSpace) {
  const std::vector<ScoredBox3d> cars{{box(0, 0, 4, 2), 0.9, 0}, {box(10, 0, 4, 2), 0.8, 0}};
  EXPECT_EQ(f1({}, {}), 1);
  EXPECT_EQ(f1(cars, {}), 0);
  EXPECT_EQ(f1(cars, cars), 1);
  // One has moved by a quarter of its length (IoU 6/10), the other one is gone.
  const std::vector<ScoredBox3d> moved{{box(1, 0, 4, 2), 0.9, 0}};
  EXPECT_DOUBLE_EQ(f1(moved, cars, 0.5), 2.0 / 3);
  EXPECT_EQ(f1(moved, cars, 0.7), 0);
  EXPECT_EQ(f1({{box(0, 0, 4, 2), 0.9, 1}}, cars), 0) << "another class";
  // Each is matched once.
  EXPECT_DOUBLE_EQ(f1({{box(0, 0, 4, 2), 0.9, 0}, {box(0, 0, 4, 2), 0.8, 0}}, cars), 0.5);
}
