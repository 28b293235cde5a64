// SPDX-License-Identifier: LGPL-2.1-or-later
// The controller when feedback is lost, late, doubled or turned around: where its knobs go, and that they come back.
#include <cmath>
#include <random>

#include "ctl_rig.h"

namespace {

/// A live controller, interval by interval; what it does about one is over before the next begins.
struct Live {
  Rig rig;
  guint64 n = 0;  // intervals that have begun

  explicit Live(const char *properties = "", bool typical = true) : rig(properties) {
    rig.tunable->typical = typical;
    rig.caps();
  }
  /// Content for which the most expensive rung is worth its cost.
  void worth_the_top() {
    rig.tunable->output_grad = 2000;
    rig.tunable->resource_change = 0.1;
  }
  /// The next interval, up to its last frame.
  void interval() {
    const guint64 before = rig.stat("decisions"), silent = rig.stat("intervals-without-feedback");
    EXPECT_EQ(rig.push(), GST_FLOW_OK);
    if (rig.stat("intervals-without-feedback") > silent) decided(before + 1);
    for (int i = 1; i < 10; ++i) EXPECT_EQ(rig.push(), GST_FLOW_OK);
    ++n;
  }
  void answer(guint64 of) {
    const guint64 before = rig.stat("decisions"), taken = rig.stat("gradients");
    rig.answer(of);
    if (rig.stat("gradients") > taken) decided(before + 1);
  }
  /// `count` intervals whose last frames are answered at once.
  void heard(int count) {
    while (count--) {
      interval();
      answer(n - 1);
    }
  }
  /// Six intervals with content that is worth the top, and it is there.
  void reach_the_top() {
    worth_the_top();
    heard(6);
    ASSERT_EQ(level(), 50);
  }
  void silent(int count) {
    while (count--) interval();
  }
  double level() const { return rig.tunable->value; }
  bool lost() {
    GstStructure *s = nullptr;
    g_object_get(rig.ctl, "stats", &s, nullptr);
    gboolean lost = FALSE;
    EXPECT_TRUE(gst_structure_get_boolean(s, "feedback-lost", &lost));
    gst_structure_free(s);
    return lost;
  }

 private:
  void decided(guint64 count) {
    for (int i = 0; i < 1000000 && rig.stat("decisions") < count; ++i) std::this_thread::yield();
    EXPECT_EQ(rig.stat("decisions"), count);
  }
};

}  // namespace

// λ = 1 usually leads to level 20 (see WarmStartBeginsWhereLambdaUsuallyLeadsTo); this content is worth the top.
TEST(CtlFaults, HoldsForTwoIntervalsAndThenGoesWhereLambdaUsuallyLeads) {
  Live live;
  live.reach_the_top();
  live.silent(3);  // the first of them begins with the feedback of the one before
  EXPECT_EQ(live.level(), 50);
  EXPECT_FALSE(live.lost());
  live.silent(1);
  EXPECT_EQ(live.level(), 20);
  EXPECT_TRUE(live.lost());
  EXPECT_EQ(live.rig.stat("intervals-without-feedback"), 3u);
  live.silent(5);
  EXPECT_EQ(live.level(), 20);
  EXPECT_EQ(live.rig.stat("gradients-ignored"), 0u);
}

// A filter that passes on a frame every ten seconds, say.
TEST(CtlFaults, WhereNothingIsPassedOnNoFeedbackIsLost) {
  Live live;
  live.reach_the_top();
  live.rig.tunable->passes_nothing = true;
  live.silent(10);
  EXPECT_EQ(live.level(), 50);
  EXPECT_FALSE(live.lost());
  live.rig.tunable->passes_nothing = false;
  live.silent(2);
  EXPECT_EQ(live.level(), 50);
  live.silent(1);
  EXPECT_EQ(live.level(), 20);
  EXPECT_TRUE(live.lost());
}

TEST(CtlFaults, ComesBackWithTheFirstGradientAndGoesOn) {
  Live live;
  live.reach_the_top();
  live.silent(8);
  ASSERT_EQ(live.level(), 20);
  live.heard(1);
  EXPECT_EQ(live.level(), 50);
  EXPECT_FALSE(live.lost());
  live.rig.tunable->output_grad = 0;
  live.rig.tunable->resource_change = 0.2;
  live.heard(12);
  EXPECT_LT(live.level(), 50) << "it adapts again";
}

TEST(CtlFaults, WhoMovedTheKnobsMeanwhileIsNotOverruled) {
  Live live;
  live.reach_the_top();
  live.silent(5);
  ASSERT_EQ(live.level(), 20);
  live.rig.tunable->value = 10;
  live.silent(4);
  EXPECT_EQ(live.level(), 10) << "the safe configuration is gone to once";
  live.heard(1);
  EXPECT_LE(live.level(), 30) << "Eq. 2 from there, not back to 50";
}

TEST(CtlFaults, WithoutWarmStartItGoesBackToHowTheKnobsWereSet) {
  Live live("warm-start=false");
  live.rig.tunable->value = 30;
  live.reach_the_top();
  live.silent(4);
  EXPECT_EQ(live.level(), 30);
}

