// SPDX-License-Identifier: LGPL-2.1-or-later
// Budgets: plans by hand, and the policy in simulated time on content that is not what is typical.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "core/budget.h"
#include "core/policy.h"

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
TEST(Plan, TakesTheDearestRungThatFits) {
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
TEST(Plan, WhatIsTooDearAnywayIsCheapest) {
  const Plan plan = plan_within({qp(20)}, {0, 0, 0.01, 0});
  EXPECT_EQ(plan.rungs, std::vector<std::size_t>{0});
  EXPECT_DOUBLE_EQ(plan.ratio.resource, 0.0625);
}
TEST(Plan, AContinuousKnobFillsTheBudget) {
  const Plan plan = plan_within({qp(20, true)}, {0, 0, 0.5, 0});
  EXPECT_NEAR(plan.values[0], 24, 1e-6);
  EXPECT_NEAR(plan.ratio.resource, 0.5, 1e-6);
  EXPECT_EQ(plan_within({qp(20, true)}, {0, 0, 0.27, 0}).rungs, std::vector<std::size_t>{2});  // 27.1: nearest to 28
  EXPECT_EQ(plan_within({qp(20, true)}, {1, 0, 0.5, 0}).values, std::vector<double>{36});      // dearer would not pay
}
TEST(Plan, ExponentsAreTheContents) {
  PlannedKnob steep = qp(20);
  steep.exponent = 2;  // a quarter is a sixteenth
  EXPECT_EQ(plan_within({steep}, {0, 0, 0.0626, 0}).rungs, std::vector<std::size_t>{2});
  EXPECT_DOUBLE_EQ(plan_within({steep}, {0, 0, 0.0626, 0}).ratio.resource, 0.0625);
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

namespace {

/// A stream whose bytes halve every `halving` steps of QP, 6 Mbit/s at QP 20; the policy steers it, one decision an
/// interval, on a ladder of 4 steps, with budgets in Mbit/s.
struct Stream {
  double halving = 5.5, noise = 0, value = 20, other = 1;
  bool gradient = true;
  std::mt19937 random{3};
  std::unique_ptr<Policy> policy = make_policy("oneadapt");
  std::vector<double> rates, values;

  double rate_at(double v) const { return 6 * other * std::pow(2.0, (20 - v) / halving); }
  /// `n` intervals.
  void run(int n, double budget, double lambda = 0) {
    for (int i = 0; i < n; ++i) {
      std::uniform_real_distribution<double> scatter(-noise, noise);
      const double rate = rate_at(std::round(value)) * (1 + scatter(random));
      rates.push_back(rate);
      values.push_back(std::round(value));
      Observation o;
      o.interval = rates.size();
      o.gradient = gradient;
      o.confident = 4;
      o.resource = rate / rate_at(20);
      KnobObservation k;
      k.name = "qp";
      k.ladder = {48, 44, 40, 36, 32, 28, 24, 20};
      k.value = std::round(value);
      k.rung = Ladder(k.ladder).nearest_value(*k.value);
      k.continuous = true;
      k.typical_accuracy = {.47, .6, .72, .84, .905, .945, .965, 1};
      k.typical_resource = {.04, .065, .1, .155, .245, .39, .62, 1};
      auto step = [&](std::size_t r) { return StepEffect{30, (rate_at(k.ladder[r]) - rate) / rate_at(20)}; };
      if (gradient && k.rung + 1 < k.ladder.size()) k.up = step(k.rung + 1);
      if (gradient && k.rung > 0) k.down = step(k.rung - 1);
      o.knobs = {k};
      PolicySettings settings;
      settings.lambda = lambda;
      settings.allowed = budget / rate;
      const KnobDecision d = policy->decide(o, settings).knobs[0];
      value = d.value.value_or(k.ladder[d.rung]);
    }
  }
  int changes(std::size_t from) const {
    int n = 0;
    for (std::size_t i = from + 1; i < values.size(); ++i) n += values[i] != values[i - 1];
    return n;
  }
};

}  // namespace

// The bars of the budget: 2 → 0.5 → 1 Mbit/s, on content whose bytes answer to QP as typical, more slowly and faster.
class BudgetSteps : public ::testing::TestWithParam<std::tuple<double, bool>> {};
TEST_P(BudgetSteps, AreFollowed) {
  Stream s;
  s.halving = std::get<0>(GetParam());
  s.gradient = std::get<1>(GetParam());
  s.noise = 0.05;
  for (double budget : {2.0, 0.5, 1.0}) {
    const std::size_t from = s.rates.size();
    s.run(20, budget);
    for (std::size_t i = from + 3; i < s.rates.size(); ++i)
      EXPECT_LE(s.rates[i], 1.1 * budget) << i - from << " after the step to " << budget;
    double sum = 0;
    for (std::size_t i = from + 5; i < s.rates.size(); ++i) sum += s.rates[i];
    EXPECT_GE(sum / 15, 0.8 * budget);
    EXPECT_LE(sum / 15, budget);
    EXPECT_LE(s.changes(from + 10), 1) << "an unmoved scene";
  }
}
INSTANTIATE_TEST_SUITE_P(Contents, BudgetSteps,
                         ::testing::Combine(::testing::Values(4.0, 5.5, 7.0), ::testing::Bool()));

TEST(Budget, ContentThatGetsHarderIsFollowedToo) {
  Stream s;
  s.run(10, 1);
  s.other = 2.5;
  const std::size_t from = s.rates.size();
  s.run(10, 1);
  EXPECT_GT(s.rates[from], 2);
  for (std::size_t i = from + 2; i < s.rates.size(); ++i) EXPECT_LE(s.rates[i], 1.1);
  s.other = 1;
  s.run(10, 1);
  EXPECT_GE(s.rates.back(), 0.8);
}
TEST(Budget, OfFramesMovesTheKnobsThatChooseThem) {
  const auto policy = make_policy("oneadapt");
  double value = 10;  // frames a second, as many as the ladder says
  std::vector<double> rates;
  for (int i = 0; i < 12; ++i) {
    rates.push_back(value);
    Observation o;
    o.interval = std::uint64_t(i);
    o.resource = value / 10;
    KnobObservation k;
    k.name = "framerate";
    k.ladder = {1, 2, 5, 10};
    k.value = value;
    k.rung = Ladder(k.ladder).nearest_value(value);
    k.typical_accuracy = {.6, .78, .95, 1};
    k.typical_resource = k.typical_compute = {.1, .2, .5, 1};
    o.knobs = {k};
    PolicySettings settings;
    settings.lambda = 0;
    settings.allowed_compute = (i < 6 ? 3.0 : 7.0) / value;
    const KnobDecision d = policy->decide(o, settings).knobs[0];
    value = d.value.value_or(k.ladder[d.rung]);
  }
  EXPECT_EQ(rates, (std::vector<double>{10, 2, 2, 2, 2, 2, 2, 5, 5, 5, 5, 5}));
}
TEST(Budget, LambdaOfFramesCounts) {
  Observation o;
  o.gradient = true;
  o.confident = 1;
  o.resource = 1;
  KnobObservation k;
  k.name = "framerate";
  k.ladder = {5, 10};
  k.rung = 1;
  k.down = StepEffect{100, -0.05, -0.5};  // 0.1 of accuracy
  o.knobs = {k};
  PolicySettings settings;
  EXPECT_EQ(make_policy("oneadapt")->decide(o, settings).knobs[0].rung, 1u);
  settings.lambda_compute = 0.25;  // 0.05 + 0.125 > 1.5 · 0.1
  EXPECT_EQ(make_policy("oneadapt")->decide(o, settings).knobs[0].rung, 0u);
}
TEST(Budget, WithRoomLambdaDecides) {
  Stream free, tight;
  free.run(20, 1e9, 2);
  tight.run(20, 100, 2);
  EXPECT_EQ(free.values, tight.values);
  EXPECT_GT(free.values.back(), 24);
}
TEST(Budget, LambdaMayUseLessThanItAllows) {
  Stream s;
  s.run(20, 5, 10);
  EXPECT_LT(s.rates.back(), 2.5);
}
TEST(Budget, OneThatNothingMeetsIsTheCheapest) {
  Stream s;
  s.run(5, 0.01);
  EXPECT_EQ(s.values.back(), 48);
}
TEST(Budget, WithoutOneNothingIsBetweenRungs) {
  Stream s;
  s.run(10, 1);
  PolicySettings settings;
  Observation o;
  o.knobs.resize(1);
  o.knobs[0].ladder = {40, 30, 20};
  o.knobs[0].rung = 1;
  o.knobs[0].value = 31;
  EXPECT_FALSE(s.policy->decide(o, settings).knobs[0].value);
}
