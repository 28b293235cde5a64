// SPDX-License-Identifier: LGPL-2.1-or-later
// An accuracy to keep: what is believed of the content, plans by hand, and the policy in simulated time.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "core/policy/oneadapt/accuracy_keeper.h"
#include "core/policy/registry.h"
#include "observations.h"

using namespace oneadapt;

namespace {

MeasuredAccuracy measured(unsigned frames, double accuracy, unsigned objects_a_frame) {
  MeasuredAccuracy m;
  m.frames = m.occupied = frames;
  m.accuracy = accuracy;
  m.objects = 2 * frames * objects_a_frame;
  return m;
}

PlannedKnob qp(double value) {
  return {{44, 36, 28, 20}, {0.6, 0.8, 0.9, 1}, {0.0625, 0.125, 0.25, 1}, value, true, 1};
}

AccuracyModel losing(double multiple, std::vector<bool> coding = {true}) { return {std::move(coding), multiple}; }

AccuracyLimits keeping(double accuracy) {
  AccuracyLimits limits;
  limits.least = accuracy;
  return limits;
}

}  // namespace

// Frames of one object, of which each counts as much as it has: prior 25 · 0.1 on either side.
TEST(LossBelief, IsTheRatioOfLossesSeenToTypicalOnes) {
  LossBelief belief;
  EXPECT_DOUBLE_EQ(belief.mean(), 1);
  EXPECT_DOUBLE_EQ(belief.deviation(), std::sqrt(2.5) / 2.5);
  belief.observe(measured(4, 0.75, 1), 0.05);
  const double keep = std::exp(-4 / 40.0);
  EXPECT_NEAR(belief.mean(), (2.5 * keep + 4 * 0.25) / (2.5 * keep + 4 * 0.05), 1e-12);
  // Four objects a frame are twice the evidence of one.
  LossBelief other;
  other.observe(measured(4, 0.75, 4), 0.1);
  const double more = std::exp(-8 / 40.0);
  EXPECT_NEAR(other.mean(), (2.5 * more + 8 * 0.25) / (2.5 * more + 8 * 0.1), 1e-12);
}

TEST(LossBelief, LearnsNothingFromAnEmptyScene) {
  LossBelief belief;
  belief.observe(measured(10, 0.8, 3), 0.1);
  const double before = belief.mean();
  MeasuredAccuracy empty;
  empty.frames = 10;
  for (int i = 0; i < 100; ++i) belief.observe(empty, 0.1);
  EXPECT_EQ(belief.mean(), before);
  belief.observe(measured(1, 0, 1), 0);  // nothing is lost at such a configuration
  EXPECT_EQ(belief.mean(), before);
}

TEST(LossBelief, ForgetsWhatWasLongAgo) {
  LossBelief belief;
  for (int i = 0; i < 200; ++i) belief.observe(measured(2, 0.5, 1), 0.05);
  EXPECT_NEAR(belief.mean(), 10, 0.01);
  for (int i = 0; i < 200; ++i) belief.observe(measured(2, 0.975, 1), 0.05);
  EXPECT_NEAR(belief.mean(), 0.5, 0.01);
}

TEST(AccuracyPlan, IsTheCheapestThatKeepsIt) {
  EXPECT_EQ(plan_for_accuracy({qp(20)}, losing(1), keeping(0.9)).values, std::vector<double>{28});
  EXPECT_EQ(plan_for_accuracy({qp(20)}, losing(1), keeping(0.85)).values, std::vector<double>{32});  // halfway
  // Content that loses twice as much: 1 − 2 · 0.1, and half as much: 1 − 0.5 · 0.2.
  EXPECT_EQ(plan_for_accuracy({qp(20)}, losing(2), keeping(0.8)).values, std::vector<double>{28});
  EXPECT_EQ(plan_for_accuracy({qp(20)}, losing(0.5), keeping(0.9)).values, std::vector<double>{36});
  EXPECT_EQ(plan_for_accuracy({qp(20)}, losing(0), keeping(1)).values, std::vector<double>{44});
  EXPECT_TRUE(plan_for_accuracy({}, losing(1, {}), keeping(0.9)).values.empty());
}

TEST(AccuracyPlan, WhatIsOutOfReachIsApproached) {
  PlannedKnob coarse = qp(28);
  coarse.accuracy = {0.5, 0.6, 0.7, 0.8};
  EXPECT_EQ(plan_for_accuracy({coarse}, losing(1), keeping(0.95)).values, std::vector<double>{20});
  // From 28 to 20 there is 0.008 to be gained, and from 36 to 28 a tenth: for the former nobody pays four times as
  // much.
  coarse.accuracy = {0.5, 0.692, 0.792, 0.8};
  EXPECT_EQ(plan_for_accuracy({coarse}, losing(1), keeping(0.95)).values, std::vector<double>{28});
}

