// SPDX-License-Identifier: LGPL-2.1-or-later
// What happens to streams: new caps, odd rates, flushes, EOS, key unit requests, state changes.
#include "run.h"

namespace {
const char *kCaps = "video/x-raw,format=I420,width=128,height=96,framerate=10/1";
}

TEST(FilterStreams, NewCapsInMidIntervalStartANewStream) {
  FilterRun run(kCaps, "video/x-h264", "qp=30");
  run.through(0, 14);
  run.set_caps("video/x-raw,format=NV12,width=90,height=70,framerate=20/1");
  g_object_set(run.filter, "qp", 40, nullptr);
  auto out = run.through(29, 41);  // 1.45 s … 2.0 s
  ASSERT_EQ(out.size(), 12u);
  EXPECT_TRUE(out[0].idr());
  EXPECT_EQ(out[0].width, 90);
  EXPECT_EQ(out[0].height, 70);
  for (std::size_t i = 1; i < 12; i++) EXPECT_FALSE(out[i].idr()) << i;
  EXPECT_EQ(run.applied("qp"), 40) << "in force from 2.0 s on";
  run.expect_all_accounted_for(14 + 12);
  EXPECT_EQ(run.stat("intervals"), 3u) << "the interval goes on across new caps";
}

TEST(FilterStreams, NewCapsDoNotChangeTheConfigurationOfTheInterval) {
  FilterRun run(kCaps, "video/x-h264", "qp=30");
  run.through(0, 4);
  g_object_set(run.filter, "qp", 40, nullptr);
  run.set_caps("video/x-raw,format=I420,width=96,height=64,framerate=10/1");
  run.through(4, 5);
  EXPECT_EQ(run.applied("qp"), 30);
}

TEST(FilterStreams, AFirstFrameAfterNewCapsIsNeverDropped) {
  FilterRun run(kCaps, "video/x-h264", "framerate=1");
  EXPECT_EQ(run.through(0, 5).size(), 1u);
  run.set_caps("video/x-raw,format=I420,width=96,height=64,framerate=10/1");
  EXPECT_EQ(run.through(5, 10).size(), 2u);  // the first, and the interval's last
  run.expect_all_accounted_for(10);
}

TEST(FilterStreams, ChangingBetweenCodedAndRaw) {
  FilterRun run(kCaps, "");
  run.through(0, 3);
  run.set_caps("video/x-raw,format=RGB,width=64,height=48,framerate=10/1");
  auto out = run.through(3, 6);
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(out[0].data.size(), run.info.size);
  run.set_caps(kCaps);
  out = run.through(6, 8);
  EXPECT_TRUE(out[0].idr());
  run.expect_all_accounted_for(8);
}

TEST(FilterStreams, VariableFrameRate) {
  FilterRun run("video/x-raw,format=I420,width=64,height=48,framerate=0/1", "video/x-h264", "framerate=4");
  const auto out = run.through(0, 20);  // every 100 ms
  EXPECT_NEAR(double(out.size()), 8, 1);
  for (std::size_t i = 1; i < out.size(); i++) EXPECT_NEAR(double(out[i].pts - out[i - 1].pts) / GST_MSECOND, 250, 60);
  run.expect_all_accounted_for(20);
}

TEST(FilterStreams, PicturesWithoutTimestampsCountOn) {
  FilterRun run;
  for (unsigned i = 0; i < 25; i++) {
    GstBuffer *buffer = run.picture(i);
    GST_BUFFER_PTS(buffer) = GST_BUFFER_DURATION(buffer) = GST_CLOCK_TIME_NONE;
    ASSERT_EQ(gst_harness_push(run.h, buffer), GST_FLOW_OK);
  }
  const auto out = run.pull();
  ASSERT_EQ(out.size(), 25u);
  for (std::size_t i = 0; i < out.size(); i++) {
    EXPECT_EQ(out[i].idr(), i == 0) << i;
    EXPECT_EQ(out[i].pts, i * GST_SECOND / 10) << i;
  }
}

TEST(FilterStreams, AFlushBeginsANewInterval) {
  FilterRun run(kCaps, "video/x-h264", "framerate=5");
  EXPECT_EQ(run.through(0, 5).size(), 3u);
  ASSERT_TRUE(gst_harness_push_event(run.h, gst_event_new_flush_start()));
  ASSERT_TRUE(gst_harness_push_event(run.h, gst_event_new_flush_stop(TRUE)));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  ASSERT_TRUE(gst_harness_push_event(run.h, gst_event_new_segment(&segment)));
  GError *error = nullptr;
  EXPECT_EQ(gst_oneadapt_tunable_probe(run.tunable(), 0, nullptr, nullptr, &error), nullptr);
  EXPECT_TRUE(g_error_matches(error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_INTERVAL));
  g_clear_error(&error);
  const auto out = run.through(3, 10);  // back to 0.3 s
  ASSERT_FALSE(out.empty());
  EXPECT_EQ(out[0].pts, 300 * GST_MSECOND);
  EXPECT_TRUE(out[0].idr());
  run.expect_all_accounted_for(12);
}

