// SPDX-License-Identifier: LGPL-2.1-or-later
// Intervals with and without elements: the forecast of how many come next, and the policy that goes by it.
#include <gtest/gtest.h>

#include <cmath>

#include "core/element_forecast.h"
#include "core/policy.h"

using namespace oneadapt;

TEST(ElementForecast, ByHand) {
  ElementForecast forecast;
  EXPECT_NEAR(forecast.weight(), 0.3 / 0.65, 1e-12);
  forecast.push(2);  // mean of all: (0.99 · 5.2 + 2) ÷ (0.99 · 8 + 1)
  EXPECT_NEAR(forecast.weight(), 1 / (7.148 / 8.92), 1e-12);
  forecast.push(0);  // all: (0.99 · 7.148) ÷ (0.99 · 8.92 + 1); after none it is still what was believed
  EXPECT_NEAR(forecast.weight(), 0.3 / (7.07652 / 9.8308), 1e-9);
  forecast.push(3);  // after none: (0.99 · 2.4 + 3) ÷ (0.99 · 8 + 1), after some: 0.99 · 8 ÷ 8.92
  const double all = (0.99 * 7.07652 + 3) / (0.99 * 9.8308 + 1);
  EXPECT_NEAR(forecast.weight(), 7.92 / 8.92 / all, 1e-9);
  forecast.push(0);
  EXPECT_GT(forecast.weight(), 0.3 / all) << "after none there were three, once";
  forecast.reset();
  EXPECT_NEAR(forecast.weight(), 0.3 / 0.65, 1e-12);
}

TEST(ElementForecast, LearnsAStreamWithoutElements) {
  ElementForecast forecast;
  for (int i = 0; i < 1000; ++i) forecast.push(i % 10 == 0 ? 5 : 0);  // none after some
  EXPECT_GT(forecast.weight(), 1);
  forecast.push(1);
  EXPECT_LT(forecast.weight(), 0.2);
}

namespace {

/// A knob with typical losses of 0.6, 0.1, 0.04, 0, 0 and resources that double. Measured is what is typical, so that
/// sensitivity stays 1, unless `measured` says otherwise.
Observation words(std::size_t rung, double elements, double measured = 1) {
  Observation o;
  o.gradient = o.pooled = true;
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

TEST(Pooled, StandsWhereTheExpectedElementsAreWorthIt) {
  // Two elements: weight 8.92 ÷ 7.148 = 1.248. λ 0.3: 1.0856, 1.1230, 1.0979 at rungs 1, 2, 3.
  EXPECT_EQ(next(words(1, 2), 0.3), 2u);
  EXPECT_EQ(next(words(1, 2), 0.1), 3u);
  // None: weight 0.3 ÷ (5.148 ÷ 8.92) = 0.5198. λ 0.3: 0.189, 0.430, 0.424 at rungs 0, 1, 2.
  EXPECT_EQ(next(words(2, 0), 0.3), 1u);
  EXPECT_EQ(next(words(2, 0), 8), 0u);
  EXPECT_EQ(next(words(4, 0), 8), 2u) << "two rungs at most";
  EXPECT_EQ(next(words(0, 2), 0), 2u);
  EXPECT_EQ(make_policy("oneadapt")->decide(words(2, 0), {0, 8}).knobs[0].rung, 2u) << "α = 0 moves nothing";
  const KnobDecision d = make_policy("oneadapt")->decide(words(1, 2), {0.5, 0.3}).knobs[0];
  EXPECT_NEAR(d.acc_grad_up, 8.92 / 7.148 * 0.06 * 15 / 2, 1e-9);
  EXPECT_NEAR(d.acc_grad_down, 8.92 / 7.148 * 0.5 * 15, 1e-9);
  EXPECT_NEAR(d.resource_grad_up, 0.125 * 15 / 2, 1e-9);
}

TEST(Pooled, OnlyIntervalsWithElementsAreEvidence) {
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
  EXPECT_NEAR(sensitivity(2, 2), std::pow(2, 0.1), 1e-9) << "a tenth of ln 2";
}

TEST(Pooled, PicturesCountAlike) {
  Observation o = words(1, 0);
  o.pooled = false;
  const KnobDecision d = make_policy("oneadapt")->decide(o, {0.5, 0.3}).knobs[0];
  EXPECT_NEAR(d.acc_grad_up, 0.06 * 15 / 2, 1e-9);
}
