// SPDX-License-Identifier: LGPL-2.1-or-later
// Policy oneadapt, all parts together: by hand, and its step response in simulated time.
#include <gtest/gtest.h>

#include <cmath>

#include "core/policy/registry.h"
#include "observations.h"

using namespace oneadapt;

TEST(OneAdapt, Equation2ByHand) {
  auto p = make_policy("oneadapt");
  // One rung down saves 0.05 and costs 1e-3·20/1 = 0.02 accuracy; Δk = 4/28.
  // Slope (0.05 − 0.02)·7 = 0.21, step α·0.21 = 0.105 < one rung (0.1429): one rung.
  Decision d = p->decide(one_knob(5, 20, 0.05, 20, -0.05), {0.5, 1.0});
  EXPECT_EQ(d.knobs[0].rung, 4u);
  EXPECT_NEAR(d.knobs[0].acc_grad_down, 0.02 * 7, 1e-9);
  EXPECT_NEAR(d.knobs[0].resource_grad_down, 0.05 * 7, 1e-9);
  EXPECT_NEAR(*d.predicted_resource, 0.45, 1e-9);
  // It saves 0.1: slope 0.56, step α·0.56 = 0.28 = 1.96 rungs → two.
  p->reset();
  d = p->decide(one_knob(5, 20, 0.1, 20, -0.1), {0.5, 1.0});
  EXPECT_EQ(d.knobs[0].rung, 3u);
  EXPECT_NEAR(d.knobs[0].position, 5.0 / 7 - 0.28, 1e-9);
  // Never more than two, however steep.
  p->reset();
  EXPECT_EQ(p->decide(one_knob(7, 0, 0, 0, -0.9), {0.5, 1.0}).knobs[0].rung, 5u);
  // One rung up gains 0.1 of accuracy for 0.05: slope 0.35, step 0.175 = 1.2 rungs → one.
  p->reset();
  EXPECT_EQ(p->decide(one_knob(2, 100, 0.05, 150, -0.02), {0.5, 1.0}).knobs[0].rung, 3u);
}

TEST(OneAdapt, LambdaTradesAccuracyForResource) {
  const Observation o = one_knob(4, 30, 0.05, 30, -0.03);                       // 0.03 of accuracy either way
  EXPECT_EQ(make_policy("oneadapt")->decide(o, {0.5, 1.0}).knobs[0].rung, 4u);  // a local optimum
  EXPECT_GT(make_policy("oneadapt")->decide(o, {0.5, 0.1}).knobs[0].rung, 4u);
  EXPECT_LT(make_policy("oneadapt")->decide(o, {0.5, 10.0}).knobs[0].rung, 4u);
}

TEST(OneAdapt, OutputGradIsSharedByTheObjects) {
  // The same OutputGrad means less for each of ten objects than for one.
  EXPECT_EQ(make_policy("oneadapt")->decide(one_knob(4, 100, 0.05, 100, -0.05, 1), {0.5, 1.0}).knobs[0].rung, 5u);
  EXPECT_LT(make_policy("oneadapt")->decide(one_knob(4, 100, 0.05, 100, -0.05, 10), {0.5, 1.0}).knobs[0].rung, 4u);
}

TEST(OneAdapt, StaysAtTheEndsAndWithoutFeedback) {
  auto p = make_policy("oneadapt");
  EXPECT_EQ(p->decide(one_knob(0, 1, 0.1, 0, 0), {0.5, 1.0}).knobs[0].rung, 0u);
  EXPECT_EQ(p->decide(one_knob(7, 0, 0, 9000, -0.1), {0.5, 1.0}).knobs[0].rung, 7u);
  Observation o = one_knob(3, 0, 0.1, 0, -0.1);
  o.gradient = false;
  EXPECT_EQ(p->decide(o, {0.5, 1.0}).knobs[0].rung, 3u);
}

TEST(OneAdapt, AlphaZeroMovesNothing) {
  EXPECT_EQ(make_policy("oneadapt")->decide(one_knob(5, 0, 0.2, 0, -0.2), {0.0, 1.0}).knobs[0].rung, 5u);
}

