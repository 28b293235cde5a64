// SPDX-License-Identifier: LGPL-2.1-or-later
// The controller in a harness, with a tunable of the test's own: it knows nothing of video or x264.
#pragma once
#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "element_rig.h"
#include "fake_tunable.h"
#include "gstoneadapt.h"
#include "interval_drain.h"

namespace {

GstOneadaptGradient *gradient_of(guint64 interval) {
  GstOneadaptGradient *g = gst_oneadapt_gradient_new(32, 32, 16);
  g->interval = interval;
  g->interval_duration = GST_SECOND;
  g->stream_time = interval * GST_SECOND + 900 * GST_MSECOND;
  g->z = 1;
  g->elements = g->confident = 1;
  g->values[0] = 1;
  return g;
}

/// 10 frames an interval; the "DNN" behind it answers each interval's last frame.
struct Rig {
  GstHarness *h = nullptr;
  GstElement *bin = nullptr, *ctl = nullptr;
  FakeTunable *tunable = nullptr;
  GstBus *bus = nullptr;
  guint64 frames = 0;
  unsigned received = 0;

  explicit Rig(const char *properties = "", bool in_bin = false, const char *more = "") {
    register_fake_tunable();
    GError *error = nullptr;
    const std::string inner =
        std::string(in_bin ? "( queue ! faketunable name=t ! identity )" : "faketunable name=t") + more;
    bin = gst_parse_bin_from_description((std::string("oneadaptctl name=ctl ") + properties + " ! " + inner).c_str(),
                                         TRUE, &error);
    if (!bin) {
      ADD_FAILURE() << error->message;
      g_clear_error(&error);
      return;
    }
    ctl = gst_bin_get_by_name(GST_BIN(bin), "ctl");
    tunable = reinterpret_cast<FakeTunable *>(gst_bin_get_by_name(GST_BIN(bin), "t"));
    bus = gst_bus_new();
    gst_element_set_bus(bin, bus);
    h = gst_harness_new_with_element(bin, "sink", "src");
  }
  ~Rig() {
    gst_harness_teardown(h);
    gst_bus_set_flushing(bus, TRUE);  // messages on it keep the elements that they are from alive
    gst_object_unref(ctl);
    gst_object_unref(tunable);
    gst_object_unref(bin);
    gst_object_unref(bus);
  }
  void caps() { gst_harness_set_src_caps_str(h, "application/x-anything"); }
  GstFlowReturn push() {
    GstBuffer *b = gst_buffer_new_allocate(nullptr, 16, nullptr);
    GST_BUFFER_PTS(b) = frames * 100 * GST_MSECOND;
    GST_BUFFER_DURATION(b) = 100 * GST_MSECOND;
    ++frames;
    const GstFlowReturn ret = gst_harness_push(h, b);
    while (GstBuffer *out = gst_harness_try_pull(h)) {
      ++received;
      gst_buffer_unref(out);
    }
    return ret;
  }
  void answer(guint64 interval) { send(gradient_of(interval)); }
  /// `dnn`: which DNN of this process it is of; 0: it does not say.
  void send(GstOneadaptGradient *g, guint64 dnn = 0) {
    GstEvent *event = gst_event_new_oneadapt_gradient(g);
    if (dnn) oneadapt::set_dnn_of(event, dnn);
    gst_harness_push_upstream_event(h, event);
    gst_oneadapt_gradient_free(g);
  }
  void interval() {
    for (int i = 0; i < 10; ++i) ASSERT_EQ(push(), GST_FLOW_OK);
  }
  guint64 stat(const char *name) { return stat_of(ctl, name); }
  GstMessage *pop(GstMessageType type) { return gst_bus_pop_filtered(bus, type); }
  std::string error_text(GstMessageType type) {
    GstMessage *m = pop(type);
    const std::string text = m ? text_of(m) : "";
    if (m) gst_message_unref(m);
    return text;
  }
  /// A seek to the beginning.
  void flush() {
    push_flush(h);
    frames = 0;
  }
};

}  // namespace
