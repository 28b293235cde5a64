// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadaptdnn on gray pictures, and models of one channel.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "dnn_harness.h"

namespace {

using namespace oneadapt_test;

/// All of this number: bytes, or of 16 bits.
GstBuffer *plain(GstVideoFormat format, GstClockTime time, unsigned number) {
  GstVideoInfo info;
  gst_video_info_set_format(&info, format, 32, 24);
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, info.size, nullptr);
  GstMapInfo map;
  gst_buffer_map(buffer, &map, GST_MAP_WRITE);
  for (gsize i = 0; i < map.size; ++i)
    map.data[i] = format == GST_VIDEO_FORMAT_GRAY8 ? guint8(number) : guint8(i % 2 ? number >> 8 : number);
  gst_buffer_unmap(buffer, &map);
  GST_BUFFER_PTS(buffer) = time;
  GST_BUFFER_DURATION(buffer) = kFrame;
  return buffer;
}

/// Scores of the boxes that are found on it: means of a colour.
std::vector<double> scores(DnnHarness &dnn, GstBuffer *picture) {
  EXPECT_EQ(gst_harness_push(dnn.harness, picture), GST_FLOW_OK);
  std::vector<double> found;
  for (GstBuffer *out : dnn.pull()) {
    for (auto *roi : rois(out)) {
      double score = 0;
      gst_structure_get_double(gst_video_region_of_interest_meta_get_param(roi, "detection"), "confidence", &score);
      found.push_back(score);
    }
    gst_buffer_unref(out);
  }
  return found;
}

/// One box, whose score is the mean of the one channel.
std::string save_gray(const TemporaryFolder &folder) {
  const std::string path = folder.file("gray.pt");
  save_module(path, R"(
def forward(self, x):
    box = torch.tensor([[0.0, 0.0, 16.0, 16.0]], device=x.device)
    assert x.size(1) == 1
    return box, x.mean().reshape([1]), torch.tensor([0], device=x.device)
)",
              R"({"format": 1, "input": {"multiple_of": 8, "colour": "gray", "mean": [0.1], "std": [0.5]},
    "output": {"layout": "boxes", "boxes": [0], "scores": [1], "labels": 2}, "labels": ["thing"], "threshold": 0.1})");
  return path;
}

TEST(DnnGray, AllColoursAreTheGray) {
  DnnHarness dnn;
  dnn.play();
  dnn.caps("GRAY8", 32, 24);
  const auto found = scores(dnn, plain(GST_VIDEO_FORMAT_GRAY8, 0, 204));
  ASSERT_EQ(found.size(), 3u);
  for (double score : found) EXPECT_NEAR(score, 0.8, 1e-5);  // 204 / 255
  EXPECT_TRUE(scores(dnn, plain(GST_VIDEO_FORMAT_GRAY8, kFrame, 100)).empty()) << "0.39";
}

TEST(DnnGray, SixteenBitsAreMapped) {
  DnnHarness dnn;
  // Half a metre is white, 5.6 m black, holes are 179: 0.702.
  dnn.set("gray16-black", 5600, "gray16-white", 500, "gray16-hole", 179);
  dnn.play();
  dnn.caps("GRAY16_LE", 32, 24);
  const auto near = scores(dnn, plain(GST_VIDEO_FORMAT_GRAY16_LE, 0, 1520));  // 51 levels below white
  ASSERT_EQ(near.size(), 3u);
  EXPECT_NEAR(near[0], 0.8, 1e-5);
  EXPECT_TRUE(scores(dnn, plain(GST_VIDEO_FORMAT_GRAY16_LE, kFrame, 5000)).empty());
  const auto hole = scores(dnn, plain(GST_VIDEO_FORMAT_GRAY16_LE, 2 * kFrame, 0));
  ASSERT_EQ(hole.size(), 3u);
  EXPECT_NEAR(hole[0], 179 / 255.0, 1e-5);
}

TEST(DnnGray, AGradientComes) {
  for (const char *format : {"GRAY8", "GRAY16_LE"}) {
    DnnHarness dnn;
    dnn.play();
    dnn.caps(format, 32, 24);
    const GstVideoFormat f = gst_video_format_from_string(format);
    const unsigned number = f == GST_VIDEO_FORMAT_GRAY8 ? 140 : 140 * 257;
    for (unsigned i = 0; i < 11; ++i) scores(dnn, plain(f, i * kFrame, number));
    const auto gradients = dnn.gradients();
    ASSERT_FALSE(gradients.empty()) << format;
    EXPECT_EQ(gradients.back()->elements, 3u) << format;
    float sum = 0;
    for (guint i = 0; i < gradients.back()->columns * gradients.back()->rows; ++i) sum += gradients.back()->values[i];
    EXPECT_GT(sum, 0) << format;
    for (auto *gradient : gradients) gst_oneadapt_gradient_free(gradient);
  }
}

TEST(DnnGray, AModelOfOneChannelGetsLuma) {
  DnnHarness dnn;
  dnn.set("model", save_gray(dnn.folder).c_str());
  dnn.play();
  dnn.caps("GRAY8", 32, 24);
  auto found = scores(dnn, plain(GST_VIDEO_FORMAT_GRAY8, 0, 102));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NEAR(found[0], (0.4 - 0.1) / 0.5, 1e-5);
  dnn.caps("RGB", 32, 24);
  found = scores(dnn, dnn.picture(kFrame, kFrame, 255, 0, 0));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NEAR(found[0], (0.299 - 0.1) / 0.5, 1e-5);
  found = scores(dnn, dnn.picture(2 * kFrame, kFrame, 0, 128, 0));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NEAR(found[0], (0.587 * 128 / 255 - 0.1) / 0.5, 1e-5);
}

TEST(DnnGray, AModelOfOneChannelHasOneMean) {
  DnnHarness dnn;
  dnn.set("model", save_gray(dnn.folder).c_str());
  write_file(dnn.folder.file("gray.json"), R"({"input": {"mean": [0, 0, 0]}})");
  EXPECT_NE(start_error(dnn).text.find("\"input.mean\" must be a list of 1 numbers"), std::string::npos);
}

}  // namespace
