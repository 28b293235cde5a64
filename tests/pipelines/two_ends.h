// SPDX-License-Identifier: LGPL-2.1-or-later
// A camera and a DNN in two pipelines, and what must hold between them. For one file a program.
#pragma once
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "../support/message_text.h"
#include "../support/test_models.h"
#include "gstoneadapt.h"

namespace oneadapt_test {

constexpr GstClockTime kFrame = 100 * GST_MSECOND;
/// The camera: each frame's brightness says which of its second it is. Starts dear, so that it has something to save.
inline std::string camera(const std::string &properties = "") {
  return "videotestsrc is-live=true pattern=black ! video/x-raw,format=I420,width=128,height=128,framerate=10/1 ! "
         "identity name=paint ! oneadaptctl name=ctl warm-start=false knobs=qp " +
         properties + " ! oneadaptfilter name=filter qp=20 ! h264parse config-interval=-1";
}
inline std::string dnn(const std::string &model, const std::string &properties = "") {
  return "h264parse ! avdec_h264 max-threads=1 ! videoconvert ! oneadaptdnn name=dnn model=" + model + " " +
         properties + " ! fakesink sync=false";
}

/// Paints the camera's frames.
inline void paint(GstElement *bin) {
  GstElement *e = gst_bin_get_by_name(GST_BIN(bin), "paint");
  ASSERT_NE(e, nullptr);
  GstPad *pad = gst_element_get_static_pad(e, "src");
  gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *, GstPadProbeInfo *info, gpointer) {
        GstBuffer *b = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
        info->data = b;
        gst_buffer_memset(b, 0, guint8(20 + 20 * (GST_BUFFER_PTS(b) / kFrame % 10)), 128 * 128);
        return GST_PAD_PROBE_OK;
      },
      nullptr, nullptr);
  gst_object_unref(pad);
  gst_object_unref(e);
}

/// What left the DNN, by interval.
struct Seen {
  struct Gradient {
    GstClockTime stream_time;
    guint32 stream;
    gsize bytes;  ///< of its message
    int index;    ///< which frame of its second the one was that it was taken on, by its brightness
  };
  std::mutex mutex;
  std::map<guint64, Gradient> gradients;  // under mutex
  unsigned early = 0;
  int index = -1;  // streaming thread

  void watch(GstElement *bin) {
    GstElement *e = gst_bin_get_by_name(GST_BIN(bin), "dnn");
    ASSERT_NE(e, nullptr);
    GstPad *pad = gst_element_get_static_pad(e, "src");
    gst_pad_add_probe(pad, GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM), probe,
                      this, nullptr);
    gst_object_unref(pad);
    gst_object_unref(e);
  }
  /// The gradient of `interval` has come by.
  bool left_the_dnn(guint64 interval) {
    std::lock_guard<std::mutex> lock(mutex);
    return gradients.count(interval) > 0;
  }
  static GstPadProbeReturn probe(GstPad *, GstPadProbeInfo *info, gpointer data) {
    auto *self = static_cast<Seen *>(data);
    if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
      guint8 luma = 0;
      gst_buffer_extract(GST_PAD_PROBE_INFO_BUFFER(info), 64, &luma, 1);
      self->index = (luma - 10) / 20;
    } else if (gst_event_is_oneadapt_gradient_downstream(GST_PAD_PROBE_INFO_EVENT(info))) {
      GstOneadaptGradient *g = nullptr;
      const gsize bytes = g_bytes_get_size(gst_event_get_oneadapt_gradient_message(GST_PAD_PROBE_INFO_EVENT(info)));
      EXPECT_TRUE(gst_event_parse_oneadapt_gradient(GST_PAD_PROBE_INFO_EVENT(info), &g, nullptr));
      std::lock_guard<std::mutex> lock(self->mutex);
      if (g->early)
        ++self->early;
      else
        self->gradients[g->interval] = {g->stream_time, g->stream, bytes, self->index};
      gst_oneadapt_gradient_free(g);
    }
    return GST_PAD_PROBE_OK;
  }
};

inline guint64 number(GstElement *bin, const char *name, const char *field, const char *inner = nullptr) {
  GstElement *e = gst_bin_get_by_name(GST_BIN(bin), name);
  GstStructure *s = nullptr;
  g_object_get(e, "stats", &s, nullptr);
  const GstStructure *of = s;
  if (inner) of = gst_value_get_structure(gst_structure_get_value(s, inner));
  guint64 value = 0;
  EXPECT_TRUE(of && gst_structure_get_uint64(of, field, &value)) << name << " " << field;
  gst_structure_free(s);
  gst_object_unref(e);
  return value;
}

