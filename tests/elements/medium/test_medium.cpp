// SPDX-License-Identifier: LGPL-2.1-or-later
// A third medium, on the base that pictures and sound share: the controller adapts it, and needs to know nothing of it.
#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "gstoneadapt.h"
#include "numbers_filter.h"

namespace {

using Numbers = std::vector<std::uint8_t>;
constexpr unsigned kColumns = 64, kRows = 32, kFrames = 10;  // of a frame; an interval's

Numbers filled(const std::function<int(unsigned column, unsigned row)> &number) {
  Numbers numbers;
  for (unsigned row = 0; row < kRows; row++)
    for (unsigned column = 0; column < kColumns; column++) numbers.push_back(std::uint8_t(number(column, row)));
  return numbers;
}

/// Multiples of 64: two bits hold them exactly.
Numbers two_bits() {
  return filled([](unsigned column, unsigned row) { return int((column * 7 + row * 5) % 4) * 64; });
}

/// `oneadaptctl` and the filter, and behind them what stands in for a DNN: one that finds `confident` elements, and
/// looks at the frame where `looks` says so.
struct Loop {
  GstHarness *h;
  GstElement *ctl, *filter;
  guint64 frames = 0;
  std::function<bool(unsigned column)> looks = [](unsigned) { return true; };
  Numbers received;  // the last frame

  explicit Loop(const std::string &properties = "lockstep=true alpha=0.1") {
    static const bool once = gst_element_register(nullptr, "numbersfilter", GST_RANK_NONE, numbers_filter_get_type());
    (void)once;
    h = gst_harness_new_parse(("oneadaptctl " + properties + " ! numbersfilter").c_str());
    ctl = gst_harness_find_element(h, "oneadaptctl");
    filter = gst_harness_find_element(h, "numbersfilter");
    gst_harness_set_src_caps_str(h, "application/x-numbers");
  }
  ~Loop() {
    gst_object_unref(ctl);
    gst_object_unref(filter);
    gst_harness_teardown(h);
  }

  GstOneadaptTunable *tunable() const { return GST_ONEADAPT_TUNABLE(filter); }
  int bits() const {
    int bits = 0;
    g_object_get(filter, "bits", &bits, nullptr);
    return bits;
  }
  void push(const Numbers &numbers) {
    GstBuffer *buffer = gst_buffer_new_memdup(numbers.data(), numbers.size());
    GST_BUFFER_PTS(buffer) = frames++ * GST_SECOND / kFrames;
    GST_BUFFER_DURATION(buffer) = GST_SECOND / kFrames;
    ASSERT_EQ(gst_harness_push(h, buffer), GST_FLOW_OK);
    while (GstBuffer *out = gst_harness_try_pull(h)) {
      received.resize(gst_buffer_get_size(out));
      gst_buffer_extract(out, 0, received.data(), received.size());
      gst_buffer_unref(out);
    }
  }
  GstOneadaptGradient *gradient(guint64 interval) const {
    GstOneadaptGradient *g = gst_oneadapt_gradient_new(kColumns, kRows, 16);
    g->interval = interval;
    g->interval_duration = GST_SECOND;
    g->stream_time = (interval + 1) * GST_SECOND - GST_SECOND / kFrames;
    g->z = g->elements = g->confident = 1;
    for (guint i = 0; i < g->columns * g->rows; i++) g->values[i] = looks(i % g->columns * 16) ? 10 : 0;
    return g;
  }
  /// Intervals, each answered with a gradient, and the first frame of the next one.
  void run(const Numbers &numbers, unsigned intervals) {
    for (unsigned i = 0; i < intervals; i++) {
      const guint64 interval = frames / kFrames;
      while (frames / kFrames == interval) push(numbers);
      GstOneadaptGradient *g = gradient(interval);
      gst_harness_push_upstream_event(h, gst_event_new_oneadapt_gradient(g));
      gst_oneadapt_gradient_free(g);
    }
    push(numbers);
  }
};

/// A field of the filter's statistics.
guint64 stat(const Loop &loop, const char *name) {
  GstStructure *stats = nullptr;
  g_object_get(loop.filter, "stats", &stats, nullptr);
  guint64 value = 0;
  EXPECT_TRUE(gst_structure_get_uint64(stats, name, &value)) << name;
  gst_structure_free(stats);
  return value;
}

}  // namespace

