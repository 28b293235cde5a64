// SPDX-License-Identifier: LGPL-2.1-or-later
// Streams that are not as caps promise, tunables that come and go, properties that are fixed for a run.
#include "ctl_rig.h"
#include "play.h"

namespace {

/// Of `rig`, with or without time stamps; what came out.
GstClockTime push_at(Rig &rig, GstClockTime pts, GstClockTime duration = GST_CLOCK_TIME_NONE, gsize size = 16) {
  GstBuffer *b = gst_buffer_new_allocate(nullptr, size, nullptr);
  GST_BUFFER_PTS(b) = pts;
  GST_BUFFER_DURATION(b) = duration;
  EXPECT_EQ(gst_harness_push(rig.h, b), GST_FLOW_OK);
  GstBuffer *out = gst_harness_try_pull(rig.h);
  if (!out) {
    ADD_FAILURE() << "nothing came out";
    return GST_CLOCK_TIME_NONE;
  }
  const GstClockTime time = GST_BUFFER_PTS(out);
  gst_buffer_unref(out);
  return time;
}

void push_segment(Rig &rig, GstFormat format, double rate = 1) {
  GstSegment segment;
  gst_segment_init(&segment, format);
  segment.rate = rate;
  segment.stop = 10 * GST_SECOND;
  gst_harness_push_event(rig.h, gst_event_new_segment(&segment));
}

}  // namespace

// A frame every five seconds; its gradient comes with the next one, five intervals later.
TEST(CtlStreams, ASlowCamerasGradientsAreFresh) {
  Rig rig;
  rig.caps();
  for (guint64 k = 0; k < 8; ++k) {
    push_at(rig, k * 5 * GST_SECOND);
    if (k > 0) rig.answer(5 * (k - 1));
  }
  EXPECT_EQ(rig.stat("gradients"), 7u);
  EXPECT_EQ(rig.stat("gradients-ignored"), 0u);
  rig.answer(5 * 2);  // four frames back
  EXPECT_EQ(rig.stat("gradients-ignored"), 1u);
}

TEST(CtlStreams, BuffersWithoutTimeStampsAreCountedOn) {
  for (const auto &[caps, duration] : {std::pair<const char *, GstClockTime>{"video/x-raw,framerate=10/1", 100},
                                       {"video/x-raw,framerate=0/1", 40},
                                       {"audio/x-raw,format=S16LE,rate=8000,channels=1,layout=interleaved", 1}}) {
    Rig rig("lockstep=true");
    gst_harness_set_src_caps_str(rig.h, caps);
    for (guint64 i = 0; i < 1000 / duration; ++i)
      EXPECT_EQ(push_at(rig, GST_CLOCK_TIME_NONE), i * duration * GST_MSECOND) << caps;
    rig.answer(0);
    push_at(rig, GST_CLOCK_TIME_NONE);
    EXPECT_EQ(rig.stat("decisions"), 1u) << caps;
    EXPECT_EQ(rig.stat("gradients"), 1u) << caps;
  }
}

TEST(CtlStreams, CountingGoesOnFromTheLastTimeStamp) {
  Rig rig;
  gst_harness_set_src_caps_str(rig.h, "video/x-raw,framerate=10/1");
  EXPECT_EQ(push_at(rig, 3 * GST_SECOND, 500 * GST_MSECOND), 3 * GST_SECOND);
  EXPECT_EQ(push_at(rig, GST_CLOCK_TIME_NONE), 3500 * GST_MSECOND);
  EXPECT_EQ(push_at(rig, GST_CLOCK_TIME_NONE), 3600 * GST_MSECOND);
  rig.flush();
  EXPECT_EQ(push_at(rig, GST_CLOCK_TIME_NONE), 0u);
}

TEST(CtlStreams, DataWithoutStreamTimeIsSaidOnce) {
  Rig rig;
  rig.caps();
  push_segment(rig, GST_FORMAT_BYTES);
  for (int i = 0; i < 3; ++i) push_at(rig, GST_CLOCK_TIME_NONE);
  std::string text;
  EXPECT_EQ(count_messages(rig.bus, GST_MESSAGE_WARNING, &text), 1u);
  EXPECT_NE(text.find("no stream time"), std::string::npos) << text;
  EXPECT_EQ(rig.stat("decisions"), 0u);
}

// An edit list may leave some in front of the segment.
TEST(CtlStreams, ABufferOutsideTheSegmentIsNoReasonForAWarning) {
  Rig rig;
  rig.caps();
  push_segment(rig, GST_FORMAT_TIME);  // ends at 10 s
  push_at(rig, 9 * GST_SECOND, 100 * GST_MSECOND);
  push_at(rig, 11 * GST_SECOND, 100 * GST_MSECOND);
  EXPECT_EQ(count_messages(rig.bus, GST_MESSAGE_WARNING), 0u);
}

TEST(CtlStreams, BackwardPlaybackIsLeftAlone) {
  Rig rig("lockstep=true");
  rig.caps();
  push_segment(rig, GST_FORMAT_TIME, -1);
  for (guint64 i = 50; i-- > 0;) push_at(rig, i * 100 * GST_MSECOND, 100 * GST_MSECOND);
  std::string text;
  EXPECT_EQ(count_messages(rig.bus, GST_MESSAGE_WARNING, &text), 1u);
  EXPECT_NE(text.find("backwards"), std::string::npos) << text;
  EXPECT_EQ(rig.stat("lockstep-timeouts"), 0u);
}

