// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gst/check/gstharness.h>
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "gstoneadapt.h"

namespace {

GstStructure *knobs() { return gst_structure_new("knobs", "qp", G_TYPE_INT, 32, "scale", G_TYPE_DOUBLE, 0.5, nullptr); }

GstEvent *example(guint64 interval = 7) {
  GstStructure *k = knobs();
  GstEvent *event = gst_event_new_oneadapt_configuration(interval, k, 12345, 2 * GST_SECOND);
  gst_structure_free(k);
  return event;
}

GstEvent *custom(GstStructure *s) { return gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, s); }

GstStructure *fields() {
  GstStructure *k = knobs();
  GstStructure *s = gst_structure_new("GstOneadaptConfiguration", "interval", G_TYPE_UINT64, guint64(1),
                                      "interval-duration", GST_TYPE_CLOCK_TIME, GST_SECOND, "bytes", G_TYPE_UINT64,
                                      guint64(2), "knobs", GST_TYPE_STRUCTURE, k, nullptr);
  gst_structure_free(k);
  return s;
}

void expect_malformed(GError *error) {
  ASSERT_NE(error, nullptr);
  EXPECT_TRUE(g_error_matches(error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_MALFORMED)) << error->message;
  g_error_free(error);
}

}  // namespace

TEST(ConfigurationEvent, NewIsParse) {
  GstEvent *event = example();
  ASSERT_NE(event, nullptr);
  ASSERT_TRUE(gst_event_is_oneadapt_configuration(event));
  EXPECT_EQ(GST_EVENT_TYPE(event), GST_EVENT_CUSTOM_DOWNSTREAM);
  EXPECT_TRUE(GST_EVENT_IS_SERIALIZED(event));
  guint64 interval = 0, bytes = 0;
  GstClockTime duration = 0;
  GstStructure *k = nullptr;
  ASSERT_TRUE(gst_event_parse_oneadapt_configuration(event, &interval, &k, &bytes, &duration, nullptr));
  EXPECT_EQ(interval, 7u);
  EXPECT_EQ(bytes, 12345u);
  EXPECT_EQ(duration, 2 * GST_SECOND);
  gint qp = 0;
  gdouble scale = 0;
  EXPECT_TRUE(gst_structure_get(k, "qp", G_TYPE_INT, &qp, "scale", G_TYPE_DOUBLE, &scale, nullptr));
  EXPECT_EQ(qp, 32);
  EXPECT_EQ(scale, 0.5);
  gst_structure_free(k);
  EXPECT_TRUE(gst_event_parse_oneadapt_configuration(event, nullptr, nullptr, nullptr, nullptr, nullptr));
  gst_event_unref(event);
}
TEST(ConfigurationEvent, CarriesAQpMap) {
  GstEvent *event = example();
  GError *error = nullptr;
  EXPECT_FALSE(gst_event_parse_oneadapt_qp_map(event, nullptr, nullptr, nullptr, nullptr, &error));
  EXPECT_EQ(error, nullptr) << "no map is no error";
  const gfloat offsets[] = {-2, 0, 1.5, 12, 51, -51};
  ASSERT_TRUE(gst_event_set_oneadapt_qp_map(event, 33, 17, 16, offsets));  // 3×2 blocks
  guint width = 0, height = 0, block = 0;
  gfloat *back = nullptr;
  ASSERT_TRUE(gst_event_parse_oneadapt_qp_map(event, &width, &height, &block, &back, &error));
  EXPECT_EQ(width, 33u);
  EXPECT_EQ(height, 17u);
  EXPECT_EQ(block, 16u);
  EXPECT_EQ(std::vector<gfloat>(back, back + 6), std::vector<gfloat>(offsets, offsets + 6));
  g_free(back);
  EXPECT_TRUE(gst_event_parse_oneadapt_configuration(event, nullptr, nullptr, nullptr, nullptr, nullptr));
  gst_event_unref(event);
}
TEST(ConfigurationEvent, OthersAreNone) {
  GstEvent *event = custom(gst_structure_new_empty("else"));
  EXPECT_FALSE(gst_event_is_oneadapt_configuration(event));
  gst_event_unref(event);
  event = gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, fields());
  EXPECT_FALSE(gst_event_is_oneadapt_configuration(event));
  gst_event_unref(event);
}
TEST(ConfigurationEvent, MalformedSaysWhy) {
  std::vector<GstStructure *> bad{gst_structure_new_empty("GstOneadaptConfiguration")};
  for (const char *field : {"interval", "interval-duration", "bytes", "knobs"}) {
    bad.push_back(fields());
    gst_structure_remove_field(bad.back(), field);
    bad.push_back(fields());
    gst_structure_set(bad.back(), field, G_TYPE_STRING, "text", nullptr);
  }
  for (const GstClockTime duration : {GstClockTime(0), GST_CLOCK_TIME_NONE}) {
    bad.push_back(fields());
    gst_structure_set(bad.back(), "interval-duration", GST_TYPE_CLOCK_TIME, duration, nullptr);
  }
  GstStructure *k = gst_structure_new("knobs", "qp", G_TYPE_STRING, "32", nullptr);
  bad.push_back(fields());
  gst_structure_set(bad.back(), "knobs", GST_TYPE_STRUCTURE, k, nullptr);
  gst_structure_set(k, "qp", G_TYPE_DOUBLE, NAN, nullptr);
  bad.push_back(fields());
  gst_structure_set(bad.back(), "knobs", GST_TYPE_STRUCTURE, k, nullptr);
  gst_structure_free(k);
  for (GstStructure *s : bad) {
    GstEvent *event = custom(s);
    ASSERT_TRUE(gst_event_is_oneadapt_configuration(event));
    GError *error = nullptr;
    k = nullptr;
    EXPECT_FALSE(gst_event_parse_oneadapt_configuration(event, nullptr, &k, nullptr, nullptr, &error));
    EXPECT_EQ(k, nullptr);
    expect_malformed(error);
    gst_event_unref(event);
  }
}
TEST(ConfigurationEvent, MalformedQpMapSaysWhy) {
  const auto map = [](guint width, guint height, guint block, std::vector<gfloat> offsets) {
    GBytes *bytes = g_bytes_new(offsets.data(), offsets.size() * sizeof(gfloat));
    GstStructure *m = gst_structure_new("map", "frame-width", G_TYPE_UINT, width, "frame-height", G_TYPE_UINT, height,
                                        "block-size", G_TYPE_UINT, block, "offsets", G_TYPE_BYTES, bytes, nullptr);
    g_bytes_unref(bytes);
    return m;
  };
  for (GstStructure *m :
       {gst_structure_new_empty("map"), map(32, 16, 16, {1}), map(0, 16, 16, {}), map(16, 16, 0, {1}),
        map(16, 16, 16, {NAN}), map(16, 16, 16, {52}), map(G_MAXUINT, G_MAXUINT, 1, {1}), map(16, 16, 16, {})}) {
    GstStructure *s = fields();
    gst_structure_set(s, "qp-map", GST_TYPE_STRUCTURE, m, nullptr);
    gst_structure_free(m);
    GstEvent *event = custom(s);
    GError *error = nullptr;
    EXPECT_FALSE(gst_event_parse_oneadapt_qp_map(event, nullptr, nullptr, nullptr, nullptr, &error));
    expect_malformed(error);
    gst_event_unref(event);
  }
}

