// SPDX-License-Identifier: LGPL-2.1-or-later
// One step of Eq. 2, by hand, on a ladder whose rungs are a quarter apart.
#include <gtest/gtest.h>

#include <optional>

#include "core/policy/oneadapt/gradient_step.h"

using namespace oneadapt;

namespace {

const Ladder kQuarters({0, 1, 2, 3, 4});

using Worths = std::vector<MoveWorth>;

/// The same move from rung to rung, where there is one.
Worths twice(const std::optional<MoveWorth> &move) { return move ? Worths{*move, *move} : Worths(); }

Step from_middle(std::optional<MoveWorth> up, std::optional<MoveWorth> down, double alpha = 0.5, int last = 0) {
  return gradient_step(kQuarters, 2, 0.5, twice(up), twice(down), alpha, last);
}

}  // namespace

TEST(GradientStep, IsAlphaTimesTheSlopeWithinOneAndTwoRungs) {
  // Slope (0.2 − 0.02) ÷ 0.25 = 0.72, α · 0.72 = 0.36: 1.44 rungs.
  Step s = from_middle(MoveWorth{0.2, 0.02}, std::nullopt);
  EXPECT_NEAR(s.position, 0.86, 1e-12);
  EXPECT_EQ(s.rung, 3u);
  // Slope 0.04, α · 0.04 = 0.02: a step that is worth taking is a whole rung.
  s = from_middle(MoveWorth{0.03, 0.02}, std::nullopt);
  EXPECT_EQ(s.rung, 2u) << "1.5 times what it loses is not enough";
  s = from_middle(MoveWorth{0.031, 0.02}, std::nullopt);
  EXPECT_DOUBLE_EQ(s.position, 0.75);
  EXPECT_EQ(s.rung, 3u);
  // Slope 4: not beyond two rungs.
  s = from_middle(MoveWorth{1, 0}, std::nullopt);
  EXPECT_DOUBLE_EQ(s.position, 1);
  EXPECT_EQ(s.rung, 4u);
}

TEST(GradientStep, GoesDownForWhatThatSaves) {
  // Saves 0.2 for 0.05 of accuracy: slope 0.6, step 0.3.
  const Step s = from_middle(std::nullopt, MoveWorth{0.05, 0.2});
  EXPECT_NEAR(s.position, 0.2, 1e-12);
  EXPECT_EQ(s.rung, 1u);
  EXPECT_EQ(from_middle(std::nullopt, MoveWorth{0.2, 0.29}).rung, 2u) << "less than 1.5 times what it loses";
  EXPECT_EQ(from_middle(std::nullopt, MoveWorth{0, 5}).rung, 0u);
}

TEST(GradientStep, TheSteeperSideWins) {
  EXPECT_GT(from_middle(MoveWorth{0.3, 0.1}, MoveWorth{0.1, 0.2}).rung, 2u);
  EXPECT_LT(from_middle(MoveWorth{0.3, 0.1}, MoveWorth{0.1, 0.4}).rung, 2u);
}

TEST(GradientStep, WithoutAReasonTheKnobRestsOnItsRung) {
  const Step s = gradient_step(kQuarters, 2, 0.57, {{0.1, 0.1}}, {{0.1, 0.1}}, 0.5);
  EXPECT_EQ(s.rung, 2u);
  EXPECT_DOUBLE_EQ(s.position, 0.5) << "what rounding left over is forgotten";
  EXPECT_EQ(from_middle(std::nullopt, std::nullopt).rung, 2u);
  EXPECT_EQ(from_middle(MoveWorth{1, 0}, std::nullopt, 0).rung, 2u) << "α = 0 moves nothing";
}

TEST(GradientStep, WhatRoundingLeftOverCounts) {
  // 1.44 rungs, from 0.1 above the rung: 0.96 is nearest to the top.
  const Step s = gradient_step(kQuarters, 2, 0.6, twice(MoveWorth{0.2, 0.02}), {}, 0.5);
  EXPECT_NEAR(s.position, 0.96, 1e-12);
  EXPECT_EQ(s.rung, 4u);
}

