// SPDX-License-Identifier: LGPL-2.1-or-later
// Accuracy measured on second generations. Red 204 scores 0.8, green 204 as well: two objects (see the model's tests).
#include <gtest/gtest.h>

#include <optional>

#include "accuracy_request.h"
#include "dnn_harness.h"
#include "second_generation.h"

namespace {

using namespace oneadapt_test;

/// A picture that comes with a second generation of another colour.
GstBuffer *with_second(const DnnHarness &dnn, GstBuffer *picture, int r, int g, int b) {
  GstBuffer *again = dnn.picture(0, kFrame, r, g, b);
  GstCaps *caps = gst_caps_from_string("video/x-raw,format=RGB,width=32,height=24,framerate=10/1");
  GstSample *sample = gst_sample_new(again, caps, nullptr, nullptr);
  oneadapt::attach_second_generation(picture, sample);
  gst_sample_unref(sample);
  gst_caps_unref(caps);
  gst_buffer_unref(again);
  return picture;
}

/// An interval of ten frames, the third of which is measured; the gradient that is sent. Free it.
GstOneadaptGradient *interval(DnnHarness &dnn, guint64 number, int r, int g, int second_r, int second_g) {
  for (guint64 i = 0; i < 10; ++i) {
    const GstClockTime time = number * GST_SECOND + i * kFrame;
    GstBuffer *picture = dnn.picture(time, kFrame, r, g, 0);
    if (i == 2) with_second(dnn, picture, second_r, second_g, 0);
    EXPECT_EQ(gst_harness_push(dnn.harness, picture), GST_FLOW_OK);
  }
  const auto gradients = dnn.gradients();
  EXPECT_EQ(gradients.size(), 1u);
  for (std::size_t i = 1; i < gradients.size(); ++i) gst_oneadapt_gradient_free(gradients[i]);
  return gradients.empty() ? nullptr : gradients.front();
}

void expect(GstOneadaptGradient *gradient, guint frames, guint occupied, double accuracy, guint objects) {
  ASSERT_NE(gradient, nullptr);
  EXPECT_EQ(gradient->measured_frames, frames);
  EXPECT_EQ(gradient->measured_occupied, occupied);
  EXPECT_NEAR(occupied ? gradient->measured_accuracy : accuracy, accuracy, 1e-4);
  EXPECT_EQ(gradient->measured_objects, objects);
  gst_oneadapt_gradient_free(gradient);
}

TEST(Measuring, IsTheF1OfTheSecondGenerationAgainstTheFirst) {
  DnnHarness dnn;
  dnn.start();
  expect(interval(dnn, 0, 204, 204, 204, 204), 1, 1, 1, 4);
  // One of two is lost, and of those before, which count 0.6 as much, none was.
  double kept = (0.6 * 2 + 1) / (0.6 * 2 + 2);
  expect(interval(dnn, 1, 204, 204, 204, 0), 1, 1, 2 * kept / (1 + kept), 3);
  kept = (0.36 * 2 + 0.6) / (0.36 * 2 + 0.6 * 2 + 1);
  expect(interval(dnn, 2, 204, 0, 0, 0), 1, 1, 2 * kept / (1 + kept), 1);
  expect(interval(dnn, 3, 0, 0, 204, 0), 1, 1, 0, 1);  // what appears is as wrong as what is lost
  expect(interval(dnn, 4, 0, 0, 0, 0), 1, 0, 1, 0);
  EXPECT_EQ(dnn.stat("measurements"), 5u);
  EXPECT_EQ(dnn.stat("inferences"), 50u) << "of the stream's own frames";
  EXPECT_EQ(stat_number_of(dnn.element, "measured-accuracy"), 0) << "of the last interval in which something was found";
}

TEST(Measuring, ResultsAreThoseOfTheFirstGeneration) {
  DnnHarness dnn;
  dnn.start();
  GstBuffer *picture = with_second(dnn, dnn.picture(0, kFrame, 204, 0, 0), 0, 204, 0);
  gst_harness_push(dnn.harness, picture);
  for (GstBuffer *out : dnn.pull()) {
    EXPECT_EQ(rois(out).size(), 1u);
    EXPECT_STREQ(g_quark_to_string(rois(out)[0]->roi_type), "red thing");
    EXPECT_EQ(oneadapt::second_generation_of(out), nullptr) << "it does not stay with the picture";
    gst_buffer_unref(out);
  }
}

TEST(Measuring, WithoutAShadowNothingIsSaid) {
  DnnHarness dnn;
  dnn.start();
  for (guint64 i = 0; i < 10; ++i) dnn.push(i * kFrame);
  const auto gradients = dnn.gradients();
  ASSERT_EQ(gradients.size(), 1u);
  expect(gradients[0], 0, 0, 1, 0);
  EXPECT_EQ(dnn.stat("measurements"), 0u);
}

TEST(Measuring, WithoutGradientsNothingIsMeasured) {
  DnnHarness dnn;
  dnn.set("gradient", FALSE);
  dnn.start();
  gst_harness_push(dnn.harness, with_second(dnn, dnn.picture(0, kFrame, 204, 0, 0), 0, 0, 0));
  EXPECT_EQ(dnn.stat("measurements"), 0u);
}

// Red 136 scores 0.53. At QP 51 its chroma falls on a step below, and it becomes 124, or 0.49: lost at θ = 0.5.
class Requantising : public testing::Test {
 protected:
  void begin(double qp, std::optional<bool> wanted, bool shadow = false) {
    dnn.start();
    if (wanted) gst_harness_push_event(dnn.harness, oneadapt::new_accuracy_request(*wanted));
    if (shadow) gst_harness_push_event(dnn.harness, oneadapt::new_second_generations(true));
    GstStructure *knobs = gst_structure_new("knobs", "qp", G_TYPE_DOUBLE, qp, nullptr);
    gst_harness_push_event(dnn.harness, gst_event_new_oneadapt_configuration(0, knobs, 0, GST_SECOND));
    gst_structure_free(knobs);
  }
  GstOneadaptGradient *play(guint64 number) {
    for (guint64 i = 0; i < 10; ++i) EXPECT_EQ(dnn.push(number * GST_SECOND + i * kFrame, 136, 0, 0), GST_FLOW_OK);
    const auto gradients = dnn.gradients();
    EXPECT_EQ(gradients.size(), 1u);
    return gradients.empty() ? nullptr : gradients.front();
  }
  DnnHarness dnn;
};

TEST_F(Requantising, IsDoneWhereNobodyHandsOnASecondGeneration) {
  begin(51, true);
  expect(play(0), 1, 1, 0, 1);
  expect(play(1), 1, 1, 0, 1);
  expect(play(2), 2, 2, 0, 2);  // one picture in seven: the 7th, 14th, 21st and 28th
  EXPECT_EQ(dnn.stat("measurements"), 4u);
  EXPECT_EQ(dnn.stat("inferences"), 30u) << "of the stream's own frames";
}

TEST_F(Requantising, AFineCodingLosesNothing) {
  begin(10, true);
  expect(play(0), 1, 1, 1, 2);
}

// Coded at 20 times the width: 26 steps finer.
TEST_F(Requantising, APictureThatWasMadeSmallerHasSmallerErrors) {
  dnn.start();
  gst_harness_push_event(dnn.harness, oneadapt::new_accuracy_request(true));
  GstStructure *knobs = gst_structure_new("knobs", "qp", G_TYPE_DOUBLE, 51.0, nullptr);
  GstEvent *event = gst_event_new_oneadapt_configuration(0, knobs, 0, GST_SECOND);
  gst_structure_free(knobs);
  const std::vector<float> map(40 * 30, 0);
  ASSERT_TRUE(gst_event_set_oneadapt_qp_map(event, 640, 480, 16, map.data()));
  gst_harness_push_event(dnn.harness, event);
  expect(play(0), 1, 1, 1, 2);
}

TEST_F(Requantising, NotWhereNobodyWantsToKnow) {
  begin(51, std::nullopt);
  expect(play(0), 0, 0, 1, 0);
  gst_harness_push_event(dnn.harness, oneadapt::new_accuracy_request(false));
  expect(play(1), 0, 0, 1, 0);
}

TEST_F(Requantising, NotBehindAShadow) {
  begin(51, true, true);
  expect(play(0), 0, 0, 1, 0);
}

}  // namespace