/// True once it holds; it is given up on after five minutes, which no busy machine needs.
inline bool eventually(const std::function<bool()> &holds) {
  for (int i = 0; i < 6000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return holds();
}

/// A pipeline that must play; errors on its bus fail the test.
struct Pipeline {
  GstElement *bin = nullptr;
  explicit Pipeline(const std::string &launch) {
    GError *error = nullptr;
    bin = gst_parse_launch(launch.c_str(), &error);
    EXPECT_EQ(error, nullptr) << error->message;
    g_clear_error(&error);
  }
  ~Pipeline() {
    stop();
    gst_object_unref(bin);
  }
  void play() { ASSERT_NE(gst_element_set_state(bin, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE) << text(); }
  void stop() { gst_element_set_state(bin, GST_STATE_NULL); }
  /// The first error or warning, if any.
  std::string text() {
    GstBus *bus = gst_element_get_bus(bin);
    GstMessage *m = gst_bus_pop_filtered(bus, GstMessageType(GST_MESSAGE_ERROR | GST_MESSAGE_WARNING));
    gst_object_unref(bus);
    if (!m) return "";
    const std::string out = text_of(m);
    gst_message_unref(m);
    return out;
  }
};

/// The controller's last decision that a gradient was there for, else nothing.
inline std::optional<guint64> decided_with_feedback(GstElement *camera_bin) {
  GstElement *ctl = gst_bin_get_by_name(GST_BIN(camera_bin), "ctl");
  GstStructure *stats = nullptr;
  g_object_get(ctl, "stats", &stats, nullptr);
  gst_object_unref(ctl);
  const GValue *last = gst_structure_get_value(stats, "last-decision");
  guint64 interval = 0;
  gboolean feedback = FALSE;
  if (last) {
    const GstStructure *decision = gst_value_get_structure(last);
    EXPECT_TRUE(gst_structure_get_uint64(decision, "interval", &interval));
    EXPECT_TRUE(gst_structure_get_boolean(decision, "feedback", &feedback));
  }
  gst_structure_free(stats);
  return feedback ? std::optional(interval) : std::nullopt;
}

inline gint qp_of(GstElement *camera_bin) {
  GstElement *filter = gst_bin_get_by_name(GST_BIN(camera_bin), "filter");
  gint qp = 0;
  g_object_get(filter, "qp", &qp, nullptr);
  gst_object_unref(filter);
  return qp;
}

/// What must hold of two ends that talk: the camera gets gradients, of its own intervals, and acts on them. A busy
/// machine may bring some too late, so that it takes more intervals until all of that was seen. A message may be with
/// the camera before the pad behind the DNN has seen the event.
inline void expect_the_loop_closes(GstElement *camera_bin, GstElement *dnn_bin, Seen &seen) {
  std::optional<guint64> decided;
  EXPECT_TRUE(eventually([&] {
    return number(camera_bin, "ctl", "decisions") >= 4 && number(camera_bin, "ctl", "messages", "feedback") >= 4 &&
           qp_of(camera_bin) > 20 && (decided = decided_with_feedback(camera_bin)) && seen.left_the_dnn(*decided);
  })) << "decisions "
      << number(camera_bin, "ctl", "decisions") << ", QP " << qp_of(camera_bin) << ", sent "
      << number(dnn_bin, "dnn", "messages", "feedback") << ", gradients taken "
      << number(camera_bin, "ctl", "gradients") << ", ignored " << number(camera_bin, "ctl", "gradients-ignored");
  ASSERT_TRUE(decided) << "nothing was decided with a gradient";
  GstElement *ctl = gst_bin_get_by_name(GST_BIN(camera_bin), "ctl");
  GstPad *pad = gst_element_get_static_pad(ctl, "sink");
  const guint32 stream = gst_oneadapt_pad_stream(pad);
  gst_object_unref(pad);
  gst_object_unref(ctl);

  std::lock_guard<std::mutex> lock(seen.mutex);
  EXPECT_EQ(seen.early, 1u);
  unsigned on_last = 0;
  for (const auto &[interval, g] : seen.gradients) {
    EXPECT_EQ(g.stream, stream);
    // The server's idea of the time is the camera's: to the frame.
    EXPECT_EQ(guint64(g.index), (g.stream_time + kFrame / 2) / kFrame % 10) << interval;
    if (interval == g.stream_time / GST_SECOND && g.index == 9) ++on_last;
  }
  EXPECT_GE(on_last + 1, seen.gradients.size());  // one may have been lost
  // One that is too late is ignored. One that names another stream or interval always is.
  EXPECT_LT(number(camera_bin, "ctl", "gradients-ignored"), number(camera_bin, "ctl", "gradients"));
  EXPECT_EQ(number(camera_bin, "ctl", "malformed", "feedback"), 0u);
  std::printf("received %u messages, %u bytes; sent %u, could not send %u; %zu gradients left the DNN\n",
              unsigned(number(camera_bin, "ctl", "messages", "feedback")),
              unsigned(number(camera_bin, "ctl", "bytes", "feedback")),
              unsigned(number(dnn_bin, "dnn", "messages", "feedback")),
              unsigned(number(dnn_bin, "dnn", "failed", "feedback")), seen.gradients.size() + seen.early);
}

}  // namespace oneadapt_test