TEST(GradientStep, OnALadderThatShrinksTwoRungsAreNotTwiceTheFirst) {
  // From 4: one rung is 2, two are 3; twice the first would be the end of the ladder.
  const Ladder shrinks({8, 4, 2, 1, 0.5, 0});
  EXPECT_EQ(gradient_step(shrinks, 1, shrinks.position(1), twice(MoveWorth{1, 0}), {}, 0.5).rung, 3u);
  // Down a ladder that grows: from 4 one rung is 2, and two are 3.
  const Ladder grows({0, 0.5, 1, 2, 4, 8});
  EXPECT_EQ(gradient_step(grows, 4, grows.position(4), {}, twice(MoveWorth{0, 1}), 0.5).rung, 2u);
}

TEST(GradientStep, StepsOverNoRungWhoseOwnMoveIsNotWorthIt) {
  // Slope 4 and α 0.5: two rungs, if the second is worth it, too.
  EXPECT_EQ(gradient_step(kQuarters, 2, 0.5, {{1, 0}, {0.3, 0.1}}, {}, 0.5).rung, 4u);
  EXPECT_EQ(gradient_step(kQuarters, 2, 0.5, {{1, 0}, {0.1, 0.1}}, {}, 0.5).rung, 3u);
  EXPECT_EQ(gradient_step(kQuarters, 2, 0.5, {{1, 0}}, {}, 0.5).rung, 3u) << "nothing is known of the second";
  EXPECT_EQ(gradient_step(kQuarters, 2, 0.5, {}, {{0, 1}, {0.1, 0.2}}, 0.5).rung, 0u);
  EXPECT_EQ(gradient_step(kQuarters, 2, 0.5, {}, {{0, 1}, {0.2, 0.2}}, 0.5).rung, 1u);
  // Nor with what rounding left over: 0.62 + 0.25 is nearest to the top.
  const Step s = gradient_step(kQuarters, 2, 0.63, {{1, 0}, {0.1, 0.1}}, {}, 0.5);
  EXPECT_EQ(s.rung, 3u);
  EXPECT_DOUBLE_EQ(s.position, 0.75);
}

TEST(GradientStep, AfterAReversalASingleRung) {
  EXPECT_EQ(from_middle(MoveWorth{1, 0}, std::nullopt, 0.5, -1).rung, 3u);
  EXPECT_EQ(from_middle(MoveWorth{1, 0}, std::nullopt, 0.5, 1).rung, 4u);
  EXPECT_EQ(from_middle(std::nullopt, MoveWorth{0, 1}, 0.5, 1).rung, 1u);
  EXPECT_EQ(from_middle(std::nullopt, MoveWorth{0, 1}, 0.5, -1).rung, 0u);
}

TEST(GradientStep, StaysWithinTheLadder) {
  EXPECT_EQ(gradient_step(kQuarters, 4, 1, {}, {{1, 0.1}}, 0.5).rung, 4u);
  EXPECT_DOUBLE_EQ(gradient_step(kQuarters, 3, 0.85, {{1, 0}}, {}, 9).position, 1);
}

TEST(KnobPositions, AreKeptUntilSomebodyElseMovesTheKnob) {
  KnobPositions positions;
  EXPECT_DOUBLE_EQ(positions.at("qp", kQuarters, 2), 0.5);
  positions.keep("qp", 0.6, 2, 2);
  EXPECT_DOUBLE_EQ(positions.at("qp", kQuarters, 2), 0.6);
  EXPECT_DOUBLE_EQ(positions.at("qp", kQuarters, 3), 0.75) << "0.6 is not this rung's";
  EXPECT_DOUBLE_EQ(positions.at("scale", kQuarters, 2), 0.5) << "another knob's";
  positions.reset();
  EXPECT_DOUBLE_EQ(positions.at("qp", kQuarters, 2), 0.5);
}

TEST(KnobPositions, RememberWhereAKnobWentLast) {
  KnobPositions positions;
  EXPECT_EQ(positions.last("qp"), 0);
  positions.keep("qp", 0.75, 2, 3);
  positions.keep("qp", 0.75, 3, 3);
  EXPECT_EQ(positions.last("qp"), 1) << "an interval without a move is none";
  positions.keep("qp", 0.5, 3, 2);
  EXPECT_EQ(positions.last("qp"), -1);
  EXPECT_EQ(positions.last("scale"), 0);
}
