// SPDX-License-Identifier: LGPL-2.1-or-later
// Gray pictures of 8 and of 16 bits: what a decoder shows of them, and what a probe says.
#include <cstdlib>

#include "run.h"

namespace {

constexpr int kWidth = 192, kHeight = 112;
/// Depth of half a metre to 5.6 metres, near is bright, 20 mm a level.
const char *const kDepth = " gray16-black=5600 gray16-white=500 gray16-hole=0";

GstVideoInfo info_of(GstVideoFormat format) {
  GstVideoInfo info;
  gst_video_info_set_format(&info, format, kWidth, kHeight);
  info.fps_n = 10;
  info.fps_d = 1;
  return info;
}

/// From 0 to 255 across the picture and further to the right with `t`; the lowest rows are 0.
int level_at(int x, int y, unsigned t) { return y >= kHeight - 16 ? 0 : std::min(255, (x + int(t)) * 256 / kWidth); }

template <class Number>
GstBuffer *filled(GstVideoFormat format, unsigned t, Number number) {
  const GstVideoInfo info = info_of(format);
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, info.size, nullptr);
  GstVideoFrame frame;
  gst_video_frame_map(&frame, const_cast<GstVideoInfo *>(&info), buffer, GST_MAP_WRITE);
  for (int y = 0; y < kHeight; y++) {
    auto *row =
        static_cast<guint8 *>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0)) + y * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0);
    for (int x = 0; x < kWidth; x++) {
      const int value = number(x, y);
      if (format == GST_VIDEO_FORMAT_GRAY8)
        row[x] = guint8(value);
      else
        GST_WRITE_UINT16_LE(row + 2 * x, guint16(value));
    }
  }
  gst_video_frame_unmap(&frame);
  GST_BUFFER_PTS(buffer) = t * GST_SECOND / 10;
  GST_BUFFER_DURATION(buffer) = GST_SECOND / 10;
  return buffer;
}
GstBuffer *gray8(unsigned t) {
  return filled(GST_VIDEO_FORMAT_GRAY8, t, [t](int x, int y) { return level_at(x, y, t); });
}
/// The same levels as depth; 0, where nothing was measured, is in the lowest rows.
GstBuffer *depth(unsigned t) {
  return filled(GST_VIDEO_FORMAT_GRAY16_LE, t,
                [t](int x, int y) { return y >= kHeight - 16 ? 0 : 5600 - 20 * level_at(x, y, t); });
}

struct Shown {
  double error = 0;  ///< of luma, in the mean
  int neutral = 0, other = 0;
};

/// What a decoder shows of ten pictures, each compared with gray8() of the same number.
Shown decoded(GstVideoFormat format, const std::string &properties, GstBuffer *(*picture)(unsigned)) {
  GstHarness *h =
      gst_harness_new_parse(("oneadaptfilter " + properties + " ! h264parse ! avdec_h264 max-threads=1").c_str());
  const GstVideoInfo in = info_of(format);
  gst_harness_set_src_caps(h, gst_video_info_to_caps(&in));
  for (unsigned t = 0; t < 10; t++) EXPECT_EQ(gst_harness_push(h, picture(t)), GST_FLOW_OK);
  gst_harness_push_event(h, gst_event_new_eos());
  Shown shown;
  unsigned t = 0;
  for (; GstBuffer *buffer = gst_harness_try_pull(h); t++) {
    GstCaps *caps = gst_pad_get_current_caps(h->sinkpad);
    GstVideoInfo info;
    gst_video_info_from_caps(&info, caps);
    gst_caps_unref(caps);
    EXPECT_EQ(GST_VIDEO_INFO_FORMAT(&info), GST_VIDEO_FORMAT_I420);
    EXPECT_EQ(info.colorimetry.range, GST_VIDEO_COLOR_RANGE_0_255) << "black is 0, white 255";
    GstVideoFrame frame;
    EXPECT_TRUE(gst_video_frame_map(&frame, &info, buffer, GST_MAP_READ));
    for (int y = 0; y < kHeight; y++)
      for (int x = 0; x < kWidth; x++)
        shown.error += std::abs(static_cast<guint8 *>(GST_VIDEO_FRAME_PLANE_DATA(
                                    &frame, 0))[y * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0) + x] -
                                level_at(x, y, t));
    for (int plane = 1; plane < 3; plane++)
      for (int y = 0; y < kHeight / 2; y++)
        for (int x = 0; x < kWidth / 2; x++) {
          const int chroma = static_cast<guint8 *>(
              GST_VIDEO_FRAME_PLANE_DATA(&frame, plane))[y * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, plane) + x];
          (chroma == 128 ? shown.neutral : shown.other)++;
        }
    gst_video_frame_unmap(&frame);
    gst_buffer_unref(buffer);
  }
  EXPECT_EQ(t, 10u);
  shown.error /= 10.0 * kWidth * kHeight;
  gst_harness_teardown(h);
  return shown;
}

const std::string kGray8 = "video/x-raw,format=GRAY8,width=192,height=112,framerate=10/1";
const std::string kGray16 = "video/x-raw,format=GRAY16_LE,width=192,height=112,framerate=10/1";