TEST(FilterStreams, AConfigurationForALaterIntervalSurvivesAFlush) {
  FilterRun run;
  run.through(50, 53);
  GstStructure *wanted = gst_structure_new("c", "qp", G_TYPE_INT, 44, nullptr);
  ASSERT_TRUE(gst_oneadapt_tunable_apply(run.tunable(), 6, wanted, nullptr));
  gst_structure_free(wanted);
  push_flush(run.h);
  run.through(0, 1);
  EXPECT_EQ(run.applied("qp"), 44);
}

TEST(FilterStreams, EosInMidIntervalLosesNothing) {
  FilterRun run(kCaps, "video/x-h264", "framerate=3");
  run.push_range(0, 15);
  ASSERT_TRUE(gst_harness_push_event(run.h, gst_event_new_eos()));
  EXPECT_EQ(run.pull().size(), 5u);  // 0, 200, 600, 900, 1200 ms
  run.expect_all_accounted_for(15);
}

TEST(FilterStreams, ANewSegmentKeepsStreamTime) {
  FilterRun run;
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = 0;
  segment.time = 700 * GST_MSECOND;
  ASSERT_TRUE(gst_harness_push_event(run.h, gst_event_new_segment(&segment)));
  g_object_set(run.filter, "scale", 0.5, nullptr);
  run.through(0, 1);  // stream time 0.7 s …
  g_object_set(run.filter, "scale", 1.0, nullptr);
  const auto out = run.through(1, 6);
  for (std::size_t i = 0; i < out.size(); i++) EXPECT_EQ(out[i].width, i < 2 ? 64 : 128) << i;
}

TEST(FilterStreams, AKeyUnitRequestIsHonouredEvenForAFrameThatWouldBeDropped) {
  for (const char *properties : {"", "framerate=1"}) {
    FilterRun run(kCaps, "video/x-h264", properties);
    run.through(0, 6);
    ASSERT_TRUE(gst_harness_push_upstream_event(
        run.h, gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 1)));
    const auto out = run.through(6, 8);
    ASSERT_GE(out.size(), 1u);
    EXPECT_EQ(out[0].pts, 600 * GST_MSECOND);
    EXPECT_TRUE(out[0].idr());
    if (out.size() > 1) {
      EXPECT_FALSE(out[1].idr());
    }
    run.expect_all_accounted_for(8);
  }
}

// Ten requests a second for ten seconds: none is forgotten, but no more are answered than one in min-force-key-unit-
// interval, and in the long run a quarter of that. At first at 0, 0.3, 0.6, 1 s, then once a second; with 2 s at 0, 2,
// 4, 8 s.
TEST(FilterStreams, ManyKeyUnitRequestsAreAnsweredOnceInAWhile) {
  for (const auto &[properties, most, least] : {std::tuple<const char *, unsigned, unsigned>{"", 12, 12},
                                                {"min-force-key-unit-interval=2000000000", 4, 4},
                                                {"min-force-key-unit-interval=0", 100, 100}}) {
    FilterRun run(kCaps, "video/x-h264", properties);
    unsigned idr = 0;
    for (unsigned i = 0; i < 100; i++) {
      gst_harness_push_upstream_event(run.h, gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, i));
      for (const Out &out : run.through(i, i + 1)) idr += out.idr();
    }
    EXPECT_LE(idr, most) << properties;
    EXPECT_GE(idr, least) << properties;
  }
}

TEST(FilterStreams, UnknownEventsGoOn) {
  FilterRun run;
  run.push_range(0, 1);
  gst_harness_push_event(run.h, gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_new_empty("hello")));
  run.push_range(1, 2);  // events keep their place among the frames
  bool down = false, up = false;
  while (GstEvent *event = gst_harness_try_pull_event(run.h)) {
    down = down || gst_event_has_name(event, "hello");
    gst_event_unref(event);
  }
  EXPECT_TRUE(down);
  gst_harness_push_upstream_event(run.h,
                                  gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, gst_structure_new_empty("back")));
  while (GstEvent *event = gst_harness_try_pull_upstream_event(run.h)) {
    up = up || gst_event_has_name(event, "back");
    gst_event_unref(event);
  }
  EXPECT_TRUE(up);
}

