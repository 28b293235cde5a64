// SPDX-License-Identifier: LGPL-2.1-or-later
// Where accuracy is that of all intervals' elements together: the optimum for as many as are expected, by hand.
#include <gtest/gtest.h>

#include <cmath>

#include "core/policy/oneadapt/micro_average.h"
#include "core/policy/registry.h"

using namespace oneadapt;

namespace {

/// A knob with typical losses of 0.6, 0.1, 0.04, 0, 0 and resources that double. Measured is what is typical, so that
/// sensitivity stays 1, unless `measured` says otherwise.
Observation words(std::size_t rung, double elements, double measured = 1) {
  Observation o;
  o.gradient = o.micro_averaged = true;
  o.elements = elements;
  o.confident = 1;
  KnobObservation k;
  k.name = "filter0.rate";
  k.ladder = {1, 2, 4, 8, 16};
  k.rung = rung;
  k.typical_accuracy = {0.4, 0.9, 0.96, 1, 1};
  k.typical_resource = {0.0625, 0.125, 0.25, 0.5, 1};
  const auto step = [&](std::size_t to) {
    const double loss = std::abs(k.typical_accuracy[to] - k.typical_accuracy[rung]);
    return StepEffect{1e3 * loss * measured, k.typical_resource[to] - k.typical_resource[rung], 0};
  };
  if (rung + 1 < 5) k.up = step(rung + 1);
  if (rung > 0) k.down = step(rung - 1);
  o.knobs = {k};
  return o;
}

std::size_t next(const Observation &o, double lambda) {
  return make_policy("oneadapt")->decide(o, {0.5, lambda}).knobs[0].rung;
}

}  // namespace

TEST(MicroAverage, StandsWhereTheExpectedElementsAreWorthIt) {
  // Two elements: weight 0.8 ÷ 0.60698 = 1.318. λ 0.3: 1.1487, 1.1903, 1.1680 at rungs 1, 2, 3.
  EXPECT_EQ(next(words(1, 2), 0.3), 2u);
  EXPECT_EQ(next(words(1, 2), 0.1), 3u);
  // None: weight 0.18 ÷ (119.76 ÷ 200.6) = 0.3015. λ 0.2: 0.1081, 0.2464, 0.2394 at rungs 0, 1, 2.
  EXPECT_EQ(next(words(2, 0), 0.2), 1u);
  EXPECT_EQ(next(words(2, 0), 4), 0u);
  EXPECT_EQ(next(words(4, 0), 2), 2u) << "two rungs at most";
  EXPECT_EQ(next(words(0, 2), 0), 2u);
  EXPECT_EQ(make_policy("oneadapt")->decide(words(2, 0), {0, 8}).knobs[0].rung, 2u) << "α = 0 moves nothing";
  const KnobDecision d = make_policy("oneadapt")->decide(words(1, 2), {0.5, 0.3}).knobs[0];
  const double weight = 0.8 / (121.76 / 200.6);
  EXPECT_NEAR(d.acc_grad_up, weight * 0.06 * 15 / 2, 1e-9);
  EXPECT_NEAR(d.acc_grad_down, weight * 0.5 * 15, 1e-9);
  EXPECT_NEAR(d.resource_grad_up, 0.125 * 15 / 2, 1e-9);
}