/// OutputGrad of one rung of QP, of the second of two seconds.
double qp_gradient(const std::string &caps, const std::string &sink, const std::string &properties,
                   GstBuffer *(*picture)(unsigned), const char *knob) {
  FilterRun run(caps, sink, properties.c_str());
  for (unsigned t = 0; t < 20; t++) EXPECT_EQ(gst_harness_push(run.h, picture(t)), GST_FLOW_OK);
  GstOneadaptGradient *gradient = gst_oneadapt_gradient_new(kWidth, kHeight, 16);
  for (guint i = 0; i < gradient->columns * gradient->rows; i++) gradient->values[i] = 0.01f;
  gradient->confident = 1;
  GstOneadaptProbe *probe = gst_oneadapt_tunable_probe(run.tunable(), 1, gradient, nullptr, nullptr);
  double result = 0;
  for (guint i = 0; probe && i < probe->knobs->len; i++) {
    auto *k = static_cast<GstOneadaptKnob *>(probe->knobs->pdata[i]);
    if (!g_strcmp0(k->name, knob)) result = k->output_grad_down;
  }
  gst_oneadapt_probe_free(probe);
  gst_oneadapt_gradient_free(gradient);
  return result;
}

}  // namespace

TEST(FilterGray, IsCodedWithNeutralChromaOfTheFullRange) {
  for (const char *properties : {"qp=4", "qp=4 threads=2", "qp=4 speed-preset=ultrafast", "qp=4 b-frames=2"}) {
    const Shown shown = decoded(GST_VIDEO_FORMAT_GRAY8, properties, gray8);
    EXPECT_LT(shown.error, 0.7) << properties;  // of 255; with a wrong range it would be above 7
    EXPECT_EQ(shown.other, 0) << properties;
    EXPECT_EQ(shown.neutral, 10 * kWidth * kHeight / 2) << properties;
  }
}

TEST(FilterGray, SixteenBitsAreMappedAsThePropertiesSay) {
  const Shown shown = decoded(GST_VIDEO_FORMAT_GRAY16_LE, std::string("qp=4") + kDepth, depth);
  EXPECT_LT(shown.error, 0.7);
  EXPECT_EQ(shown.other, 0);
}

TEST(FilterGray, AnOddSizeLosesItsLastColumnAndRow) {
  FilterRun run("video/x-raw,format=GRAY8,width=129,height=97,framerate=10/1");
  const auto out = run.through(0, 3);
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(out[0].width, 128);
  EXPECT_EQ(out[0].height, 96);
}

TEST(FilterGray, ScalesAndFiltersBothDepths) {
  for (const auto &[caps, picture] : {std::pair(kGray8, gray8), {kGray16, depth}}) {
    FilterRun run(caps, "video/x-h264",
                  (std::string("scale=0.5 pixel-threshold=1 map-granularity=2") + kDepth).c_str());
    for (unsigned t = 0; t < 20; t++) ASSERT_EQ(gst_harness_push(run.h, picture(t)), GST_FLOW_OK);
    const auto out = run.pull();
    ASSERT_FALSE(out.empty());
    EXPECT_EQ(out[0].width, 96);
    run.expect_all_accounted_for(20);
  }
}

TEST(FilterGray, SixteenBitsStaySixteenWhereTheOutputIsRaw) {
  FilterRun run(kGray16, "video/x-raw", kDepth);
  GstBuffer *in = depth(0);
  GstMapInfo map;
  gst_buffer_map(in, &map, GST_MAP_READ);
  const std::vector<guint8> bytes(map.data, map.data + map.size);
  gst_buffer_unmap(in, &map);
  ASSERT_EQ(gst_harness_push(run.h, in), GST_FLOW_OK);
  const auto out = run.pull();
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(out[0].data, bytes);
}

TEST(FilterGray, AProbeSeesWhatIsSent) {
  // The same picture as gray levels and as depth: the probe must say the same of both. As the upper bytes of the depth
  // there would be next to nothing in it.
  const double gray = qp_gradient(kGray8, "video/x-h264", "qp=28", gray8, "qp");
  const double mapped = qp_gradient(kGray16, "video/x-h264", std::string("qp=28") + kDepth, depth, "qp");
  EXPECT_GT(gray, 0);
  EXPECT_NEAR(mapped, gray, 1e-6 * gray);
  // And of raw output.
  const double raw_gray = qp_gradient(kGray8, "video/x-raw", "", gray8, "scale");
  const double raw_mapped = qp_gradient(kGray16, "video/x-raw", kDepth, depth, "scale");
  EXPECT_GT(raw_gray, 0);
  EXPECT_NEAR(raw_mapped, raw_gray, 1e-6 * raw_gray);
}

TEST(FilterGray, ARenderingIsWhatTheDnnWouldSee) {
  FilterRun run(kGray16, "video/x-h264", (std::string("qp=24") + kDepth).c_str());
  for (unsigned t = 0; t < 20; t++) ASSERT_EQ(gst_harness_push(run.h, depth(t)), GST_FLOW_OK);
  GstStructure *configuration = gst_structure_new("configuration", "qp", G_TYPE_DOUBLE, 10.0, nullptr);
  GError *error = nullptr;
  GstOneadaptRendering *rendering = gst_oneadapt_tunable_render(run.tunable(), 1, configuration, &error);
  ASSERT_TRUE(rendering) << error->message;
  ASSERT_GT(rendering->samples->len, 0u);
  auto *sample = static_cast<GstSample *>(rendering->samples->pdata[rendering->samples->len - 1]);
  GstVideoInfo info;
  ASSERT_TRUE(gst_video_info_from_caps(&info, gst_sample_get_caps(sample)));
  EXPECT_EQ(info.colorimetry.range, GST_VIDEO_COLOR_RANGE_0_255);
  GstVideoFrame frame;
  ASSERT_TRUE(gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample), GST_MAP_READ));
  const auto *luma = static_cast<guint8 *>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0));
  EXPECT_NEAR(luma[40 * GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0) + 96], level_at(96, 40, 19), 3);
  gst_video_frame_unmap(&frame);
  gst_oneadapt_rendering_free(rendering);
  gst_structure_free(configuration);
}
