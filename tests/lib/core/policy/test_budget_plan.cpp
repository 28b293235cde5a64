// SPDX-License-Identifier: LGPL-2.1-or-later
// Plans within a budget, by hand.
#include <gtest/gtest.h>

#include "core/policy/oneadapt/budget_plan.h"

using namespace oneadapt;

namespace {

PlannedKnob qp(double value, bool continuous = false) {
  return {{44, 36, 28, 20}, {0.6, 0.8, 0.9, 1}, {0.0625, 0.125, 0.25, 1}, value, continuous, 1};
}

}  // namespace

TEST(Plan, ResourceIsLogLinearBetweenRungs) {
  EXPECT_DOUBLE_EQ(planned_resource(qp(20), 28), 0.25);
  EXPECT_NEAR(planned_resource(qp(20), 24), 0.5, 1e-12);
  EXPECT_DOUBLE_EQ(planned_resource(qp(20), 51), 0.0625);
  EXPECT_DOUBLE_EQ(planned_resource(qp(20), 0), 1);
}
TEST(Plan, TakesTheMostExpensiveRungThatFits) {
  EXPECT_EQ(plan_within({qp(20)}, {0, 0, 1, 0}).rungs, std::vector<std::size_t>{3});
  EXPECT_EQ(plan_within({qp(20)}, {0, 0, 0.3, 0}).rungs, std::vector<std::size_t>{2});
  EXPECT_EQ(plan_within({qp(36)}, {0, 0, 2, 0}).rungs, std::vector<std::size_t>{2});  // twice what it has now
  const Plan plan = plan_within({qp(36)}, {0, 0, 2, 0});
  EXPECT_DOUBLE_EQ(plan.ratio.resource, 2);
  EXPECT_EQ(plan.values, std::vector<double>{28});
}
TEST(Plan, LambdaMayWantLess) {
  // 1 − 10·1, 0.9 − 10·0.25, 0.8 − 10·0.125, 0.6 − 10·0.0625.
  EXPECT_EQ(plan_within({qp(20)}, {10, 0, 1, 0}).rungs, std::vector<std::size_t>{0});
  EXPECT_EQ(plan_within({qp(20)}, {1, 0, 1, 0}).rungs, std::vector<std::size_t>{1});
}
TEST(Plan, WhatIsTooMuchAnywayIsCheapest) {
  const Plan plan = plan_within({qp(20)}, {0, 0, 0.01, 0});
  EXPECT_EQ(plan.rungs, std::vector<std::size_t>{0});
  EXPECT_DOUBLE_EQ(plan.ratio.resource, 0.0625);
}
TEST(Plan, AContinuousKnobFillsTheBudget) {
  const Plan plan = plan_within({qp(20, true)}, {0, 0, 0.5, 0});
  EXPECT_NEAR(plan.values[0], 24, 1e-6);
  EXPECT_NEAR(plan.ratio.resource, 0.5, 1e-6);
  EXPECT_EQ(plan_within({qp(20, true)}, {0, 0, 0.27, 0}).rungs, std::vector<std::size_t>{2});  // 27.1: nearest to 28
  EXPECT_EQ(plan_within({qp(20, true)}, {1, 0, 0.5, 0}).values, std::vector<double>{36});      // one up would not pay
}
TEST(Plan, ExponentsAreTheContents) {
  PlannedKnob steep = qp(20);
  steep.exponent = 2;  // a quarter is a sixteenth
  EXPECT_EQ(plan_within({steep}, {0, 0, 0.0626, 0}).rungs, std::vector<std::size_t>{2});
  EXPECT_DOUBLE_EQ(plan_within({steep}, {0, 0, 0.0626, 0}).ratio.resource, 0.0625);
}
// QP 28 takes twice what QP 36 takes, and 1.2 √2 times that in its first interval: 3.39.
TEST(Plan, AMoveUpLeavesRoomForWhatItRefines) {
  PlannedKnob knob = qp(36);
  knob.refines = true;
  EXPECT_EQ(plan_within({knob}, {0, 0, 3.38, 0}).rungs, std::vector<std::size_t>{1});
  EXPECT_EQ(plan_within({knob}, {0, 0, 3.4, 0}).rungs, std::vector<std::size_t>{2});
  EXPECT_DOUBLE_EQ(plan_within({knob}, {0, 0, 0.5, 0}).ratio.resource, 0.5) << "downwards there is nothing to refine";
}
TEST(Plan, SeveralKnobsMultiply) {
  const PlannedKnob scale{{0.5, 1}, {0.7, 1}, {0.25, 1}, 1, false, 1};
  // Within a quarter: QP 28 at full size (0.9), or QP 20 at half (0.7).
  EXPECT_EQ(plan_within({qp(20), scale}, {0, 0, 0.25, 0}).rungs, (std::vector<std::size_t>{2, 1}));
  // Within 0.07: QP 44 (0.6) or QP 28 at half size, a sixteenth (0.63).
  EXPECT_EQ(plan_within({qp(20), scale}, {0, 0, 0.07, 0}).rungs, (std::vector<std::size_t>{2, 0}));
}
TEST(Plan, FramesHaveALimitOfTheirOwn) {
  PlannedKnob rate{{1, 5, 10}, {0.6, 0.9, 1}, {0.4, 0.7, 1}, 10, false, 1, {0.1, 0.5, 1}};
  EXPECT_EQ(plan_within({qp(20), rate}, {0, 0, 0, 0.5}).rungs, (std::vector<std::size_t>{3, 1}));
  EXPECT_DOUBLE_EQ(plan_within({qp(20), rate}, {0, 0, 0, 0.5}).ratio.compute, 0.5);
  // And 0.2 of the bytes: QP 28 at 5 (0.175, 0.81), rather than QP 36 at 10 (0.125, 0.8), which has too many frames.
  EXPECT_EQ(plan_within({qp(20), rate}, {0, 0, 0.2, 0.5}).rungs, (std::vector<std::size_t>{2, 1}));
  // λ of frames: 1 − 1, 0.9 − 0.5, 0.6 − 0.1.
  EXPECT_EQ(plan_within({rate}, {0, 1, 0, 0}).rungs, std::vector<std::size_t>{2 - 2});
  rate.continuous = true;
  EXPECT_NEAR(plan_within({rate}, {0, 0, 0, 0.7071067}).values[0], 7.5, 1e-4);
}
TEST(Plan, ManyCombinationsStayNear) {
  std::vector<PlannedKnob> many(9, qp(20));  // 4⁹ = 262144
  const Plan plan = plan_within(many, {0, 0, 1e-6, 0});
  for (std::size_t r : plan.rungs) EXPECT_GE(r, 1u);
  EXPECT_TRUE(plan_within({}, {0, 0, 1, 0}).rungs.empty());
}
