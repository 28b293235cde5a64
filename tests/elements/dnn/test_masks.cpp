// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadaptdnn with a model that segments.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "dnn_harness.h"

namespace {

using namespace oneadapt_test;
using Json = nlohmann::json;

/// 32×24, black, with a green block of 4×4 and a red L of 8 + 4 cells.
GstBuffer *painted(const DnnHarness &dnn, GstClockTime pts) {
  GstBuffer *buffer = dnn.picture(pts, kFrame, 0, 0, 0);
  auto pixels = plain_rgb(32, 24, 0, 0, 0);
  paint(pixels, 32, 16, 4, 4, 4, 0, 204, 0);
  paint(pixels, 32, 4, 12, 2, 4, 255, 0, 0);
  paint(pixels, 32, 6, 14, 2, 2, 255, 0, 0);
  gst_buffer_fill(buffer, 0, pixels.data(), pixels.size());
  return buffer;
}

TEST(DnnMasks, InMetasAndJsonLines) {
  DnnHarness dnn;
  const std::string path = dnn.folder.file("results.jsonl");
  dnn.set("model", save_painted(dnn.folder).c_str(), "results-location", path.c_str());
  dnn.start();
  ASSERT_EQ(gst_harness_push(dnn.harness, painted(dnn, 0)), GST_FLOW_OK);
  GstBuffer *out = gst_harness_pull(dnn.harness);
  const auto found = rois(out);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_STREQ(g_quark_to_string(found[0]->roi_type), "red thing");
  EXPECT_EQ(found[0]->x, 4u);
  EXPECT_EQ(found[0]->y, 12u);
  EXPECT_EQ(found[0]->w, 4u);
  EXPECT_EQ(found[0]->h, 4u);
  const GstStructure *mask = gst_video_region_of_interest_meta_get_param(found[0], "mask");
  ASSERT_NE(mask, nullptr);
  guint x = 0, y = 0, width = 0, height = 0;
  EXPECT_TRUE(gst_structure_get(mask, "x", G_TYPE_UINT, &x, "y", G_TYPE_UINT, &y, "width", G_TYPE_UINT, &width,
                                "height", G_TYPE_UINT, &height, nullptr));
  EXPECT_EQ(x, 4u);
  EXPECT_EQ(y, 12u);
  EXPECT_EQ(width, 32u);
  EXPECT_EQ(height, 24u);
  EXPECT_STREQ(gst_structure_get_string(mask, "format"), "segmentation_mask");
  const GValue *dims = gst_structure_get_value(mask, "dims");
  ASSERT_EQ(gst_value_array_get_size(dims), 2u);
  EXPECT_EQ(g_value_get_uint(gst_value_array_get_value(dims, 0)), 4u);
  EXPECT_EQ(g_value_get_uint(gst_value_array_get_value(dims, 1)), 4u);
  auto *data = static_cast<GBytes *>(g_value_get_boxed(gst_structure_get_value(mask, "data")));
  gsize size = 0;
  const auto *bytes = static_cast<const guint8 *>(g_bytes_get_data(data, &size));
  const std::vector<guint8> ell{255, 255, 0, 0, 255, 255, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255};
  EXPECT_EQ(std::vector<guint8>(bytes, bytes + size), ell);
  gst_buffer_unref(out);

  // COCO's counts: down the columns. The first cell is that at column 4, row 12.
  const Json line = lines(path)[0];
  ASSERT_EQ(line["objects"].size(), 2u);
  EXPECT_EQ(line["objects"][0]["mask"]["size"], Json::parse("[24, 32]"));
  EXPECT_EQ(line["objects"][0]["mask"]["counts"], Json::parse("[108, 4, 20, 4, 22, 2, 22, 2, 584]"));
  EXPECT_EQ(line["objects"][1]["detection"]["label"], "green thing");

  // Nine more frames make an interval; its gradient lies where the regions are.
  for (unsigned i = 1; i < 10; ++i) ASSERT_EQ(gst_harness_push(dnn.harness, painted(dnn, i * kFrame)), GST_FLOW_OK);
  const auto gradients = dnn.gradients();
  ASSERT_FALSE(gradients.empty());
  for (GstOneadaptGradient *g : gradients) {
    EXPECT_EQ(g->elements, 2u);
    EXPECT_GT(g->z, 1);
    EXPECT_GT(g->values[0], 0);
    EXPECT_GT(g->values[1], 0);
    EXPECT_EQ(g->values[3], 0);
    gst_oneadapt_gradient_free(g);
  }
  dnn.drop_output();
}

/// Renderings of an upright red thing, with a foot of these widths.
struct Pictures {
  DnnHarness &dnn;
  unsigned widths[2];
  static GstOneadaptRendering *make(guint index, gpointer data) {
    auto *self = static_cast<Pictures *>(data);
    GstOneadaptRendering *r = gst_oneadapt_rendering_new();
    GstCaps *caps = gst_pad_get_current_caps(self->dnn.harness->srcpad);
    GstBuffer *buffer = self->dnn.picture(0, kFrame, 0, 0, 0);
    auto pixels = plain_rgb(32, 24, 0, 0, 0);
    paint(pixels, 32, 4, 4, 2, 16, 255, 0, 0);  // upright
    paint(pixels, 32, 4, 18, self->widths[index], 2, 255, 0, 0);
    gst_buffer_fill(buffer, 0, pixels.data(), pixels.size());
    gst_oneadapt_rendering_add(r, gst_sample_new(buffer, caps, nullptr, nullptr), 0);
    gst_oneadapt_rendering_want(r, 0);
    gst_buffer_unref(buffer);
    gst_caps_unref(caps);
    return r;
  }
};

TEST(DnnMasks, AProfileComparesMasks) {
  DnnHarness dnn;
  dnn.set("model", save_painted(dnn.folder).c_str());
  dnn.start();
  // Upright 2 × 16 pixels, with a foot of 24 × 2 an L of 76. With a foot of 11 it has 50 of them, a match (0.66), while
  // its box has 11 of 24 columns, which would be none; without a foot it has 32 (0.42).
  const auto accuracy = [&](unsigned first) {
    Pictures pictures{dnn, {first, 24}};
    GstQuery *query = gst_query_new_oneadapt_profile(2, Pictures::make, &pictures);
    EXPECT_TRUE(gst_pad_peer_query(dnn.harness->srcpad, query));
    gdouble *found = nullptr;
    guint n = 0;
    guint64 inferences = 0;
    gst_query_parse_oneadapt_profile_result(query, &found, &n, &inferences);
    const double value = n == 2 ? found[0] : -1;
    g_free(found);
    gst_query_unref(query);
    return value;
  };
  EXPECT_EQ(accuracy(24), 1);
  EXPECT_EQ(accuracy(11), 1);
  EXPECT_EQ(accuracy(2), 0);
}

TEST(DnnMasks, AModelThatGivesNoneEndsTheStreamWithOneError) {
  DnnHarness dnn;
  // "boxes" as a dictionary, without masks.
  const std::string path = dnn.folder.file("no-masks.pt");
  save_module(path, R"(
def forward(self, x):
    d = {"boxes": torch.tensor([[4., 4., 12., 12.]]), "labels": torch.tensor([0]), "scores": x.mean().reshape([1])}
    return [d]
)",
              R"({"format": 1, "task": "segmentation", "input": {"multiple_of": 1}, "labels": ["thing"],
                  "output": {"layout": "torchvision"}})");
  dnn.set("model", path.c_str());
  dnn.start();
  EXPECT_EQ(dnn.push(0), GST_FLOW_ERROR);
  EXPECT_EQ(dnn.push(kFrame), GST_FLOW_ERROR);
  const std::string text = only_error(dnn).text;
  EXPECT_NE(text.find("\"model\""), std::string::npos) << text;
  EXPECT_NE(text.find("no \"masks\""), std::string::npos) << text;
}

}  // namespace