TEST(OneAdapt, AKnobThatScalesItselfStandsWhereLambdaSays) {
  Observation o = one_knob(0, 9000, 0.01, 0, 0);  // whatever is measured
  KnobObservation &k = o.knobs[0];
  k.ladder = {4, 2, 1, 0};
  k.self_scaling = true;
  k.typical_accuracy = {0.7, 0.8, 0.9, 1};
  k.typical_resource = {0.05, 0.2, 0.4, 1};
  const auto p = make_policy("oneadapt");
  // λ 1: 0.65, 0.6, 0.5, 0. λ 0.4: 0.68, 0.72, 0.74, 0.6.
  EXPECT_EQ(p->decide(o, {0.5, 1.0}).knobs[0].rung, 0u);
  EXPECT_EQ(p->decide(o, {0.5, 0.4}).knobs[0].rung, 2u);
  EXPECT_EQ(p->decide(o, {0.5, 0.0}).knobs[0].rung, 3u);
  EXPECT_EQ(p->decide(o, {0.0, 0.0}).knobs[0].rung, 0u);  // nothing moves
}

TEST(OneAdapt, AKnobThatScalesItselfKnowsWhatTheOthersLeave) {
  Observation o = one_knob(0, 0, 0, 0, 0);
  o.knobs.push_back(o.knobs[0]);
  KnobObservation &k = o.knobs[0], &other = o.knobs[1];
  k.ladder = other.ladder = {2, 1, 0};
  k.name = "threshold";
  k.self_scaling = true;
  k.typical_accuracy = {0.7, 0.9, 1};
  k.typical_resource = {0.2, 0.4, 1};
  other.typical_accuracy = {0.8, 0.9, 1};
  other.typical_resource = {0.1, 0.5, 1};
  // λ 1, a tenth of the resource left: 0.54, 0.68, 0.7.
  o.knobs[1].rung = 0;
  EXPECT_EQ(make_policy("oneadapt")->decide(o, {0.5, 1.0}).knobs[0].rung, 2u);
  o.knobs[1].rung = 1;  // 0.53, 0.61, 0.4
  EXPECT_EQ(make_policy("oneadapt")->decide(o, {0.5, 1.0}).knobs[0].rung, 1u);
}

TEST(OneAdapt, TakesTwoRungsAtMostOnALadderThatShrinks) {
  Observation o = one_knob(1, 1000, 0.01, 0, 0);
  o.knobs[0].ladder = {8, 4, 2, 1, 0.5, 0};  // twice the step from 4 to 2 would be 0
  o.knobs[0].down.reset();
  EXPECT_EQ(make_policy("oneadapt")->decide(o, {0.5, 1.0}).knobs[0].rung, 3u);
  o = one_knob(4, 0, 0, 0, -1);
  o.knobs[0].ladder = {0, 0.5, 1, 2, 4, 8};
  EXPECT_EQ(make_policy("oneadapt")->decide(o, {0.5, 1.0}).knobs[0].rung, 2u);
}

TEST(OneAdapt, StartsWhereLambdaUsuallyLeadsTo) {
  auto p = make_policy("oneadapt");
  const auto knobs = typical_knob(7, 0, 0, 0, 0).knobs;
  // λ = 1: 0 0.48 0.69 0.755 0.7375 …: rung 4 (0.88 − 0.125). λ = 0.05: 0.95, 0.955, 0.9275: rung 6.
  // λ = 10: 0.362, 0.424, 0.3875: rung 1.
  EXPECT_EQ(p->start(knobs, {0.5, 1.0}), std::vector<std::size_t>{4});
  EXPECT_EQ(p->start(knobs, {0.5, 0.05}), std::vector<std::size_t>{6});
  EXPECT_EQ(p->start(knobs, {0.5, 10.0}), std::vector<std::size_t>{1});
  EXPECT_EQ(p->start(knobs, {0.5, 0.0}), std::vector<std::size_t>{7});
  EXPECT_EQ(p->start(one_knob(3, 0, 0, 0, 0).knobs, {0.5, 1.0}), std::vector<std::size_t>{3}) << "nothing is known";
  EXPECT_EQ(make_policy("uniform")->start(knobs, {0.5, 1.0}), std::vector<std::size_t>{7});
}

