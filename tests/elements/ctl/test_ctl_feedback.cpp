// SPDX-License-Identifier: LGPL-2.1-or-later
// What the controller takes of the gradients that come back, and what its tunables see of them.
#include "ctl_rig.h"

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
