// SPDX-License-Identifier: LGPL-2.1-or-later
// B pictures: order, timestamps, accounting, and what a probe says of them.
#include <set>

#include "run.h"

namespace {

const char *kCaps = "video/x-raw,format=I420,width=192,height=112,framerate=10/1";

/// Presentation and decoding times of what came out, in order. The first decoding time is below 0 in stream time, and
/// nothing else is.
struct Times {
  std::vector<GstClockTime> pts;
  std::vector<gint64> dts;
  std::vector<bool> key;
};

gint64 stream_time(const GstSegment &segment, GstClockTime time) {
  guint64 out = 0;
  return gst_segment_to_stream_time_full(&segment, GST_FORMAT_TIME, time, &out) < 0 ? -gint64(out) : gint64(out);
}

Times pull(FilterRun &run) {
  Times all;
  GstEvent *event = gst_pad_get_sticky_event(run.h->sinkpad, GST_EVENT_SEGMENT, 0);
  const GstSegment *segment = nullptr;
  if (event) gst_event_parse_segment(event, &segment);
  while (GstBuffer *buffer = gst_harness_try_pull(run.h)) {
    all.pts.push_back(GstClockTime(stream_time(*segment, GST_BUFFER_PTS(buffer))));
    all.dts.push_back(stream_time(*segment, GST_BUFFER_DTS(buffer)));
    all.key.push_back(!GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT));
    gst_buffer_unref(buffer);
  }
  gst_clear_event(&event);
  return all;
}

bool reordered(const Times &times) { return !std::is_sorted(times.pts.begin(), times.pts.end()); }

}  // namespace

TEST(FilterBFrames, EveryFrameOnceInDecodingOrderWithinItsInterval) {
  FilterRun run(kCaps, "video/x-h264", "qp=28 b-frames=3 b-bias=100");
  Times all;
  for (unsigned interval = 0; interval < 4; interval++) {
    run.push_range(10 * interval, 10 * interval + 10);
    const Times some = pull(run);
    ASSERT_EQ(some.pts.size(), 10u) << "nothing is held back beyond an interval's end";
    EXPECT_TRUE(some.key.front());
    EXPECT_EQ(std::count(some.key.begin(), some.key.end(), true), 1);
    EXPECT_TRUE(reordered(some));
    const std::set<GstClockTime> times(some.pts.begin(), some.pts.end());
    EXPECT_EQ(times.size(), 10u);
    EXPECT_EQ(*times.begin(), interval * GST_SECOND);
    EXPECT_EQ(*times.rbegin(), interval * GST_SECOND + 900 * GST_MSECOND);
    all.pts.insert(all.pts.end(), some.pts.begin(), some.pts.end());
    all.dts.insert(all.dts.end(), some.dts.begin(), some.dts.end());
  }
  for (std::size_t i = 0; i < all.dts.size(); i++) {
    EXPECT_LE(all.dts[i], gint64(all.pts[i])) << i;
    if (i > 0) {
      EXPECT_GT(all.dts[i], all.dts[i - 1]) << i;
    }
  }
  run.expect_all_accounted_for(40);
}

TEST(FilterBFrames, TheBiasDecides) {
  for (int bias : {-100, 100}) {
    FilterRun run(kCaps, "video/x-h264", "qp=28 b-frames=2");
    g_object_set(run.filter, "b-bias", bias, nullptr);
    run.push_range(0, 10);
    EXPECT_EQ(reordered(pull(run)), bias == 100);
    EXPECT_EQ(run.applied("b-bias"), bias);
  }
}

TEST(FilterBFrames, WithoutThemNothingIsHeldBack) {
  FilterRun run(kCaps, "video/x-h264", "qp=28 b-bias=100");
  for (unsigned i = 0; i < 12; i++) {
    run.push(i);
    const Times times = pull(run);
    ASSERT_EQ(times.pts.size(), 1u) << i;
    EXPECT_EQ(times.dts.front(), gint64(times.pts.front()));
  }
}

