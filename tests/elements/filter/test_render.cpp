// SPDX-License-Identifier: LGPL-2.1-or-later
// What the filter says another configuration would have made of an interval.
#include "run.h"

namespace {

const char *kCaps = "video/x-raw,format=I420,width=192,height=112,framerate=10/1";

struct Rendered {
  GstOneadaptRendering *r = nullptr;
  GError *error = nullptr;
  Rendered(FilterRun &run, guint64 interval, const char *configuration) {
    GstStructure *s = gst_structure_from_string(configuration, nullptr);
    r = gst_oneadapt_tunable_render(run.tunable(), interval, s, &error);
    gst_structure_free(s);
  }
  ~Rendered() {
    gst_oneadapt_rendering_free(r);
    g_clear_error(&error);
  }
  Rendered(const Rendered &) = delete;
  Rendered &operator=(const Rendered &) = delete;
  static std::vector<unsigned> tenths(const GArray *times) {
    std::vector<unsigned> all;
    for (guint i = 0; i < times->len; i++)
      all.push_back(unsigned(g_array_index(times, GstClockTime, i) / (100 * GST_MSECOND)));
    return all;
  }
  GstSample *sample(guint i) const { return static_cast<GstSample *>(r->samples->pdata[i]); }
  GstVideoInfo info() const {
    GstVideoInfo info;
    EXPECT_TRUE(gst_video_info_from_caps(&info, gst_sample_get_caps(sample(0))));
    return info;
  }
};

using Tenths = std::vector<unsigned>;

}  // namespace

TEST(FilterRender, TheFramesThatARateWouldHavePassedOn) {
  FilterRun run(kCaps);
  run.through(0, 20);
  // Remembered are the pictures at 0, 1, 2, 4 and 9 frames before the interval's last.
  for (const auto &[configuration, expected] : {std::pair{"c", Tenths{10, 15, 17, 18, 19}},
                                                {"c, framerate=10.0", Tenths{10, 15, 17, 18, 19}},
                                                {"c, framerate=5.0", Tenths{10, 15, 17, 19}},
                                                {"c, framerate=2.0", Tenths{10, 15, 19}},
                                                {"c, framerate=1.0", Tenths{10, 19}}}) {
    Rendered rendered(run, 1, configuration);
    ASSERT_TRUE(rendered.r) << rendered.error->message;
    EXPECT_EQ(rendered.r->samples->len, expected.size());
    EXPECT_EQ(Rendered::tenths(rendered.r->times), expected) << configuration;
    EXPECT_EQ(Rendered::tenths(rendered.r->wanted), (Tenths{10, 15, 17, 18, 19})) << configuration;
  }
}

TEST(FilterRender, SizeFormatAndResource) {
  FilterRun run(kCaps, "video/x-h264", "qp=32");
  run.through(0, 10);
  Rendered same(run, 0, "c"), best(run, 0, "c, qp=20"), cheap(run, 0, "c, qp=40, scale=0.5, framerate=5.0");
  ASSERT_TRUE(same.r && best.r && cheap.r);
  GstOneadaptProbe *probe = gst_oneadapt_tunable_probe(run.tunable(), 0, nullptr, nullptr, nullptr);
  EXPECT_DOUBLE_EQ(same.r->resource, probe->resource);
  gst_oneadapt_probe_free(probe);
  EXPECT_DOUBLE_EQ(best.r->resource, 1);
  EXPECT_LT(cheap.r->resource, same.r->resource);
  EXPECT_GT(cheap.r->resource, 0);
  const GstVideoInfo info = cheap.info();
  EXPECT_EQ(info.width, 96);
  EXPECT_EQ(info.height, 56);
  EXPECT_EQ(GST_VIDEO_INFO_FORMAT(&info), GST_VIDEO_FORMAT_NV12);
  EXPECT_TRUE(gst_video_colorimetry_is_equal(&info.colorimetry, &run.info.colorimetry));
}