TEST(Medium, GoesToTheFewestBitsThatLoseNothing) {
  Loop loop;
  loop.run(two_bits(), 9);
  EXPECT_EQ(loop.bits(), 2);
  EXPECT_EQ(loop.received, two_bits());
  loop.run(two_bits(), 4);
  EXPECT_EQ(loop.bits(), 2) << "it stays there";
}

TEST(Medium, NumbersThatTheDnnDoesNotLookAtAreWorthNothing) {
  // Only the right half has any detail.
  const Numbers numbers = filled(
      [](unsigned column, unsigned row) { return column < kColumns / 2 ? 0 : int((column * 37 + row * 101) % 256); });
  Loop left, right;
  left.looks = [](unsigned column) { return column < kColumns / 2; };
  right.looks = [](unsigned column) { return column >= kColumns / 2; };
  left.run(numbers, 9);
  right.run(numbers, 9);
  EXPECT_EQ(left.bits(), 1);
  EXPECT_GE(right.bits(), 2);
}

TEST(Medium, ComesBackWhenTheNumbersChange) {
  Loop loop;
  loop.run(filled([](unsigned, unsigned) { return 0; }), 9);
  EXPECT_EQ(loop.bits(), 1);
  loop.run(two_bits(), 9);
  EXPECT_EQ(loop.bits(), 2);
}

TEST(Medium, AnnouncesEachIntervalBeforeItsFirstFrameAndNotifies) {
  Loop loop("policy=static");
  unsigned notified = 0;
  g_signal_connect(loop.filter, "notify::bits", G_CALLBACK(+[](GObject *, GParamSpec *, unsigned *n) { ++*n; }),
                   &notified);
  g_object_set(loop.filter, "bits", 5, nullptr);
  EXPECT_EQ(notified, 0u) << "only what is in force is told";
  loop.run(two_bits(), 2);
  EXPECT_EQ(notified, 1u);
  unsigned configurations = 0;
  while (GstEvent *event = gst_harness_try_pull_event(loop.h)) {
    guint64 interval = 0, bytes = 0;
    GstStructure *knobs = nullptr;
    double bits = 0;
    if (gst_event_is_oneadapt_configuration(event)) {
      ASSERT_TRUE(gst_event_parse_oneadapt_configuration(event, &interval, &knobs, &bytes, nullptr, nullptr));
      EXPECT_EQ(interval, configurations++);
      EXPECT_TRUE(gst_structure_get_double(knobs, "bits", &bits));
      EXPECT_EQ(bits, 5);
      EXPECT_EQ(bytes, interval ? kFrames * kColumns * kRows * 5 / 8 : GST_ONEADAPT_BYTES_UNKNOWN);
      gst_structure_free(knobs);
    }
    gst_event_unref(event);
  }
  EXPECT_EQ(configurations, 3u);
  EXPECT_EQ(stat(loop, "intervals"), 3u);
  EXPECT_EQ(stat(loop, "bytes"), (2 * kFrames + 1) * kColumns * kRows * 5 / 8);
}