/* ---- on their way -------------------------------------------------------------------------------------------- */

namespace {

using Log = std::vector<std::string>;

/// Frames are a tenth of a second apart; x264enc shifts its time stamps by 1000 hours.
guint64 number_of(GstBuffer *buffer) { return GST_BUFFER_PTS(buffer) % (3600 * GST_SECOND) / (100 * GST_MSECOND); }

GstPadProbeReturn log_item(GstPad *, GstPadProbeInfo *info, gpointer data) {
  auto *log = static_cast<Log *>(data);
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
    log->push_back("frame " + std::to_string(number_of(GST_PAD_PROBE_INFO_BUFFER(info))));
  } else if (gst_event_is_oneadapt_configuration(GST_PAD_PROBE_INFO_EVENT(info))) {
    guint64 interval = 0;
    EXPECT_TRUE(gst_event_parse_oneadapt_configuration(GST_PAD_PROBE_INFO_EVENT(info), &interval, nullptr, nullptr,
                                                       nullptr, nullptr));
    log->push_back("configuration " + std::to_string(interval));
  } else if (gst_event_is_oneadapt_gradient_downstream(GST_PAD_PROBE_INFO_EVENT(info))) {
    log->push_back("gradient");
  }
  return GST_PAD_PROBE_OK;
}

