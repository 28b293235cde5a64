// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadaptdnn on streams that are as they should be.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "dnn_harness.h"

namespace {

using namespace oneadapt_test;
using Json = nlohmann::json;

TEST(Dnn, BuffersPassUntouchedWithRegionsOfInterest) {
  DnnHarness dnn;
  dnn.start();
  GstBuffer *in = dnn.picture(0, kFrame, 204, 153, 0);
  gst_buffer_ref(in);
  GstMemory *memory = gst_buffer_peek_memory(in, 0);
  ASSERT_EQ(gst_harness_push(dnn.harness, in), GST_FLOW_OK);
  GstBuffer *out = gst_harness_pull(dnn.harness);
  EXPECT_EQ(gst_buffer_peek_memory(out, 0), memory);
  EXPECT_EQ(GST_BUFFER_PTS(out), 0u);
  EXPECT_EQ(GST_BUFFER_DURATION(out), kFrame);
  EXPECT_TRUE(rois(in).empty());  // somebody else holds it: its metas are not ours to change

  const auto found = rois(out);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_STREQ(g_quark_to_string(found[0]->roi_type), "red thing");
  EXPECT_STREQ(g_quark_to_string(found[1]->roi_type), "green thing");
  EXPECT_EQ(found[1]->x, 16u);
  EXPECT_EQ(found[1]->y, 4u);
  EXPECT_EQ(found[1]->w, 8u);
  EXPECT_EQ(found[1]->h, 8u);
  GstStructure *detection = gst_video_region_of_interest_meta_get_param(found[1], "detection");
  ASSERT_NE(detection, nullptr);
  gdouble x_min = 0, x_max = 0, y_min = 0, y_max = 0, confidence = 0;
  gint label = -1;
  EXPECT_TRUE(gst_structure_get(detection, "x_min", G_TYPE_DOUBLE, &x_min, "x_max", G_TYPE_DOUBLE, &x_max, "y_min",
                                G_TYPE_DOUBLE, &y_min, "y_max", G_TYPE_DOUBLE, &y_max, "confidence", G_TYPE_DOUBLE,
                                &confidence, "label_id", G_TYPE_INT, &label, nullptr));
  EXPECT_NEAR(x_min, 0.5, 1e-6);
  EXPECT_NEAR(x_max, 0.75, 1e-6);
  EXPECT_NEAR(y_min, 4. / 24, 1e-6);
  EXPECT_NEAR(y_max, 0.5, 1e-6);
  EXPECT_NEAR(confidence, 0.6, 1e-5);
  EXPECT_EQ(label, 1);
  gst_buffer_unref(in);
  gst_buffer_unref(out);
}

TEST(Dnn, EveryFormat) {
  for (const char *format : {"RGB", "BGR", "RGBx", "BGRx", "xRGB", "xBGR", "RGBA", "BGRA", "I420", "NV12"}) {
    DnnHarness dnn;
    dnn.play();
    dnn.caps(format, 33, 25);  // odd on purpose
    const bool yuv = std::string(format) == "I420" || std::string(format) == "NV12";
    // Red: BT.601 Y 81, U 90, V 240.
    ASSERT_EQ(yuv ? dnn.push(0, 81, 90, 240) : dnn.push(0, 255, 0, 0), GST_FLOW_OK) << format;
    GstBuffer *out = gst_harness_pull(dnn.harness);
    const auto found = rois(out);
    ASSERT_EQ(found.size(), 1u) << format;
    EXPECT_STREQ(g_quark_to_string(found[0]->roi_type), "red thing") << format;
    gst_buffer_unref(out);
  }
}

TEST(Dnn, JsonLines) {
  DnnHarness dnn;
  const std::string path = dnn.folder.file("results.jsonl");
  dnn.set("results-location", path.c_str());
  dnn.start();
  dnn.push(0);
  dnn.push(1100 * GST_MSECOND, 0, 0, 0);
  ASSERT_EQ(lines(path).size(), 2u);  // in the file at once, for who reads along
  const Json first = lines(path)[0], second = lines(path)[1];
  EXPECT_EQ(first["frame"], 0);
  EXPECT_EQ(first["timestamp"], 0);
  EXPECT_EQ(first["interval"], 0);
  EXPECT_EQ(first["resolution"], Json::parse(R"({"width": 32, "height": 24})"));
  ASSERT_EQ(first["objects"].size(), 1u);
  EXPECT_FALSE(first["objects"][0].contains("mask"));
  const Json object = first["objects"][0];
  EXPECT_EQ(object["x"], 4);
  EXPECT_EQ(object["y"], 4);
  EXPECT_EQ(object["w"], 8);
  EXPECT_EQ(object["h"], 8);
  EXPECT_EQ(object["roi_type"], "red thing");
  EXPECT_EQ(object["detection"]["label"], "red thing");
  EXPECT_EQ(object["detection"]["label_id"], 0);
  EXPECT_NEAR(object["detection"]["confidence"], 0.8, 1e-5);
  EXPECT_NEAR(object["detection"]["bounding_box"]["x_max"], 12. / 32, 1e-6);
  EXPECT_EQ(second["interval"], 1);
  EXPECT_EQ(second["frame"], 1);
  EXPECT_EQ(second["timestamp"], 1100000000);
  EXPECT_EQ(second["objects"], Json::array());
}

TEST(Dnn, ResultsGoOnBehindThoseOfTheRunBefore) {
  TemporaryFolder folder;
  const std::string path = folder.file("results.jsonl");
  std::vector<std::size_t> counts;
  for (const bool append : {true, true, false}) {
    DnnHarness dnn;
    dnn.set("results-location", path.c_str());
    g_object_set(dnn.element, "append-results", gboolean(append), nullptr);
    dnn.start();
    dnn.push(0);
    counts.push_back(lines(path).size());
  }
  EXPECT_EQ(counts, (std::vector<std::size_t>{1, 2, 1}));
}

TEST(Dnn, EarlyGradientOnAStreamsFirstFrame) {
  DnnHarness dnn;
  g_object_set(dnn.element, "early-gradient", TRUE, nullptr);
  dnn.start();
  for (int i = 0; i < 12; ++i) ASSERT_EQ(dnn.push(GstClockTime(i) * kFrame, 204, 102, 0), GST_FLOW_OK);
  Log expected{"buffer", "gradient 0"};
  expected.insert(expected.end(), 9, "buffer");
  expected.insert(expected.end(), {"gradient 0", "buffer", "buffer"});
  EXPECT_EQ(dnn.log, expected);
  const auto gradients = dnn.gradients();
  ASSERT_EQ(gradients.size(), 2u);
  EXPECT_TRUE(gradients[0]->early);
  EXPECT_EQ(gradients[0]->stream_time, 0u);
  EXPECT_FALSE(gradients[1]->early);
  EXPECT_EQ(gradients[1]->stream_time, 9 * kFrame);
  EXPECT_EQ(dnn.stat("gradients"), 2u);
}

TEST(Dnn, AFrameThatIsAnIntervalOfItsOwnHasOneGradient) {
  DnnHarness dnn;
  g_object_set(dnn.element, "early-gradient", TRUE, nullptr);
  dnn.play();
  dnn.caps("RGB", 32, 24, "1/1");
  for (int i = 0; i < 2; ++i)
    gst_harness_push(dnn.harness, dnn.picture(GstClockTime(i) * GST_SECOND, GST_SECOND, 204, 102, 0));
  EXPECT_EQ(dnn.log, (Log{"buffer", "gradient 0", "buffer", "gradient 1"}));
  for (const auto *g : dnn.gradients()) EXPECT_FALSE(g->early);
}

// The green thing is unsure, at two fifths: it has a gradient, and its surroundings get some weight.
TEST(Dnn, UnsureElementsStayVisible) {
  for (const bool raise : {false, true}) {
    DnnHarness dnn;
    dnn.set("raise-elements", gboolean(raise));
    dnn.start();
    for (int i = 0; i < 10; ++i) ASSERT_EQ(dnn.push(GstClockTime(i) * kFrame, 204, 102, 0), GST_FLOW_OK);
    const auto gradients = dnn.gradients();
    ASSERT_EQ(gradients.size(), 1u);
    EXPECT_EQ(gradients[0]->values[3] > 0, raise);
    EXPECT_GT(gradients[0]->values[1], 2 * gradients[0]->values[3]);
    for (auto *g : gradients) gst_oneadapt_gradient_free(g);
  }
}

TEST(Dnn, GradientOnTheLastFrameAfterItsBuffer) {
  DnnHarness dnn;
  dnn.start();
  for (int i = 0; i < 21; ++i) ASSERT_EQ(dnn.push(GstClockTime(i) * kFrame, 204, 102, 0), GST_FLOW_OK);
  Log expected(10, "buffer");
  expected.push_back("gradient 0");
  expected.insert(expected.end(), 10, "buffer");
  expected.push_back("gradient 1");
  expected.push_back("buffer");
  EXPECT_EQ(dnn.log, expected);

  const auto gradients = dnn.gradients();
  ASSERT_EQ(gradients.size(), 2u);
  const GstOneadaptGradient *g = gradients[1];
  EXPECT_EQ(g->interval, 1u);
  EXPECT_EQ(g->interval_duration, GST_SECOND);
  EXPECT_EQ(g->stream_time, 1900 * GST_MSECOND);
  GstPad *pad = gst_element_get_static_pad(dnn.element, "sink");
  EXPECT_EQ(g->stream, gst_oneadapt_pad_stream(pad));
  EXPECT_NE(g->stream, 0u);
  gst_object_unref(pad);
  EXPECT_NEAR(g->z, 0.233461, 1e-4);  // f(0.8) + f(0.4), see the model's tests
  EXPECT_EQ(g->elements, 2u);
  EXPECT_EQ(g->confident, 1u);
  EXPECT_EQ(g->theta, 0.5);
  EXPECT_EQ(g->slope, 20);
  EXPECT_EQ(g->frame_width, 32u);
  EXPECT_EQ(g->frame_height, 24u);
  EXPECT_EQ(g->block_size, 16u);
  // f'(0.4) / 256 in the block of the green box; the message rounds by 2.2 % at most.
  EXPECT_NEAR(g->values[1], 0.0164052, 0.0164052 * 0.023);
  EXPECT_EQ(g->values[3], 0);
  for (auto *gradient : gradients) gst_oneadapt_gradient_free(gradient);
  EXPECT_EQ(dnn.stat("gradients"), 2u);
  EXPECT_EQ(dnn.stat("elements"), 2u);
  EXPECT_EQ(dnn.stat("interval"), 1u);
}

TEST(Dnn, TheGradientGoesDownstreamTooAfterFeedbackAndBeforeTheNextFrame) {
  DnnHarness dnn;
  GstPad *src = gst_element_get_static_pad(dnn.element, "src");
  gst_pad_add_probe(
      src, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      [](GstPad *, GstPadProbeInfo *info, gpointer log) {
        GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
        GstOneadaptGradient *gradient = nullptr;
        if (!gst_event_is_oneadapt_gradient_downstream(event)) return GST_PAD_PROBE_OK;
        EXPECT_TRUE(GST_EVENT_IS_SERIALIZED(event));
        EXPECT_FALSE(gst_event_is_oneadapt_gradient(event));
        EXPECT_TRUE(gst_event_parse_oneadapt_gradient(event, &gradient, nullptr));
        if (gradient) static_cast<Log *>(log)->push_back("shown " + std::to_string(gradient->interval));
        gst_oneadapt_gradient_free(gradient);
        return GST_PAD_PROBE_OK;
      },
      &dnn.log, nullptr);
  gst_object_unref(src);
  dnn.start();
  for (guint64 i = 0; i < 11; ++i) ASSERT_EQ(dnn.push(i * kFrame), GST_FLOW_OK);
  Log expected(10, "buffer");
  expected.insert(expected.end(), {"gradient 0", "shown 0", "buffer"});
  EXPECT_EQ(dnn.log, expected);
}

TEST(Dnn, NoGradientWhenItIsOff) {
  DnnHarness dnn;
  dnn.set("gradient", FALSE);
  dnn.start();
  for (int i = 0; i < 12; ++i) dnn.push(GstClockTime(i) * kFrame);
  EXPECT_EQ(dnn.log, Log(12, "buffer"));
  dnn.set("gradient", TRUE);  // may change while playing
  for (int i = 12; i < 20; ++i) dnn.push(GstClockTime(i) * kFrame);
  EXPECT_EQ(dnn.log.back(), "gradient 1");
}

/// Red frames at 10 a second, whatever the caps say.
void push_without_durations(DnnHarness &dnn, const char *framerate, int count) {
  dnn.play();
  dnn.caps("RGB", 32, 24, framerate);
  for (int i = 0; i < count; ++i) dnn.push(GstClockTime(i) * kFrame, 204, 0, 0, GST_CLOCK_TIME_NONE);
}

TEST(Dnn, DurationFromTheFramerate) {
  DnnHarness dnn;
  push_without_durations(dnn, "10/1", 10);
  EXPECT_EQ(dnn.log.back(), "gradient 0");
}

TEST(Dnn, WithoutDurationsTheNextIntervalsFirstFrameServes) {
  DnnHarness dnn;
  push_without_durations(dnn, "0/1", 10);
  EXPECT_EQ(dnn.log, Log(10, "buffer"));
  dnn.push(1000 * GST_MSECOND, 204, 0, 0, GST_CLOCK_TIME_NONE);
  EXPECT_EQ(dnn.log.back(), "gradient 0");
  const auto gradients = dnn.gradients();
  ASSERT_EQ(gradients.size(), 1u);
  EXPECT_EQ(gradients[0]->interval, 0u);
  EXPECT_EQ(gradients[0]->stream_time, GST_SECOND);
  gst_oneadapt_gradient_free(gradients[0]);
}

TEST(Dnn, IntervalsAreCountedInStreamTime) {
  DnnHarness dnn;
  dnn.set("interval", guint64(500 * GST_MSECOND));
  dnn.start();
  // The segment begins at 10 s of timestamps and is 4 s into the stream.
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = 10 * GST_SECOND;
  segment.time = 4 * GST_SECOND;
  gst_harness_push_event(dnn.harness, gst_event_new_segment(&segment));
  for (int i = 0; i < 5; ++i) dnn.push(10 * GST_SECOND + GstClockTime(i) * kFrame);
  EXPECT_EQ(dnn.log.back(), "gradient 8");
}

TEST(Dnn, InferenceInterval) {
  DnnHarness dnn;
  dnn.set("inference-interval", 4);
  dnn.set("results-location", dnn.folder.file("r.jsonl").c_str());
  dnn.start();
  // Inferred: 0, 4, 8, and 9 for the gradient. What is between repeats.
  for (int i = 0; i < 10; ++i) dnn.push(GstClockTime(i) * kFrame, i < 4 ? 204 : 0, i < 4 ? 0 : 204, 0);
  EXPECT_EQ(dnn.stat("inferences"), 4u);
  EXPECT_EQ(dnn.stat("frames"), 10u);
  EXPECT_EQ(dnn.stat("gradients"), 1u);
  const auto results = lines(dnn.folder.file("r.jsonl"));
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(results[std::size_t(i)]["objects"][0]["roi_type"], i < 4 ? "red thing" : "green thing") << i;
  dnn.drop_output();
}

TEST(Dnn, CapsMayChangeInMidStream) {
  DnnHarness dnn;
  dnn.set("interval", guint64(kFrame));  // a gradient a frame
  dnn.set("results-location", dnn.folder.file("r.jsonl").c_str());
  dnn.play();
  struct Size {
    int width, height;
    const char *format, *framerate;
  };
  const Size sizes[] = {{32, 24, "RGB", "10/1"},  {64, 48, "BGRx", "10/1"}, {33, 25, "RGB", "0/1"},
                        {16, 12, "I420", "25/1"}, {1, 1, "RGB", "10/1"},    {32, 24, "NV12", "10/1"}};
  GstClockTime pts = 0;
  for (const Size &s : sizes) {
    dnn.caps(s.format, s.width, s.height, s.framerate);
    const bool yuv = s.format[0] == 'I' || s.format[0] == 'N';
    ASSERT_EQ(yuv ? dnn.push(pts, 81, 90, 240) : dnn.push(pts, 255, 0, 0), GST_FLOW_OK) << s.width << s.format;
    pts += kFrame;
    const auto gradients = dnn.gradients();
    ASSERT_EQ(gradients.size(), 1u);
    EXPECT_EQ(gradients[0]->frame_width, guint(s.width));
    EXPECT_EQ(gradients[0]->frame_height, guint(s.height));
    gst_oneadapt_gradient_free(gradients[0]);
  }
  EXPECT_TRUE(dnn.messages(GstMessageType(GST_MESSAGE_ERROR | GST_MESSAGE_WARNING)).empty());
  const auto results = lines(dnn.folder.file("r.jsonl"));
  ASSERT_EQ(results.size(), 6u);
  // The red box stands at 4/32 of the largest size seen: 32×24 at first, then 64×48.
  EXPECT_EQ(results[0]["objects"][0]["x"], 4);
  EXPECT_EQ(results[1]["objects"][0]["x"], 4);
  EXPECT_EQ(results[5]["objects"][0]["x"], 2);
  EXPECT_EQ(results[2]["resolution"]["width"], 33);
  dnn.drop_output();
}

TEST(Dnn, InputSize) {
  struct Case {
    const char *size;
    int second_x;
  };
  // 64×48 first, then 32×24. The box is at pixel 4 of the DNN's input, 4/64 of 32 is 2.
  for (const Case &c : {Case{"auto", 2}, Case{"frame", 4}, Case{"128x96", 1}}) {
    DnnHarness dnn;
    dnn.set("input-size", c.size);
    dnn.set("results-location", dnn.folder.file("r.jsonl").c_str());
    dnn.play();
    dnn.caps("RGB", 64, 48);
    dnn.push(0);
    dnn.caps("RGB", 32, 24);
    dnn.push(kFrame);
    EXPECT_EQ(lines(dnn.folder.file("r.jsonl"))[1]["objects"][0]["x"], c.second_x) << c.size;
  }
}

TEST(Dnn, ClassesThresholdAndLabels) {
  DnnHarness dnn;
  write_file(dnn.folder.file("labels"), "rot\ngrün\nblau\n");
  dnn.set("labels-file", dnn.folder.file("labels").c_str());
  dnn.set("classes", " blau , grün ");
  dnn.set("threshold", 0.3);
  dnn.start();
  dnn.push(0, 255, 102, 51);  // scores 1, 0.4, 0.2
  GstBuffer *out = gst_harness_pull(dnn.harness);
  const auto found = rois(out);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_STREQ(g_quark_to_string(found[0]->roi_type), "grün");
  gst_buffer_unref(out);
}

TEST(Dnn, FlushForgetsTheInterval) {
  DnnHarness dnn;
  push_without_durations(dnn, "0/1", 5);
  push_flush(dnn.harness);
  ASSERT_EQ(dnn.push(30 * GST_SECOND, 204, 0, 0, GST_CLOCK_TIME_NONE), GST_FLOW_OK);
  EXPECT_EQ(dnn.log, Log(6, "buffer"));  // nothing is owed for interval 0
  dnn.push(31 * GST_SECOND, 204, 0, 0, GST_CLOCK_TIME_NONE);
  EXPECT_EQ(dnn.log.back(), "gradient 30");
}

TEST(Dnn, FlushForgetsTheLastResults) {
  DnnHarness dnn;
  dnn.set("inference-interval", 100);
  dnn.start();
  dnn.push(0, 204, 0, 0);
  dnn.push(kFrame, 0, 0, 0);
  EXPECT_EQ(dnn.stat("objects"), 1u);  // repeated
  push_flush(dnn.harness);
  dnn.push(30 * GST_SECOND, 0, 0, 0);
  EXPECT_EQ(dnn.stat("objects"), 0u);
  dnn.drop_output();
}

TEST(Dnn, EosInMidInterval) {
  DnnHarness dnn;
  dnn.set("results-location", dnn.folder.file("r.jsonl").c_str());
  dnn.start();
  for (int i = 0; i < 5; ++i) dnn.push(GstClockTime(i) * kFrame);
  EXPECT_TRUE(gst_harness_push_event(dnn.harness, gst_event_new_eos()));
  EXPECT_EQ(dnn.log, Log(5, "buffer"));
  EXPECT_EQ(lines(dnn.folder.file("r.jsonl")).size(), 5u);
  bool eos = false;
  while (GstEvent *event = gst_harness_try_pull_event(dnn.harness)) {
    eos = eos || GST_EVENT_TYPE(event) == GST_EVENT_EOS;
    gst_event_unref(event);
  }
  EXPECT_TRUE(eos);
}

TEST(Dnn, StatsLatencyAndThroughput) {
  DnnHarness dnn;
  dnn.set("device", "auto");
  dnn.play();
  const auto infos = dnn.messages(GST_MESSAGE_INFO);
  ASSERT_EQ(infos.size(), 1u);
  EXPECT_EQ(infos[0].text.find("device=auto: inference runs on "), 0u) << infos[0].text;
  dnn.caps("RGB", 32, 24);
  for (int i = 0; i < 10; ++i) dnn.push(GstClockTime(i) * kFrame, 204, 204, 0);
  dnn.drop_output();
  const auto check = [&] {
    EXPECT_EQ(dnn.stat("frames"), 10u);
    EXPECT_EQ(dnn.stat("inferences"), 10u);
    EXPECT_EQ(dnn.stat("gradients"), 1u);
    EXPECT_EQ(dnn.stat("failed-gradients"), 0u);
    EXPECT_EQ(dnn.stat("objects"), 2u);
    EXPECT_EQ(dnn.stat("objects-total"), 20u);
    EXPECT_GT(dnn.stat("inference-time"), 0u);
    EXPECT_GT(dnn.stat("gradient-time"), 0u);
  };
  check();
  guint64 latency = 0;
  gdouble throughput = 0;
  GstStructure *stats = nullptr;
  g_object_get(dnn.element, "latency", &latency, "throughput", &throughput, "stats", &stats, nullptr);
  EXPECT_GT(latency, 0u);
  EXPECT_GT(throughput, 0);
  EXPECT_STREQ(gst_structure_get_string(stats, "device"), "cpu");
  gdouble z = 0;
  EXPECT_TRUE(gst_structure_get_double(stats, "z", &z));
  EXPECT_NEAR(z, 2 * 0.995055, 1e-4);
  gst_structure_free(stats);
  gst_element_set_state(dnn.element, GST_STATE_NULL);
  check();  // a run's numbers stay until the next
}

TEST(Dnn, UnknownEventsAndQueriesAreForwarded) {
  DnnHarness dnn;
  dnn.start();
  const auto make = [](GstEventType type) { return gst_event_new_custom(type, gst_structure_new_empty("stranger")); };
  EXPECT_TRUE(gst_harness_push_event(dnn.harness, make(GST_EVENT_CUSTOM_DOWNSTREAM)));
  EXPECT_TRUE(gst_harness_push_upstream_event(dnn.harness, make(GST_EVENT_CUSTOM_UPSTREAM)));
  bool down = false, up = false;
  while (GstEvent *event = gst_harness_try_pull_event(dnn.harness)) {
    down = down || gst_event_has_name(event, "stranger");
    gst_event_unref(event);
  }
  while (GstEvent *event = gst_harness_try_pull_upstream_event(dnn.harness)) {
    up = up || gst_event_has_name(event, "stranger");
    gst_event_unref(event);
  }
  EXPECT_TRUE(down);
  EXPECT_TRUE(up);
  gst_harness_set_upstream_latency(dnn.harness, 123 * GST_MSECOND);
  EXPECT_EQ(gst_harness_query_latency(dnn.harness), 123 * GST_MSECOND);
}

TEST(Dnn, CyclesThroughItsStates) {
  DnnHarness dnn;
  dnn.set("results-location", dnn.folder.file("r.jsonl").c_str());
  dnn.play();
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(gst_element_set_state(dnn.element, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS) << i;
    ASSERT_NE(gst_element_set_state(dnn.element, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE) << i;
    gst_harness_push_event(dnn.harness, gst_event_new_stream_start("again"));
    dnn.caps("RGB", 32, 24);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(dnn.harness, gst_event_new_segment(&segment));
    ASSERT_EQ(dnn.push(900 * GST_MSECOND), GST_FLOW_OK) << i;
    EXPECT_EQ(dnn.log.back(), "gradient 0");
    EXPECT_EQ(dnn.stat("frames"), 1u);
  }
  dnn.drop_output();
  EXPECT_EQ(lines(dnn.folder.file("r.jsonl")).size(), 1u);
}

TEST(Dnn, DiesWithItsLastReference) {
  bool gone = false;
  {
    DnnHarness dnn;
    g_object_weak_ref(
        G_OBJECT(dnn.element), [](gpointer flag, GObject *) { *static_cast<bool *>(flag) = true; }, &gone);
    dnn.start();
    for (int i = 0; i < 10; ++i) dnn.push(GstClockTime(i) * kFrame);
    dnn.drop_output();
    for (auto *gradient : dnn.gradients()) gst_oneadapt_gradient_free(gradient);
  }
  EXPECT_TRUE(gone);
}

}  // namespace