TEST(FilterBFrames, EosSendsWhatIsHeldBack) {
  FilterRun run(kCaps, "video/x-h264", "b-frames=3 b-bias=100");
  run.push_range(0, 5);
  EXPECT_LT(pull(run).pts.size(), 5u);
  gst_harness_push_event(run.h, gst_event_new_eos());
  EXPECT_GT(pull(run).pts.size(), 0u);
  EXPECT_EQ(run.stat("frames-out"), 5u);
  run.expect_all_accounted_for(5);
}

TEST(FilterBFrames, AFlushDropsThemAndCountsThem) {
  FilterRun run(kCaps, "video/x-h264", "b-frames=3 b-bias=100");
  run.push_range(0, 5);
  const std::size_t out = pull(run).pts.size();
  ASSERT_LT(out, 5u);
  push_flush(run.h);
  EXPECT_EQ(run.stat("dropped"), 5 - out);
  run.push_range(20, 30);
  const Times times = pull(run);
  EXPECT_EQ(times.pts.size(), 10u);
  EXPECT_TRUE(times.key.front());
  run.expect_all_accounted_for(15);
}

TEST(FilterBFrames, NewCapsKeyUnitsAndMapsInMidInterval) {
  FilterRun run(kCaps, "video/x-h264", "b-frames=3 b-bias=100");
  run.push_range(0, 4);
  gst_harness_push_upstream_event(
      run.h, gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM,
                                  gst_structure_new("GstForceKeyUnit", "all-headers", G_TYPE_BOOLEAN, TRUE, nullptr)));
  run.push_range(4, 7);
  run.set_caps("video/x-raw,format=I420,width=128,height=96,framerate=10/1");
  run.push_range(7, 14);
  gst_util_set_object_arg(G_OBJECT(run.filter), "qp-map", "map,columns=2,rows=1,offsets=<0,8>");
  run.push_range(14, 30);
  const Times times = pull(run);
  EXPECT_EQ(times.pts.size(), 30u);
  EXPECT_GE(std::count(times.key.begin(), times.key.end(), true), 5);
  EXPECT_EQ(std::set<GstClockTime>(times.pts.begin(), times.pts.end()).size(), 30u);
  run.expect_all_accounted_for(30);
}

TEST(FilterBFrames, AProbeKnowsWhatTheyDo) {
  for (const char *bias : {"-100", "0", "100"}) {
    FilterRun run(kCaps, "video/x-h264", (std::string("qp=32 b-frames=3 b-bias=") + bias).c_str());
    run.push_range(0, 20);
    GstOneadaptGradient *map = gst_oneadapt_gradient_new(192, 112, 16);
    for (guint i = 0; i < map->columns * map->rows; i++) map->values[i] = 0.01f;
    GError *error = nullptr;
    const gchar *names[] = {"b-bias", nullptr};
    GstOneadaptProbe *p = gst_oneadapt_tunable_probe(run.tunable(), 1, map, names, &error);
    ASSERT_TRUE(p) << error->message;
    ASSERT_EQ(p->knobs->len, 1u);
    const auto *knob = static_cast<GstOneadaptKnob *>(p->knobs->pdata[0]);
    EXPECT_STREQ(knob->name, "b-bias");
    EXPECT_EQ(knob->has_up, knob->rung + 1 < knob->n_ladder);
    EXPECT_EQ(knob->has_down, knob->rung > 0);
    if (knob->has_up) {
      EXPECT_GT(knob->output_grad_up, 0);
      EXPECT_NE(knob->resource_change_up, 0);
    }
    if (knob->has_down) {
      EXPECT_GT(knob->output_grad_down, 0);
    }
    gst_oneadapt_probe_free(p);
    gst_oneadapt_gradient_free(map);
  }
}

TEST(FilterBFrames, NoKnobWithoutThem) {
  FilterRun run(kCaps);
  run.push_range(0, 10);
  GPtrArray *knobs = gst_oneadapt_tunable_list_knobs(run.tunable());
  for (guint i = 0; i < knobs->len; i++) EXPECT_STRNE(static_cast<GstOneadaptKnob *>(knobs->pdata[i])->name, "b-bias");
  g_ptr_array_unref(knobs);
}
