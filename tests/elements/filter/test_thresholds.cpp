// SPDX-License-Identifier: LGPL-2.1-or-later
// Frame filtering in the element: what is dropped, counted, probed.
#include <map>

#include "run.h"

namespace {

const char *kRaw = "video/x-raw";
const char *kGray = "video/x-raw,format=GRAY8,width=64,height=48,framerate=10/1";

/// A grey picture with a bright square of 16 pixels at (x, y); nothing at x < 0.
GstBuffer *square(const FilterRun &run, unsigned i, int x, int y = 16) {
  GstBuffer *buffer = run.picture(i);
  GstVideoFrame frame;
  gst_video_frame_map(&frame, const_cast<GstVideoInfo *>(&run.info), buffer, GST_MAP_WRITE);
  for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS(&frame); c++) {
    const int width = GST_VIDEO_FRAME_COMP_WIDTH(&frame, c), height = GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c),
              stride = GST_VIDEO_FRAME_COMP_STRIDE(&frame, c), step = GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, c);
    auto *data = static_cast<std::uint8_t *>(GST_VIDEO_FRAME_COMP_DATA(&frame, c));
    for (int v = 0; v < height; v++)
      for (int u = 0; u < width; u++) {
        const int px = u * run.info.width / width, py = v * run.info.height / height;
        const bool in = x >= 0 && px >= x && px < x + 16 && py >= y && py < y + 16;
        data[v * stride + u * step] = in && (c == 0 || !GST_VIDEO_INFO_IS_YUV(&run.info)) ? 220 : 110;
      }
  }
  gst_video_frame_unmap(&frame);
  return buffer;
}

void push(FilterRun &run, unsigned i, int x, int y = 16) {
  ASSERT_EQ(gst_harness_push(run.h, square(run, i, x, y)), GST_FLOW_OK);
}

/// Tenths of a second of what came out.
std::vector<unsigned> times(const std::vector<Out> &out) {
  std::vector<unsigned> all;
  for (const Out &o : out) all.push_back(unsigned(o.pts / (100 * GST_MSECOND)));
  return all;
}
using Times = std::vector<unsigned>;

/// DNNGrad that is all in one block.
GstOneadaptGradient *gradient_at(unsigned column, unsigned row, float value = 1) {
  GstOneadaptGradient *g = gst_oneadapt_gradient_new(64, 48, 16);
  g->values[row * g->columns + column] = value;
  g->confident = 1;
  return g;
}

GstOneadaptProbe *probe(FilterRun &run, guint64 interval, const GstOneadaptGradient *g, const char *knob) {
  const gchar *names[] = {knob, nullptr};
  GError *error = nullptr;
  GstOneadaptProbe *p = gst_oneadapt_tunable_probe(run.tunable(), interval, g, names, &error);
  EXPECT_TRUE(p) << error->message;
  return p;
}

}  // namespace