TEST(FilterStreams, WhatCannotBeEncodedGetsOneClearError) {
  FilterRun run("", "video/x-h264");
  run.set_caps("video/x-raw,format=I420,width=12,height=96,framerate=10/1");
  EXPECT_NE(run.push(0), GST_FLOW_OK);
}

TEST(FilterStreams, StateCycles) {
  GstElement *filter = gst_element_factory_make("oneadaptfilter", nullptr);
  ASSERT_TRUE(filter);
  gst_object_ref_sink(filter);
  for (int i = 0; i < 40; i++) {
    ASSERT_NE(gst_element_set_state(filter, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
    ASSERT_EQ(gst_element_set_state(filter, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  }
  EXPECT_EQ(GST_OBJECT_REFCOUNT(filter), 1);
  gst_object_unref(filter);
}

TEST(FilterStreams, StateCyclesWithData) {
  GError *error = nullptr;
  GstElement *pipeline = gst_parse_launch(
      "videotestsrc num-buffers=12 ! video/x-raw,width=64,height=48,framerate=10/1 ! oneadaptfilter name=f framerate=5 "
      "! "
      "fakesink",
      &error);
  ASSERT_TRUE(pipeline) << error->message;
  GstBus *bus = gst_element_get_bus(pipeline);
  GstElement *filter = gst_bin_get_by_name(GST_BIN(pipeline), "f");
  for (int i = 0; i < 40; i++) {
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstMessage *message =
        gst_bus_timed_pop_filtered(bus, 20 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
    ASSERT_TRUE(message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) << i;
    gst_message_unref(message);
    gst_element_set_state(pipeline, GST_STATE_NULL);
    GstStructure *stats = nullptr;
    g_object_get(filter, "stats", &stats, nullptr);
    guint64 in = 0, out = 0;
    gst_structure_get_uint64(stats, "frames-in", &in);
    gst_structure_get_uint64(stats, "frames-out", &out);
    EXPECT_EQ(in, 12u) << "counters start anew in each run, and can be read after it";
    EXPECT_EQ(out, 7u);  // the stream's first frame, and every second
    gst_structure_free(stats);
  }
  gst_object_unref(filter);
  gst_object_unref(bus);
  gst_object_unref(pipeline);
}

TEST(FilterStreams, PropertiesThatAreFixedStay) {
  FilterRun run;
  run.push_range(0, 3);
  for (const char *name : {"interval", "threads", "b-frames", "max-skip"}) {
    GValue before = G_VALUE_INIT, after = G_VALUE_INIT;
    g_object_get_property(G_OBJECT(run.filter), name, &before);
    gst_util_set_object_arg(G_OBJECT(run.filter), name, std::string(name) == "interval" ? "500000000" : "3");
    g_object_get_property(G_OBJECT(run.filter), name, &after);
    EXPECT_EQ(gst_value_compare(&before, &after), GST_VALUE_EQUAL) << name;
    g_value_unset(&before);
    g_value_unset(&after);
    std::string text;
    EXPECT_EQ(count_messages(run.bus, GST_MESSAGE_WARNING, &text), 1u) << name;
    EXPECT_NE(text.find(name), std::string::npos) << text;
  }
  g_object_set(run.filter, "qp", 30, nullptr);
  EXPECT_EQ(count_messages(run.bus, GST_MESSAGE_WARNING), 0u);
}

// A side cannot be smaller than 16 pixels in H.264, or 2 in raw pictures; the other one goes on shrinking.
TEST(FilterStreams, APictureWithAShortSideKeepsItsShape) {
  for (const std::string from_sps : {"", " ! capssetter replace=true caps=video/x-h264 ! h264parse"}) {
    FilterRun run("video/x-raw,format=I420,width=64,height=24,pixel-aspect-ratio=1/1,framerate=10/1", "video/x-h264",
                  ("scale=0.5" + from_sps).c_str());
    run.through(0, 3);
    run.expect_pixels(32, 16, 4, 3);
  }
  FilterRun raw("video/x-raw,format=I420,width=64,height=2,pixel-aspect-ratio=2/1,framerate=10/1", "video/x-raw",
                "scale=0.25");
  raw.through(0, 3);
  raw.expect_pixels(16, 2, 8, 1);
  // Sides that are rounded to even numbers are no reason for pixels of another shape.
  FilterRun odd("video/x-raw,format=I420,width=106,height=82,pixel-aspect-ratio=12/11,framerate=10/1", "video/x-h264",
                "scale=0.5");
  odd.through(0, 3);
  odd.expect_pixels(54, 42, 12, 11);
}
