// SPDX-License-Identifier: LGPL-2.1-or-later
// The controller in its stream: intervals, lockstep, seeks, states and events.
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

TEST(Ctl, CyclesThroughTheStates) {
  for (int i = 0; i < 40; ++i) {
    Rig rig("lockstep=true");
    rig.caps();
    rig.push();
  }
}
