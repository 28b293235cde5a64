// SPDX-License-Identifier: LGPL-2.1-or-later
// Properties of oneadaptaudiofilter, bad input, and pipelines.
#include <gst/controller/gstdirectcontrolbinding.h>
#include <gst/controller/gstinterpolationcontrolsource.h>

#include <algorithm>
#include <cstdlib>
#include <map>

#include "audio_run.h"
#include "play.h"

namespace {

std::string warning_of(const std::function<void()> &act) {
  static std::string text;
  text.clear();
  GLogFunc old = g_log_set_default_handler(
      [](const gchar *, GLogLevelFlags, const gchar *message, gpointer) { text = message; }, nullptr);
  act();
  g_log_set_default_handler(old, nullptr);
  return text;
}

}  // namespace

TEST(AudioProperties, SayWhatWasApplied) {
  AudioRun run("");
  EXPECT_EQ(run.rate(), 0);
  std::vector<int> notified;
  run.watch_rates(notified);
  run.push_all(sine(300), 0, 48000);
  EXPECT_EQ(run.rate(), 16000);  // 0: the top of the ladder
  g_object_set(run.filter, "rate", 7990, nullptr);
  EXPECT_EQ(run.rate(), 7990);
  run.push_all(sine(300), 48000, 96000);
  EXPECT_EQ(run.rate(), 8000);  // the nearest that is computed exactly
  g_object_set(run.filter, "rate", 3, nullptr);
  run.push_all(sine(300), 96000, 144000);
  EXPECT_EQ(run.rate(), 1000);
  g_object_set(run.filter, "rate", 192000, nullptr);
  run.push_all(sine(300), 144000, 192000);
  EXPECT_EQ(run.rate(), 48000);
  g_object_set(run.filter, "rate", 0, nullptr);
  run.push_all(sine(300), 192000, 240000);
  EXPECT_EQ(run.rate(), 16000);
  EXPECT_EQ(notified, (std::vector<int>{16000, 8000, 1000, 48000, 16000}));
  EXPECT_EQ(run.stat("rate-changes"), 4u);
  run.eos();
  EXPECT_EQ(run.count(), 16000u + 8000 + 1000 + 48000 + 16000);
  EXPECT_EQ(run.messages(GST_MESSAGE_WARNING), 0u);
}

TEST(AudioProperties, LadderEndsAtTheInputsRate) {
  for (const auto &[in, ladder, top] : std::vector<std::tuple<int, const char *, int>>{
           {48000, "", 16000}, {11025, "", 11025}, {8000, "", 8000}, {48000, "2000,24000", 24000}, {1000, "", 1000}}) {
    AudioRun run("rate-ladder=" + std::string(*ladder ? ladder : "\"\""), in);
    GPtrArray *knobs = gst_oneadapt_tunable_list_knobs(run.tunable());
    ASSERT_EQ(knobs->len, 2u);
    auto *knob = static_cast<GstOneadaptKnob *>(knobs->pdata[0]);
    EXPECT_STREQ(knob->name, "rate");
    EXPECT_EQ(knob->ladder[knob->n_ladder - 1], top);
    EXPECT_EQ(knob->rung, knob->n_ladder - 1);
    EXPECT_EQ(knob->flags & GST_ONEADAPT_KNOB_ON_REQUEST, 0);
    ASSERT_TRUE(knob->typical_accuracy && knob->typical_resource);
    for (guint i = 0; i < knob->n_ladder; ++i) {
      EXPECT_NEAR(knob->typical_resource[i], knob->ladder[i] / top, 1e-12);
      EXPECT_TRUE(i ? knob->typical_accuracy[i] > knob->typical_accuracy[i - 1] : knob->typical_accuracy[i] > 0);
    }
    EXPECT_NEAR(knob->typical_accuracy[knob->n_ladder - 1], 1, 1e-12);
    if (top == 16000) {
      EXPECT_NEAR(knob->typical_accuracy[1], 0.82, 1e-9);
    }
    auto *bits = static_cast<GstOneadaptKnob *>(knobs->pdata[1]);
    EXPECT_STREQ(bits->name, "bits");
    EXPECT_NE(bits->flags & GST_ONEADAPT_KNOB_ON_REQUEST, 0);
    EXPECT_EQ(bits->value, 32);
    EXPECT_EQ(bits->typical_accuracy, nullptr);
    g_ptr_array_unref(knobs);
  }
  AudioRun before("", 0);
  GPtrArray *none = gst_oneadapt_tunable_list_knobs(before.tunable());
  EXPECT_EQ(none->len, 0u);
  g_ptr_array_unref(none);
}

