// SPDX-License-Identifier: LGPL-2.1-or-later
// Frames that come while the DNN is busy. Downstream stands for a slow model: it holds a frame as long as a test says.
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "dnn_harness.h"

namespace {

using namespace oneadapt_test;

class Gate {
 public:
  static GstPadProbeReturn pass(GstPad *, GstPadProbeInfo *, gpointer data) {
    auto *self = static_cast<Gate *>(data);
    std::unique_lock<std::mutex> lock(self->mutex_);
    self->reached_ = true;
    self->changed_.notify_all();
    self->changed_.wait(lock, [&] { return self->open_; });
    return GST_PAD_PROBE_OK;
  }
  /// Until a frame is there.
  void wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return reached_; });
  }
  void open() {
    const std::lock_guard<std::mutex> lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool reached_ = false, open_ = false;
};

/// Its first frame is at the gate, so that later ones wait.
struct Busy : DnnHarness {
  Gate gate;
  explicit Busy(const char *framerate = "10/1", const char *keep_up = "auto") {
    gst_util_set_object_arg(G_OBJECT(element), "keep-up", keep_up);
    GstPad *src = gst_element_get_static_pad(element, "src");
    gst_pad_add_probe(src, GST_PAD_PROBE_TYPE_BUFFER, Gate::pass, &gate, nullptr);
    gst_object_unref(src);
    play();
    caps("RGB", 32, 24, framerate);
    EXPECT_EQ(push(0), GST_FLOW_OK);
    gate.wait();
  }
  ~Busy() { gate.open(); }
  /// Frames 1 to `last`, ten a second.
  void push_up_to(int last) {
    for (int i = 1; i <= last; ++i) ASSERT_EQ(push(GstClockTime(i) * kFrame), GST_FLOW_OK) << i;
  }
  /// Times of what comes out of that many.
  std::vector<int> out_of(int last) {
    push_up_to(last);
    let_through();
    return out();
  }
  /// Opens the gate, and waits until nothing waits.
  void let_through() {
    gate.open();
    GstQuery *query = gst_query_new_drain();
    gst_pad_peer_query(harness->srcpad, query);
    gst_query_unref(query);
  }
  /// Times of what came out since the last call, ms.
  std::vector<int> out() {
    std::vector<int> times;
    for (GstBuffer *buffer : pull()) {
      times.push_back(int(GST_BUFFER_PTS(buffer) / GST_MSECOND));
      gst_buffer_unref(buffer);
    }
    return times;
  }
  std::vector<int> intervals() {
    std::vector<int> numbers;
    for (GstOneadaptGradient *gradient : gradients()) {
      numbers.push_back(int(gradient->interval));
      gst_oneadapt_gradient_free(gradient);
    }
    return numbers;
  }
};

using Times = std::vector<int>;

/// `frames` and `skipped` after all that the launch line plays.
std::pair<guint64, guint64> played(const TemporaryFolder &folder, const std::string &source,
                                   const std::string &options) {
  const std::string line = source + " ! oneadaptdnn name=dnn device=cpu model=" + save_colours(folder) + " " + options +
                           " ! identity sleep-time=30000 ! fakesink";
  GstElement *pipeline = gst_parse_launch(line.c_str(), nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus *bus = gst_element_get_bus(pipeline);
  GstMessage *end =
      gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  EXPECT_EQ(GST_MESSAGE_TYPE(end), GST_MESSAGE_EOS);
  gst_message_unref(end);
  gst_object_unref(bus);
  GstElement *dnn = gst_bin_get_by_name(GST_BIN(pipeline), "dnn");
  GstStructure *stats = nullptr;
  g_object_get(dnn, "stats", &stats, nullptr);
  guint64 frames = 0, skipped = 0;
  gst_structure_get(stats, "frames", G_TYPE_UINT64, &frames, "skipped", G_TYPE_UINT64, &skipped, nullptr);
  gst_structure_free(stats);
  gst_object_unref(dnn);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
  return {frames, skipped};
}

const char *const kPictures = "video/x-raw,format=RGB,width=32,height=24,framerate=100/1";
const std::string kFile = std::string("videotestsrc num-buffers=20 ! ") + kPictures;
const std::string kLive = std::string("videotestsrc is-live=true num-buffers=20 ! ") + kPictures;

}  // namespace

