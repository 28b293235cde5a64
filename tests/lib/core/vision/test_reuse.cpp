// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <cmath>

#include "core/vision/reuse.h"

using namespace oneadapt;

namespace {

constexpr std::uint64_t kSecond = 1000000000;

ScoredBox box(double x, double score = 0.9) { return {{x, 0, x + 10, 10}, score, 0}; }

}  // namespace

// A box of 10 that moves by d has an IoU of (10 − d)/(10 + d) with where it was: 0.5 at d = 10/3.
TEST(Reused, MovingObjectsAreLostOnceTheyAreHalfABoxAway) {
  EXPECT_EQ(reused({box(0)}, {box(2)}, 1), 1.0);
  EXPECT_EQ(reused({box(0)}, {box(2)}, 1.6), 1.0);  // 3.2
  EXPECT_EQ(reused({box(0)}, {box(2)}, 1.7), 0.0);  // 3.4
  // Half as far after half the time: from frames that are far apart it is known what lies between them.
  EXPECT_EQ(reused({box(0)}, {box(6)}, 1), 0.0);
  EXPECT_EQ(reused({box(0)}, {box(6)}, 0.5), 1.0);
}

TEST(Reused, WhatOneFrameAloneHasComesAndGoes) {
  // One of three boxes has no partner: F1 is 2/3 after the whole time, and 2/3 + (1 − 0.5^0.3)/3 after half of it.
  EXPECT_NEAR(*reused({box(0), box(100)}, {box(0)}, 1), 2 / 3.0, 1e-12);
  EXPECT_NEAR(*reused({box(0)}, {box(0), box(100)}, 3), 2 / 3.0, 1e-12);
  EXPECT_NEAR(*reused({box(0), box(100)}, {box(0)}, 0.5), (2 + 1 - std::pow(0.5, 0.3)) / 3, 1e-12);
  EXPECT_EQ(reused({}, {box(0)}, 1), 0.0);
  EXPECT_FALSE(reused({}, {}, 1)) << "an empty scene says nothing";
}

TEST(ReuseEstimate, IsTheMeanOfAnIntervalsPairs) {
  ReuseEstimate e;
  e.frame(0, 0, {box(0)});
  e.frame(0, kSecond / 10, {box(2)});      // 0.2 a hundredth of a second: half a box after 1/6 s
  e.frame(0, kSecond * 2 / 10, {box(2)});  // stands still
  e.frame(1, kSecond, {});
  const ReuseAccuracy first = e.take(0);
  EXPECT_EQ(first.frames, 2u);
  const std::array<double, 6> expected{1, 1, 1, 0.5, 0.5, 0.5};
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_DOUBLE_EQ(first.accuracy[i], expected[i]) << i;
  const ReuseAccuracy second = e.take(1);
  EXPECT_EQ(second.frames, 1u);
  EXPECT_EQ(second.accuracy[5], 0.0);
  EXPECT_EQ(e.take(1).frames, 0u) << "taken";
}

TEST(ReuseEstimate, KnowsNothingOfGapsAndOfTimeThatGoesBack) {
  ReuseEstimate e;
  e.frame(0, kSecond, {box(0)});
  e.frame(0, kSecond, {box(9)});  // the same frame once more
  e.frame(3, 4 * kSecond, {box(9)});
  e.frame(0, kSecond / 2, {box(9)});
  EXPECT_EQ(e.take(3).frames, 0u);
  e.frame(4, 5 * kSecond, {});
  e.frame(4, 5 * kSecond + 1, {});
  EXPECT_EQ(e.take(4).frames, 0u) << "nothing to see";
}

TEST(ReuseAccuracy, AddsByFrames) {
  ReuseAccuracy a, b;
  a.frames = 1;
  a.accuracy.fill(0.5);
  b.frames = 3;
  b.accuracy.fill(0.9);
  a.add(b);
  EXPECT_EQ(a.frames, 4u);
  EXPECT_DOUBLE_EQ(a.accuracy[2], 0.8);
  a.add(ReuseAccuracy());
  EXPECT_EQ(a.frames, 4u);
}