TEST(AudioProperties, ALadderThatIsNoneIsRefused) {
  AudioRun run("rate-ladder=2000,4000");
  for (const char *bad : {"4000,2000", "one", "-4", "200000"}) {
    const std::string text = warning_of([&] { g_object_set(run.filter, "rate-ladder", bad, nullptr); });
    EXPECT_NE(text.find("rate-ladder"), std::string::npos) << bad;
    gchar *ladder = nullptr;
    g_object_get(run.filter, "rate-ladder", &ladder, nullptr);
    EXPECT_STREQ(ladder, "2000,4000");
    g_free(ladder);
  }
}

TEST(AudioProperties, AControllerMovesTheRate) {
  AudioRun run("");
  GstControlSource *source = gst_interpolation_control_source_new();
  g_object_set(source, "mode", GST_INTERPOLATION_MODE_NONE, nullptr);
  gst_object_add_control_binding(GST_OBJECT(run.filter),
                                 gst_direct_control_binding_new_absolute(GST_OBJECT(run.filter), "rate", source));
  auto *values = GST_TIMED_VALUE_CONTROL_SOURCE(source);
  gst_timed_value_control_source_set(values, 0, 4000);
  gst_timed_value_control_source_set(values, GST_SECOND, 12000);
  run.push_all(sine(300), 0, 96000);
  run.eos();
  EXPECT_EQ(run.count(), 16000u);
  gst_object_unref(source);
}

TEST(AudioProperties, ConfigurationEventsSayKnobsAndBytes) {
  AudioRun run("rate=8000 interval=500000000", 48000, "S16LE");
  run.push_all(sine(300), 0, 72000);
  run.eos();
  ASSERT_EQ(run.events.size(), 3u);
  for (guint64 k = 0; k < 3; k++) {
    guint64 number = 0, bytes = 0;
    GstClockTime duration = 0;
    GstStructure *knobs = nullptr;
    ASSERT_TRUE(gst_event_parse_oneadapt_configuration(run.events[k], &number, &knobs, &bytes, &duration, nullptr));
    EXPECT_EQ(number, k);
    EXPECT_EQ(duration, 500 * GST_MSECOND);
    EXPECT_EQ(bytes, k ? 8000 : GST_ONEADAPT_BYTES_UNKNOWN);
    double value = 0;
    EXPECT_TRUE(gst_structure_get_double(knobs, "rate", &value));
    EXPECT_EQ(value, 8000);
    EXPECT_TRUE(gst_structure_get_double(knobs, "bits", &value));
    EXPECT_EQ(value, 16);
    gst_structure_free(knobs);
  }
  EXPECT_EQ(run.stat("bytes"), 24000u);
  EXPECT_EQ(run.stat("last-interval-bytes"), 8000u);
  EXPECT_EQ(run.stat("intervals"), 3u);
}

TEST(AudioProperties, DownstreamThatTakesOneRateOnlyGetsIt) {
  AudioRun run("", 0);
  gst_harness_set_sink_caps_str(run.h, "audio/x-raw,format=S16LE,rate=8000,channels=1");
  run.set_caps(48000);  // floats in
  run.push_all(sine(300), 0, 48000);
  EXPECT_EQ(run.messages(GST_MESSAGE_WARNING), 0u);  // nothing else was asked for
  g_object_set(run.filter, "rate", 4000, nullptr);
  run.push_all(sine(300), 48000, 96000);
  std::string text;
  EXPECT_EQ(run.messages(GST_MESSAGE_WARNING, &text), 1u);
  EXPECT_NE(text.find("\"rate\""), std::string::npos) << text;
  EXPECT_NE(text.find("4000"), std::string::npos) << text;
  EXPECT_EQ(run.rate(), 8000);
  run.push_all(sine(300), 96000, 144000);
  EXPECT_EQ(run.messages(GST_MESSAGE_WARNING), 0u);
  run.eos();
  EXPECT_EQ(run.count(), 24000u);
  EXPECT_EQ(run.outs.front().bytes, run.outs.front().samples.size() * 2);
}

TEST(AudioProperties, WhatCannotBeIsAnErrorThatSaysTheRemedy) {
  std::string text;
  {
    AudioRun run("", 0);
    gst_harness_set_sink_caps_str(run.h, "audio/x-raw,rate=48000");
    run.set_caps(8000);
    EXPECT_EQ(run.messages(GST_MESSAGE_ERROR, &text), 1u);
    EXPECT_NE(text.find("audioresample"), std::string::npos) << text;
  }
  {
    AudioRun run("");
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_BYTES);
    gst_harness_push_event(run.h, gst_event_new_segment(&segment));
    EXPECT_EQ(run.push(sine(300), 0, 480), GST_FLOW_ERROR);
    EXPECT_EQ(run.messages(GST_MESSAGE_ERROR, &text), 1u);
    EXPECT_NE(text.find("segment"), std::string::npos) << text;
  }
}