TEST(FilterThresholds, StillFramesAreDroppedInEveryFormat) {
  for (const char *format : {"I420", "NV12", "YUY2", "RGB", "BGRx", "GRAY8"}) {
    FilterRun run("video/x-raw,format=" + std::string(format) + ",width=64,height=48,framerate=10/1", kRaw,
                  "pixel-threshold=1");
    for (unsigned i = 0; i < 30; i++) push(run, i, i < 25 ? 0 : 32);
    // The first interval has nothing to compare with: it knows no unit. Then the one frame that differs.
    EXPECT_EQ(times(run.pull()), (Times{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 25})) << format;
    run.expect_all_accounted_for(30);
    EXPECT_EQ(run.stat("filtered"), 19u);
  }
}
TEST(FilterThresholds, ChangeThresholdNeedsNoUnits) {
  FilterRun run(kGray, kRaw, "change-threshold=0.11");
  for (unsigned i = 0; i < 20; i++) push(run, i, 0);
  EXPECT_EQ(times(run.pull()), (Times{0, 6, 12, 18}));  // 0.02 a frame
}
TEST(FilterThresholds, KeepAMaximumGap) {
  FilterRun run(kGray, kRaw, "change-threshold=100 max-skip=4");
  for (unsigned i = 0; i < 20; i++) push(run, i, 0);
  EXPECT_EQ(times(run.pull()), (Times{0, 5, 10, 15}));
}
TEST(FilterThresholds, TakeEffectAtAnIntervalsFirstFrame) {
  FilterRun run(kGray, kRaw);
  for (unsigned i = 0; i < 5; i++) push(run, i, 0);
  g_object_set(run.filter, "change-threshold", 100.0, nullptr);
  for (unsigned i = 5; i < 20; i++) push(run, i, 0);
  EXPECT_EQ(times(run.pull()), (Times{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  EXPECT_EQ(run.applied("change-threshold"), 100);
}
TEST(FilterThresholds, AFlushIsABeginning) {
  FilterRun run(kGray, kRaw, "change-threshold=100");
  for (unsigned i = 0; i < 5; i++) push(run, i, 0);
  push_flush(run.h);
  run.pull();
  for (unsigned i = 5; i < 10; i++) push(run, i, 0);
  EXPECT_EQ(times(run.pull()), (Times{5}));
}
TEST(FilterThresholds, FramerateThinsFirst) {
  FilterRun run(kGray, kRaw, "framerate=5 change-threshold=0.05");
  for (unsigned i = 0; i < 20; i++) push(run, i, 0);
  // Every second frame reaches the filter, after the stream's first: 0.02 each, the third passes 0.05.
  EXPECT_EQ(times(run.pull()), (Times{0, 5, 11, 17}));
  run.expect_all_accounted_for(20);
}
TEST(FilterThresholds, AForcedKeyframeIsSent) {
  FilterRun run(kGray, kRaw, "change-threshold=100");
  for (unsigned i = 0; i < 10; i++) {
    if (i == 7)
      gst_harness_push_upstream_event(run.h, gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 1));
    push(run, i, 0);
  }
  EXPECT_EQ(times(run.pull()), (Times{0, 7}));
}

TEST(FilterThresholds, GradientsSayWhereToLook) {
  FilterRun run(kGray, kRaw, "change-threshold=0.15");
  push(run, 0, 0);
  GstOneadaptGradient *g = gradient_at(3, 1);
  gst_oneadapt_probe_free(probe(run, 0, g, "change-threshold"));
  gst_oneadapt_gradient_free(g);
  // Moving at the left, far from what the DNN looks at and its neighbours, is as good as a still: 0.02 a frame.
  for (unsigned i = 1; i < 8; i++) push(run, i, 0, i % 2 ? 0 : 32);
  EXPECT_EQ(times(run.pull()), (Times{0}));
  push(run, 8, 48);  // there it is
  EXPECT_EQ(times(run.pull()), (Times{8}));
}
TEST(FilterThresholds, WithFeedbackAnIntervalsLastFrameIsSent) {
  FilterRun run(kGray, kRaw, "change-threshold=100");
  for (unsigned i = 0; i < 10; i++) push(run, i, 0);
  EXPECT_EQ(times(run.pull()), (Times{0}));
  GstOneadaptGradient *g = gradient_at(0, 0);
  gst_oneadapt_probe_free(probe(run, 0, g, "change-threshold"));
  gst_oneadapt_gradient_free(g);
  for (unsigned i = 10; i < 40; i++) push(run, i, 0);
  EXPECT_EQ(times(run.pull()), (Times{19, 29, 39}));
}

TEST(FilterThresholds, AreAdaptedOnRequestOnly) {
  FilterRun run(kGray, kRaw);
  push(run, 0, 0);
  GPtrArray *knobs = gst_oneadapt_tunable_list_knobs(run.tunable());
  unsigned found = 0;
  for (guint i = 0; i < knobs->len; i++) {
    const auto *k = static_cast<GstOneadaptKnob *>(knobs->pdata[i]);
    if (!g_str_has_suffix(k->name, "-threshold")) continue;
    ++found;
    EXPECT_TRUE(k->flags & GST_ONEADAPT_KNOB_ON_REQUEST) << k->name;
    EXPECT_EQ(bool(k->flags & GST_ONEADAPT_KNOB_FOLLOWS_GRADIENT), !g_strcmp0(k->name, "change-threshold"));
    EXPECT_EQ(k->ladder[k->n_ladder - 1], 0) << k->name;  // sends everything
    EXPECT_EQ(k->rung, k->n_ladder - 1) << k->name;
  }
  EXPECT_EQ(found, 3u);
  g_ptr_array_unref(knobs);
}
// By hand: what each rung would have sent.
TEST(FilterThresholds, ProbesByReplayingTheInterval) {
  FilterRun run(kGray, kRaw, "change-threshold-ladder=100,0.05,0");
  push(run, 0, 0);
  GstOneadaptGradient *g = gradient_at(1, 1, 0.01f);
  gst_oneadapt_probe_free(probe(run, 0, g, "change-threshold"));  // asks for records
  for (unsigned i = 1; i < 10; i++) push(run, i, 0);
  g_object_set(run.filter, "change-threshold", 0.05, nullptr);
  for (unsigned i = 10; i < 20; i++) push(run, i, 0);
  // Frames are compared from the second interval on, so its first is sent; then 0.02 a frame, whatever the gradient.
  EXPECT_EQ(times(run.pull()), (Times{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 16, 19}));
  GstOneadaptProbe *p = probe(run, 1, g, "change-threshold");
  ASSERT_EQ(p->knobs->len, 1u);
  const auto *k = static_cast<GstOneadaptKnob *>(p->knobs->pdata[0]);
  EXPECT_EQ(k->rung, 1u);
  ASSERT_TRUE(k->has_up && k->has_down);
  EXPECT_NEAR(p->resource, 0.4, 1e-6);
  EXPECT_NEAR(k->resource_change_up, 0.6, 1e-6);     // all ten
  EXPECT_NEAR(k->resource_change_down, -0.2, 1e-6);  // the first and the last one
  EXPECT_EQ(k->output_grad_up, 0);                   // nothing moved
  gst_oneadapt_probe_free(p);
  gst_oneadapt_gradient_free(g);
}
TEST(FilterThresholds, OutputGradIsTheChangeOfWhatIsReused) {
  FilterRun run(kGray, kRaw, "change-threshold-ladder=1000,0");
  push(run, 0, -1);
  GstOneadaptGradient *g = gradient_at(1, 1, 0.01f);
  gst_oneadapt_probe_free(probe(run, 0, g, "change-threshold"));
  for (unsigned i = 1; i < 10; i++) push(run, i, -1);
  for (unsigned i = 10; i < 20; i++) push(run, i, i < 15 ? -1 : 16);
  GstOneadaptProbe *p = probe(run, 1, g, "change-threshold");
  const auto *k = static_cast<GstOneadaptKnob *>(p->knobs->pdata[0]);
  ASSERT_TRUE(k->has_down);
  // Frames 15…18 of ten would show the picture without the square; the last one is sent. 256 pixels by 110/255,
  // gradient 0.01, weight 2.8.
  EXPECT_NEAR(k->output_grad_down, 2.8 * 0.01 * 256 * (110 / 255.0) * 4 / 10, 1e-3);
  EXPECT_NEAR(k->resource_change_down, -0.8, 1e-6);
  gst_oneadapt_probe_free(p);
  gst_oneadapt_gradient_free(g);
}

#if HAVE_X264
TEST(FilterThresholds, AClosedGopBeginsWithTheFirstFrameThatIsSent) {
  FilterRun run("video/x-raw,format=I420,width=128,height=96,framerate=10/1", "video/x-h264",
                "change-threshold=0.3 key-int-max=10");
  std::map<unsigned, bool> first;
  for (unsigned i = 0; i < 100; i++) {
    push(run, i, int(i / 13 % 3) * 32);
    for (const Out &out : run.pull()) first.emplace(unsigned(out.pts / GST_SECOND), out.idr());
  }
  EXPECT_GE(first.size(), 5u);
  for (const auto &[interval, idr] : first) EXPECT_TRUE(idr) << interval;
  EXPECT_LT(run.stat("frames-out"), 40u);
  run.expect_all_accounted_for(100);
}
#endif

// in = out + dropped, time stamps strictly rising, whatever thresholds, flushes and ends of stream come between.
TEST(FilterThresholds, TenThousandFramesAreAccountedFor) {
  for (const char *caps : {
         kRaw,
#if HAVE_X264
             "video/x-h264"
#endif
       }) {
    FilterRun run("video/x-raw,format=I420,width=32,height=32,framerate=10/1", caps, "max-skip=25");
    std::mt19937 random(7);
    auto chance = [&](unsigned n) { return random() % n == 0; };
    const char *knobs[] = {"pixel-threshold", "area-threshold", "change-threshold", "framerate"};
    GstClockTime last = GST_CLOCK_TIME_NONE;
    unsigned out = 0, lost = 0;
    for (unsigned i = 0; i < 10000; i++) {
      if (chance(40))
        g_object_set(run.filter, knobs[random() % 4], chance(3) ? 0.0 : std::exp(double(random() % 80) / 10 - 4),
                     nullptr);
      if (chance(500)) {
        const bool ended = chance(2);
        if (ended) gst_harness_push_event(run.h, gst_event_new_eos());
        for (const Out &o : run.pull()) {
          EXPECT_TRUE(last == GST_CLOCK_TIME_NONE || o.pts > last);
          last = o.pts;
          out++;
        }
        push_flush(run.h);
      }
      GstBuffer *buffer = square(run, i, int(random() % 64) - 40, 8);
      if (gst_harness_push(run.h, buffer) != GST_FLOW_OK) lost++;
      for (const Out &o : run.pull()) {
        ASSERT_TRUE(last == GST_CLOCK_TIME_NONE || o.pts > last) << i;
        last = o.pts;
        out++;
      }
    }
    EXPECT_EQ(lost, 0u);
    run.expect_all_accounted_for(10000);
    EXPECT_EQ(run.stat("frames-out"), out);
    EXPECT_GT(run.stat("filtered"), 500u);
    EXPECT_GT(out, 500u);
  }
}
