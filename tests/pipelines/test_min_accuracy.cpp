// SPDX-License-Identifier: LGPL-2.1-or-later
// An accuracy to keep, on real footage, and what a shadow measures where only marks and gradients tell it how pictures
// were coded.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "eval/run.h"
#include "footage.h"
#include "gstoneadapt.h"
#include "message_text.h"

using namespace oneadapt::eval;
using namespace oneadapt_test;

namespace {

RunOptions clip(double seconds) {
  RunOptions o;
  o.clip = vtest();
  o.model = model();
  o.classes = "person";
  o.fps = 10;
  o.seconds = seconds;
  return o;
}

RunResult uncoded(RunOptions o) {
  o.policy = "static";
  o.raw = true;
  o.gradient = false;
  return run(o, {});
}

/// What came of a pipeline from camera to DNN in one process.
struct Measured {
  guint64 coded = 0, measurements = 0;
  double sum = 0;  ///< of the accuracies of intervals
  unsigned intervals = 0;
  std::string error;
  double mean() const { return intervals ? sum / intervals : -1; }
};

GstPadProbeReturn drop_configuration(GstPad *, GstPadProbeInfo *info, gpointer) {
  return gst_event_is_oneadapt_configuration(GST_PAD_PROBE_INFO_EVENT(info)) ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
}

/// Ends the stream behind the first `*left` pictures.
GstPadProbeReturn limit(GstPad *pad, GstPadProbeInfo *, gpointer left) {
  int &pictures = *static_cast<int *>(left);
  if (pictures-- > 0) return GST_PAD_PROBE_OK;
  if (pictures == -1) {
    GstPad *peer = gst_pad_get_peer(pad);
    gst_pad_send_event(peer, gst_event_new_eos());
    gst_object_unref(peer);
  }
  return GST_PAD_PROBE_DROP;
}

void probe(GstElement *pipeline, const char *element, GstPadProbeType type, GstPadProbeCallback callback,
           gpointer data) {
  GstElement *e = gst_bin_get_by_name(GST_BIN(pipeline), element);
  GstPad *pad = gst_element_get_static_pad(e, "src");
  gst_pad_add_probe(pad, type, callback, data, nullptr);
  gst_object_unref(pad);
  gst_object_unref(e);
}

guint64 stat(GstElement *pipeline, const char *element, const char *name) {
  GstElement *e = gst_bin_get_by_name(GST_BIN(pipeline), element);
  GstStructure *stats = nullptr;
  g_object_get(e, "stats", &stats, nullptr);
  guint64 value = 0;
  gst_structure_get_uint64(stats, name, &value);
  gst_structure_free(stats);
  gst_object_unref(e);
  return value;
}

/// `network`: the announcements do not come through, as across one.
Measured measure(int qp, bool network) {
  const std::string launch =
      "filesrc location=" + vtest() +
      " ! decodebin ! videoconvert ! videorate ! video/x-raw,format=I420,framerate=10/1 ! identity name=limit ! "
      "oneadaptctl knobs=qp-map alpha=0 warm-start=false lockstep=true ! oneadaptfilter interval-marks=on qp=" +
      std::to_string(qp) +
      " ! h264parse ! avdec_h264 max-threads=1 name=decoder ! oneadaptshadow name=shadow every=3 ! videoconvert ! "
      "oneadaptdnn name=dnn classes=person model=" +
      model() + " ! fakesink sync=false";
  GstElement *pipeline = gst_parse_launch(launch.c_str(), nullptr);
  int left = 42;
  probe(pipeline, "limit", GST_PAD_PROBE_TYPE_BUFFER, limit, &left);
  if (network) probe(pipeline, "decoder", GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, drop_configuration, nullptr);
  Measured result;
  GstBus *bus = gst_element_get_bus(pipeline);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  for (bool going = true; going;) {
    GstMessage *m = gst_bus_timed_pop_filtered(
        bus, 120 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT));
    going = m && GST_MESSAGE_TYPE(m) == GST_MESSAGE_ELEMENT;
    if (!m) result.error = "it did not end";
    if (m && GST_MESSAGE_TYPE(m) == GST_MESSAGE_ERROR) result.error = text_of(m);
    double accuracy = 0;
    guint occupied = 0;
    const GstStructure *s = going ? gst_message_get_structure(m) : nullptr;
    if (s && gst_structure_get_uint(s, "measured-occupied", &occupied) && occupied &&
        gst_structure_get_double(s, "measured-accuracy", &accuracy)) {
      result.sum += accuracy;
      ++result.intervals;
    }
    if (m) gst_message_unref(m);
  }
  result.coded = stat(pipeline, "shadow", "coded");
  result.measurements = stat(pipeline, "dnn", "measurements");
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  gst_object_unref(pipeline);
  return result;
}

}  // namespace

TEST(MinAccuracy, IsKeptAndSaves) {
  NEED_VTEST();
  RunOptions o = clip(10);
  o.min_accuracy = 0.9;
  o.knobs = "qp-map";
  const RunResult adapted = run(o, {}), judge = uncoded(clip(10));
  ASSERT_EQ(adapted.intervals.size(), 10u);
  EXPECT_TRUE(adapted.warnings.empty());
  unsigned measured = 0;
  for (const IntervalRow &row : adapted.intervals) {
    measured += row.measured_accuracy >= 0;
    EXPECT_GE(row.expected_accuracy, 0.8) << row.interval;
    EXPECT_LE(row.expected_accuracy, 1) << row.interval;
  }
  EXPECT_GE(measured, 9u);
  EXPECT_GE(mean_accuracy(adapted, judge), 0.85);
  EXPECT_LE(mean_accuracy(adapted, judge), 0.97);
  EXPECT_LE(double(adapted.bytes) * 8 / adapted.seconds, 100000) << "a plain x264enc at QP 28 takes 240 kbit/s";
}

TEST(MinAccuracy, MoreCostsMore) {
  NEED_VTEST();
  RunOptions o = clip(4);
  o.knobs = "qp-map";
  o.min_accuracy = 0.8;
  const RunResult less = run(o, {});
  o.min_accuracy = 0.95;
  const RunResult more = run(o, {});
  EXPECT_LT(double(less.bytes), 0.6 * double(more.bytes));
}

TEST(Shadow, MeasuresTheSameAcrossANetwork) {
  NEED_VTEST();
  const Measured here = measure(40, false), there = measure(40, true);
  EXPECT_EQ(here.error, "");
  EXPECT_EQ(there.error, "");
  EXPECT_EQ(here.coded, 42u);
  EXPECT_EQ(there.coded, 42u);
  EXPECT_EQ(here.measurements, 14u);
  EXPECT_EQ(there.measurements, 14u);
  // The gradients that the map is made from were rounded on their way.
  EXPECT_NEAR(there.mean(), here.mean(), 0.05);
  EXPECT_GT(here.mean(), 0.7);
  EXPECT_LT(measure(48, true).mean(), here.mean());
}