/* ---- pipelines ------------------------------------------------------------------------------------------------ */

namespace {

guint64 samples_out(GstElement *pipeline) {
  GstElement *filter = gst_bin_get_by_name(GST_BIN(pipeline), "f");
  GstStructure *stats = nullptr;
  g_object_get(filter, "stats", &stats, nullptr);
  guint64 n = 0;
  gst_structure_get_uint64(stats, "samples-out", &n);
  gst_structure_free(stats);
  gst_object_unref(filter);
  return n;
}

}  // namespace

TEST(AudioPipeline, BesideGStreamersOwnElements) {
  for (const char *line :
       {"audiotestsrc num-buffers=100 samplesperbuffer=441 ! audio/x-raw,rate=44100,format=S24LE,channels=2 ! "
        "oneadaptaudiofilter name=f rate=8000 ! audioconvert ! audioresample ! audio/x-raw,rate=48000,channels=2 ! "
        "fakesink",
        "audiotestsrc num-buffers=100 samplesperbuffer=441 wave=pink-noise ! audio/x-raw,rate=44100,format=F64LE ! "
        "oneadaptaudiofilter name=f ! audio/x-raw,rate=8000,format=S16LE ! wavenc ! fakesink",
        "audiotestsrc num-buffers=100 samplesperbuffer=441 ! audio/x-raw,rate=44100,format=U8 ! queue ! "
        "oneadaptaudiofilter name=f rate=8000 ! queue ! fakesink"}) {
    GstElement *pipeline = gst_parse_launch(line, nullptr);
    ASSERT_NE(pipeline, nullptr) << line;
    EXPECT_EQ(play_through(pipeline), "") << line;
    EXPECT_EQ(samples_out(pipeline), 8000u) << line;
    EXPECT_EQ(play_through(pipeline), "") << line;  // and again
    EXPECT_EQ(samples_out(pipeline), 8000u) << line;
    gst_object_unref(pipeline);
  }
}

TEST(AudioPipeline, TheControllersStaticPolicyLeavesItsKnobs) {
  GstElement *pipeline = gst_parse_launch(
      "audiotestsrc num-buffers=300 samplesperbuffer=480 ! audio/x-raw,rate=48000 ! oneadaptctl name=c policy=static "
      "lockstep=true ! oneadaptaudiofilter name=f rate=4000 ! fakesink",
      nullptr);
  ASSERT_NE(pipeline, nullptr);
  unsigned decisions = 0;
  GstBus *bus = gst_element_get_bus(pipeline);
  gst_bus_set_sync_handler(
      bus,
      [](GstBus *, GstMessage *message, gpointer data) {
        const GstStructure *s = gst_message_get_structure(message);
        if (s && gst_structure_has_name(s, "oneadapt-decision")) {
          const GValue *knobs = gst_structure_get_value(s, "knobs");
          EXPECT_EQ(gst_value_list_get_size(knobs), 1u);
          const GstStructure *knob = gst_value_get_structure(gst_value_list_get_value(knobs, 0));
          double value = 0, next = 0, resource = 0;
          EXPECT_STREQ(gst_structure_get_string(knob, "name"), "rate");
          gst_structure_get_double(knob, "value", &value);
          gst_structure_get_double(knob, "next", &next);
          EXPECT_EQ(value, 4000);
          EXPECT_EQ(next, 4000);
          EXPECT_TRUE(gst_structure_get_double(s, "measured-resource", &resource));
          EXPECT_NEAR(resource, 0.25, 1e-3);
          ++*static_cast<unsigned *>(data);
        }
        return GST_BUS_PASS;
      },
      &decisions, nullptr);
  gst_object_unref(bus);
  EXPECT_EQ(play_through(pipeline), "");
  EXPECT_EQ(samples_out(pipeline), 12000u);
  EXPECT_GE(decisions, 2u);
  gst_object_unref(pipeline);
}

/* ---- the loop ------------------------------------------------------------------------------------------------- */