/// What an encoder would send before each fifth of its frames.
GstPadProbeReturn announce(GstPad *pad, GstPadProbeInfo *info, gpointer) {
  const guint64 frame = number_of(GST_PAD_PROBE_INFO_BUFFER(info));
  if (frame % 5 == 0) {
    gst_pad_push_event(pad, example(frame / 5));
    GstOneadaptGradient *g = gst_oneadapt_gradient_new(64, 64, 16);
    gst_pad_push_event(pad, gst_event_new_oneadapt_gradient_downstream(g));
    gst_oneadapt_gradient_free(g);
  }
  return GST_PAD_PROBE_OK;
}

/// Runs it to its end and logs what passes the element "end".
Log run(const std::string &launch, bool announced) {
  Log log;
  GError *error = nullptr;
  GstElement *pipeline = gst_parse_launch(launch.c_str(), &error);
  if (error) {
    ADD_FAILURE() << error->message;
    g_error_free(error);
    return log;
  }
  const auto probe = [&](const char *name, const char *pad_name, int types, GstPadProbeCallback call, gpointer data) {
    GstElement *element = gst_bin_get_by_name(GST_BIN(pipeline), name);
    GstPad *pad = gst_element_get_static_pad(element, pad_name);
    gst_pad_add_probe(pad, GstPadProbeType(types), call, data, nullptr);
    gst_object_unref(pad);
    gst_object_unref(element);
  };
  probe("end", "sink", GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, log_item, &log);
  if (announced) probe("start", "src", GST_PAD_PROBE_TYPE_BUFFER, announce, nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus *bus = gst_element_get_bus(pipeline);
  GstMessage *message =
      gst_bus_timed_pop_filtered(bus, 60 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  EXPECT_TRUE(message && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) << launch;
  gst_clear_message(&message);
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
  return log;
}

bool have(const char *element) {
  GstElementFactory *factory = gst_element_factory_find(element);
  if (factory) gst_object_unref(factory);
  return factory != nullptr;
}

const char *const kSource =
    "videotestsrc num-buffers=17 ! video/x-raw,format=I420,width=64,height=48,framerate=10/1 ! ";

}  // namespace

TEST(OnTheWay, BothEventsKeepTheirPlaceThroughParserAndDecoder) {
  for (const char *tool : {"x264enc", "h264parse", "avdec_h264"})
    if (!have(tool)) GTEST_SKIP() << "there is no " << tool;
  Log expected;
  for (int i = 0; i < 17; ++i) {
    if (i % 5 == 0) expected.insert(expected.end(), {"configuration " + std::to_string(i / 5), "gradient"});
    expected.push_back("frame " + std::to_string(i));
  }
  for (const char *decoder :
       {"avdec_h264 max-threads=1", "avdec_h264", "avdec_h264 ! queue ! videoconvert ! videoscale"})
    EXPECT_EQ(run(std::string(kSource) + "x264enc name=start tune=zerolatency ! h264parse ! " + decoder +
                      " ! fakesink name=end sync=false",
                  true),
              expected)
        << decoder;
}

TEST(OnTheWay, TheFilterAnnouncesEachIntervalBeforeItsFirstFrame) {
  Log expected;
  for (int i = 0; i < 17; ++i) {
    if (i % 5 == 0) expected.push_back("configuration " + std::to_string(i / 5));
    expected.push_back("frame " + std::to_string(i));
  }
  EXPECT_EQ(run(std::string(kSource) + "oneadaptfilter interval=500000000 ! video/x-raw ! fakesink name=end sync=false",
                false),
            expected);
  GstElement *filter = gst_element_factory_make("oneadaptfilter", nullptr);
  ASSERT_NE(filter, nullptr);
  GstCaps *coded = gst_caps_from_string("video/x-h264");
  const bool with_h264 = gst_element_factory_can_src_any_caps(gst_element_get_factory(filter), coded);
  gst_caps_unref(coded);
  gst_object_unref(gst_object_ref_sink(filter));
  if (!with_h264 || !have("h264parse") || !have("avdec_h264")) GTEST_SKIP() << "no H.264 here: raw video only";
  EXPECT_EQ(run(std::string(kSource) + "oneadaptfilter interval=500000000 ! h264parse ! avdec_h264 ! fakesink name=end "
                                       "sync=false",
                false),
            expected);
  // Frames that the filter drops take nothing along: it passes on the last of each half second, and the very first.
  const Log thinned{"configuration 0", "frame 0", "frame 4", "frame 9", "configuration 1", "frame 14"};
  EXPECT_EQ(
      run(std::string(kSource) + "oneadaptfilter framerate=2 ! h264parse ! avdec_h264 ! fakesink name=end sync=false",
          false),
      thinned);
}

TEST(OnTheWay, TheFilterTellsKnobsAndBytes) {
  GstHarness *h = gst_harness_new_parse("oneadaptfilter scale=0.5 framerate=5");
  gst_harness_set_sink_caps_str(h, "video/x-raw");
  gst_harness_set_src_caps_str(h, "video/x-raw,format=I420,width=64,height=48,framerate=10/1");
  // Intervals 0, 1, and 3: two has no frame. Every second frame is passed on, and the very first.
  for (const int frame : {0, 1, 2, 10, 11, 30, 31}) {
    GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 64 * 48 * 3 / 2, nullptr);
    gst_buffer_memset(buffer, 0, 128, 64 * 48 * 3 / 2);
    GST_BUFFER_PTS(buffer) = guint64(frame) * 100 * GST_MSECOND;
    ASSERT_EQ(gst_harness_push(h, buffer), GST_FLOW_OK);
  }
  struct Told {
    guint64 interval, bytes;
  };
  std::vector<Told> told;
  while (GstEvent *event = gst_harness_try_pull_event(h)) {
    if (gst_event_is_oneadapt_configuration(event)) {
      Told t{};
      GstStructure *k = nullptr;
      GstClockTime duration = 0;
      ASSERT_TRUE(gst_event_parse_oneadapt_configuration(event, &t.interval, &k, &t.bytes, &duration, nullptr));
      EXPECT_EQ(duration, GST_SECOND);
      gdouble scale = 0, framerate = 0;
      EXPECT_TRUE(
          gst_structure_get(k, "scale", G_TYPE_DOUBLE, &scale, "framerate", G_TYPE_DOUBLE, &framerate, nullptr));
      EXPECT_EQ(scale, 0.5);
      EXPECT_EQ(framerate, 5);
      EXPECT_FALSE(gst_structure_has_field(k, "qp")) << "raw video has no QP";
      gst_structure_free(k);
      told.push_back(t);
    }
    gst_event_unref(event);
  }
  const guint64 frame_bytes = 32 * 24 * 3 / 2;
  ASSERT_EQ(told.size(), 3u);
  EXPECT_EQ(told[0].interval, 0u);
  EXPECT_EQ(told[0].bytes, GST_ONEADAPT_BYTES_UNKNOWN);
  EXPECT_EQ(told[1].interval, 1u);
  EXPECT_EQ(told[1].bytes, 2 * frame_bytes);  // frames 0 and 1
  EXPECT_EQ(told[2].interval, 3u);
  EXPECT_EQ(told[2].bytes, 0u);
  gst_harness_teardown(h);
}
