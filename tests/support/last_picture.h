// SPDX-License-Identifier: LGPL-2.1-or-later
// Pictures that a pipeline gives.
#pragma once
#include <cstdint>
#include <vector>

#include "play.h"

/// Packed RGB; rows are as GStreamer pads them.
struct Pixels {
  int width = 0, height = 0;
  std::vector<std::uint8_t> rgb;
};

inline void keep_picture(GstElement *, GstBuffer *buffer, GstPad *pad, gpointer data) {
  auto *kept = static_cast<Pixels *>(data);
  GstCaps *caps = gst_pad_get_current_caps(pad);
  const GstStructure *s = gst_caps_get_structure(caps, 0);
  gst_structure_get_int(s, "width", &kept->width);
  gst_structure_get_int(s, "height", &kept->height);
  gst_caps_unref(caps);
  kept->rgb.resize(gst_buffer_get_size(buffer));
  gst_buffer_extract(buffer, 0, kept->rgb.data(), kept->rgb.size());
}

/// The last picture that `line` gives, or number `count`; what went wrong, if anything, goes to `problem`.
inline Pixels last_pixels(const std::string &line, int count, std::string &problem) {
  Pixels kept;
  const std::string whole = line +
                            " ! videoconvert ! video/x-raw,format=RGB ! fakesink name=sink signal-handoffs=true "
                            "sync=false num-buffers=" +
                            std::to_string(count);
  GstElement *pipeline = gst_parse_launch(whole.c_str(), nullptr);
  GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  g_signal_connect(sink, "handoff", G_CALLBACK(keep_picture), &kept);
  problem = play_through(pipeline);
  gst_object_unref(sink);
  gst_object_unref(pipeline);
  return kept;
}