TEST(CtlFaults, ATimeoutOfItsOwnOrNone) {
  for (const auto &[properties, level] :
       {std::pair{"feedback-timeout=1", 20.0}, std::pair{"feedback-timeout=0", 50.0}}) {
    Live live(properties);
    live.rig.tunable->output_grad = 2000;
    live.rig.tunable->resource_change = 0.1;
    live.heard(6);
    live.silent(2);
    EXPECT_EQ(live.level(), level) << properties;
    live.silent(8);
    EXPECT_EQ(live.level(), level) << properties;
  }
}

TEST(CtlFaults, WithoutFeedbackFromTheStartNothingIsLost) {
  Live live;
  live.rig.push();
  live.rig.tunable->value = 40;  // somebody sets it by hand
  live.silent(8);
  EXPECT_EQ(live.level(), 40);
  EXPECT_FALSE(live.lost());
  EXPECT_EQ(live.rig.stat("intervals-without-feedback"), 7u);
}

TEST(CtlFaults, WhatFollowsTheGradientForgetsIt) {
  Live live;
  live.rig.tunable->flags = GST_ONEADAPT_KNOB_FOLLOWS_GRADIENT;
  live.heard(3);
  FakeTunable *t = live.rig.tunable;
  EXPECT_LT(t->least, t->most);
  const unsigned applies = t->applies;
  live.silent(3);
  EXPECT_EQ(t->applies, applies);
  EXPECT_EQ(t->confident, -1);
  live.silent(1);
  EXPECT_EQ(t->applies, applies + 1);
  EXPECT_EQ(t->confident, 0);
  EXPECT_EQ(t->least, t->most);
  EXPECT_GT(t->least, 0);
  live.heard(1);
  EXPECT_LT(t->least, t->most) << "a new one, and not averaged with the old";
  EXPECT_EQ(t->most, 1);
}

// Of 1000 bytes at the top: levels 10 … 50 take 100, 200, 400, 600, 1000 bytes an interval.
TEST(CtlFaults, ABudgetIsKeptFromTheBytesAlone) {
  for (const bool ever : {false, true}) {
    Live live("lambda=0");
    live.rig.tunable->rate = 1000;
    live.rig.tunable->output_grad = 100;
    live.rig.tunable->resource_change = 0.1;
    if (ever) live.heard(6);
    live.silent(2);
    ASSERT_EQ(live.level(), 50);
    g_object_set(live.rig.ctl, "max-bitrate", guint64(8 * 450), nullptr);
    live.silent(2);
    EXPECT_EQ(live.level(), 30);
    live.silent(6);  // the loss of feedback does not undo it
    EXPECT_EQ(live.level(), 30);
    g_object_set(live.rig.ctl, "max-bitrate", guint64(8 * 250), nullptr);
    live.silent(2);
    EXPECT_EQ(live.level(), 20);
    live.heard(4);  // nor does its return
    EXPECT_EQ(live.level(), 20);
  }
}

TEST(CtlFaults, AnIntervalTooLateIsFeedbackAllTheSame) {
  Live live;
  live.worth_the_top();
  live.heard(1);
  for (int i = 0; i < 8; ++i) {
    live.interval();
    live.answer(live.n - 2);  // of the interval before
  }
  EXPECT_EQ(live.level(), 50);
  EXPECT_FALSE(live.lost());
  EXPECT_EQ(live.rig.stat("gradients"), 8u);
  EXPECT_EQ(live.rig.stat("gradients-ignored"), 1u);  // the first was there already
}

// Half is lost or late, some is doubled or turned around: it stays where a loop without faults is, and never leaves.
TEST(CtlFaults, AnUnreliablePathLeadsToTheSamePlace) {
  Live live;
  live.worth_the_top();
  std::mt19937 random(11);
  std::vector<guint64> held;
  unsigned away = 0;
  for (int i = 0; i < 300; ++i) {
    live.interval();
    held.push_back(live.n - 1);
    if (random() % 4 == 0) held.pop_back();                                // lost
    if (random() % 4 == 0) continue;                                       // late
    if (random() % 2) std::reverse(held.begin(), held.end());              // turned around
    if (random() % 4 == 0 && !held.empty()) held.push_back(held.front());  // doubled
    for (guint64 of : held) live.answer(of);
    held.clear();
    if (i > 20) away += live.level() != 50;
  }
  EXPECT_LT(away, 20u) << "intervals that began in the safe configuration";
  EXPECT_GT(live.rig.stat("gradients-ignored"), 20u);
  EXPECT_GT(live.rig.stat("intervals-without-feedback"), 50u);
  EXPECT_EQ(live.rig.received, live.rig.frames);
}

TEST(CtlFaults, LockstepGoesOnWithoutWhatIsLost) {
  Rig rig("lockstep=true lockstep-timeout=0");
  rig.caps();
  rig.tunable->resource_change = 0.1;
  rig.tunable->output_grad = 2000;
  rig.tunable->value = 10;
  for (guint64 i = 0; i < 20; ++i) {
    rig.interval();
    if (i % 5 != 4) rig.answer(i);
  }
  rig.push();
  EXPECT_EQ(rig.stat("decisions"), 20u);
  EXPECT_EQ(rig.stat("gradients"), 16u);
  EXPECT_EQ(rig.stat("intervals-without-feedback"), 4u);
  EXPECT_EQ(rig.tunable->value, 50);
  EXPECT_EQ(rig.error_text(GST_MESSAGE_WARNING), "") << "what is meant to happen is no warning";
}
