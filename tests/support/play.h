// SPDX-License-Identifier: LGPL-2.1-or-later
// Pipelines that are played to their end.
#pragma once
#include <gst/gst.h>

#include <string>

#include "message_text.h"

/// Plays to the end of the stream, then stops; what went wrong, empty: nothing. One that takes longer than a minute
/// hangs.
inline std::string play_through(GstElement *pipeline) {
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus *bus = gst_element_get_bus(pipeline);
  GstMessage *end =
      gst_bus_timed_pop_filtered(bus, 60 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  std::string problem = end ? "" : "it did not end";
  if (end && GST_MESSAGE_TYPE(end) == GST_MESSAGE_ERROR) problem = text_of(end);
  if (end) gst_message_unref(end);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  return problem;
}

/// The same of a launch line.
inline std::string play_line(const std::string &line) {
  GstElement *pipeline = gst_parse_launch(line.c_str(), nullptr);
  if (!pipeline) return "it cannot be built: " + line;
  const std::string problem = play_through(pipeline);
  gst_object_unref(pipeline);
  return problem;
}