TEST(MicroAverage, WhoLooksAheadHasADecisionForEitherCase) {
  Observation o = words(0, 2);
  o.activity = 1;
  EXPECT_FALSE(make_policy("oneadapt")->decide(o, {0.5, 0.3}).knobs[0].inactive_rung);
  o.knobs[0].has_lookahead = true;
  o.resource = 0.0625;
  // Weights 1 ÷ 0.60698 = 1.6475 and 0.03 ÷ 0.60698 = 0.0494. λ 0.15: 1.5816 − 0.0375, 1.6475 − 0.075 at rungs 2, 3;
  // 0.0198 − 0.0094, 0.0445 − 0.0188 and 0.0474 − 0.0375 at rungs 0, 1 and 2.
  Decision d = make_policy("oneadapt")->decide(o, {0.5, 0.15});
  EXPECT_EQ(d.knobs[0].rung, 3u) << "three rungs up: no step from a rung that was for the other case";
  EXPECT_EQ(d.knobs[0].inactive_rung, 1u);
  EXPECT_FALSE(d.predicted_resource) << "which of the two it will be is not known";
  d = make_policy("oneadapt")->decide(o, {0.5, 1.6});
  EXPECT_EQ(d.knobs[0].rung, 1u);
  EXPECT_EQ(d.knobs[0].inactive_rung, 0u);
  EXPECT_FALSE(make_policy("oneadapt")->decide(o, {0, 0.3}).knobs[0].inactive_rung) << "α = 0 moves nothing";
}

TEST(MicroAverage, ABudgetHoldsInEitherCase) {
  Observation o = words(3, 2);
  o.activity = 1;
  o.knobs[0].has_lookahead = true;
  o.knobs[0].value = 8;
  o.resource = 0.5;
  PolicySettings s{0.5, 0};  // whatever it costs: the top in both cases
  EXPECT_EQ(make_policy("oneadapt")->decide(o, s).knobs[0].inactive_rung, 3u);
  s.allowed = 0.3;
  const KnobDecision d = make_policy("oneadapt")->decide(o, s).knobs[0];
  EXPECT_LE(d.rung, 1u);
  EXPECT_LE(*d.inactive_rung, d.rung);
}

TEST(MicroAverage, FeedbackThatIsLostEndsTheAlternative) {
  const auto p = make_policy("oneadapt");
  Observation o = words(0, 0);
  o.activity = 0;
  o.knobs[0].has_lookahead = true;
  EXPECT_TRUE(p->decide(o, {0.5, 0.1}).knobs[0].inactive_rung);
  Observation lost = o;
  lost.gradient = false;
  lost.feedback_lost = true;
  EXPECT_FALSE(p->decide(lost, {0.5, 0.1}).knobs[0].inactive_rung);
  // When it is there again, both cases are decided at once: the rung before may have been either's.
  const KnobDecision back = p->decide(o, {0.5, 0.1}).knobs[0];
  EXPECT_TRUE(back.inactive_rung);
  EXPECT_GT(back.rung, *back.inactive_rung);
}

TEST(MicroAverage, OnlyIntervalsWithElementsAreEvidence) {
  const auto p = make_policy("oneadapt");
  ElementForecast forecast;
  /// AccGrad of a step, as a multiple of what the forecast alone says.
  const auto sensitivity = [&](double elements, double measured) {
    forecast.push(elements);
    const double gain = p->decide(words(1, elements, measured), {0.5, 0.3}).knobs[0].acc_grad_up * 2 / 15;
    return gain / (forecast.weight() * 0.06);
  };
  for (int i = 0; i < 10; ++i) EXPECT_NEAR(sensitivity(0, 0), 1, 1e-9);
  EXPECT_NEAR(sensitivity(2, 1), 1, 1e-9);
  EXPECT_NEAR(sensitivity(2, 2), std::pow(2, 1.0 / 12), 1e-9) << "the second of 2 and 10 that are believed";
  for (int i = 0; i < 2000; ++i) sensitivity(2, 1);
  EXPECT_NEAR(sensitivity(2, 2), std::pow(2, 0.02), 1e-9) << "never less than a fiftieth";
  p->reset();
  forecast.reset();
  EXPECT_NEAR(sensitivity(2, 2), std::pow(2, 1.0 / 11), 1e-9) << "counted anew";
}

TEST(MicroAverage, PicturesCountAlike) {
  Observation o = words(1, 0);
  o.micro_averaged = false;
  const KnobDecision d = make_policy("oneadapt")->decide(o, {0.5, 0.3}).knobs[0];
  EXPECT_NEAR(d.acc_grad_up, 0.06 * 15 / 2, 1e-9);
}
