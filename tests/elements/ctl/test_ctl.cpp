// SPDX-License-Identifier: LGPL-2.1-or-later
// The controller and its loop over gradients.
#include "ctl_rig.h"

TEST(Ctl, LockstepDecidesBeforeTheNextIntervalsFirstFrame) {
  Rig rig("lockstep=true");
  rig.caps();
  rig.tunable->output_grad = 0;
  rig.tunable->resource_change = 0.2;  // saves, costs nothing: two rungs down an interval
  rig.interval();
  rig.answer(0);
  ASSERT_EQ(rig.push(), GST_FLOW_OK);  // held until the decision
  EXPECT_EQ(rig.tunable->value, 30);
  EXPECT_EQ(rig.tunable->applied_for, 1u);
  EXPECT_EQ(rig.received, rig.frames);
  EXPECT_EQ(rig.stat("decisions"), 1u);
}
TEST(Ctl, ClimbsAndDescendsOverIntervals) {
  Rig rig("lockstep=true");
  rig.caps();
  rig.tunable->resource_change = 0.1;
  auto run = [&](double output_grad, int n) {
    rig.tunable->output_grad = output_grad;
    for (int i = 0; i < n; ++i) {
      const guint64 t = rig.frames / 10;
      for (int j = 0; j < 10; ++j) ASSERT_EQ(rig.push(), GST_FLOW_OK);
      rig.answer(t);
    }
    ASSERT_EQ(rig.push(), GST_FLOW_OK);
    for (int j = 0; j < 9; ++j) ASSERT_EQ(rig.push(), GST_FLOW_OK);
    rig.answer(rig.frames / 10 - 1);
  };
  run(0, 4);
  EXPECT_EQ(rig.tunable->value, 10);
  run(1000, 4);  // 1e-3 · 1000 = 1 of accuracy a rung
  EXPECT_EQ(rig.tunable->value, 50);
  EXPECT_EQ(rig.received, rig.frames);
  EXPECT_EQ(rig.stat("lockstep-timeouts"), 0u);
}
TEST(Ctl, FindsATunableInsideABinAndBehindAQueue) {
  Rig rig("lockstep=true", true);
  rig.caps();
  rig.tunable->resource_change = 0.2;
  rig.interval();
  rig.answer(0);
  rig.push();
  EXPECT_EQ(rig.tunable->probes, 1u);
}
TEST(Ctl, TakesNamedTunables) {
  Rig rig("lockstep=true tunables=t");
  rig.caps();
  rig.interval();
  rig.answer(0);
  rig.push();
  EXPECT_EQ(rig.tunable->probes, 1u);
}
TEST(Ctl, AKnobOfOneOfSeveralTunables) {
  Rig rig("lockstep=true warm-start=false alpha=1 lambda=1 knobs=u.level", false, " ! faketunable name=u");
  auto *u = reinterpret_cast<FakeTunable *>(gst_bin_get_by_name(GST_BIN(rig.bin), "u"));
  rig.caps();
  for (FakeTunable *f : {rig.tunable, u}) f->resource_change = 0.4;
  for (guint64 i = 0; i < 4; i++) {
    rig.interval();
    rig.answer(i);
  }
  rig.push();
  EXPECT_LT(u->value, 50);
  EXPECT_EQ(rig.tunable->value, 50);
  gst_object_unref(u);
}
TEST(Ctl, AKnobOfAnUnknownTunableIsOneClearError) {
  Rig rig("knobs=v.level", false, " ! faketunable name=u");
  rig.caps();
  EXPECT_EQ(rig.push(), GST_FLOW_ERROR);
  const std::string text = rig.error_text(GST_MESSAGE_ERROR);
  EXPECT_NE(text.find("\"v.level\""), std::string::npos) << text;
}
// One behind the other: 0.8 of what comes in, 0.4 of that.
TEST(Ctl, SharesOfSeveralTunablesMultiply) {
  Rig rig("lockstep=true warm-start=false alpha=0", false, " ! faketunable name=u");
  auto *u = reinterpret_cast<FakeTunable *>(gst_bin_get_by_name(GST_BIN(rig.bin), "u"));
  rig.caps();
  rig.tunable->value = 40;
  u->value = 20;
  for (FakeTunable *f : {rig.tunable, u}) f->resource_change = 0.1;
  rig.interval();
  rig.answer(0);
  rig.push();
  GstStructure *stats = nullptr, *last = nullptr;
  g_object_get(rig.ctl, "stats", &stats, nullptr);
  ASSERT_TRUE(gst_structure_get(stats, "last-decision", GST_TYPE_STRUCTURE, &last, nullptr));
  double measured = 0;
  ASSERT_TRUE(gst_structure_get_double(last, "measured-resource", &measured));
  EXPECT_NEAR(measured, 0.32, 1e-12);
  const GValue *knobs = gst_structure_get_value(last, "knobs");
  ASSERT_EQ(gst_value_list_get_size(knobs), 2u);
  const double expected[] = {0.1 * 0.4, 0.1 * 0.8};
  for (guint i = 0; i < 2; i++) {
    double change = 0;
    const auto *knob = gst_value_get_structure(gst_value_list_get_value(knobs, i));
    ASSERT_TRUE(gst_structure_get_double(knob, "resource-change-up", &change));
    EXPECT_NEAR(change, expected[i], 1e-12) << i;
  }
  gst_structure_free(last);
  gst_structure_free(stats);
  gst_object_unref(u);
}
TEST(Ctl, UnknownTunableNameIsOneClearError) {
  for (const char *name : {"nobody", "ctl"}) {
    Rig rig((std::string("tunables=") + name).c_str());
    rig.caps();
    EXPECT_EQ(rig.push(), GST_FLOW_ERROR);
    const std::string text = rig.error_text(GST_MESSAGE_ERROR);
    EXPECT_NE(text.find("tunables"), std::string::npos) << text;
    EXPECT_NE(text.find(name), std::string::npos) << text;
    EXPECT_EQ(rig.error_text(GST_MESSAGE_ERROR), "");
  }
}
TEST(Ctl, UnknownKnobIsOneClearError) {
  Rig rig("knobs=level,volume");
  rig.caps();
  EXPECT_EQ(rig.push(), GST_FLOW_ERROR);
  EXPECT_NE(rig.error_text(GST_MESSAGE_ERROR).find("\"volume\""), std::string::npos);
}
TEST(Ctl, UnknownPolicyIsAnErrorThatNamesTheKnownOnes) {
  const std::string error = start_error_of("oneadaptctl", "policy", "guess");
  EXPECT_NE(error.find("static"), std::string::npos) << error;
}
// Of two intervals, in which other places count: a picture's are averaged (half of each), a signal's are the newest.
TEST(Ctl, TunablesGetTheWholeGradientAveragedAsItsDomainSays) {
  for (const GstOneadaptDomain domain : {GST_ONEADAPT_DOMAIN_GRID, GST_ONEADAPT_DOMAIN_SIGNAL}) {
    Rig rig("lockstep=true smoothing=0.5");
    rig.caps();
    for (guint64 interval : {0, 1}) {
      while (rig.frames < 10 * (interval + 1)) rig.push();
      GstOneadaptGradient *g = gst_oneadapt_gradient_new(70000, 1, 35000);
      g->domain = domain;
      g->interval = interval;
      g->stream_time = interval * GST_SECOND + 900 * GST_MSECOND;
      g->z = 4 - 2.0 * double(interval);
      g->elements = 5;
      g->confident = 3;
      g->theta = 0.25;
      g->slope = 8;
      g->values[interval] = 1;
      const GstOneadaptRegion region{0, 0, 1, 1};
      gst_oneadapt_gradient_set_regions(g, &region, 1);
      rig.send(g);
    }
    rig.push();
    const GstOneadaptGradient *g = rig.tunable->gradient;
    ASSERT_NE(g, nullptr);
    EXPECT_EQ(g->domain, domain);
    EXPECT_EQ(g->interval, 1u);
    EXPECT_EQ(g->interval_duration, GST_SECOND);
    EXPECT_EQ(g->stream_time, 1900 * GST_MSECOND);
    EXPECT_EQ(g->z, 3) << "numbers are averaged in any domain";
    EXPECT_EQ(g->elements, 5u);
    EXPECT_EQ(g->confident, 3u);
    EXPECT_EQ(g->theta, 0.25);
    EXPECT_EQ(g->slope, 8);
    EXPECT_EQ(g->frame_width, 70000u);
    EXPECT_EQ(g->n_regions, 1u);
    ASSERT_EQ(g->columns, 2u);
    const float half = domain == GST_ONEADAPT_DOMAIN_GRID ? 0.5f : 0;
    EXPECT_FLOAT_EQ(g->values[0], half);
    EXPECT_FLOAT_EQ(g->values[1], 1 - half);
  }
}
TEST(Ctl, LambdaZeroAsksForAccuracyOnly) {
  Rig rig("lockstep=true lambda=0");
  rig.caps();
  rig.tunable->value = 10;
  rig.tunable->output_grad = 100;
  rig.tunable->resource_change = 0.4;
  rig.interval();
  rig.answer(0);
  rig.push();
  EXPECT_GT(rig.tunable->value, 10);
}
TEST(Ctl, DecisionMessageSaysWhatAndWhy) {
  Rig rig("lockstep=true lambda=0.5");
  rig.caps();
  rig.tunable->resource_change = 0.2;
  rig.interval();
  rig.answer(0);
  rig.push();
  GstMessage *m = rig.pop(GST_MESSAGE_ELEMENT);
  ASSERT_NE(m, nullptr);
  const GstStructure *s = gst_message_get_structure(m);
  EXPECT_TRUE(gst_structure_has_name(s, "oneadapt-decision"));
  double lambda = 0, measured = 0, predicted = 0, value = 0, next = 0;
  guint64 interval = 9;
  EXPECT_TRUE(gst_structure_get_double(s, "lambda", &lambda));
  EXPECT_EQ(lambda, 0.5);
  EXPECT_TRUE(gst_structure_get_uint64(s, "interval", &interval));
  EXPECT_EQ(interval, 0u);
  EXPECT_TRUE(gst_structure_get_double(s, "measured-resource", &measured));
  EXPECT_EQ(measured, 1.0);
  EXPECT_TRUE(gst_structure_get_double(s, "predicted-resource", &predicted));
  EXPECT_LT(predicted, 1.0);
  EXPECT_TRUE(gst_structure_has_field(s, "gradient-age"));
  const GValue *knobs = gst_structure_get_value(s, "knobs");
  ASSERT_EQ(gst_value_list_get_size(knobs), 1u);
  const GstStructure *k = gst_value_get_structure(gst_value_list_get_value(knobs, 0));
  EXPECT_STREQ(gst_structure_get_string(k, "name"), "level");
  EXPECT_TRUE(gst_structure_get_double(k, "value", &value));
  EXPECT_TRUE(gst_structure_get_double(k, "next", &next));
  EXPECT_EQ(value, 50);
  EXPECT_EQ(next, rig.tunable->value);
  EXPECT_TRUE(gst_structure_has_field(k, "output-grad-down"));
  EXPECT_FALSE(gst_structure_has_field(k, "output-grad-up"));  // it is at the top
  gst_message_unref(m);
}
TEST(Ctl, ALiveControllerNeverWaits) {
  Rig rig;
  rig.caps();
  for (int i = 0; i < 5; ++i) rig.interval();  // no feedback at all
  EXPECT_EQ(rig.received, 50u);
  EXPECT_EQ(rig.tunable->value, 50);
}
TEST(Ctl, ProbingNeverHoldsUpData) {
  Rig rig;
  rig.caps();
  *rig.tunable->stuck = true;
  rig.interval();
  rig.answer(0);
  for (int i = 0; i < 3; ++i) rig.interval();  // the probe goes on all the while
  EXPECT_EQ(rig.received, 40u);
  EXPECT_EQ(rig.stat("decisions"), 0u);
  *rig.tunable->stuck = false;
  while (rig.stat("decisions") == 0) std::this_thread::yield();
}
TEST(Ctl, LockstepTimesOutWithTheCause) {
  Rig rig("lockstep=true lockstep-timeout=1000000");
  rig.caps();
  rig.interval();
  EXPECT_EQ(rig.push(), GST_FLOW_OK);
  EXPECT_EQ(rig.stat("lockstep-timeouts"), 1u);
  EXPECT_NE(rig.error_text(GST_MESSAGE_WARNING).find("holds back"), std::string::npos);
}
TEST(Ctl, IgnoresWhatIsLateDoubleFromTheFutureOrAnothersStream) {
  Rig rig;
  rig.caps();
  for (int i = 0; i < 6; ++i) rig.interval();
  const auto ignored = [&] { return rig.stat("gradients-ignored"); };
  rig.answer(5);
  EXPECT_EQ(ignored(), 0u);
  rig.answer(5);  // duplicate
  EXPECT_EQ(ignored(), 1u);
  rig.answer(4);  // late
  EXPECT_EQ(ignored(), 2u);
  rig.answer(77);  // from the future
  EXPECT_EQ(ignored(), 3u);
  rig.interval();
  GstOneadaptGradient *g = gradient_of(6);
  g->stream = 12345;
  rig.send(g);
  EXPECT_EQ(ignored(), 4u);
  g = gradient_of(6);
  g->interval_duration = 7;
  g->interval = g->stream_time / 7;
  rig.send(g);
  EXPECT_EQ(ignored(), 5u);
  GBytes *junk = g_bytes_new_static("junk", 4);
  gst_harness_push_upstream_event(
      rig.h, gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM,
                                  gst_structure_new("GstOneadaptGradient", "message", G_TYPE_BYTES, junk, nullptr)));
  g_bytes_unref(junk);
  EXPECT_EQ(ignored(), 6u);
  EXPECT_EQ(rig.stat("gradients"), 1u);
  for (int i = 0; i < 5; ++i) rig.interval();
  rig.answer(7);  // stale: data has reached interval 11
  EXPECT_EQ(ignored(), 7u);
}
TEST(Ctl, TakesAGradientOfItsOwnStream) {
  Rig rig("lockstep=true");
  rig.caps();
  rig.interval();
  GstPad *sink = gst_element_get_static_pad(rig.ctl, "sink");
  GstOneadaptGradient *g = gradient_of(0);
  g->stream = gst_oneadapt_pad_stream(sink);
  EXPECT_NE(g->stream, 0u);
  rig.send(g);
  gst_object_unref(sink);
  rig.push();
  EXPECT_EQ(rig.stat("decisions"), 1u);
}
TEST(Ctl, AFailedProbeIsNoEnd) {
  Rig rig("lockstep=true");
  rig.caps();
  rig.tunable->fail = true;
  rig.interval();
  rig.answer(0);
  EXPECT_EQ(rig.push(), GST_FLOW_OK);
  EXPECT_EQ(rig.tunable->value, 50);
}
TEST(Ctl, FlushForgetsTheOldIntervals) {
  Rig rig("lockstep=true");
  rig.caps();
  rig.interval();
  rig.answer(0);
  rig.push();
  rig.flush();
  rig.interval();
  rig.answer(0);  // the same interval again, after the seek
  rig.push();
  EXPECT_EQ(rig.stat("decisions"), 2u);
  EXPECT_EQ(rig.stat("gradients-ignored"), 0u);
}
TEST(Ctl, TimeThatGoesBackStartsAnew) {
  Rig rig("lockstep=true");
  rig.caps();
  for (guint64 t = 0; t < 3; ++t) {
    rig.interval();
    rig.answer(t);
  }
  rig.frames = 0;  // the clip starts again, without a flush
  rig.interval();
  EXPECT_EQ(rig.stat("decisions"), 3u);
  rig.answer(0);
  rig.push();
  EXPECT_EQ(rig.stat("decisions"), 4u);
  EXPECT_EQ(rig.stat("gradients-ignored"), 0u);
  EXPECT_EQ(rig.stat("lockstep-timeouts"), 0u);
}
TEST(Ctl, LetsGoOfAWaitingThreadOnShutdown) {
  auto *rig = new Rig("lockstep=true");  // default time-out: 30 s
  rig->caps();
  rig->interval();
  std::thread streaming([&] { rig->push(); });
  while (rig->stat("buffers") < 11) std::this_thread::yield();
  gst_element_set_state(rig->ctl, GST_STATE_NULL);
  streaming.join();
  EXPECT_EQ(rig->stat("lockstep-timeouts"), 0u);
  delete rig;
}
// By hand, accuracy − λ · resource over the rungs: λ = 1: 0.4, 0.6, 0.5, 0.37, 0; λ = 0: the top; λ = 10: −0.5 at the
// bottom, −1.2 and less above.
TEST(Ctl, WarmStartBeginsWhereLambdaUsuallyLeadsTo) {
  for (const auto &[properties, level] : {std::pair{"lambda=1", 20.0},
                                          {"lambda=0", 50.0},
                                          {"lambda=10", 10.0},
                                          {"lambda=1 warm-start=false", 50.0},
                                          {"lambda=1 policy=static", 50.0}}) {
    Rig rig(properties);
    rig.tunable->typical = true;
    rig.caps();
    ASSERT_EQ(rig.push(), GST_FLOW_OK);
    EXPECT_EQ(rig.tunable->value, level) << properties;
    if (level < 50) {
      EXPECT_EQ(rig.tunable->applied_for, 0u) << "for the interval of the first frame";
    }
    rig.tunable->value = 30;
    ASSERT_EQ(rig.push(), GST_FLOW_OK);
    EXPECT_EQ(rig.tunable->value, 30) << "once";
  }
  Rig unknown("lambda=1");
  unknown.caps();
  ASSERT_EQ(unknown.push(), GST_FLOW_OK);
  EXPECT_EQ(unknown.tunable->value, 50) << "a tunable that says nothing begins as it is";
}
TEST(Ctl, AKnobOnRequestIsAdaptedWhenItIsNamed) {
  for (const bool named : {false, true}) {
    Rig rig(named ? "lockstep=true knobs=level" : "lockstep=true");
    rig.tunable->flags = GST_ONEADAPT_KNOB_ON_REQUEST;
    rig.caps();
    rig.tunable->resource_change = 0.2;
    rig.interval();
    rig.answer(0);
    ASSERT_EQ(rig.push(), GST_FLOW_OK);
    EXPECT_EQ(rig.tunable->value, named ? 30 : 50);
  }
}
TEST(Ctl, AKnobThatFollowsTheGradientIsAppliedEveryTime) {
  for (const bool follows : {false, true}) {
    Rig rig("lockstep=true alpha=0");
    if (follows) rig.tunable->flags = GST_ONEADAPT_KNOB_FOLLOWS_GRADIENT;
    rig.caps();
    for (guint64 i = 0; i < 3; ++i) {
      rig.interval();
      rig.answer(i);
    }
    ASSERT_EQ(rig.push(), GST_FLOW_OK);
    EXPECT_EQ(rig.tunable->value, 50);
    EXPECT_EQ(rig.tunable->applies, follows ? 4u : 0u) << "and once at the start, so that it gets ready";
  }
}
TEST(Ctl, AnEarlyGradientChangesWhatFollowsItForTheRestOfItsInterval) {
  for (const bool follows : {false, true}) {
    Rig rig("lockstep=true");
    if (follows) rig.tunable->flags = GST_ONEADAPT_KNOB_FOLLOWS_GRADIENT;
    rig.caps();
    rig.tunable->resource_change = 0.2;
    const auto early = [&](guint64 interval) {
      GstOneadaptGradient *g = gradient_of(interval);
      g->early = TRUE;
      rig.send(g);
    };
    rig.push();
    const unsigned before = rig.tunable->applies;
    early(0);
    rig.push();  // lockstep: it is seen to before the second frame goes on
    EXPECT_EQ(rig.tunable->probes, follows ? 1u : 0u);
    EXPECT_EQ(rig.tunable->applies - before, follows ? 1u : 0u);
    if (follows) {
      EXPECT_EQ(rig.tunable->applied_for, 0u);
    }
    EXPECT_EQ(rig.tunable->value, 50) << "nothing is decided";
    EXPECT_EQ(rig.stat("early-gradients"), 1u);
    EXPECT_EQ(rig.stat("gradients"), 0u);
    for (int i = 0; i < 8; ++i) rig.push();
    rig.answer(0);  // the interval's own is no duplicate
    rig.push();
    EXPECT_EQ(rig.stat("decisions"), 1u);
    EXPECT_EQ(rig.stat("gradients"), 1u);
    EXPECT_LT(rig.tunable->value, 50);
    early(0);  // its interval is over
    EXPECT_EQ(rig.stat("gradients-ignored"), 1u);
    EXPECT_EQ(rig.stat("early-gradients"), 1u);
  }
}
TEST(Ctl, StaticPolicyMovesNothingAndWaitsForNobody) {
  Rig rig("lockstep=true policy=static");
  rig.caps();
  rig.tunable->resource_change = 0.2;
  for (int i = 0; i < 3; ++i) rig.interval();
  EXPECT_EQ(rig.stat("decisions"), 2u);
  EXPECT_EQ(rig.stat("lockstep-timeouts"), 0u);
  EXPECT_EQ(rig.tunable->value, 50);
}
TEST(Ctl, ActivityPolicyIsDearWhileSomethingGoesOn) {
  Rig rig("lockstep=true policy=activity");
  rig.caps();
  rig.tunable->value = 40;  // not the top: what it is set to
  const auto after = [&](double activity) {
    rig.tunable->activity = activity;
    rig.interval();
    return rig.tunable->value;  // the first frame of an interval has the last one judged
  };
  after(-1);
  EXPECT_EQ(after(-1), 40);
  EXPECT_EQ(after(0.2), 10);
  EXPECT_EQ(after(-1), 10);
  EXPECT_EQ(after(0.7), 40);
  EXPECT_EQ(after(1), 40);
  EXPECT_EQ(after(0), 10);
  EXPECT_EQ(rig.stat("gradients"), 0u);
  EXPECT_EQ(rig.stat("lockstep-timeouts"), 0u);
  double activity = -1;
  GstStructure *s = nullptr, *last = nullptr;
  g_object_get(rig.ctl, "stats", &s, nullptr);
  gst_structure_get(s, "last-decision", GST_TYPE_STRUCTURE, &last, nullptr);
  ASSERT_NE(last, nullptr);
  EXPECT_TRUE(gst_structure_get_double(last, "activity", &activity));
  EXPECT_EQ(activity, 0);
  gst_structure_free(last);
  gst_structure_free(s);
}
TEST(Ctl, WhoForeseesIsToldBothCases) {
  Rig rig("lockstep=true policy=activity");
  rig.caps();
  rig.tunable->value = 40;
  rig.tunable->activity = 0;
  rig.interval();
  rig.interval();
  EXPECT_EQ(rig.tunable->value, 10);
  EXPECT_EQ(rig.tunable->idle, -1) << "who does not foresee would take it for a knob";
  rig.tunable->has_lookahead = TRUE;
  rig.interval();
  EXPECT_EQ(rig.tunable->value, 40);
  EXPECT_EQ(rig.tunable->idle, 10);
  double next = -1;
  GstStructure *s = nullptr, *last = nullptr;
  g_object_get(rig.ctl, "stats", &s, nullptr);
  gst_structure_get(s, "last-decision", GST_TYPE_STRUCTURE, &last, nullptr);
  const GstStructure *knob =
      gst_value_get_structure(gst_value_list_get_value(gst_structure_get_value(last, "knobs"), 0));
  EXPECT_TRUE(gst_structure_get_double(knob, "next-idle", &next));
  EXPECT_EQ(next, 10);
  gst_structure_free(last);
  gst_structure_free(s);
}
TEST(Ctl, OfSeveralTunablesTheMostActiveCounts) {
  Rig rig("lockstep=true policy=activity", false, " ! faketunable name=u");
  rig.caps();
  auto *other = reinterpret_cast<FakeTunable *>(gst_bin_get_by_name(GST_BIN(rig.bin), "u"));
  rig.tunable->activity = 0;
  other->activity = -1;
  rig.interval();
  rig.interval();
  EXPECT_EQ(rig.tunable->value, 10);
  EXPECT_EQ(other->value, 10);
  other->activity = 0.9;
  rig.interval();
  EXPECT_EQ(rig.tunable->value, 50);
  EXPECT_EQ(other->value, 50);
  gst_object_unref(other);
}
namespace {

/// A network whose accuracy rises, and whose log resource falls to -1, with the candidate level's position p: tanh p;
/// with `from` replaced by `to`, once.
std::string policy_file(const std::string &from = "", const std::string &to = "") {
  std::string text = R"({"format": "oneadapt-casva", "version": 1, "knobs": ["level"], "hidden": 1,
    "weights": [0, 0, 0, 0, 1, 0, 1, 0, 2, -2], "input_mean": [0, 0, 0, 0, 0], "input_scale": [1, 1, 1, 1, 1],
    "output_mean": [0, 0], "output_scale": [1, 1], "trained_on": {}})";
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (!from.empty()) text.replace(at, from.size(), to);
  const std::string path = testing::TempDir() + "casva-test.json";
  EXPECT_TRUE(g_file_set_contents(path.c_str(), text.data(), gssize(text.size()), nullptr));
  return path;
}

}  // namespace

