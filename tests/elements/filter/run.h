// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadaptfilter in a harness, fed with pictures that are textured and move.
#pragma once
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "element_rig.h"
#include "gstoneadapt.h"

/// One test picture in any format: textured, drifting by `t` pixels.
inline GstBuffer *make_picture(const GstVideoInfo &info, unsigned t) {
  static const std::vector<std::uint8_t> texture = [] {
    std::mt19937 noise(5);
    std::vector<std::uint8_t> all(256 * 256);
    for (auto &p : all) p = std::uint8_t(noise() % 40);
    return all;
  }();
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, info.size, nullptr);
  gst_buffer_memset(buffer, 0, 0, info.size);
  GstVideoFrame frame;
  gst_video_frame_map(&frame, const_cast<GstVideoInfo *>(&info), buffer, GST_MAP_WRITE);
  for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS(&frame); c++) {
    auto *data = static_cast<std::uint8_t *>(GST_VIDEO_FRAME_COMP_DATA(&frame, c));
    const int stride = GST_VIDEO_FRAME_COMP_STRIDE(&frame, c), step = GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, c);
    for (int y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c); y++)
      for (int x = 0; x < GST_VIDEO_FRAME_COMP_WIDTH(&frame, c); x++) {
        const unsigned u = unsigned(x) + t;
        data[y * stride + x * step] = c == 0 || !GST_VIDEO_INFO_IS_YUV(&info)
                                          ? std::uint8_t(70 + 40 * std::sin(u * 0.11) + 30 * std::cos(y * 0.07) +
                                                         texture[(unsigned(y) % 256) * 256 + u % 256])
                                          : std::uint8_t(110 + (u / 8 + unsigned(y)) % 23);
      }
  }
  gst_video_frame_unmap(&frame);
  return buffer;
}

/// What came out for a picture.
struct Out {
  GstClockTime pts, duration;
  std::vector<std::uint8_t> data;
  bool key;
  std::vector<int> nals;
  int width, height;
  bool idr() const { return std::count(nals.begin(), nals.end(), 5) > 0; }
};

class FilterRun {
 public:
  explicit FilterRun(const std::string &caps = "video/x-raw,format=I420,width=128,height=96,framerate=10/1",
                     const std::string &sink_caps = "video/x-h264", const char *properties = "") {
    h = gst_harness_new_parse((std::string("oneadaptfilter ") + properties).c_str());
    filter = gst_harness_find_element(h, "oneadaptfilter");
    bus = gst_bus_new();
    gst_element_set_bus(filter, bus);
    if (!sink_caps.empty()) gst_harness_set_sink_caps_str(h, sink_caps.c_str());
    if (!caps.empty()) set_caps(caps);
  }
  ~FilterRun() {
    gst_element_set_bus(filter, nullptr);
    gst_object_unref(bus);
    gst_object_unref(filter);
    gst_harness_teardown(h);
  }
  void set_caps(const std::string &text) {
    GstCaps *caps = gst_caps_from_string(text.c_str());
    gst_video_info_from_caps(&info, caps);
    gst_harness_set_src_caps(h, caps);
  }
  /// A picture with a timestamp in frames of the caps' rate (or in tenths of a second).
  GstBuffer *picture(unsigned i) const {
    GstBuffer *buffer = make_picture(info, 3 * i);
    const int n = info.fps_n > 0 ? info.fps_n : 10, d = info.fps_n > 0 ? info.fps_d : 1;
    GST_BUFFER_PTS(buffer) = gst_util_uint64_scale_round(i, GST_SECOND * guint64(d), guint64(n));
    GST_BUFFER_DURATION(buffer) =
        gst_util_uint64_scale_round(i + 1, GST_SECOND * guint64(d), guint64(n)) - GST_BUFFER_PTS(buffer);
    return buffer;
  }
  GstFlowReturn push(unsigned i) { return gst_harness_push(h, picture(i)); }
  void push_range(unsigned from, unsigned to) {
    for (unsigned i = from; i < to; i++) ASSERT_EQ(push(i), GST_FLOW_OK) << i;
  }
  /// Everything that has come out by now.
  std::vector<Out> pull() {
    std::vector<Out> all;
    while (GstBuffer *buffer = gst_harness_try_pull(h)) {
      Out out;
      out.pts = GST_BUFFER_PTS(buffer);
      out.duration = GST_BUFFER_DURATION(buffer);
      out.key = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
      GstMapInfo map;
      gst_buffer_map(buffer, &map, GST_MAP_READ);
      out.data.assign(map.data, map.data + map.size);
      gst_buffer_unmap(buffer, &map);
      for (std::size_t i = 0; i + 3 < out.data.size(); i++)
        if (!out.data[i] && !out.data[i + 1] && out.data[i + 2] == 1) out.nals.push_back(out.data[i + 3] & 31);
      GstCaps *caps = gst_pad_get_current_caps(h->sinkpad);
      const GstStructure *s = gst_caps_get_structure(caps, 0);
      gst_structure_get_int(s, "width", &out.width);
      gst_structure_get_int(s, "height", &out.height);
      gst_caps_unref(caps);
      gst_buffer_unref(buffer);
      all.push_back(std::move(out));
    }
    return all;
  }
  /// What the output's caps say.
  void expect_pixels(int width, int height, int par_n, int par_d) const {
    GstCaps *caps = gst_pad_get_current_caps(h->sinkpad);
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    int w = 0, t = 0, n = 0, d = 0;
    gst_structure_get(s, "width", G_TYPE_INT, &w, "height", G_TYPE_INT, &t, "pixel-aspect-ratio", GST_TYPE_FRACTION, &n,
                      &d, nullptr);
    gst_caps_unref(caps);
    EXPECT_EQ(w, width);
    EXPECT_EQ(t, height);
    EXPECT_EQ(n * par_d, d * par_n) << n << "/" << d;
  }
  /// push_range(), pulling after each picture, so that caps go with their buffers.
  std::vector<Out> through(unsigned from, unsigned to) {
    std::vector<Out> all;
    for (unsigned i = from; i < to; i++) {
      EXPECT_EQ(push(i), GST_FLOW_OK) << i;
      for (Out &out : pull()) all.push_back(std::move(out));
    }
    return all;
  }
  guint64 stat(const char *name) const { return stat_of(filter, name); }
  double applied(const char *knob) const { return stat_number_of(filter, knob); }
  void expect_all_accounted_for(unsigned pushed) const {
    EXPECT_EQ(stat("frames-in"), pushed);
    EXPECT_EQ(stat("frames-in"), stat("frames-out") + stat("dropped"));
  }
  unsigned messages(GstMessageType type, std::string *text = nullptr) { return count_messages(bus, type, text); }
  GstOneadaptTunable *tunable() const { return GST_ONEADAPT_TUNABLE(filter); }

  GstHarness *h;
  GstElement *filter;
  GstBus *bus;
  GstVideoInfo info;
};

inline double luma_psnr(const std::uint8_t *a, std::size_t stride_a, const std::uint8_t *b, std::size_t stride_b,
                        unsigned x0, unsigned y0, unsigned x1, unsigned y1) {
  double sum = 0;
  for (unsigned y = y0; y < y1; y++)
    for (unsigned x = x0; x < x1; x++) {
      const double d = double(a[y * stride_a + x]) - b[y * stride_b + x];
      sum += d * d;
    }
  return 10 * std::log10(255.0 * 255 * (x1 - x0) * (y1 - y0) / std::max(sum, 1e-9));
}
