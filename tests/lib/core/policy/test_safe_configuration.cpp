// SPDX-License-Identifier: LGPL-2.1-or-later
// A loss of feedback: to the safe rung, and back.
#include <gtest/gtest.h>

#include "core/policy/oneadapt/safe_configuration.h"
#include "core/policy/registry.h"
#include "observations.h"

using namespace oneadapt;

namespace {

Observation gradient_at(std::size_t rung) { return one_knob(rung, 0, 0, 0, 0); }
Observation lost_at(std::size_t rung) {
  Observation o = one_knob(rung, 0, 0, 0, 0);
  o.gradient = false;
  o.feedback_lost = true;
  return o;
}
Observation silent_at(std::size_t rung) {
  Observation o = lost_at(rung);
  o.feedback_lost = false;
  return o;
}

}  // namespace

TEST(SafeConfiguration, ThereAndBackOnce) {
  SafeConfiguration safe;
  safe.begin(lost_at(6));
  EXPECT_EQ(safe.leave(lost_at(6).knobs[0], 3), 3u);
  safe.begin(silent_at(3));
  EXPECT_FALSE(safe.back(silent_at(3).knobs[0])) << "it is still lost";
  safe.begin(gradient_at(3));
  EXPECT_EQ(safe.back(gradient_at(3).knobs[0]), 6u);
  safe.begin(gradient_at(6));
  EXPECT_FALSE(safe.back(gradient_at(6).knobs[0]));
}

TEST(SafeConfiguration, TheKnobsOwnSafeRungComesFirst) {
  SafeConfiguration safe;
  Observation o = lost_at(6);
  o.knobs[0].safe = 1;
  safe.begin(o);
  EXPECT_EQ(safe.leave(o.knobs[0], 3), 1u);
}

TEST(SafeConfiguration, WhoMovesTheKnobMeanwhileIsNotOverruled) {
  SafeConfiguration safe;
  safe.begin(lost_at(6));
  safe.leave(lost_at(6).knobs[0], 3);
  safe.begin(gradient_at(4));
  EXPECT_FALSE(safe.back(gradient_at(4).knobs[0]));
}

TEST(SafeConfiguration, ARungThatIsGoneIsNotGoneBackTo) {
  SafeConfiguration safe;
  safe.begin(lost_at(6));
  safe.leave(lost_at(6).knobs[0], 3);
  Observation o = gradient_at(3);
  o.knobs[0].ladder.resize(5);
  safe.begin(o);
  EXPECT_FALSE(safe.back(o.knobs[0]));
}

TEST(SafeConfiguration, ResetForgetsTheWay) {
  SafeConfiguration safe;
  safe.begin(lost_at(6));
  safe.leave(lost_at(6).knobs[0], 3);
  safe.reset();
  safe.begin(gradient_at(3));
  EXPECT_FALSE(safe.back(gradient_at(3).knobs[0]));
}

// The same through the policy: without feedback the typical optimum of λ = 1 is rung 4.
TEST(OneAdapt, FeedbackThatIsLostLeadsToTheTypicalOptimum) {
  const auto p = make_policy("oneadapt");
  Observation lost = typical_knob(7);
  lost.gradient = false;
  lost.feedback_lost = true;
  Decision d = p->decide(lost, {0.5, 1.0});
  EXPECT_EQ(d.knobs[0].rung, 4u);
  EXPECT_FALSE(d.predicted_resource) << "nothing was measured there";
  d = p->decide(typical_knob(4, 60, 0.125, 80, -0.06), {0.5, 1.0});
  EXPECT_EQ(d.knobs[0].rung, 7u);
  EXPECT_FALSE(d.predicted_resource);
  EXPECT_EQ(p->decide(lost, {0, 1.0}).knobs[0].rung, 7u) << "α = 0 moves nothing";
}