TEST(CtlStreams, ATunableThatLeftIsReplaced) {
  for (const char *named : {"", "tunables=t"}) {
    Rig rig((std::string("lockstep=true ") + named).c_str());
    rig.caps();
    rig.interval();
    rig.answer(0);
    rig.push();
    const unsigned probes = rig.tunable->probes;
    EXPECT_GT(probes, 0u);

    GstPad *ghost = gst_element_get_static_pad(rig.bin, "src");
    GstElement *other = gst_element_factory_make("faketunable", "t2");
    gst_element_unlink(rig.ctl, GST_ELEMENT(rig.tunable));
    gst_bin_remove(GST_BIN(rig.bin), GST_ELEMENT(rig.tunable));
    gst_element_set_state(GST_ELEMENT(rig.tunable), GST_STATE_NULL);
    if (*named) gst_object_set_name(GST_OBJECT(other), "t");
    gst_bin_add(GST_BIN(rig.bin), other);
    EXPECT_TRUE(gst_ghost_pad_set_target(GST_GHOST_PAD(ghost), reinterpret_cast<FakeTunable *>(other)->src));
    gst_element_sync_state_with_parent(other);
    EXPECT_TRUE(gst_element_link(rig.ctl, other));
    gst_object_unref(ghost);

    for (guint64 t = 1; t < 4; ++t) {
      while (rig.frames < 10 * (t + 1)) ASSERT_EQ(rig.push(), GST_FLOW_OK);
      rig.answer(t);
    }
    rig.push();
    EXPECT_GE(reinterpret_cast<FakeTunable *>(other)->probes, 2u) << named;
    std::string text;
    EXPECT_EQ(count_messages(rig.bus, GST_MESSAGE_INFO, nullptr), 1u) << named;
    EXPECT_EQ(count_messages(rig.bus, GST_MESSAGE_ERROR, &text), 0u) << text;
  }
}

TEST(CtlStreams, PropertiesThatAreFixedStay) {
  Rig rig;
  rig.caps();
  rig.interval();
  for (const auto &[name, value] : {std::pair<const char *, const char *>{"interval", "500000000"},
                                    {"policy", "nonsense"},
                                    {"tunables", "another"},
                                    {"lockstep", "true"}}) {
    GValue before = G_VALUE_INIT, after = G_VALUE_INIT;
    g_object_get_property(G_OBJECT(rig.ctl), name, &before);
    gst_util_set_object_arg(G_OBJECT(rig.ctl), name, value);
    g_object_get_property(G_OBJECT(rig.ctl), name, &after);
    gchar *was = gst_value_serialize(&before), *is = gst_value_serialize(&after);
    EXPECT_STREQ(was, is) << name;
    g_free(was);
    g_free(is);
    g_value_unset(&before);
    g_value_unset(&after);
    std::string text;
    EXPECT_EQ(count_messages(rig.bus, GST_MESSAGE_WARNING, &text), 1u) << name;
    EXPECT_NE(text.find(name), std::string::npos) << text;
  }
  g_object_set(rig.ctl, "lambda", 0.5, nullptr);  // a live one
  EXPECT_EQ(count_messages(rig.bus, GST_MESSAGE_WARNING), 0u);
}

// In lockstep every branch has taken an interval's data before the interval is decided.
TEST(CtlStreams, EveryBranchOfATeeIsDrained) {
  GstElement *pipeline = gst_parse_launch(
      "videotestsrc num-buffers=21 ! video/x-raw,width=16,height=16,framerate=10/1 ! "
      "oneadaptctl name=ctl lockstep=true lockstep-timeout=50000000 ! tee name=t t. ! queue ! identity name=a ! "
      "fakesink "
      "t. ! queue ! identity name=b ! fakesink",
      nullptr);
  struct Branch {
    unsigned buffers = 0;
    std::vector<unsigned> at;  // buffers that had come at each drain
  } branches[2];
  for (int i = 0; i < 2; ++i) {
    GstElement *element = gst_bin_get_by_name(GST_BIN(pipeline), i ? "b" : "a");
    GstPad *sink = gst_element_get_static_pad(element, "sink");
    gst_pad_add_probe(
        sink,
        GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM | GST_PAD_PROBE_TYPE_PUSH),
        [](GstPad *, GstPadProbeInfo *info, gpointer data) {
          auto *branch = static_cast<Branch *>(data);
          if (info->type & GST_PAD_PROBE_TYPE_BUFFER)
            branch->buffers++;
          else if (GST_QUERY_TYPE(GST_PAD_PROBE_INFO_QUERY(info)) == GST_QUERY_DRAIN)
            branch->at.push_back(branch->buffers);
          return GST_PAD_PROBE_OK;
        },
        &branches[i], nullptr);
    gst_object_unref(sink);
    gst_object_unref(element);
  }
  EXPECT_EQ(play_through(pipeline), "");
  gst_object_unref(pipeline);
  for (const Branch &branch : branches) {
    EXPECT_EQ(branch.buffers, 21u);
    for (const unsigned whole : {10u, 20u})
      EXPECT_GE(std::count(branch.at.begin(), branch.at.end(), whole), 1) << whole;
  }
}

// A sink that has its first buffer holds its branch back until all others have theirs.
TEST(CtlStreams, ABranchThatPrerollsFirstDoesNotStopLockstep) {
  for (const char *branches : {"t. ! queue ! fakesink async=false t. ! queue ! videorate ! fakesink",
                               "t. ! queue ! fakesink t. ! queue ! videorate ! fakesink",
                               "t. ! queue ! videorate ! fakesink t. ! queue ! fakesink"})
    EXPECT_EQ(play_line("videotestsrc num-buffers=21 ! video/x-raw,width=16,height=16,framerate=10/1 ! "
                        "oneadaptctl lockstep=true lockstep-timeout=50000000 ! tee name=t " +
                        std::string(branches)),
              "")
        << branches;
}