TEST(DnnKeepUp, TheNewestFrameIsAnalysed) {
  Busy dnn;
  EXPECT_EQ(dnn.out_of(5), (Times{0, 500}));
  EXPECT_EQ(dnn.stat("frames"), 2u);
  EXPECT_EQ(dnn.stat("skipped"), 4u);
}

TEST(DnnKeepUp, EachFrameThatIsLeftOutIsTold) {
  Busy dnn;
  dnn.push_up_to(3);
  Times told;
  guint64 processed = 0, dropped = 0;
  while (GstMessage *message = gst_bus_pop_filtered(dnn.bus, GST_MESSAGE_QOS)) {
    gboolean live = FALSE;
    guint64 stream_time = 0;
    GstFormat format = GST_FORMAT_UNDEFINED;
    gst_message_parse_qos(message, &live, nullptr, &stream_time, nullptr, nullptr);
    gst_message_parse_qos_stats(message, &format, &processed, &dropped);
    EXPECT_TRUE(live);
    EXPECT_EQ(format, GST_FORMAT_BUFFERS);
    told.push_back(int(stream_time / GST_MSECOND));
    gst_message_unref(message);
  }
  EXPECT_EQ(told, (Times{100, 200}));
  EXPECT_EQ(processed, 1u);
  EXPECT_EQ(dropped, 2u);
}

TEST(DnnKeepUp, AnIntervalsLastFrameIsKept) {
  Busy dnn;
  EXPECT_EQ(dnn.out_of(14), (Times{0, 900, 1400}));
  EXPECT_EQ(dnn.intervals(), Times{0});
}

TEST(DnnKeepUp, ANewerIntervalsEndReplacesAnOlderOne) {
  Busy dnn;
  EXPECT_EQ(dnn.out_of(24), (Times{0, 1900, 2400}));
  EXPECT_EQ(dnn.intervals(), (Times{0, 1}));  // that of interval 0 is late, and is of the same frame
}

// Nothing says how long a frame lasts: the next interval's first frame has the gradient.
TEST(DnnKeepUp, AnIntervalWithoutAKnownEndHasItsGradient) {
  Busy dnn("0/1");
  for (const GstClockTime ms : {500, 1000, 1300, 1600})
    ASSERT_EQ(dnn.push(ms * GST_MSECOND, 204, 0, 0, GST_CLOCK_TIME_NONE), GST_FLOW_OK);
  dnn.let_through();
  EXPECT_EQ(dnn.out(), (Times{0, 1000, 1600}));
  EXPECT_EQ(dnn.intervals(), Times{0});
}

namespace {

/// Black, but for a bright thing in the middle of the left edge. (transfer full)
GstBuffer *left_of(int width, int height, GstClockTime pts) {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, gsize(width) * height * 4, nullptr);
  GstMapInfo map;
  gst_buffer_map(buffer, &map, GST_MAP_WRITE);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width * 4; ++x)
      map.data[y * width * 4 + x] = x < width && std::abs(y - height / 2) < height / 8 ? 255 : 10;
  gst_buffer_unmap(buffer, &map);
  GST_BUFFER_PTS(buffer) = pts;
  GST_BUFFER_DURATION(buffer) = kFrame;
  return buffer;
}

std::string wide_or_tall(int width, int height) {
  return "video/x-raw,format=RGBx,framerate=10/1,width=" + std::to_string(width) + ",height=" + std::to_string(height);
}

}  // namespace