TEST(AccuracyPlan, BudgetsGoFirst) {
  AccuracyLimits limits = keeping(0.95);
  limits.allowed = 0.5;  // of what QP 28 takes
  const Plan plan = plan_for_accuracy({qp(28)}, losing(1), limits);
  EXPECT_EQ(plan.values, std::vector<double>{36}) << "the best that is within it";
  limits.allowed = 0.01;
  EXPECT_EQ(plan_for_accuracy({qp(28)}, losing(1), limits).values, std::vector<double>{44}) << "the cheapest";
}

TEST(AccuracyPlan, GoesDownInSteps) {
  AccuracyLimits limits = keeping(0.6);
  limits.most_saved = std::log(2.0);
  // QP 28 takes a quarter, so half of that is QP 36.
  EXPECT_EQ(plan_for_accuracy({qp(28)}, losing(1), limits).values, std::vector<double>{36});
  limits.allowed = 0.3;
  EXPECT_EQ(plan_for_accuracy({qp(28)}, losing(1), limits).values, std::vector<double>{44}) << "a budget cannot wait";
}

TEST(AccuracyPlan, OtherKnobsLoseWhatTheyLose) {
  PlannedKnob rate{{5, 10}, {0.95, 1}, {0.6, 1}, 10};
  // Losses of coding are doubled. All frames and QP 24 (1 − 2 · 0.05, at a half), or half the frames and QP 22 (0.95 ·
  // (1 − 2 · 0.025), at 0.6 · 0.71).
  const Plan plan = plan_for_accuracy({qp(20), rate}, losing(2, {true, false}), keeping(0.9));
  EXPECT_EQ(plan.values, (std::vector<double>{22, 5}));
  const Plan cheap_rate = plan_for_accuracy({qp(20), rate}, losing(4, {true, false}), keeping(0.95));
  EXPECT_EQ(cheap_rate.values, (std::vector<double>{20, 5}));
}

// What is measured of shares that are kept is what half of them costs, whatever the share is.
TEST(AccuracyModel, OfSharesAHalvingIsMeasured) {
  const PlannedKnob keep{{6, 12, 25, 50, 100}, {.55, .745, .895, .955, 1}, {}, 100, true};
  AccuracyModel model = losing(3);
  model.halved = {true};
  EXPECT_NEAR(model.measured_loss({keep}, {100}), 1 - .955, 1e-12);
  EXPECT_NEAR(model.measured_loss({keep}, {50}), 1 - .895 / .955, 1e-12);
  EXPECT_NEAR(model.measured_loss({keep}, {37.5}), 1 - (.745 + 6.75 / 13 * .15) / .925, 1e-12);
  EXPECT_NEAR(model.measured_loss({keep}, {6}), 1 - .55 / .745, 1e-12) << "as from the next rung";
  EXPECT_NEAR(model.coding_loss({keep}, {50}), .045, 1e-12);
  model.halved = {false};
  EXPECT_NEAR(model.measured_loss({keep}, {50}), .045, 1e-12) << "what is coded once more";
}

namespace {

Observation observation(double value) { return measured_qp(value); }

/// What content that loses `multiple` times what is typical really keeps at a QP.
double true_accuracy(double value, double multiple) {
  const PlannedKnob knob{{48, 44, 40, 36, 32, 28, 24, 20}, {.6, .76, .855, .895, .92, .94, .95, .96}, {}, 20, true};
  return std::clamp(losing(multiple).expected({knob}, {value}), 0.0, 1.0);
}

/// A measurement with the scatter of five objects on one or two frames.
MeasuredAccuracy noisy(double accuracy, int interval, std::mt19937 &random) {
  const unsigned frames = interval % 2 + 1;
  std::binomial_distribution<int> lost(int(5 * frames), 1 - accuracy);
  MeasuredAccuracy m = measured(frames, 1, 5);
  m.accuracy = 1 - lost(random) / (5.0 * frames);
  return m;
}

struct Course {
  double mean = 0;
  int changes = 0;
};
/// Seconds 20 to 120 of content that loses `multiple` times what is typical.
Course course(double asked, double multiple, unsigned seed) {
  auto policy = make_policy("oneadapt", std::nullopt);
  PolicySettings s;
  s.min_accuracy = asked;
  std::mt19937 random(seed);
  double value = 36;
  Course c;
  for (int i = 0; i < 120; ++i) {
    Observation o = observation(value);
    o.interval = std::uint64_t(i);
    const double accuracy = true_accuracy(value, multiple);
    o.measured = noisy(accuracy, i, random);
    const Decision d = policy->decide(o, s);
    const double next = std::round(d.knobs[0].value.value_or(o.knobs[0].ladder[d.knobs[0].rung]));
    if (i >= 20) {
      c.mean += accuracy / 100;
      c.changes += next != value;
    }
    value = next;
  }
  return c;
}

}  // namespace