// One picture, one IDR picture: what the decoder shows is what is rendered, bit for bit.
TEST(FilterRender, IsWhatADecoderShows) {
  FilterRun run("video/x-raw,format=I420,width=192,height=112,framerate=1/1", "video/x-raw,format=I420",
                "qp=36 scale=0.75 ! h264parse ! avdec_h264 max-threads=1");
  ASSERT_EQ(run.push(0), GST_FLOW_OK);
  gst_harness_push_event(run.h, gst_event_new_eos());
  GstBuffer *decoded = gst_harness_pull(run.h);
  GstCaps *caps = gst_pad_get_current_caps(run.h->sinkpad);
  GstVideoInfo info;
  ASSERT_TRUE(gst_video_info_from_caps(&info, caps));
  gst_caps_unref(caps);
  Rendered rendered(run, 0, "c");
  ASSERT_TRUE(rendered.r) << rendered.error->message;
  ASSERT_EQ(rendered.r->samples->len, 1u);
  GstVideoInfo ours = rendered.info();
  ASSERT_EQ(ours.width, info.width);
  ASSERT_EQ(ours.height, info.height);
  EXPECT_TRUE(gst_video_colorimetry_is_equal(&info.colorimetry, &ours.colorimetry));
  GstVideoFrame a, b;
  ASSERT_TRUE(gst_video_frame_map(&a, &info, decoded, GST_MAP_READ));
  ASSERT_TRUE(gst_video_frame_map(&b, &ours, gst_sample_get_buffer(rendered.sample(0)), GST_MAP_READ));
  for (guint c = 0; c < 3; c++) {
    unsigned different = 0;
    for (int y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT(&a, c); y++)
      for (int x = 0; x < GST_VIDEO_FRAME_COMP_WIDTH(&a, c); x++) {
        auto at = [&](GstVideoFrame &f) {
          return static_cast<const std::uint8_t *>(GST_VIDEO_FRAME_COMP_DATA(
              &f, c))[y * GST_VIDEO_FRAME_COMP_STRIDE(&f, c) + x * GST_VIDEO_FRAME_COMP_PSTRIDE(&f, c)];
        };
        different += at(a) != at(b);
      }
    EXPECT_EQ(different, 0u) << "component " << c;
  }
  gst_video_frame_unmap(&a);
  gst_video_frame_unmap(&b);
  gst_buffer_unref(decoded);
}

TEST(FilterRender, RawPicturesAreScaled) {
  FilterRun run(kCaps, "video/x-raw");
  run.through(0, 10);
  Rendered half(run, 0, "c, scale=0.5"), whole(run, 0, "c");
  ASSERT_TRUE(half.r && whole.r);
  EXPECT_EQ(half.info().width, 96);
  EXPECT_EQ(whole.info().width, 192);
  const GstVideoInfo info = half.info();
  EXPECT_EQ(GST_VIDEO_INFO_FORMAT(&info), GST_VIDEO_FORMAT_I420);
  EXPECT_DOUBLE_EQ(half.r->resource, 0.25);
}

TEST(FilterRender, AnIntervalOnceRenderedStaysUntilAnother) {
  FilterRun run(kCaps);
  run.through(0, 20);
  ASSERT_TRUE(Rendered(run, 0, "c").r);
  run.through(20, 100);
  EXPECT_TRUE(Rendered(run, 0, "c, qp=40").r);
  EXPECT_FALSE(Rendered(run, 1, "c").r);
  EXPECT_TRUE(Rendered(run, 8, "c").r);
  Rendered gone(run, 0, "c");
  EXPECT_FALSE(gone.r);
  EXPECT_TRUE(g_error_matches(gone.error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_INTERVAL));
  gst_harness_push_event(run.h, gst_event_new_flush_start());
  gst_harness_push_event(run.h, gst_event_new_flush_stop(TRUE));
  EXPECT_FALSE(Rendered(run, 8, "c").r);
}

TEST(FilterRender, WhatIsNoConfigurationIsAnError) {
  FilterRun run(kCaps);
  run.through(0, 10);
  for (const char *wrong : {"c, volume=3", "c, qp=52", "c, scale=(string)half"}) {
    Rendered rendered(run, 0, wrong);
    EXPECT_FALSE(rendered.r);
    EXPECT_TRUE(g_error_matches(rendered.error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_KNOB)) << wrong;
  }
}