// The scaler keeps the shape by that of the pixels. The gradient comes after the picture has been passed on, and its
// shape has changed by then: it is placed as the picture before it, or nowhere.
TEST(DnnKeepUp, APictureIsNotPlacedByWhatCameAfterIt) {
  for (const guint64 before : {0, 1}) {
    const TemporaryFolder folder;
    const std::string line =
        "videoscale ! video/x-raw,width=64,height=64 ! oneadaptdnn device=cpu keep-up=on "
        "early-gradient=false interval=100000000 model=" +
        save_brightest(folder);
    GstHarness *h = gst_harness_new_parse(line.c_str());
    GstElement *dnn = gst_harness_find_element(h, "oneadaptdnn");
    const auto done = [h] {
      GstQuery *query = gst_query_new_drain();
      gst_pad_peer_query(h->srcpad, query);
      gst_query_unref(query);
    };
    gst_harness_set_src_caps_str(h, wide_or_tall(128, 32).c_str());
    for (guint64 i = 0; i < before; ++i) gst_harness_push(h, left_of(128, 32, i * kFrame));
    done();
    Gate gate;
    GstPad *src = gst_element_get_static_pad(dnn, "src"), *sink = gst_element_get_static_pad(dnn, "sink");
    gst_pad_add_probe(src, GST_PAD_PROBE_TYPE_BUFFER, Gate::pass, &gate, nullptr);
    gst_harness_push(h, left_of(128, 32, before * kFrame));
    gate.wait();
    GstCaps *wide = gst_pad_get_current_caps(sink);
    std::thread camera([&] { gst_harness_set_src_caps_str(h, wide_or_tall(32, 128).c_str()); });
    for (bool changed = false; !changed; g_usleep(1000)) {
      GstCaps *now = gst_pad_get_current_caps(sink);
      changed = !gst_caps_is_equal(now, wide);
      gst_caps_unref(now);
    }
    gate.open();
    camera.join();
    done();
    unsigned seen = 0;
    while (GstEvent *event = gst_harness_try_pull_upstream_event(h)) {
      GstOneadaptGradient *g = nullptr;
      if (gst_event_is_oneadapt_gradient(event) && gst_event_parse_oneadapt_gradient(event, &g, nullptr) &&
          g->interval == before) {
        ++seen;
        const auto [least, most] = std::minmax_element(g->values, g->values + g->columns * g->rows);
        EXPECT_GT(*most, 0) << before;
        EXPECT_EQ(*least == *most, before == 0) << *least << " " << *most;
      }
      if (g) gst_oneadapt_gradient_free(g);
      gst_event_unref(event);
    }
    EXPECT_EQ(seen, 1u) << before;
    gst_caps_unref(wide);
    for (GstObject *object : {GST_OBJECT(src), GST_OBJECT(sink), GST_OBJECT(dnn)}) gst_object_unref(object);
    gst_harness_teardown(h);
  }
}

TEST(DnnKeepUp, SlownessIsWarnedOfOnce) {
  Busy dnn;
  dnn.push_up_to(15);
  EXPECT_TRUE(dnn.messages(GST_MESSAGE_WARNING).empty());  // it may be warming up
  dnn.push_up_to(60);
  const auto warnings = dnn.messages(GST_MESSAGE_WARNING);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].text.find("slower than the live stream"), std::string::npos) << warnings[0].text;
}

TEST(DnnKeepUp, EventsKeepTheirPlace) {
  Busy dnn;
  dnn.push_up_to(1);
  dnn.caps("RGB", 64, 48);
  ASSERT_EQ(dnn.push(2 * kFrame), GST_FLOW_OK);
  gst_harness_push_event(dnn.harness, gst_event_new_eos());
  dnn.let_through();
  const auto buffers = dnn.pull();
  ASSERT_EQ(buffers.size(), 2u);
  EXPECT_EQ(gst_buffer_get_size(buffers[0]), 32u * 24 * 3);
  EXPECT_EQ(gst_buffer_get_size(buffers[1]), 64u * 48 * 3);
  for (GstBuffer *buffer : buffers) gst_buffer_unref(buffer);
  GstEventType last = GST_EVENT_UNKNOWN;
  while (GstEvent *event = gst_harness_try_pull_event(dnn.harness)) {
    last = GST_EVENT_TYPE(event);
    gst_event_unref(event);
  }
  EXPECT_EQ(last, GST_EVENT_EOS);
}

TEST(DnnKeepUp, AFlushDropsWhatWaitsAndKeepsItsCaps) {
  Busy dnn;
  dnn.push_up_to(1);
  dnn.caps("RGB", 64, 48);
  ASSERT_EQ(dnn.push(2 * kFrame), GST_FLOW_OK);
  dnn.gate.open();
  gst_harness_push_event(dnn.harness, gst_event_new_flush_start());
  gst_harness_push_event(dnn.harness, gst_event_new_flush_stop(TRUE));
  dnn.out();
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(dnn.harness, gst_event_new_segment(&segment));
  ASSERT_EQ(dnn.push(7 * kFrame), GST_FLOW_OK);
  dnn.let_through();
  EXPECT_EQ(dnn.out(), Times{700});
}

