// SPDX-License-Identifier: LGPL-2.1-or-later
// Two tunables with something between them that moves what is in the picture. A gradient is that of the second one's
// picture; the first one must hear of its own.
#include <chrono>

#include "ctl_rig.h"

namespace {

/// A picture of 64 × 32 pixels goes in; `between` stands between tunables "t" and "u".
struct TwoTunables : Rig {
  explicit TwoTunables(const std::string &between, const char *properties = "")
      : Rig(properties, false, (" ! " + between + " ! faketunable name=u").c_str()),
        second(reinterpret_cast<FakeTunable *>(gst_bin_get_by_name(GST_BIN(bin), "u"))) {
    gst_harness_set_src_caps_str(h, "video/x-raw,format=GRAY8,width=64,height=32,framerate=10/1");
  }
  ~TwoTunables() { gst_object_unref(second); }

  void picture() {
    GstBuffer *b = gst_buffer_new_allocate(nullptr, 64 * 32, nullptr);
    gst_buffer_memset(b, 0, 0, 64 * 32);
    GST_BUFFER_PTS(b) = frames++ * 100 * GST_MSECOND;
    GST_BUFFER_DURATION(b) = 100 * GST_MSECOND;
    ASSERT_EQ(gst_harness_push(h, b), GST_FLOW_OK);
    gst_buffer_unref(gst_harness_pull(h));
  }

  /// One interval, its gradient (of `width` × `height` pixels, 1 in the block at `block`), and the decision on it.
  void decide(guint width, guint height, guint block) {
    for (int i = 0; i < 10; ++i) picture();
    GstOneadaptGradient *g = gst_oneadapt_gradient_new(width, height, 16);
    g->interval_duration = GST_SECOND;
    g->stream_time = 900 * GST_MSECOND;
    g->z = 1;
    g->elements = g->confident = 1;
    g->values[block] = 1;
    const GstOneadaptRegion region{0, 0, 0.25, 0.5};
    gst_oneadapt_gradient_set_regions(g, &region, 1);
    send(g);
    picture();
    for (int i = 0; i < 6000 && stat("decisions") < 1; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    ASSERT_GE(stat("decisions"), 1u);
  }

  static std::vector<float> seen_by(FakeTunable *t) {
    std::lock_guard<std::mutex> lock(*t->mutex);
    if (!t->gradient) return {};
    return {t->gradient->values, t->gradient->values + t->gradient->columns * t->gradient->rows};
  }

  FakeTunable *second;
};

}  // namespace

TEST(CtlPlaces, NothingBetween) {
  TwoTunables rig("identity");
  rig.decide(64, 32, 0);
  EXPECT_EQ(rig.seen_by(rig.tunable), (std::vector<float>{1, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(rig.seen_by(rig.second), (std::vector<float>{1, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(CtlPlaces, AFlipBetween) {
  TwoTunables rig("queue ! videoflip video-direction=horiz");
  rig.decide(64, 32, 0);
  EXPECT_EQ(rig.seen_by(rig.second), (std::vector<float>{1, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(rig.seen_by(rig.tunable), (std::vector<float>{0, 0, 0, 1, 0, 0, 0, 0}));
  ASSERT_EQ(rig.tunable->gradient->n_regions, 1u);
  EXPECT_NEAR(rig.tunable->gradient->regions[0].x_min, 0.75, 1e-3);
}

// Named in another order than that of the stream.
TEST(CtlPlaces, AQuarterTurnAndACropBetween) {
  TwoTunables rig("videocrop left=32 ! videoflip video-direction=90r", "tunables=u,t");
  rig.decide(32, 32, 0);
  // The upper left block of the turned right half was its lower left one.
  EXPECT_EQ(rig.seen_by(rig.second), (std::vector<float>{1, 0, 0, 0}));
  EXPECT_EQ(rig.seen_by(rig.tunable), (std::vector<float>{0, 0, 0, 0, 0, 0, 1, 0}));
}

TEST(CtlPlaces, SomethingBetweenThatNobodyCanFollow) {
  GstElementFactory *rotate = gst_element_factory_find("rotate");
  if (!rotate) GTEST_SKIP() << "there is no element rotate";
  gst_object_unref(rotate);
  TwoTunables rig("videoconvert ! rotate name=x angle=0.5 ! videoconvert ! video/x-raw,format=GRAY8");
  rig.decide(64, 32, 0);
  EXPECT_EQ(rig.seen_by(rig.second), (std::vector<float>{1, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(rig.seen_by(rig.tunable), std::vector<float>(8, 0.125f));
  const std::string warning = rig.error_text(GST_MESSAGE_WARNING);
  EXPECT_NE(warning.find("\"x\" (rotate)"), std::string::npos) << warning;
}

// A mixer gives what comes out of it a name of its own.
TEST(CtlPlaces, AStreamThatHasAnotherNameAtTheTunable) {
  TwoTunables rig("identity name=mixer");
  GstElement *mixer = gst_bin_get_by_name(GST_BIN(rig.bin), "mixer");
  GstPad *pad = gst_element_get_static_pad(mixer, "sink");
  gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      [](GstPad *, GstPadProbeInfo *info, gpointer) {
        GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
        if (GST_EVENT_TYPE(event) != GST_EVENT_STREAM_START) return GST_PAD_PROBE_OK;
        gst_event_unref(event);
        GST_PAD_PROBE_INFO_DATA(info) = gst_event_new_stream_start("mixed");
        return GST_PAD_PROBE_OK;
      },
      nullptr, nullptr);
  gst_harness_push_event(rig.h, gst_event_new_stream_start("camera"));
  GstPad *tunable = gst_element_get_static_pad(GST_ELEMENT(rig.second), "sink"),
         *source = gst_element_get_static_pad(rig.ctl, "sink");
  for (int i = 0; i < 10; ++i) rig.picture();
  const guint32 names[] = {gst_oneadapt_pad_stream(source), gst_oneadapt_pad_stream(tunable), 12345};
  EXPECT_NE(names[0], names[1]);
  for (guint i = 0; i < 3; ++i) {
    GstOneadaptGradient *g = gradient_of(i);
    g->stream = names[i];
    rig.send(g);
    EXPECT_EQ(rig.stat("gradients"), i < 2 ? i + 1 : 2u) << i;
    EXPECT_EQ(rig.stat("gradients-ignored"), i < 2 ? 0u : 1u) << i;
    for (int f = 0; f < 10; ++f) rig.picture();
  }
  for (GstPad *p : {pad, tunable, source}) gst_object_unref(p);
  gst_object_unref(mixer);
}