namespace {

/// Takes the place of a DNN: when an interval's last sample has come, sends a gradient upstream.
struct StandIn {
  std::map<guint64, double> idle;                        // decided for the next, if nothing goes on in it
  std::map<guint64, double> announced;                   // rate by interval
  std::map<guint64, std::pair<double, double>> decided;  // value and next by interval
  unsigned warnings = 0;
  static GstPadProbeReturn came(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
    auto *self = static_cast<StandIn *>(data);
    if (info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
      GstEvent *event = gst_pad_probe_info_get_event(info);
      guint64 interval = 0;
      GstStructure *knobs = nullptr;
      if (!gst_event_is_oneadapt_configuration(event)) return GST_PAD_PROBE_OK;
      EXPECT_TRUE(gst_event_parse_oneadapt_configuration(event, &interval, &knobs, nullptr, nullptr, nullptr));
      EXPECT_TRUE(gst_structure_get_double(knobs, "rate", &self->announced[interval]));
      gst_structure_free(knobs);
      return GST_PAD_PROBE_OK;
    }
    GstBuffer *buffer = gst_pad_probe_info_get_buffer(info);
    const GstClockTime end = GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer);
    if (end % GST_SECOND) return GST_PAD_PROBE_OK;
    GstOneadaptGradient *gradient = gst_oneadapt_gradient_new(8000, 1, 80);
    gradient->domain = GST_ONEADAPT_DOMAIN_SIGNAL;
    gradient->interval = end / GST_SECOND - 1;
    gradient->interval_duration = GST_SECOND;
    gradient->stream_time = GST_BUFFER_PTS(buffer);
    // Every other second has words, the others none.
    const bool words = gradient->interval % 2;
    gradient->z = gradient->elements = gradient->confident = words ? 3 : 0;
    gradient->theta = 0.5;
    gradient->slope = 20;
    std::fill(gradient->values, gradient->values + gradient->columns, words ? 2.0f : 0.0f);
    gst_pad_push_event(pad, gst_event_new_oneadapt_gradient(gradient));
    gst_oneadapt_gradient_free(gradient);
    return GST_PAD_PROBE_OK;
  }
  static GstBusSyncReply posted(GstBus *, GstMessage *message, gpointer data) {
    auto *self = static_cast<StandIn *>(data);
    const GstStructure *s = gst_message_get_structure(message);
    self->warnings += GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING;
    guint64 interval = 0;
    if (!s || !gst_structure_has_name(s, "oneadapt-decision") || !gst_structure_get_uint64(s, "interval", &interval))
      return GST_BUS_PASS;
    const GstStructure *knob =
        gst_value_get_structure(gst_value_list_get_value(gst_structure_get_value(s, "knobs"), 0));
    auto &[value, next] = self->decided[interval];
    gst_structure_get_double(knob, "value", &value);
    gst_structure_get_double(knob, "next", &next);
    gst_structure_get_double(knob, "next-idle", &self->idle[interval]);
    return GST_BUS_PASS;
  }
};

}  // namespace

TEST(AudioPipeline, InLockstepWhatIsDecidedOnAnIntervalIsForTheNext) {
  // Buffers of 1000 samples fall on no boundary; 4096 are longer than what a filter looks ahead.
  for (const auto &[size, ahead] : std::vector<std::pair<const char *, GstClockTime>>{{"480", 0},
                                                                                      {"1000", 0},
                                                                                      {"4096", 0},
                                                                                      {"480", GST_SECOND},
                                                                                      {"1000", GST_SECOND},
                                                                                      {"4096", 20 * GST_MSECOND}}) {
    const std::string line = std::string("audiotestsrc wave=white-noise volume=0.1 num-buffers=") +
                             std::to_string(48000 * 12 / atoi(size)) + " samplesperbuffer=" + size +
                             " ! audio/x-raw,rate=48000 ! oneadaptctl lockstep=true lambda=0.3 ! oneadaptaudiofilter "
                             "rate=4000 look-ahead=" +
                             std::to_string(ahead) + " ! queue ! fakesink name=s";
    GstElement *pipeline = gst_parse_launch(line.c_str(), nullptr);
    ASSERT_NE(pipeline, nullptr);
    StandIn stand_in;
    GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "s");
    GstPad *pad = gst_element_get_static_pad(sink, "sink");
    gst_pad_add_probe(pad, GstPadProbeType(GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM | GST_PAD_PROBE_TYPE_BUFFER),
                      StandIn::came, &stand_in, nullptr);
    gst_object_unref(pad);
    gst_object_unref(sink);
    GstBus *bus = gst_element_get_bus(pipeline);
    gst_bus_set_sync_handler(bus, StandIn::posted, &stand_in, nullptr);
    gst_object_unref(bus);
    EXPECT_EQ(play_through(pipeline), "") << size;
    gst_object_unref(pipeline);
    EXPECT_EQ(stand_in.warnings, 0u) << size;
    EXPECT_GE(stand_in.decided.size(), 11u) << size;
    unsigned moves = 0;
    for (const auto &[interval, decision] : stand_in.decided) {
      EXPECT_EQ(stand_in.announced.at(interval), decision.first) << size << ", interval " << interval;
      if (stand_in.announced.count(interval + 1)) {
        // Nobody speaks.
        EXPECT_EQ(stand_in.announced.at(interval + 1), ahead ? stand_in.idle.at(interval) : decision.second)
            << size << ", interval " << interval << ", look-ahead " << ahead;
      }
      moves += decision.first != decision.second;
    }
    EXPECT_GE(moves, 1u) << size;
  }
}
