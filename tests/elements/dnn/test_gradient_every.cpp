// SPDX-License-Identifier: LGPL-2.1-or-later
// Several gradients an interval, and their mean. Red 204 scores 0.8 and gives f = 0.995055 alone, with green 102 (0.4)
// z = 0.233461 and f'(0.4) / 256 = 0.0164052 in the block of the green box (see the model's tests). Black: no element.
#include <gtest/gtest.h>

#include "dnn_harness.h"

namespace {

using namespace oneadapt_test;

constexpr double kRed = 0.995055, kBoth = 0.233461, kGreenBlock = 0.0164052;
constexpr double kRounding = 0.023;  // of a block in the message

const GstOneadaptGradient *only(const std::vector<GstOneadaptGradient *> &gradients) {
  EXPECT_EQ(gradients.size(), 1u);
  return gradients.empty() ? nullptr : gradients.front();
}

TEST(GradientEvery, TheMeanOfAllFramesIsSentAfterTheLast) {
  DnnHarness dnn;
  dnn.set("gradient-every", 1);
  dnn.start();
  for (guint64 i = 0; i < 10; ++i) ASSERT_EQ(dnn.push(i * kFrame, 204, i < 6 ? 102 : 0, 0), GST_FLOW_OK);
  Log expected(10, "buffer");
  expected.push_back("gradient 0");
  EXPECT_EQ(dnn.log, expected);
  EXPECT_EQ(dnn.stat("gradients"), 10u);
  const auto gradients = dnn.gradients();
  const GstOneadaptGradient *g = only(gradients);
  ASSERT_NE(g, nullptr);
  EXPECT_EQ(g->interval, 0u);
  EXPECT_EQ(g->stream_time, 900 * GST_MSECOND);
  EXPECT_NEAR(g->z, 0.6 * kBoth + 0.4 * kRed, 1e-4);
  EXPECT_EQ(g->elements, 2u);  // 1.6
  EXPECT_EQ(g->confident, 1u);
  EXPECT_NEAR(g->values[1], 0.6 * kGreenBlock, 0.6 * kGreenBlock * kRounding);
  EXPECT_EQ(g->values[3], 0);
  gdouble z = 0;
  GstStructure *stats = nullptr;
  g_object_get(dnn.element, "stats", &stats, nullptr);
  EXPECT_TRUE(gst_structure_get_double(stats, "z", &z));
  gst_structure_free(stats);
  EXPECT_EQ(z, g->z);
  for (auto *gradient : gradients) gst_oneadapt_gradient_free(gradient);
}

TEST(GradientEvery, EveryFourthFrameAndTheLast) {
  // Green is seen on one frame only: where it counts, it counts for a third.
  for (guint64 green : {3u, 4u, 7u, 9u}) {
    DnnHarness dnn;
    dnn.set("gradient-every", 4);
    dnn.start();
    for (guint64 i = 0; i < 10; ++i) dnn.push(i * kFrame, 204, i == green ? 102 : 0, 0);
    EXPECT_EQ(dnn.stat("gradients"), 3u);
    const auto gradients = dnn.gradients();
    const GstOneadaptGradient *g = only(gradients);
    ASSERT_NE(g, nullptr);
    if (green == 4)
      EXPECT_EQ(g->values[1], 0);
    else
      EXPECT_NEAR(g->values[1], kGreenBlock / 3, kGreenBlock / 3 * kRounding) << green;
    EXPECT_NEAR(g->z, green == 4 ? kRed : (kBoth + 2 * kRed) / 3, 1e-4) << green;
    for (auto *gradient : gradients) gst_oneadapt_gradient_free(gradient);
  }
}

TEST(GradientEvery, IntervalsAreApart) {
  DnnHarness dnn;
  dnn.set("gradient-every", 1);
  dnn.start();
  for (guint64 i = 0; i < 20; ++i) dnn.push(i * kFrame, i < 10 ? 204 : 0, 0, 0);
  const auto gradients = dnn.gradients();
  ASSERT_EQ(gradients.size(), 2u);
  EXPECT_NEAR(gradients[0]->z, kRed, 1e-4);
  EXPECT_EQ(gradients[1]->z, 0);
  EXPECT_EQ(gradients[1]->elements, 0u);
  for (auto *gradient : gradients) gst_oneadapt_gradient_free(gradient);
}

TEST(GradientEvery, ALostLastFrameIsMadeUpForByTheNextIntervalsFirst) {
  DnnHarness dnn;
  dnn.set("gradient-every", 5);
  dnn.start();
  for (guint64 i = 0; i < 20; ++i)
    if (i != 9) dnn.push(i * kFrame, i < 10 ? 204 : 0, 0, 0);
  const auto gradients = dnn.gradients();
  ASSERT_EQ(gradients.size(), 2u);
  EXPECT_EQ(gradients[0]->interval, 0u);
  EXPECT_EQ(gradients[0]->stream_time, GST_SECOND);
  EXPECT_NEAR(gradients[0]->z, kRed / 2, 1e-4);  // its fifth frame, and the black one
  EXPECT_EQ(gradients[1]->interval, 1u);
  EXPECT_EQ(gradients[1]->z, 0);
  for (auto *gradient : gradients) gst_oneadapt_gradient_free(gradient);
}

TEST(GradientEvery, AFlushForgetsTheOthers) {
  DnnHarness dnn;
  dnn.set("gradient-every", 1);
  dnn.start();
  for (guint64 i = 0; i < 9; ++i) dnn.push(i * kFrame);
  push_flush(dnn.harness);
  dnn.push(9 * kFrame, 0, 0, 0);
  const auto gradients = dnn.gradients();
  const GstOneadaptGradient *g = only(gradients);
  ASSERT_NE(g, nullptr);
  EXPECT_EQ(g->z, 0);
  for (auto *gradient : gradients) gst_oneadapt_gradient_free(gradient);
}

TEST(GradientEvery, AFrameOfAnotherSizeInMidInterval) {
  DnnHarness dnn;
  dnn.set("gradient-every", 1);
  dnn.set("input-size", "32x24");
  dnn.play();
  dnn.caps("RGB", 64, 48);
  for (guint64 i = 0; i < 5; ++i) dnn.push(i * kFrame, 204, 102, 0);
  dnn.caps("RGB", 32, 24);
  for (guint64 i = 5; i < 10; ++i) dnn.push(i * kFrame, 204, 102, 0);
  const auto gradients = dnn.gradients();
  const GstOneadaptGradient *g = only(gradients);
  ASSERT_NE(g, nullptr);
  EXPECT_EQ(g->frame_width, 32u);
  EXPECT_EQ(g->frame_height, 24u);
  EXPECT_NEAR(g->z, kBoth, 1e-4);
  // The DNN saw the same picture all along; a large frame's map is carried over with Σ value · pixels kept.
  EXPECT_NEAR(g->values[1], kGreenBlock, kGreenBlock * 0.1);
  for (auto *gradient : gradients) gst_oneadapt_gradient_free(gradient);
}

TEST(GradientEvery, FramesWithAGradientAreInferred) {
  DnnHarness dnn;
  dnn.set("gradient-every", 3);
  dnn.set("inference-interval", 100);
  dnn.start();
  for (guint64 i = 0; i < 10; ++i) dnn.push(i * kFrame);
  EXPECT_EQ(dnn.stat("inferences"), 5u);  // 0 for the first results; 2, 5, 8 and 9
  EXPECT_EQ(dnn.stat("gradients"), 4u);
  for (auto *gradient : dnn.gradients()) gst_oneadapt_gradient_free(gradient);
}

TEST(GradientEvery, MayChangeWhileItPlays) {
  DnnHarness dnn;
  dnn.start();
  for (guint64 i = 0; i < 30; ++i) {
    if (i == 10) dnn.set("gradient-every", 2);
    if (i == 20) dnn.set("gradient-every", 0);
    dnn.push(i * kFrame);
  }
  EXPECT_EQ(dnn.stat("gradients"), 1u + 5u + 1u);
  guint every = 7;
  g_object_get(dnn.element, "gradient-every", &every, nullptr);
  EXPECT_EQ(every, 0u);
  const auto gradients = dnn.gradients();
  EXPECT_EQ(gradients.size(), 3u);
  for (auto *gradient : gradients) gst_oneadapt_gradient_free(gradient);
}

// The gradient of √(x − x) is not finite where the picture is bright.
TEST(GradientEvery, AGradientThatIsNotFiniteIsLeftOut) {
  DnnHarness dnn;
  save_module(dnn.folder.file("steep.pt"),
              "def forward(self, x):\n    s = 0.6 + 0.2 * x.mean()\n    if float(x.mean()) > 0.5:\n"
              "        s = 0.8 + torch.sqrt(x.mean() - x.mean())\n"
              "    return torch.tensor([[4., 4., 12., 12.]]), s.unsqueeze(0), torch.tensor([0])\n",
              colours_description());
  dnn.set("model", dnn.folder.file("steep.pt").c_str());
  dnn.set("gradient-every", 1);
  dnn.start();
  // Black: score 0.6, f = 0.761594. The last frame of interval 0 and all of interval 1 are white.
  for (guint64 i = 0; i < 20; ++i) {
    const int level = i < 9 ? 0 : 255;
    ASSERT_EQ(dnn.push(i * kFrame, level, level, level), GST_FLOW_OK);
  }
  EXPECT_EQ(dnn.messages(GST_MESSAGE_WARNING).size(), 1u);
  EXPECT_EQ(dnn.stat("gradients"), 9u);
  EXPECT_EQ(dnn.stat("failed-gradients"), 11u);
  const auto gradients = dnn.gradients();
  const GstOneadaptGradient *g = only(gradients);
  ASSERT_NE(g, nullptr);
  EXPECT_EQ(g->interval, 0u);
  EXPECT_NEAR(g->z, 0.761594, 1e-4);
  for (auto *gradient : gradients) gst_oneadapt_gradient_free(gradient);
}

}  // namespace
