// SPDX-License-Identifier: LGPL-2.1-or-later
// Raw output.
#include <cstring>

#include <map>
#include <utility>

#include "run.h"

namespace {
const char *kRgb = "video/x-raw,format=RGB,width=63,height=47,framerate=10/1";
const char *kRaw = "video/x-raw";
}  // namespace

TEST(FilterRaw, NeutralKnobsChangeNoByteIn1000Frames) {
  FilterRun run(kRgb, kRaw);
  for (unsigned i = 0; i < 1000; i++) {
    GstBuffer *in = run.picture(i);
    gst_buffer_ref(in);
    GstMemory *memory = gst_buffer_peek_memory(in, 0);
    ASSERT_EQ(gst_harness_push(run.h, in), GST_FLOW_OK);
    GstBuffer *out = gst_harness_pull(run.h);
    ASSERT_EQ(gst_buffer_get_size(in), gst_buffer_get_size(out));
    GstMapInfo map;
    gst_buffer_map(in, &map, GST_MAP_READ);
    ASSERT_EQ(0, gst_buffer_memcmp(out, 0, map.data, map.size)) << i;
    gst_buffer_unmap(in, &map);
    ASSERT_EQ(gst_buffer_peek_memory(out, 0), memory) << "not copied";
    ASSERT_EQ(GST_BUFFER_PTS(in), GST_BUFFER_PTS(out));
    ASSERT_EQ(GST_BUFFER_DURATION(in), GST_BUFFER_DURATION(out));
    ASSERT_FALSE(GST_BUFFER_FLAG_IS_SET(out, GST_BUFFER_FLAG_DELTA_UNIT));
    ASSERT_FALSE(GST_BUFFER_DTS_IS_VALID(out));
    gst_buffer_unref(in);
    gst_buffer_unref(out);
  }
  run.expect_all_accounted_for(1000);
  EXPECT_EQ(run.stat("dropped"), 0u);
  EXPECT_EQ(run.stat("intervals"), 100u);
  EXPECT_EQ(run.stat("bytes"), 1000 * run.info.size);
}

TEST(FilterRaw, EveryFormatPassesAndScales) {
  for (const char *format :
       {"I420", "NV12", "YV12", "YUY2", "UYVY", "RGB", "BGR", "RGBx", "BGRx", "RGBA", "BGRA", "GRAY8"}) {
    const std::string caps = std::string("video/x-raw,format=") + format + ",width=100,height=60,framerate=10/1";
    FilterRun run(caps, kRaw);
    auto out = run.through(0, 2);
    ASSERT_EQ(out.size(), 2u) << format;
    EXPECT_EQ(out[0].data.size(), run.info.size) << format;
    g_object_set(run.filter, "scale", 0.5, nullptr);
    out = run.through(10, 12);
    ASSERT_EQ(out.size(), 2u) << format;
    EXPECT_EQ(out[0].width, 50) << format;
    EXPECT_EQ(out[0].height, 30) << format;
    GstVideoInfo half;
    gst_video_info_set_format(&half, GST_VIDEO_INFO_FORMAT(&run.info), 50, 30);
    EXPECT_EQ(out[0].data.size(), half.size) << format;
  }
}

TEST(FilterRaw, ScalesOddSizesToEvenOnes) {
  FilterRun run("video/x-raw,format=I420,width=101,height=67,framerate=10/1", kRaw, "scale=0.5");
  const auto out = run.through(0, 1);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].width, 50);
  EXPECT_EQ(out[0].height, 34);  // 33.5 → the nearest even number
}

// A region of interest must go on pointing at the same thing.
TEST(FilterRaw, RegionsAreScaledWithThePicture) {
  for (double scale : {1.0, 0.5}) {
    FilterRun run("video/x-raw,format=GRAY8,width=160,height=120,framerate=10/1", kRaw);
    g_object_set(run.filter, "scale", scale, nullptr);
    GstBuffer *in = run.picture(0);
    gst_buffer_add_video_region_of_interest_meta(in, "car", 40, 20, 60, 80);
    ASSERT_EQ(gst_harness_push(run.h, in), GST_FLOW_OK);
    GstBuffer *out = gst_harness_pull(run.h);
    gpointer state = nullptr;
    unsigned found = 0;
    while (auto *meta = reinterpret_cast<GstVideoRegionOfInterestMeta *>(
               gst_buffer_iterate_meta_filtered(out, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE))) {
      found++;
      EXPECT_EQ(meta->x, unsigned(40 * scale));
      EXPECT_EQ(meta->y, unsigned(20 * scale));
      EXPECT_EQ(meta->w, unsigned(60 * scale));
      EXPECT_EQ(meta->h, unsigned(80 * scale));
    }
    EXPECT_EQ(found, 1u) << "at scale " << scale;
    gst_buffer_unref(out);
  }
}

