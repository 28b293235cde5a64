// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadaptaudiofilter in a harness, fed with sound that is a function of time.
#pragma once
#include <gst/audio/audio.h>
#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "element_rig.h"
#include "gstoneadapt.h"

/// Amplitude at a time in seconds.
using Wave = std::function<double(double)>;
inline Wave sine(double frequency, double amplitude = 0.8) {
  return [=](double t) { return amplitude * std::sin(2 * M_PI * frequency * t); };
}

/// One buffer that came out.
struct Out {
  GstClockTime pts, duration;
  int rate;
  bool discont;
  std::vector<double> samples;  // full scale ±1
  gsize bytes;
  std::vector<std::uint64_t> configurations;  // intervals announced right before it
};

class AudioRun {
 public:
  explicit AudioRun(const std::string &properties = "", int rate = 48000, const std::string &format = "F32LE",
                    int channels = 1)
      : h(gst_harness_new_parse(("oneadaptaudiofilter " + properties).c_str())) {
    filter = gst_harness_find_element(h, "oneadaptaudiofilter");
    bus = gst_bus_new();
    gst_element_set_bus(filter, bus);
    gst_pad_add_probe(
        h->sinkpad, GstPadProbeType(GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM | GST_PAD_PROBE_TYPE_BUFFER),
        [](GstPad *pad, GstPadProbeInfo *probe, gpointer data) {
          static_cast<AudioRun *>(data)->came(pad, probe);
          return GST_PAD_PROBE_OK;
        },
        this, nullptr);
    if (rate) set_caps(rate, format, channels);
  }
  ~AudioRun() {
    for (GstEvent *event : events) gst_event_unref(event);
    gst_element_set_bus(filter, nullptr);
    gst_object_unref(bus);
    gst_object_unref(filter);
    gst_harness_teardown(h);
  }
  void set_caps(int rate, const std::string &format = "F32LE", int channels = 1) {
    gst_audio_info_set_format(&info, gst_audio_format_from_string(format.c_str()), rate, channels, nullptr);
    GstCaps *caps = gst_audio_info_to_caps(&info);
    gst_harness_set_src_caps(h, caps);
  }
  /// Samples from..to of the wave, sample 0 at time 0, every channel alike; integers are rounded.
  GstBuffer *sound(const Wave &wave, guint64 from, guint64 to) const {
    const gsize n = (to - from) * guint64(info.channels);
    std::vector<double> values(n);
    for (gsize i = 0; i < n; i++) values[i] = wave(double(from + i / guint64(info.channels)) / info.rate);
    GstBuffer *buffer = gst_buffer_new_allocate(nullptr, (to - from) * guint64(info.bpf), nullptr);
    GstMapInfo map;
    gst_buffer_map(buffer, &map, GST_MAP_WRITE);
    for (gsize i = 0; i < n; i++) switch (GST_AUDIO_INFO_FORMAT(&info)) {
        case GST_AUDIO_FORMAT_F32: {
          reinterpret_cast<float *>(map.data)[i] = float(values[i]);
          break;
        }
        case GST_AUDIO_FORMAT_F64:
          reinterpret_cast<double *>(map.data)[i] = values[i];
          break;
        case GST_AUDIO_FORMAT_S32:
          reinterpret_cast<gint32 *>(map.data)[i] = gint32(std::lround(values[i] * 2147483392.0));
          break;
        default:
          reinterpret_cast<gint16 *>(map.data)[i] = gint16(std::lround(values[i] * 32767));
      }
    gst_buffer_unmap(buffer, &map);
    GST_BUFFER_PTS(buffer) = gst_util_uint64_scale(from, GST_SECOND, guint64(info.rate));
    GST_BUFFER_DURATION(buffer) = gst_util_uint64_scale(to, GST_SECOND, guint64(info.rate)) - GST_BUFFER_PTS(buffer);
    return buffer;
  }
  GstFlowReturn push(const Wave &wave, guint64 from, guint64 to) { return gst_harness_push(h, sound(wave, from, to)); }
  /// In buffers of `chunk` samples.
  void push_all(const Wave &wave, guint64 from, guint64 to, guint64 chunk = 480) {
    for (guint64 at = from; at < to; at += chunk) ASSERT_EQ(push(wave, at, std::min(to, at + chunk)), GST_FLOW_OK);
  }
  void eos() { gst_harness_push_event(h, gst_event_new_eos()); }
  void drain() {
    GstQuery *query = gst_query_new_drain();
    gst_pad_peer_query(h->srcpad, query);
    gst_query_unref(query);
  }
  /// All that has come out, as one.
  std::vector<double> all() const {
    std::vector<double> samples;
    for (const Out &out : outs) samples.insert(samples.end(), out.samples.begin(), out.samples.end());
    return samples;
  }
  gsize count() const {
    gsize n = 0;
    for (const Out &out : outs) n += out.samples.size();
    return n;
  }
  guint64 stat(const char *name) const { return stat_of(filter, name); }
  int rate() const {
    int value = -1;
    g_object_get(filter, "rate", &value, nullptr);
    return value;
  }
  unsigned messages(GstMessageType type, std::string *text = nullptr) { return count_messages(bus, type, text); }
  /// Adds each rate that the filter notifies of.
  void watch_rates(std::vector<int> &rates) {
    g_signal_connect(filter, "notify::rate", G_CALLBACK(+[](GObject *object, GParamSpec *, gpointer data) {
                       int value = 0;
                       g_object_get(object, "rate", &value, nullptr);
                       static_cast<std::vector<int> *>(data)->push_back(value);
                     }),
                     &rates);
  }
  GstOneadaptTunable *tunable() const { return GST_ONEADAPT_TUNABLE(filter); }
  /// Applies one value from interval `interval` on.
  void apply(guint64 interval, const char *knob, double value) {
    GstStructure *s = gst_structure_new("configuration", knob, G_TYPE_DOUBLE, value, nullptr);
    EXPECT_TRUE(gst_oneadapt_tunable_apply(tunable(), interval, s, nullptr));
    gst_structure_free(s);
  }