TEST(Medium, RendersWhatAnotherConfigurationWouldHaveMade) {
  Loop loop("policy=static");
  const Numbers numbers = filled([](unsigned column, unsigned row) { return int(column * 3 + row) % 256; });
  loop.run(numbers, 1);
  GstStructure *configuration = gst_structure_new("c", "bits", G_TYPE_DOUBLE, 1.0, nullptr);
  GstOneadaptRendering *rendering = gst_oneadapt_tunable_render(loop.tunable(), 0, configuration, nullptr);
  ASSERT_NE(rendering, nullptr);
  ASSERT_EQ(rendering->samples->len, 1u);
  GstBuffer *buffer = gst_sample_get_buffer(static_cast<GstSample *>(rendering->samples->pdata[0]));
  Numbers rendered(gst_buffer_get_size(buffer));
  gst_buffer_extract(buffer, 0, rendered.data(), rendered.size());
  for (std::size_t i = 0; i < numbers.size(); i++) ASSERT_EQ(rendered.at(i), numbers[i] / 128 * 128) << i;
  EXPECT_DOUBLE_EQ(rendering->resource, 1.0 / 8) << "one bit of eight";
  gst_oneadapt_rendering_free(rendering);
  gst_structure_free(configuration);
}

TEST(Medium, SaysWhatIsWrong) {
  Loop loop("policy=static");
  loop.run(two_bits(), 1);
  GError *error = nullptr;
  const auto message = [&] {
    const std::string text = error ? error->message : "no error";
    g_clear_error(&error);
    return text;
  };
  EXPECT_EQ(gst_oneadapt_tunable_probe(loop.tunable(), 99, nullptr, nullptr, &error), nullptr);
  EXPECT_NE(message().find("interval 99"), std::string::npos);
  GstStructure *unknown = gst_structure_new("c", "volume", G_TYPE_DOUBLE, 1.0, nullptr);
  EXPECT_FALSE(gst_oneadapt_tunable_apply(loop.tunable(), 1, unknown, &error));
  EXPECT_NE(message().find("\"volume\""), std::string::npos);
  GstStructure *beyond = gst_structure_new("c", "bits", G_TYPE_DOUBLE, 1000.0, nullptr);
  EXPECT_EQ(gst_oneadapt_tunable_render(loop.tunable(), 0, beyond, &error), nullptr);
  EXPECT_NE(message().find("1…8"), std::string::npos);
  GstOneadaptGradient *other = gst_oneadapt_gradient_new(48, 48, 16);
  EXPECT_EQ(gst_oneadapt_tunable_probe(loop.tunable(), 0, other, nullptr, &error), nullptr);
  EXPECT_NE(message().find("other numbers"), std::string::npos);
  gst_oneadapt_gradient_free(other);
  GstOneadaptGradient *sound = gst_oneadapt_gradient_new(kColumns * kRows, 1, 16);
  sound->domain = GST_ONEADAPT_DOMAIN_SIGNAL;
  EXPECT_EQ(gst_oneadapt_tunable_probe(loop.tunable(), 0, sound, nullptr, &error), nullptr);
  EXPECT_NE(message().find("of a signal in time, not of a grid in space"), std::string::npos);
  gst_oneadapt_gradient_free(sound);
  gst_structure_free(unknown);
  gst_structure_free(beyond);
}

TEST(Medium, ForgetsIntervalsWithAFlushAndARunsEnd) {
  Loop loop("policy=static");
  loop.run(two_bits(), 2);
  const auto knows = [&](guint64 interval) {
    GstOneadaptProbe *probe = gst_oneadapt_tunable_probe(loop.tunable(), interval, nullptr, nullptr, nullptr);
    if (probe) gst_oneadapt_probe_free(probe);
    return probe != nullptr;
  };
  EXPECT_TRUE(knows(1));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(loop.h, gst_event_new_flush_start());
  gst_harness_push_event(loop.h, gst_event_new_flush_stop(TRUE));
  gst_harness_push_event(loop.h, gst_event_new_segment(&segment));
  EXPECT_FALSE(knows(1));
  loop.frames = 0;
  loop.run(two_bits(), 1);
  EXPECT_TRUE(knows(0));
  const guint64 bytes = stat(loop, "bytes");
  EXPECT_EQ(gst_element_set_state(loop.filter, GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  EXPECT_FALSE(knows(0));
  EXPECT_EQ(stat(loop, "bytes"), bytes) << "counters can be read afterwards";
}
