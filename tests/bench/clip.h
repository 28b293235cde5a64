// SPDX-License-Identifier: LGPL-2.1-or-later
// The frames of a clip, decoded beforehand.
#pragma once
#include <gst/video/video.h>

#include <vector>

#include "play.h"

struct Clip {
  GstCaps *caps = nullptr;
  GstVideoInfo info;
  std::vector<GstBuffer *> frames;
};

/// The first `most` frames as I420, with their time stamps; `framerate`: taken at so many a second, such as "10/1",
/// instead of at the clip's own rate. Without frames there are no caps either.
inline Clip load_clip(const char *location, unsigned most, const std::string &framerate = "") {
  Clip clip;
  const std::string at = framerate.empty() ? "" : ",framerate=" + framerate;
  GstElement *pipeline = gst_parse_launch(
      ("filesrc name=src ! decodebin ! videoconvert ! " + std::string(at.empty() ? "" : "videorate ! ") +
       "video/x-raw,format=I420" + at + " ! fakesink name=sink sync=false signal-handoffs=true")
          .c_str(),
      nullptr);
  GstElement *src = gst_bin_get_by_name(GST_BIN(pipeline), "src"),
             *sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  g_object_set(src, "location", location, nullptr);
  g_object_set(sink, "num-buffers", int(most), nullptr);
  g_signal_connect(sink, "handoff", G_CALLBACK(+[](GstElement *, GstBuffer *buffer, GstPad *pad, gpointer data) {
                     auto *c = static_cast<Clip *>(data);
                     if (!c->caps) c->caps = gst_pad_get_current_caps(pad);
                     c->frames.push_back(gst_buffer_copy_deep(buffer));
                   }),
                   &clip);
  play_through(pipeline);
  gst_object_unref(src);
  gst_object_unref(sink);
  gst_object_unref(pipeline);
  if (clip.caps) gst_video_info_from_caps(&clip.info, clip.caps);
  return clip;
}
