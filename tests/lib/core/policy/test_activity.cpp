// SPDX-License-Identifier: LGPL-2.1-or-later
// Policy activity: between where the knobs were set and the cheapest.
#include <gtest/gtest.h>

#include "core/policy/registry.h"
#include "observations.h"

using namespace oneadapt;

TEST(Activity, GoesBetweenTheStartAndTheCheapest) {
  const auto p = make_policy("activity");
  EXPECT_FALSE(find_policy("activity").needs.gradient);
  Observation o = one_knob(5, 0, 0, 0, 0);
  o.gradient = false;
  const auto next = [&](std::optional<double> activity) {
    o.activity = activity;
    o.knobs[0].rung = p->decide(o, {}).knobs[0].rung;
    return o.knobs[0].rung;
  };
  EXPECT_EQ(next(std::nullopt), 5u);
  EXPECT_EQ(next(0.49), 0u);
  EXPECT_EQ(next(std::nullopt), 0u);  // unknown: it stays
  EXPECT_EQ(next(0.5), 5u);
  EXPECT_EQ(next(1), 5u);
  EXPECT_EQ(next(0), 0u);
  p->reset();  // a new stream begins where the last one ended
  EXPECT_EQ(next(0), 0u);
  EXPECT_EQ(next(1), 5u);
  // A ladder that has become shorter.
  o.knobs[0].ladder.resize(3);
  o.knobs[0].rung = 0;
  EXPECT_EQ(next(1), 2u);
}

TEST(Activity, ThatIsForeseenIsDecidedForEitherCase) {
  const auto p = make_policy("activity");
  Observation o = one_knob(4, 0, 0, 0, 0);
  o.gradient = false;
  o.knobs[0].has_lookahead = true;
  for (const std::optional<double> activity : {std::optional<double>(), {0.0}, {1.0}}) {
    o.activity = activity;
    const KnobDecision d = p->decide(o, {}).knobs[0];
    EXPECT_EQ(d.rung, 4u);
    EXPECT_EQ(d.inactive_rung, 0u);
    o.knobs[0].rung = 0;  // one without activity came in between
  }
}

TEST(Activity, ComesBackToAValueBetweenRungs) {
  const auto p = make_policy("activity");
  Observation o = one_knob(2, 0, 0, 0, 0);
  o.knobs[0].value = o.knobs[0].ladder[2] + 0.25;
  o.activity = 0;
  EXPECT_FALSE(p->decide(o, {}).knobs[0].value);
  o.knobs[0].rung = 0;
  o.knobs[0].value = o.knobs[0].ladder[0];
  o.activity = 1;
  const KnobDecision back = p->decide(o, {}).knobs[0];
  EXPECT_EQ(back.rung, 2u);
  EXPECT_EQ(back.value, o.knobs[0].ladder[2] + 0.25);
}