TEST(MinAccuracy, IsKeptWhateverTheContentLoses) {
  for (double asked : {0.85, 0.9})
    for (double multiple : {0.6, 1.0, 1.6}) {
      double mean = 0, changes = 0;
      for (unsigned seed = 0; seed < 8; ++seed) {
        const Course c = course(asked, multiple, seed);
        mean += c.mean / 8;
        changes += c.changes / 8.0;
      }
      EXPECT_GT(mean, asked - 0.02) << asked << " of content " << multiple;
      EXPECT_LT(mean, asked + 0.05) << asked << " of content " << multiple;
      EXPECT_LT(changes, 40) << "of 100 intervals";
    }
}

TEST(MinAccuracy, BeginsWhereTypicalContentLosesLessThanItMay) {
  auto policy = make_policy("oneadapt", std::nullopt);
  PolicySettings s;
  s.min_accuracy = 0.86;  // 1 - 0.85 * 0.14 + 0.02 = 0.901: 36 is nearest
  EXPECT_EQ(policy->start(observation(20).knobs, s), std::vector<std::size_t>{3});
  s.min_accuracy = 0.9;  // 1 - 0.85 * 0.1 + 0.02 = 0.935, at 29: 28 is nearest
  EXPECT_EQ(policy->start(observation(20).knobs, s), std::vector<std::size_t>{5});
}

TEST(MinAccuracy, WithoutFeedbackItGoesWhereTypicalContentKeepsIt) {
  auto policy = make_policy("oneadapt", std::nullopt);
  PolicySettings s;
  s.min_accuracy = 0.9;
  Observation o = observation(20);
  o.gradient = false;
  o.feedback_lost = true;
  EXPECT_EQ(policy->decide(o, s).knobs[0].rung, 4u);
}

TEST(MinAccuracy, AStaticSceneSettles) {
  auto policy = make_policy("oneadapt", std::nullopt);
  PolicySettings s;
  s.min_accuracy = 0.9;
  double value = 36;
  int changes = 0;
  for (int i = 0; i < 60; ++i) {
    Observation o = observation(value);
    o.measured = measured(2, true_accuracy(value, 1.3), 6);
    const Decision d = policy->decide(o, s);
    const double next = std::round(*d.knobs[0].value);
    if (i >= 20) changes += next != value;
    value = next;
  }
  EXPECT_LE(changes, 4) << "in 40 intervals";
}

TEST(MinAccuracy, AnEmptySceneHoldsWhatTheLastObjectsNeeded) {
  auto policy = make_policy("oneadapt", std::nullopt);
  PolicySettings s;
  s.min_accuracy = 0.9;
  double value = 36;
  std::set<double> empty;
  for (int i = 0; i < 80; ++i) {
    Observation o = observation(value);
    if (i < 30) {
      o.measured = measured(2, true_accuracy(value, 1.5), 5);
    } else {
      o.measured = MeasuredAccuracy();
      o.measured.frames = 2;
      o.confident = o.elements = 0;
      empty.insert(value);
    }
    value = std::round(*policy->decide(o, s).knobs[0].value);
  }
  EXPECT_EQ(empty.size(), 1u);
}

TEST(MinAccuracy, TellsWhatItExpects) {
  auto policy = make_policy("oneadapt", std::nullopt);
  PolicySettings s;
  s.min_accuracy = 0.9;
  Observation o = observation(36);
  o.measured = measured(2, 0.8, 5);
  const Decision d = policy->decide(o, s);
  ASSERT_TRUE(d.accuracy);
  EXPECT_GE(d.accuracy->expected, 0.9);
  EXPECT_GT(d.accuracy->deviation, 0);
  s.min_accuracy = 0;
  EXPECT_FALSE(policy->decide(o, s).accuracy);
}

TEST(MinAccuracy, StaysWithinABudget) {
  auto policy = make_policy("oneadapt", std::nullopt);
  PolicySettings s;
  s.min_accuracy = 0.95;
  s.allowed = 0.5;
  Observation o = observation(28);
  o.measured = measured(2, 0.9, 5);
  const Decision d = policy->decide(o, s);
  EXPECT_GT(*d.knobs[0].value, 32) << "half of what QP 28 takes is QP 33, about";
}
