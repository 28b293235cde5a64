// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include "core/vision/repeated.h"

using namespace oneadapt;

namespace {

ScoredBox box(double x, double score, int label = 0) { return {{x, 0, x + 10, 10}, score, label}; }
RepeatedFrame frame(const std::vector<RepeatedFrame::Object> &objects, unsigned gained = 0) {
  return {objects, gained};
}

std::vector<bool> kept(const RepeatedFrame &frame) {
  std::vector<bool> kept;
  for (const RepeatedFrame::Object &object : frame.objects) kept.push_back(object.kept);
  return kept;
}

TEST(Repeated, ObjectsAreKeptLostAndGained) {
  // 0.9 is kept as another class, 0.6 has moved by half a box (IoU 1/3), 0.5 is gone; one is new.
  const RepeatedFrame f =
      repeated({box(0, 0.9, 1), box(100, 0.6), box(200, 0.5)}, {box(1, 0.8, 2), box(105, 0.7), box(300, 0.4)});
  EXPECT_EQ(kept(f), (std::vector<bool>{true, false, false}));
  EXPECT_EQ(f.gained, 2u);
  EXPECT_EQ(f.objects[0].score, 0.9);
}

TEST(Repeated, InSpaceLikewise) {
  const auto car = [](double x, double score, int label = 0) {
    return ScoredBox3d{{x, 0, 0, 4, 2, 2, 0}, score, label};
  };
  const RepeatedFrame f =
      repeated(std::vector{car(0, 0.9, 1), car(100, 0.6)}, std::vector{car(0.5, 0.8, 2), car(102, 0.7), car(300, 0.4)});
  EXPECT_EQ(kept(f), (std::vector<bool>{true, false}));
  EXPECT_EQ(f.gained, 2u);
  EXPECT_EQ(f.objects[1].score, 0.6);
}

TEST(AccuracyEstimate, NothingIsKnownWithoutASecondInference) {
  AccuracyEstimate e;
  e.frame(0, {0.9});
  EXPECT_EQ(e.take(0).frames, 0u);
  EXPECT_EQ(e.take(7).frames, 0u);
}

// Objects with a score of 0.9 are kept, of two with 0.5 one is: F1 of the frame that was inferred twice is 2·2/(3+2).
TEST(AccuracyEstimate, WhereAllFramesAreAlikeItIsTheirF1) {
  AccuracyEstimate e;
  e.frame(3, {0.9, 0.5, 0.5});
  e.repeat(3, frame({{0.9, true}, {0.5, true}, {0.5, false}}));
  const MeasuredAccuracy m = e.take(3);
  EXPECT_EQ(m.frames, 1u);
  EXPECT_EQ(m.occupied, 1u);
  EXPECT_EQ(m.objects, 5u);
  EXPECT_NEAR(m.accuracy, 0.8, 1e-3);
}

// One frame was inferred twice, and had one object of each kind. The others have more of those that are lost.
TEST(AccuracyEstimate, FramesThatWereInferredOnceCountByTheirScores) {
  AccuracyEstimate e;
  e.frame(0, {0.9, 0.5});
  e.repeat(0, frame({{0.9, true}, {0.5, false}}));
  e.frame(0, {0.5, 0.5, 0.9});
  e.frame(0, {0.9});
  e.frame(0, {});
  // 2/3, then 2·1/(3+1), then 1; the empty frame says nothing.
  EXPECT_NEAR(e.take(0).accuracy, (2.0 / 3 + 0.5 + 1) / 3, 2e-3);
}

TEST(AccuracyEstimate, WhatTheSecondResultsAloneHaveLowersIt) {
  AccuracyEstimate e;
  e.frame(0, {0.9});
  e.repeat(0, frame({{0.9, true}}, 1));
  EXPECT_NEAR(e.take(0).accuracy, 2.0 / 3, 1e-6);
  AccuracyEstimate none;
  none.frame(0, {});
  none.repeat(0, frame({}, 1));
  const MeasuredAccuracy m = none.take(0);
  EXPECT_EQ(m.occupied, 1u);
  EXPECT_EQ(m.accuracy, 0);
}

// An interval's own comparison weighs 1, that of the one before 0.6: kept by 1/1.6.
TEST(AccuracyEstimate, IntervalsBeforeCountLess) {
  AccuracyEstimate e;
  e.frame(0, {0.5});
  e.repeat(0, frame({{0.5, false}}));
  EXPECT_NEAR(e.take(0).accuracy, 0, 1e-9);
  e.frame(1, {0.5});
  e.repeat(1, frame({{0.5, true}}));
  const double kept = 1 / 1.6;
  EXPECT_NEAR(e.take(1).accuracy, 2 * kept / (1 + kept), 1e-6);
  e.frame(2, {0.5});
  EXPECT_EQ(e.take(2).frames, 0u) << "none of it was inferred twice";
}

// What is compared is forgotten after eight intervals: 0.6 to the power of 8 is less than 0.02.
TEST(AccuracyEstimate, FramesAreNotLookedAtUnlessSomeAreCompared) {
  AccuracyEstimate e;
  EXPECT_FALSE(e.active());
  e.repeat(0, frame({}));
  EXPECT_TRUE(e.active());
  for (std::uint64_t i = 0; i < 8; ++i) {
    e.take(i);
    EXPECT_TRUE(e.active()) << i;
  }
  e.take(8);
  EXPECT_FALSE(e.active());
}

TEST(AccuracyEstimate, AnEmptySceneSaysNothing) {
  AccuracyEstimate e;
  e.frame(0, {});
  e.repeat(0, frame({}));
  const MeasuredAccuracy m = e.take(0);
  EXPECT_EQ(m.frames, 1u);
  EXPECT_EQ(m.occupied, 0u);
  EXPECT_EQ(m.accuracy, 1);
}

}  // namespace