TEST(OneAdapt, OneSecondIsEvidenceNotProof) {
  auto p = make_policy("oneadapt");
  // Typical: one rung up from 4 gains 0.06. Measured 0.24, four times as much: ln 4 = 1.386 counts 0.35 of it, so
  // 0.06 · e^0.485 = 0.0975 in the first interval.
  Decision d = p->decide(typical_knob(4, 240, 0.05, 320, -0.03), {0.5, 1.0});
  EXPECT_NEAR(d.knobs[0].acc_grad_up, 7 * 0.06 * std::pow(4, 0.35), 1e-9);
  for (int i = 0; i < 20; ++i) d = p->decide(typical_knob(4, 240, 0.05, 320, -0.03), {0.5, 1.0});
  EXPECT_NEAR(d.knobs[0].acc_grad_up, 7 * 0.24, 1e-3) << "in the end it is believed";
  p->reset();
  d = p->decide(typical_knob(4, 60, 0.05, 80, -0.03), {0.5, 1.0});
  EXPECT_NEAR(d.knobs[0].acc_grad_up, 7 * 0.06, 1e-9);
}

TEST(OneAdapt, SettlesWithinFiveIntervalsOfAStep) {
  auto p = make_policy("oneadapt");
  std::size_t rung = 7;
  auto run = [&](double sensitivity) {  // ΔF1 a rung: sensitivity·2^-rung; r halves every 1.5 rungs
    std::size_t last_change = 0;
    for (std::size_t t = 1; t <= 20; ++t) {
      auto r = [](double k) { return std::exp2((k - 7) / 1.5); };
      auto og = [&](double k) { return sensitivity * std::exp2(-k) / 1e-3; };
      Observation o = one_knob(rung, og(double(rung)), r(rung + 1.0) - r(double(rung)), og(rung - 1.0),
                               r(rung - 1.0) - r(double(rung)));
      o.resource = r(double(rung));
      const std::size_t next = p->decide(o, {0.5, 1.0}).knobs[0].rung;
      if (next != rung) last_change = t;
      rung = next;
    }
    return last_change;
  };
  EXPECT_LE(run(0.0), 5u);
  EXPECT_EQ(rung, 0u);
  EXPECT_LE(run(2.0), 5u);
  const std::size_t busy = rung;
  EXPECT_GT(busy, 2u);
  EXPECT_LE(run(0.02), 5u);
  EXPECT_LT(rung, busy);
}

// A road at night: QP 28 is best, and from either side two rungs looked right, past it and back, for ever.
TEST(OneAdapt, DoesNotWanderAboutWhatIsBest) {
  auto p = make_policy("oneadapt");
  const double accuracy[] = {0.2, 0.35, 0.5, 0.64, 0.76, 0.86, 0.875, 0.88},
               resource[] = {0.004, 0.008, 0.015, 0.03, 0.06, 0.11, 0.4, 1};
  std::size_t rung = 4, changes = 0;
  for (int t = 0; t < 20; ++t) {
    const auto og = [&](std::size_t a, std::size_t b) { return std::abs(accuracy[a] - accuracy[b]) / 1e-3; };
    const auto r = [&](std::size_t to) { return resource[to] - resource[rung]; };
    Observation o = one_knob(rung, og(rung + 1, rung), r(rung + 1), og(rung - 1, rung), r(rung - 1));
    o.resource = resource[rung];
    o.knobs[0].typical_accuracy.assign(std::begin(accuracy), std::end(accuracy));
    o.knobs[0].typical_resource.assign(std::begin(resource), std::end(resource));
    const std::size_t next = p->decide(o, {0.5, 0.5}).knobs[0].rung;
    changes += next != rung;
    rung = next;
  }
  EXPECT_EQ(rung, 5u);
  EXPECT_EQ(changes, 1u);
}
