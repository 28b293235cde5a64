// SPDX-License-Identifier: LGPL-2.1-or-later
// Budgets: who decides, by hand, and the policy in simulated time on content that is not what is typical.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "core/policy/oneadapt/budget_keeper.h"
#include "core/policy/registry.h"

using namespace oneadapt;

namespace {

/// A knob of three rungs, at the middle one, which takes half of the resource.
Observation middle() {
  Observation o;
  o.resource = 0.5;
  KnobObservation k;
  k.name = "qp";
  k.ladder = {40, 30, 20};
  k.rung = 1;
  k.typical_accuracy = {0.6, 0.8, 1};
  k.typical_resource = {0.25, 0.5, 1};
  o.knobs = {k};
  return o;
}

/// A decision to go to `rung`.
Decision going_to(std::size_t rung) {
  Decision d;
  d.knobs.resize(1);
  d.knobs[0].rung = rung;
  return d;
}

PolicySettings allowing(double ratio) {
  PolicySettings s;
  s.lambda = 0;
  s.allowed = ratio;
  return s;
}

std::size_t kept(BudgetKeeper &keeper, const Observation &o, double allowed, std::size_t wanted) {
  Decision d = going_to(wanted);
  keeper.apply(o, allowing(allowed), Sensitivity(), d);
  return d.knobs[0].rung;
}

}  // namespace

TEST(BudgetKeeper, WithoutABudgetNothingIsChanged) {
  BudgetKeeper keeper;
  Decision d = going_to(2);
  keeper.apply(middle(), PolicySettings(), Sensitivity(), d);
  EXPECT_EQ(d.knobs[0].rung, 2u);
  EXPECT_FALSE(d.knobs[0].value);
}

TEST(BudgetKeeper, WhatStaysWithinIsLeftAlone) {
  BudgetKeeper keeper;
  EXPECT_EQ(kept(keeper, middle(), 2.2, 2), 2u) << "twice as much, of 2.2 times: 0.91 of it";
  EXPECT_EQ(kept(keeper, middle(), 2.1, 2), 1u) << "0.95 of it, and 0.92 is aimed at";
  EXPECT_EQ(kept(keeper, middle(), 0.9, 1), 0u) << "as it is, it is too much already";
  EXPECT_EQ(kept(keeper, middle(), 0.5, 0), 0u);
}

TEST(BudgetKeeper, ABudgetThatIsMetIsLeftAlone) {
  BudgetKeeper keeper;
  EXPECT_EQ(kept(keeper, middle(), 0.9, 2), 0u);  // from here on it decides
  // 0.8 of it and more was used: the knob rests, whatever λ wants.
  EXPECT_EQ(kept(keeper, middle(), 1.2, 2), 1u);
  // Less: it looks for better again. Twice as much is 0.8 of 2.5 times.
  EXPECT_EQ(kept(keeper, middle(), 2.5, 2), 2u);
  // And lets go where λ wants less than it has now.
  EXPECT_EQ(kept(keeper, middle(), 1.2, 0), 0u);
  EXPECT_EQ(kept(keeper, middle(), 2.2, 2), 2u);
  EXPECT_EQ(kept(keeper, middle(), 0.9, 2), 0u);
  keeper.reset();
  EXPECT_EQ(kept(keeper, middle(), 2.2, 2), 2u) << "forgotten: λ decides";
}

TEST(BudgetKeeper, WhatHasNoRoomToRefineStays) {
  BudgetKeeper keeper;
  Observation o = middle();
  o.knobs[0].refines = true;
  EXPECT_EQ(kept(keeper, o, 0.9, 2), 0u);  // from here on it decides
  EXPECT_EQ(kept(keeper, o, 3.6, 2), 1u) << "twice as much, and 3.39 times in the first interval";
  EXPECT_EQ(kept(keeper, o, 3.75, 2), 2u) << "0.92 of it is 3.45";
}

TEST(BudgetKeeper, AKnobThatStaysKeepsAValueBetweenRungs) {
  BudgetKeeper keeper;
  Observation o = middle();
  o.knobs[0].value = 31;
  Decision d = going_to(1);
  keeper.apply(o, allowing(10), Sensitivity(), d);
  EXPECT_EQ(d.knobs[0].value, 31);
}

TEST(BudgetKeeper, KnobsThatSayNothingAreNotPlanned) {
  Observation o = middle();
  o.knobs[0].typical_accuracy.clear();
  EXPECT_TRUE(planned_knobs(o, Sensitivity()).knobs.empty());
  BudgetKeeper keeper;
  EXPECT_EQ(kept(keeper, o, 0.1, 2), 2u);
}

TEST(BudgetKeeper, ExponentsAreWhatTheMovesShow) {
  Observation o = middle();
  EXPECT_EQ(planned_knobs(o, Sensitivity()).knobs[0].exponent, 1);
  // 0.5 → 0.25 is half, as is typical; 0.5 → 0.125 a quarter: 2, which is too much to be believed; 0.5 → 0.3536: 0.5.
  const auto measured_below = [&](double resource) {
    o.knobs[0].down = StepEffect{0, resource - 0.5};
    return planned_knobs(o, Sensitivity()).knobs[0].exponent;
  };
  EXPECT_NEAR(measured_below(0.25), 1, 1e-12);
  EXPECT_NEAR(measured_below(0.5 * std::pow(0.5, 1.5)), 1.5, 1e-12);
  EXPECT_NEAR(measured_below(0.125), 1.8, 1e-12);
  EXPECT_NEAR(measured_below(0.49), 0.5, 1e-12);
  // Of two moves the mean.
  o.knobs[0].up = StepEffect{0, 0.5 * std::pow(2, 1.2) - 0.5};
  EXPECT_NEAR(measured_below(0.25), 1.1, 1e-12);
}

TEST(BudgetKeeper, AccuraciesAreTheContents) {
  Sensitivity twice;
  Observation o = middle();
  o.gradient = true;
  o.confident = 1;
  o.knobs[0].up = o.knobs[0].down = StepEffect{400, 0};  // 0.4 instead of 0.2
  for (int i = 0; i < 50; ++i) twice.learn(o);
  const PlannedKnob planned = planned_knobs(o, twice).knobs[0];
  EXPECT_NEAR(planned.accuracy[0], 0.2, 1e-6);
  EXPECT_NEAR(planned.accuracy[1], 0.6, 1e-6);
  EXPECT_EQ(planned.accuracy[2], 1);
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