  GstHarness *h;
  GstElement *filter;
  GstBus *bus;
  GstAudioInfo info;
  std::vector<Out> outs;
  std::vector<GstEvent *> events;  // configuration events

 private:
  void came(GstPad *pad, GstPadProbeInfo *probe) {
    if (probe->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
      GstEvent *event = gst_pad_probe_info_get_event(probe);
      if (!gst_event_is_oneadapt_configuration(event)) return;
      guint64 interval = 0;
      EXPECT_TRUE(gst_event_parse_oneadapt_configuration(event, &interval, nullptr, nullptr, nullptr, nullptr));
      announced.push_back(interval);
      events.push_back(gst_event_ref(event));
      return;
    }
    GstBuffer *buffer = gst_pad_probe_info_get_buffer(probe);
    Out out;
    out.pts = GST_BUFFER_PTS(buffer);
    out.duration = GST_BUFFER_DURATION(buffer);
    out.discont = GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT);
    out.bytes = gst_buffer_get_size(buffer);
    out.configurations = std::move(announced);
    announced.clear();
    GstCaps *caps = gst_pad_get_current_caps(pad);
    GstAudioInfo format;
    ASSERT_TRUE(gst_audio_info_from_caps(&format, caps));
    gst_caps_unref(caps);
    EXPECT_EQ(format.channels, 1);
    out.rate = format.rate;
    GstMapInfo map;
    gst_buffer_map(buffer, &map, GST_MAP_READ);
    for (gsize i = 0; i < map.size / gsize(format.bpf); i++)
      out.samples.push_back(GST_AUDIO_INFO_FORMAT(&format) == GST_AUDIO_FORMAT_S16
                                ? reinterpret_cast<gint16 *>(map.data)[i] / 32768.0
                                : double(reinterpret_cast<float *>(map.data)[i]));
    gst_buffer_unmap(buffer, &map);
    outs.push_back(std::move(out));
  }

  std::vector<std::uint64_t> announced;
};

/// Greatest difference between what came out and the wave, at the times that the buffers say; the first and last
/// `edge` seconds, where silence begins and ends, left out.
inline double worst_error(const std::vector<Out> &outs, const Wave &wave, double edge) {
  double worst = 0;
  const double begin = double(outs.front().pts) / 1e9 + edge,
               end = double(outs.back().pts + outs.back().duration) / 1e9 - edge;
  for (const Out &out : outs)
    for (gsize i = 0; i < out.samples.size(); i++) {
      const double t = double(out.pts) / 1e9 + double(i) / out.rate;
      if (t >= begin && t < end) worst = std::max(worst, std::abs(out.samples[i] - wave(t)));
    }
  return worst;
}
