// SPDX-License-Identifier: LGPL-2.1-or-later
// The film of a run, decoded again, and whether boxes are drawn where results say.
#pragma once
#include <gst/app/gstappsink.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace oneadapt_test {

/// What a film came to when it was played to its end.
struct Film {
  std::vector<GstSample *> frames;  ///< I420
  std::set<std::string> caps;       ///< of the frames, as text
  std::string error;                ///< empty: it was played to its end
  Film() = default;
  Film(Film &&other) : frames(std::move(other.frames)), caps(std::move(other.caps)), error(std::move(other.error)) {
    other.frames.clear();
  }
  ~Film() {
    for (GstSample *frame : frames) gst_sample_unref(frame);
  }
};

inline Film play(const std::string &path) {
  Film film;
  GstElement *pipeline = gst_parse_launch(
      ("filesrc location=\"" + path +
       "\" ! qtdemux ! h264parse ! avdec_h264 ! videoconvert ! video/x-raw,format=I420 ! appsink name=out sync=false")
          .c_str(),
      nullptr);
  GstElement *out = gst_bin_get_by_name(GST_BIN(pipeline), "out");
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  while (GstSample *sample = gst_app_sink_pull_sample(GST_APP_SINK(out))) {
    gchar *text = gst_caps_to_string(gst_sample_get_caps(sample));
    film.caps.insert(text);
    g_free(text);
    film.frames.push_back(sample);
  }
  GstBus *bus = gst_element_get_bus(pipeline);
  GstMessage *m = gst_bus_timed_pop_filtered(bus, 10 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  if (!m || GST_MESSAGE_TYPE(m) == GST_MESSAGE_ERROR) {
    GError *error = nullptr;
    if (m) gst_message_parse_error(m, &error, nullptr);
    film.error = error ? error->message : "it did not end";
    g_clear_error(&error);
  }
  if (m) gst_message_unref(m);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  gst_object_unref(out);
  gst_object_unref(pipeline);
  return film;
}

/// Box sides as fractions of the frame: x0, y0, x1, y1.
using Sides = std::array<double, 4>;

/// The objects of each line of results.jsonl.
inline std::vector<std::vector<Sides>> read_results(const std::string &path) {
  std::vector<std::vector<Sides>> frames;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    frames.emplace_back();
    const auto frame = nlohmann::json::parse(line);
    for (const auto &object : frame["objects"]) {
      const auto &box = object["detection"]["bounding_box"];
      frames.back().push_back({box["x_min"], box["y_min"], box["x_max"], box["y_max"]});
    }
  }
  return frames;
}

/// The green of class 0 (painter.cpp, colour_of(0)). Its chroma is −39 and −68; coding, and chroma at half the size,
/// leave a good third of that. Grass has less, and is darker; the gradient's violet, red and yellow are no green at
/// all.
inline bool is_green(const GstVideoFrame &frame, int x, int y) {
  const auto sample = [&](guint c, int px, int py) {
    const auto *data = static_cast<const guint8 *>(GST_VIDEO_FRAME_COMP_DATA(&frame, c));
    return int(data[py * GST_VIDEO_FRAME_COMP_STRIDE(&frame, c) + px]);
  };
  return sample(0, x, y) > 100 && sample(1, x / 2, y / 2) < 128 - 8 && sample(2, x / 2, y / 2) < 128 - 24;
}

/// The share of a box's outline that is green, [0, 1]. On a line of 2 pixels and more, of which one may be lost to
/// rounding: the greenest of three pixels counts.
inline double outlined(GstSample *sample, const Sides &box) {
  GstVideoInfo info;
  GstVideoFrame frame;
  if (!gst_video_info_from_caps(&info, gst_sample_get_caps(sample)) ||
      !gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample), GST_MAP_READ))
    return 0;
  const double w = info.width, h = info.height;
  int green = 0, all = 0;
  const auto look = [&](double x, double y, bool upright) {
    bool found = false;
    for (int off = -1; off <= 1; ++off) {
      const int px = std::clamp(int(x) + (upright ? off : 0), 0, info.width - 1);
      const int py = std::clamp(int(y) + (upright ? 0 : off), 0, info.height - 1);
      found = found || is_green(frame, px, py);
    }
    green += found;
    ++all;
  };
  constexpr int kSamples = 25;
  for (int i = 1; i < kSamples; ++i) {
    const double t = double(i) / kSamples;
    const double x = (box[0] + t * (box[2] - box[0])) * w, y = (box[1] + t * (box[3] - box[1])) * h;
    look(x, box[1] * h + 1, false);
    look(x, box[3] * h - 1, false);
    look(box[0] * w + 1, y, true);
    look(box[2] * w - 1, y, true);
  }
  gst_video_frame_unmap(&frame);
  return double(green) / all;
}

}  // namespace oneadapt_test
