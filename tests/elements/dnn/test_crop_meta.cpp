// SPDX-License-Identifier: LGPL-2.1-or-later
// Sinks that crop by themselves (xvimagesink, waylandsink, glimagesink) let upstream leave the cropping to them: the
// picture is then a part of the buffer.
#include <gtest/gtest.h>

#include <set>

#include "dnn_harness.h"

namespace {

using namespace oneadapt_test;

constexpr int kWidth = 64, kHeight = 48;  // of the buffer; 32 × 24 of it are the picture

/// Dark, but for a red thing where the model looks for one in the picture at (x, y). All memory is one block, without
/// padding.
GstBuffer *buffer_with_crop(const std::string &format, guint x, guint y, guint width = 32, guint height = 24) {
  GstVideoInfo info;
  gst_video_info_set_format(&info, gst_video_format_from_string(format.c_str()), kWidth, kHeight);
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, info.size, nullptr);
  gst_buffer_memset(buffer, 0, 0, info.size);
  GstVideoFrame frame;
  EXPECT_TRUE(gst_video_frame_map(&frame, &info, buffer, GST_MAP_WRITE));
  const bool yuv = GST_VIDEO_INFO_IS_YUV(&info);
  const int dark[] = {16, 128, 128}, red[] = {81, 90, 240};  // BT.601
  for (guint c = 0; c < 3; ++c)
    for (int row = 0; row < GST_VIDEO_FRAME_COMP_HEIGHT(&frame, c); ++row)
      for (int column = 0; column < GST_VIDEO_FRAME_COMP_WIDTH(&frame, c); ++column) {
        const int px = column << GST_VIDEO_FORMAT_INFO_W_SUB(info.finfo, c),
                  py = row << GST_VIDEO_FORMAT_INFO_H_SUB(info.finfo, c);
        // A pixel more on each side: odd places of the crop fall between samples of chroma.
        const bool inside = px >= int(x) + 3 && px < int(x) + 13 && py >= int(y) + 3 && py < int(y) + 13;
        const int value = yuv ? (inside ? red : dark)[c] : inside && c == 0 ? 255 : 0;
        (static_cast<guint8 *>(GST_VIDEO_FRAME_COMP_DATA(&frame, c)) + row * GST_VIDEO_FRAME_COMP_STRIDE(&frame, c) +
         column * GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, c))[0] = guint8(value);
      }
  gst_video_frame_unmap(&frame);
  gst_buffer_add_video_meta_full(buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_INFO_FORMAT(&info), kWidth, kHeight,
                                 GST_VIDEO_INFO_N_PLANES(&info), info.offset, info.stride);
  GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta(buffer);
  crop->x = x;
  crop->y = y;
  crop->width = width;
  crop->height = height;
  GST_BUFFER_PTS(buffer) = 0;
  GST_BUFFER_DURATION(buffer) = 100 * GST_MSECOND;
  return buffer;
}

/// What is offered upstream of an element whose downstream offers all of these.
std::set<std::string> offered(GstHarness *harness, std::initializer_list<GType> downstream) {
  for (const GType api : downstream) gst_harness_add_propose_allocation_meta(harness, api, nullptr);
  GstCaps *caps = gst_pad_get_current_caps(harness->srcpad);
  GstQuery *query = gst_query_new_allocation(caps, FALSE);
  EXPECT_TRUE(gst_pad_peer_query(harness->srcpad, query));
  std::set<std::string> names;
  for (guint i = 0; i < gst_query_get_n_allocation_metas(query); ++i)
    names.insert(g_type_name(gst_query_parse_nth_allocation_meta(query, i, nullptr)));
  gst_query_unref(query);
  gst_caps_unref(caps);
  return names;
}

}  // namespace

TEST(DnnCropMeta, TheModelSeesThePictureNotTheBuffer) {
  for (const char *format : {"RGB", "BGR", "RGBx", "BGRx", "xRGB", "xBGR", "RGBA", "BGRA", "I420", "NV12"})
    for (const auto &[x, y] : {std::pair{0u, 0u}, {20u, 8u}, {17u, 9u}, {32u, 24u}}) {
      SCOPED_TRACE(std::string(format) + " at " + std::to_string(x) + ", " + std::to_string(y));
      DnnHarness dnn;
      dnn.play();
      dnn.caps(format, 32, 24);
      ASSERT_EQ(gst_harness_push(dnn.harness, buffer_with_crop(format, x, y)), GST_FLOW_OK);
      GstBuffer *out = gst_harness_pull(dnn.harness);
      gpointer state = nullptr;
      const auto *roi = reinterpret_cast<GstVideoRegionOfInterestMeta *>(
          gst_buffer_iterate_meta_filtered(out, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE));
      ASSERT_NE(roi, nullptr);
      EXPECT_STREQ(g_quark_to_string(roi->roi_type), "red thing");
      EXPECT_EQ(roi->x, 4u);  // of the picture
      EXPECT_EQ(roi->y, 4u);
      EXPECT_NE(gst_buffer_get_video_crop_meta(out), nullptr);
      gst_buffer_unref(out);
    }
}

TEST(DnnCropMeta, OneThatReachesBeyondTheBufferIsAnError) {
  DnnHarness dnn;
  dnn.start();
  EXPECT_EQ(gst_harness_push(dnn.harness, buffer_with_crop("RGB", 33, 0)), GST_FLOW_ERROR);
  const std::string text = only_error(dnn).text;
  EXPECT_NE(text.find("cannot be read as its caps say"), std::string::npos) << text;
}

TEST(DnnCropMeta, OnlyWhatIsHeededIsOfferedUpstream) {
  DnnHarness dnn;
  dnn.start();
  EXPECT_EQ(offered(dnn.harness,
                    {GST_VIDEO_META_API_TYPE, GST_VIDEO_CROP_META_API_TYPE, GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE,
                     GST_VIDEO_AFFINE_TRANSFORMATION_META_API_TYPE}),
            (std::set<std::string>{g_type_name(GST_VIDEO_META_API_TYPE), g_type_name(GST_VIDEO_CROP_META_API_TYPE)}));
}
