// SPDX-License-Identifier: LGPL-2.1-or-later
// Several DNNs behind one controller, and what DNNs of its own process say to it when an interval is over (lockstep).
#include <functional>

#include "ctl_rig.h"

namespace {

/// DNNs that answer the controller's drains as the test says, without any gradient of their own.
struct Answering : Rig {
  using Answer = std::function<void(GstQuery *, const oneadapt::IntervalOver &)>;
  explicit Answering(const char *properties, Answer answer_) : Rig(properties), answer(std::move(answer_)) {
    gst_pad_add_probe(
        h->sinkpad, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM,
        [](GstPad *, GstPadProbeInfo *info, gpointer self) {
          GstQuery *query = GST_PAD_PROBE_INFO_QUERY(info);
          const auto over = oneadapt::interval_over_of(query);
          if (!over || !(info->type & GST_PAD_PROBE_TYPE_PUSH)) return GST_PAD_PROBE_OK;
          static_cast<Answering *>(self)->answer(query, *over);
          return GST_PAD_PROBE_HANDLED;
        },
        this, nullptr);
    caps();
  }
  Answer answer;
};

GstOneadaptGradient *with_z(guint64 interval, double z) {
  GstOneadaptGradient *g = gradient_of(interval);
  g->z = z;
  return g;
}

}  // namespace

TEST(CtlDnns, GradientsOfTwoAreAdded) {
  Rig rig("smoothing=1");
  rig.caps();
  rig.interval();
  rig.send(with_z(0, 1), 5);
  rig.send(with_z(0, 2), 6);  // of one that nobody knew of
  rig.interval();
  const guint64 before = rig.stat("decisions");
  rig.send(with_z(1, 1), 5);
  EXPECT_EQ(rig.stat("decisions"), before) << "the other one's is to come";
  rig.send(with_z(1, 2), 6);
  while (rig.stat("decisions") == before) g_usleep(1000);
  ASSERT_NE(rig.tunable->gradient, nullptr);
  EXPECT_EQ(rig.tunable->gradient->z, 3);
  EXPECT_EQ(rig.tunable->gradient->confident, 2u);
  EXPECT_EQ(rig.tunable->gradient->values[0], 2);
  EXPECT_EQ(rig.stat("gradients-ignored"), 0u);
}

TEST(CtlDnns, ADnnThatHasGoneSilentIsNotWaitedForLongerThanAnInterval) {
  Rig rig("smoothing=1 feedback-timeout=0");
  rig.caps();
  rig.interval();
  rig.send(with_z(0, 1), 5);
  rig.send(with_z(0, 2), 6);
  for (guint64 interval = 1; interval < 5; ++interval) {
    rig.interval();
    rig.send(with_z(interval, 8), 5);
  }
  rig.interval();
  rig.push();
  while (!rig.tunable->gradient || rig.tunable->gradient->z != 8) g_usleep(1000);
  EXPECT_EQ(rig.stat("gradients-ignored"), 0u);
}

TEST(CtlDnns, LockstepTakesAllThatComeWithTheDrain) {
  Answering *self = nullptr;
  Answering rig("lockstep=true smoothing=1", [&](GstQuery *query, const oneadapt::IntervalOver &over) {
    for (const guint64 dnn : {5, 6}) {
      const bool known = over.interval != G_MAXUINT64;
      if (known) self->send(with_z(over.interval, double(dnn)), dnn);
      oneadapt::answer_interval_drain(query, dnn, known);
    }
  });
  self = &rig;
  for (int i = 0; i < 3; ++i) rig.interval();
  rig.push();
  EXPECT_EQ(rig.stat("decisions"), 3u);
  EXPECT_EQ(rig.stat("lockstep-timeouts"), 0u);
  EXPECT_EQ(rig.stat("gradients"), 6u);
  ASSERT_NE(rig.tunable->gradient, nullptr);
  EXPECT_EQ(rig.tunable->gradient->z, 11);
}

// Nothing of the interval was sent, or something holds it back: there is nothing to wait for.
TEST(CtlDnns, LockstepDoesNotWaitForADnnThatHasNothing) {
  Answering rig("lockstep=true lockstep-timeout=3600000000000", [](GstQuery *query, const oneadapt::IntervalOver &) {
    oneadapt::answer_interval_drain(query, 5, false);
  });
  for (int i = 0; i < 5; ++i) rig.interval();
  rig.push();
  EXPECT_EQ(rig.stat("decisions"), 5u);
  EXPECT_EQ(rig.stat("lockstep-timeouts"), 0u);
  EXPECT_EQ(rig.stat("intervals-without-feedback"), 5u);
  GstStructure *stats = nullptr;
  g_object_get(rig.ctl, "stats", &stats, nullptr);
  guint silent = 99;
  EXPECT_TRUE(gst_structure_get_uint(stats, "silent-intervals", &silent));
  EXPECT_EQ(silent, 0u) << "the DNN is there";
  gst_structure_free(stats);
  EXPECT_EQ(rig.error_text(GST_MESSAGE_WARNING), "");
  // Those that come yet were held back: that is said once, no interval is decided twice, and the next one goes by them.
  for (guint64 interval = 4; interval < 7; ++interval) {
    rig.send(gradient_of(interval), 5);
    EXPECT_EQ(rig.stat("decisions"), interval + 1);
    EXPECT_EQ(rig.error_text(GST_MESSAGE_WARNING).find("holds back") != std::string::npos, interval == 4);
    rig.interval();
    EXPECT_EQ(rig.stat("decisions"), interval + 2);
    ASSERT_NE(rig.tunable->gradient, nullptr);
    EXPECT_EQ(rig.tunable->gradient->interval, interval);
  }
  EXPECT_EQ(rig.stat("gradients-ignored"), 0u);
}