TEST(Ctl, CasvaDecidesByItsPolicyFile) {
  // Levels 10 … 50 are worth tanh p − λ · exp(2 tanh p − 2): at λ = 1.5 the middle is best, at 10 the cheapest.
  const std::string path = policy_file();
  for (const auto &[lambda, level] : {std::pair{"0", 50.0}, std::pair{"1.5", 30.0}, std::pair{"10", 10.0}}) {
    Rig rig(
        ("lockstep=true warm-start=false policy=casva lambda=" + std::string(lambda) + " policy-file=" + path).c_str());
    rig.caps();
    rig.tunable->value = 20;
    rig.interval();
    EXPECT_EQ(rig.push(), GST_FLOW_OK);
    EXPECT_EQ(rig.tunable->value, level) << lambda;
    EXPECT_EQ(rig.stat("gradients"), 0u);
    EXPECT_EQ(rig.stat("lockstep-timeouts"), 0u);
  }
  Rig warm(("policy=casva lambda=0 policy-file=" + path).c_str());
  warm.caps();
  warm.tunable->typical = true;
  warm.tunable->value = 20;
  EXPECT_EQ(warm.push(), GST_FLOW_OK);
  EXPECT_EQ(warm.tunable->value, 50);
}
TEST(Ctl, APolicyFileThatCannotBeUsedIsOneClearError) {
  const std::string folder = testing::TempDir();
  struct Case {
    std::string from, to, says;
  };
  const Case cases[] = {
      {"", "", ""},  // none is named
      {"", "", "No such file"},
      {"", "", "Is a directory"},
      {"{\"format\"", "format", "is no network of policy \"casva\" (it is not JSON)"},
      {"oneadapt-casva", "oneadapt-run", "is no network of policy \"casva\""},
      {"\"version\": 1", "\"version\": 2", "is of version 2, and only version 1 is known here"},
      {"\"version\": 1,", "", "is of version null"},
      {"2, -2", "2, 1e999", "has a number that is not finite"},
      {"2, -2", "2, null", "has something else than numbers in \"weights\""},
      {"2, -2", "2", "\"weights\" has 9 numbers instead of 10"},
      {"[\"level\"]", "[\"level\", \"qp\"]", "\"weights\" has 10 numbers instead of 12"},
      {"[\"level\"]", "\"level\"", "has a field of the wrong type"},
      {"\"hidden\": 1", "\"hidden\": 1000000", "has not 1 to 32 hidden units"},
      {"\"input_mean\"", "\"input_men\"", "lacks one of its fields"},
      {"\"output_scale\": [1", "\"output_scale\": [0", "a scale is not above 0"},
  };
  for (const Case &c : cases) {
    std::string path;
    if (c.says == "No such file")
      path = folder + "no-such-file.json";
    else if (c.says == "Is a directory")
      path = folder;
    else if (!c.says.empty())
      path = policy_file(c.from, c.to);
    Rig rig("policy=static");
    gst_element_set_state(rig.bin, GST_STATE_NULL);
    while (!rig.error_text(GST_MESSAGE_ERROR).empty()) {
    }
    g_object_set(rig.ctl, "policy", "casva", "policy-file", path.c_str(), nullptr);
    EXPECT_EQ(gst_element_set_state(rig.ctl, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE) << c.says;
    const std::string text = rig.error_text(GST_MESSAGE_ERROR);
    for (const std::string &word :
         {std::string("Property \"policy-file\""), path, c.says, std::string("oneadapt-eval --train-casva")})
      EXPECT_NE(text.find(word), std::string::npos) << word << " in: " << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    EXPECT_LT(text.size(), 250u) << text;
    gst_element_set_state(rig.ctl, GST_STATE_NULL);
  }
  // Another policy does not look at it.
  Rig rig("policy=static policy-file=/no/such/file");
  rig.caps();
  EXPECT_EQ(rig.push(), GST_FLOW_OK);
}
TEST(Ctl, ForwardsUnknownEventsBothWays) {
  Rig rig;
  rig.caps();
  rig.push();
  gst_harness_push_upstream_event(rig.h,
                                  gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, gst_structure_new_empty("up")));
  bool up = false;
  while (GstEvent *e = gst_harness_try_pull_upstream_event(rig.h)) {
    up = up || gst_event_has_name(e, "up");
    gst_event_unref(e);
  }
  EXPECT_TRUE(up);
  EXPECT_TRUE(gst_pad_send_event(rig.ctl->sinkpads->data ? GST_PAD(rig.ctl->sinkpads->data) : nullptr,
                                 gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new_empty("down"))));
}
TEST(Ctl, NothingToAdaptIsAWarningAndDataPasses) {
  GstElement *ctl = gst_element_factory_make("oneadaptctl", nullptr);
  GstBus *bus = gst_bus_new();
  gst_element_set_bus(ctl, bus);
  GstHarness *h = gst_harness_new_with_element(ctl, "sink", "src");
  gst_harness_set_src_caps_str(h, "application/x-anything");
  for (unsigned t = 0; t < 4; ++t) {  // it looks again each interval, and says so once
    GstBuffer *b = gst_buffer_new();
    GST_BUFFER_PTS(b) = t * GST_SECOND;
    EXPECT_EQ(gst_harness_push(h, b), GST_FLOW_OK);
  }
  unsigned warnings = 0;
  while (GstMessage *m = gst_bus_pop_filtered(bus, GST_MESSAGE_WARNING)) {
    ++warnings;
    gst_message_unref(m);
  }
  EXPECT_EQ(warnings, 1u);
  gst_harness_teardown(h);
  gst_object_unref(ctl);
  gst_object_unref(bus);
}
TEST(Ctl, CyclesThroughTheStates) {
  for (int i = 0; i < 40; ++i) {
    Rig rig("lockstep=true");
    rig.caps();
    rig.push();
  }
}