// A coder behind the gate goes by them.
TEST(FilterRaw, ScaledRegionsKeepTheirParameters) {
  FilterRun run("video/x-raw,format=I420,width=128,height=96,framerate=10/1", "video/x-raw", "scale=0.5");
  GstBuffer *in = run.picture(0);
  for (const auto &[x, delta] : {std::pair<guint, int>{16, -10}, {48, 6}})
    gst_video_region_of_interest_meta_add_param(
        gst_buffer_add_video_region_of_interest_meta(in, "face", x, 16, 32, 32),
        gst_structure_new("roi/oneadaptfilter", "delta-qp", G_TYPE_INT, delta, nullptr));
  ASSERT_EQ(gst_harness_push(run.h, in), GST_FLOW_OK);
  GstBuffer *out = gst_harness_try_pull(run.h);
  ASSERT_NE(out, nullptr);
  std::map<guint, int> deltas;  // by their x
  gpointer state = nullptr;
  while (GstMeta *meta = gst_buffer_iterate_meta_filtered(out, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
    auto *region = reinterpret_cast<GstVideoRegionOfInterestMeta *>(meta);
    const GstStructure *param = gst_video_region_of_interest_meta_get_param(region, "roi/oneadaptfilter");
    ASSERT_NE(param, nullptr);
    gst_structure_get_int(param, "delta-qp", &deltas[region->x]);
  }
  EXPECT_EQ(deltas, (std::map<guint, int>{{8, -10}, {24, 6}}));
  gst_buffer_unref(out);
}

TEST(FilterRaw, ThinsFrames) {
  FilterRun run(kRgb, kRaw, "framerate=2");
  const auto out = run.through(0, 20);
  ASSERT_EQ(out.size(), 5u);
  const unsigned pts[] = {0, 400, 900, 1400, 1900};  // the stream's first, then each slot's last
  for (std::size_t i = 0; i < out.size(); i++) EXPECT_EQ(out[i].pts, pts[i] * GST_MSECOND);
  run.expect_all_accounted_for(20);
  EXPECT_EQ(run.messages(GST_MESSAGE_QOS), 0u) << "dropping on purpose is no lateness";
}

TEST(FilterRaw, QpIsNoKnobHere) {
  FilterRun run(kRgb, kRaw);
  run.through(0, 1);
  GPtrArray *knobs = gst_oneadapt_tunable_list_knobs(run.tunable());
  ASSERT_EQ(knobs->len, 5u);  // scale, framerate, three thresholds
  for (guint i = 0; i < knobs->len; i++) EXPECT_STRNE(static_cast<GstOneadaptKnob *>(knobs->pdata[i])->name, "qp");
  g_ptr_array_unref(knobs);
}

// r = pixels · frames: half the size is a quarter of it.
TEST(FilterRaw, ResourceIsPixelsTimesFrames) {
  FilterRun run("video/x-raw,format=GRAY8,width=160,height=120,framerate=10/1", kRaw,
                "scale=0.5 scale-ladder=0.25,0.5,1 framerate=5");
  run.through(0, 10);
  GstOneadaptGradient *gradient = gst_oneadapt_gradient_new(80, 60, 16);
  for (guint i = 0; i < gradient->columns * gradient->rows; i++) gradient->values[i] = 0.01f;
  GstOneadaptProbe *probe = gst_oneadapt_tunable_probe(run.tunable(), 0, gradient, nullptr, nullptr);
  ASSERT_TRUE(probe);
  EXPECT_NEAR(probe->resource, 0.25 * 0.5, 1e-6);
  EXPECT_EQ(probe->frames_in, 10u);
  EXPECT_EQ(probe->frames_out, 6u);  // the stream's first, and every second
  for (guint i = 0; i < probe->knobs->len; i++) {
    const auto *knob = static_cast<GstOneadaptKnob *>(probe->knobs->pdata[i]);
    ASSERT_TRUE(knob->has_up && knob->has_down) << knob->name;
    EXPECT_GT(knob->output_grad_up, 0) << knob->name;
    EXPECT_GT(knob->output_grad_down, 0) << knob->name;
    if (!g_strcmp0(knob->name, "scale")) {
      EXPECT_EQ(knob->rung, 1u);
      EXPECT_NEAR(knob->resource_change_up, 0.5 - 0.125, 1e-6);
      EXPECT_NEAR(knob->resource_change_down, 0.5 / 16 - 0.125, 1e-6);
    } else {  // 1, 2, 10/3, 5, 10: 10 and 4 frames of 10
      EXPECT_EQ(knob->rung, 3u);
      EXPECT_NEAR(knob->resource_change_up, 0.25 - 0.125, 1e-6);
      EXPECT_NEAR(knob->resource_change_down, 0.25 * 0.3 - 0.125, 0.25 * 0.1 + 1e-6);
    }
  }
  gst_oneadapt_probe_free(probe);
  gst_oneadapt_gradient_free(gradient);
}

// A source that has a fixed number of buffers must not run dry because pictures are remembered.
TEST(FilterRaw, TakesNoBuffersAwayFromAFixedPool) {
  FilterRun run("video/x-raw,format=GRAY8,width=64,height=48,framerate=10/1", kRaw);
  GstBufferPool *pool = gst_buffer_pool_new();
  GstStructure *config = gst_buffer_pool_get_config(pool);
  gst_buffer_pool_config_set_params(config, nullptr, guint(run.info.size), 2, 2);
  ASSERT_TRUE(gst_buffer_pool_set_config(pool, config));
  ASSERT_TRUE(gst_buffer_pool_set_active(pool, TRUE));
  GstBufferPoolAcquireParams params{};
  params.flags = GST_BUFFER_POOL_ACQUIRE_FLAG_DONTWAIT;
  for (unsigned i = 0; i < 30; i++) {
    GstBuffer *buffer = nullptr;
    ASSERT_EQ(gst_buffer_pool_acquire_buffer(pool, &buffer, &params), GST_FLOW_OK) << "picture " << i;
    GST_BUFFER_PTS(buffer) = i * GST_SECOND / 10;
    ASSERT_EQ(gst_harness_push(run.h, buffer), GST_FLOW_OK);
    gst_buffer_unref(gst_harness_pull(run.h));
  }
  gst_buffer_pool_set_active(pool, FALSE);
  gst_object_unref(pool);
}