TEST(DnnKeepUp, WhatDownstreamReturnsReachesTheSource) {
  Busy dnn;
  gst_harness_add_sink(dnn.harness, "fakesink");  // gone with the next line
  GstPad *src = gst_element_get_static_pad(dnn.element, "src");
  GstPad *peer = gst_pad_get_peer(src);
  gst_pad_unlink(src, peer);
  dnn.push_up_to(1);
  dnn.let_through();
  EXPECT_EQ(dnn.push(2 * kFrame), GST_FLOW_NOT_LINKED);
  gst_pad_link(src, peer);
  gst_object_unref(peer);
  gst_object_unref(src);
}

TEST(DnnKeepUp, ItEndsWhileFramesWait) {
  Busy dnn;
  dnn.push_up_to(3);
  dnn.gate.open();
  EXPECT_EQ(gst_element_set_state(dnn.element, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
}

TEST(DnnKeepUp, SoundIsLeftOutWhenItIsTooOld) {
  DnnHarness dnn;
  dnn.set("model", save_tones(dnn.folder).c_str(), "interval", guint64(10 * GST_MSECOND));
  gst_util_set_object_arg(G_OBJECT(dnn.element), "keep-up", "on");
  Gate gate;
  GstPad *src = gst_element_get_static_pad(dnn.element, "src");
  gst_pad_add_probe(src, GST_PAD_PROBE_TYPE_BUFFER, Gate::pass, &gate, nullptr);
  gst_object_unref(src);
  dnn.play();
  gst_harness_set_src_caps_str(dnn.harness, "audio/x-raw,format=F32LE,layout=interleaved,channels=1,rate=8000");
  const auto sound = [&](int n) {
    GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 80 * sizeof(float), nullptr);
    gst_buffer_memset(buffer, 0, 0, 80 * sizeof(float));
    GST_BUFFER_PTS(buffer) = guint64(n) * 10 * GST_MSECOND;
    GST_BUFFER_DURATION(buffer) = 10 * GST_MSECOND;
    EXPECT_EQ(gst_harness_push(dnn.harness, buffer), GST_FLOW_OK);
  };
  sound(0);
  gate.wait();
  sound(1);
  sound(2);
  EXPECT_EQ(dnn.stat("skipped"), 0u);
  g_usleep(50000);  // longer than two intervals
  sound(3);
  EXPECT_EQ(dnn.stat("skipped"), 2u);
  gate.open();
}

TEST(DnnKeepUp, AFileIsAnalysedWhole) {
  const TemporaryFolder folder;
  EXPECT_EQ(played(folder, kFile, ""), (std::pair<guint64, guint64>(20, 0)));
}

TEST(DnnKeepUp, AFileIsNotWhereItIsAskedFor) {
  const TemporaryFolder folder;
  const auto [frames, skipped] = played(folder, kFile, "keep-up=on");
  EXPECT_EQ(frames + skipped, 20u);
  EXPECT_GT(skipped, 0u);
}

TEST(DnnKeepUp, ALiveSourceIsNot) {
  const TemporaryFolder folder;
  const auto [frames, skipped] = played(folder, kLive, "");
  EXPECT_EQ(frames + skipped, 20u);
  EXPECT_GT(skipped, 0u);
}

TEST(DnnKeepUp, ALiveSourceIsWhereEveryFrameIsAskedFor) {
  const TemporaryFolder folder;
  EXPECT_EQ(played(folder, kLive, "keep-up=off"), (std::pair<guint64, guint64>(20, 0)));
}

TEST(DnnKeepUp, ALiveSourceIsWithAControllerInLockstep) {
  const TemporaryFolder folder;
  EXPECT_EQ(played(folder, kLive + " ! oneadaptctl lockstep=true", ""), (std::pair<guint64, guint64>(20, 0)));
}
