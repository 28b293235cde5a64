// SPDX-License-Identifier: LGPL-2.1-or-later
// However long a probe takes, and whoever waits for it, pictures pass. By order of events, not by the clock: a probe
// ends when the test says so, and would the stream wait for it, the test would never get there.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "run.h"

namespace {

/// Holds up whoever maps a picture that carries it, except for the thread that streams.
class Gate {
 public:
  Gate() : streaming_(std::this_thread::get_id()) { now() = this; }
  ~Gate() { open(); }
  void put_on(GstBuffer *buffer, const GstVideoInfo &info) {
    GstVideoMeta *meta = gst_buffer_add_video_meta_full(
        buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_INFO_FORMAT(&info), guint(info.width), guint(info.height),
        GST_VIDEO_INFO_N_PLANES(&info), const_cast<gsize *>(info.offset), const_cast<gint *>(info.stride));
    plain_ = meta->map;
    meta->map = [](GstVideoMeta *m, guint plane, GstMapInfo *map, gpointer *data, gint *stride, GstMapFlags flags) {
      now()->pass();
      return now()->plain_(m, plane, map, data, stride, flags);
    };
  }
  void open() {
    std::lock_guard<std::mutex> lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  /// Until somebody is held up.
  void wait_for_somebody() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return came_ > 0; });
  }

 private:
  static Gate *&now() {
    static Gate *gate;
    return gate;
  }
  void pass() {
    if (std::this_thread::get_id() == streaming_) return;
    std::unique_lock<std::mutex> lock(mutex_);
    ++came_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }

  const std::thread::id streaming_;
  gboolean (*plain_)(GstVideoMeta *, guint, GstMapInfo *, gpointer *, gint *, GstMapFlags) = nullptr;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  unsigned came_ = 0;
};

const char *kCaps = "video/x-raw,format=I420,width=192,height=112,framerate=10/1";

GstOneadaptGradient *gradient(guint64 interval) {
  GstOneadaptGradient *g = gst_oneadapt_gradient_new(192, 112, 16);
  g->interval = interval;
  g->interval_duration = GST_SECOND;
  g->stream_time = interval * GST_SECOND + 900 * GST_MSECOND;
  g->z = g->elements = g->confident = 1;
  g->values[30] = 1;
  return g;
}

/// Every picture comes out before the next goes in.
void expect_to_pass(GstHarness *h, const FilterRun &pictures, unsigned from, unsigned to) {
  for (unsigned i = from; i < to; i++) {
    GstBuffer *picture = pictures.picture(i);
    const GstClockTime pts = GST_BUFFER_PTS(picture);
    ASSERT_EQ(gst_harness_push(h, picture), GST_FLOW_OK);
    GstBuffer *out = gst_harness_try_pull(h);
    ASSERT_TRUE(out) << i;
    EXPECT_EQ(GST_BUFFER_PTS(out), pts);
    gst_buffer_unref(out);
  }
}

}  // namespace

TEST(Unheld, PicturesPassWhileAProbeTakesItsTime) {
  FilterRun run(kCaps, "video/x-h264", "qp=32");
  Gate gate;
  for (unsigned i = 0; i < 10; i++) {
    GstBuffer *picture = run.picture(i);
    gate.put_on(picture, run.info);
    ASSERT_EQ(gst_harness_push(run.h, picture), GST_FLOW_OK);
  }
  ASSERT_EQ(run.pull().size(), 10u);
  std::atomic<unsigned> done{0};
  std::thread prober([&] {
    GstOneadaptGradient *g = gradient(0);
    const gchar *names[] = {"qp-map", nullptr};
    GstOneadaptProbe *probe = gst_oneadapt_tunable_probe(run.tunable(), 0, g, names, nullptr);
    gst_oneadapt_gradient_free(g);
    EXPECT_TRUE(probe);
    gst_oneadapt_probe_free(probe);
    ++done;
  });
  gate.wait_for_somebody();
  // A map is made from what is being probed: it waits, and pictures do not.
  std::thread applier([&] {
    GstStructure *configuration = gst_structure_new("c", "qp-map", G_TYPE_DOUBLE, 36.0, nullptr);
    EXPECT_TRUE(gst_oneadapt_tunable_apply(run.tunable(), 1, configuration, nullptr));
    gst_structure_free(configuration);
    ++done;
  });
  expect_to_pass(run.h, run, 10, 25);
  gst_util_set_object_arg(G_OBJECT(run.filter), "qp-map", "map,columns=1,rows=1,offsets=<8>");
  g_object_set(run.filter, "qp", 28, nullptr);
  GPtrArray *knobs = gst_oneadapt_tunable_list_knobs(run.tunable());
  g_ptr_array_unref(knobs);
  run.set_caps("video/x-raw,format=I420,width=128,height=96,framerate=10/1");
  expect_to_pass(run.h, run, 25, 45);
  EXPECT_EQ(run.applied("qp"), 28) << "what the user sets does not wait either";
  EXPECT_EQ(done, 0u) << "the probe is still at it";
  gate.open();
  prober.join();
  applier.join();
  expect_to_pass(run.h, run, 45, 51);
  EXPECT_EQ(run.applied("qp"), 36) << "the controller's, with the interval that came next";
  run.expect_all_accounted_for(51);
}

// The same with the controller in front, not in lockstep, which gets its gradients on the thread that streams.
TEST(Unheld, PicturesPassWhileTheControllerProbes) {
  FilterRun pictures(kCaps);
  GstHarness *h = gst_harness_new_parse("oneadaptctl knobs=qp-map ! oneadaptfilter qp=32");
  gst_harness_set_sink_caps_str(h, "video/x-h264");
  gst_harness_set_src_caps_str(h, kCaps);
  GstElement *ctl = gst_harness_find_element(h, "oneadaptctl");
  const auto stat = [&](const char *name) {
    GstStructure *stats = nullptr;
    g_object_get(ctl, "stats", &stats, nullptr);
    guint64 value = 0;
    gst_structure_get_uint64(stats, name, &value);
    gst_structure_free(stats);
    return value;
  };
  const auto answer = [&](guint64 interval) {
    GstOneadaptGradient *g = gradient(interval);
    gst_harness_push_upstream_event(h, gst_event_new_oneadapt_gradient(g));
    gst_oneadapt_gradient_free(g);
  };
  Gate gate;
  for (unsigned i = 0; i < 10; i++) {
    GstBuffer *picture = pictures.picture(i);
    gate.put_on(picture, pictures.info);
    ASSERT_EQ(gst_harness_push(h, picture), GST_FLOW_OK);
    gst_buffer_unref(gst_harness_pull(h));
  }
  answer(0);
  gate.wait_for_somebody();
  for (guint64 interval = 1; interval < 4; interval++) {
    expect_to_pass(h, pictures, unsigned(10 * interval), unsigned(10 * interval + 10));
    answer(interval);
  }
  EXPECT_EQ(stat("buffers"), 40u);
  EXPECT_EQ(stat("gradients"), 4u);
  EXPECT_EQ(stat("decisions"), 0u) << "the first is still being made";
  gate.open();
  while (stat("decisions") < 2) std::this_thread::yield();  // of those that came meanwhile the newest counts
  expect_to_pass(h, pictures, 40, 50);
  EXPECT_EQ(stat("decisions"), 2u);
  gst_object_unref(ctl);
  gst_harness_teardown(h);
}
