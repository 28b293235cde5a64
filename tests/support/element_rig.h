// SPDX-License-Identifier: LGPL-2.1-or-later
// What the rigs of elements ask of their element: its property `stats`, and what it says on its bus.
#pragma once
#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

#include <string>

#include "message_text.h"

/// A counter of `stats`; a test fails where there is none of that name.
inline guint64 stat_of(GstElement *element, const char *name) {
  GstStructure *stats = nullptr;
  g_object_get(element, "stats", &stats, nullptr);
  guint64 value = 0;
  EXPECT_TRUE(gst_structure_get_uint64(stats, name, &value)) << name;
  gst_structure_free(stats);
  return value;
}

/// A number of `stats` that is no counter.
inline double stat_number_of(GstElement *element, const char *name) {
  GstStructure *stats = nullptr;
  g_object_get(element, "stats", &stats, nullptr);
  double value = -1;
  EXPECT_TRUE(gst_structure_get_double(stats, name, &value)) << name;
  gst_structure_free(stats);
  return value;
}

/// How many messages of a type were posted; the text of the last error or warning goes to `text`.
inline unsigned count_messages(GstBus *bus, GstMessageType type, std::string *text = nullptr) {
  unsigned count = 0;
  while (GstMessage *message = gst_bus_pop_filtered(bus, type)) {
    count++;
    if (text) *text = text_of(message);
    gst_message_unref(message);
  }
  return count;
}

/// A seek's flush, with a new segment from 0 on.
inline void push_flush(GstHarness *harness) {
  gst_harness_push_event(harness, gst_event_new_flush_start());
  gst_harness_push_event(harness, gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness, gst_event_new_segment(&segment));
}

/// An element with these properties must not start; the one error that says why.
inline std::string start_error_of(const char *element, const char *property, const char *value) {
  GstElement *made = gst_element_factory_make(element, nullptr);
  GstBus *bus = gst_bus_new();
  gst_element_set_bus(made, bus);
  g_object_set(made, property, value, nullptr);
  EXPECT_EQ(gst_element_set_state(made, GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  std::string text;
  EXPECT_EQ(count_messages(bus, GST_MESSAGE_ERROR, &text), 1u);
  gst_element_set_state(made, GST_STATE_NULL);
  gst_bus_set_flushing(bus, TRUE);  // messages on it keep the element alive
  gst_object_unref(made);
  gst_object_unref(bus);
  return text;
}
