// SPDX-License-Identifier: LGPL-2.1-or-later
// A controller in lockstep says that an interval is over, where frames do not say which one is its last.
#include <gtest/gtest.h>

#include "dnn_harness.h"
#include "interval_drain.h"

namespace {

using namespace oneadapt_test;
using namespace oneadapt;

constexpr GstClockTime kNoDuration = GST_CLOCK_TIME_NONE;

/// Of frames that do not say how long they last.
struct Variable : DnnHarness {
  explicit Variable(const char *property = nullptr, guint value = 0) {
    if (property) set(property, value);
    play();
    caps("RGB", 32, 24, "0/1");
  }
  GstFlowReturn frame(GstClockTime pts, int r = 204) { return push(pts, r, 0, 0, kNoDuration); }
  DrainAnswers over(guint64 interval, GstClockTime duration = GST_SECOND) {
    GstQuery *query = new_interval_drain({interval, duration});
    EXPECT_TRUE(gst_pad_peer_query(harness->srcpad, query));
    const DrainAnswers answers = answers_of(query);
    gst_query_unref(query);
    EXPECT_EQ(answers.dnns, 1u);
    return answers;
  }
};

}  // namespace

TEST(DnnIntervalOver, TheLastFrameThatCameHasTheGradient) {
  Variable dnn;
  for (const GstClockTime ms : {0, 130, 700}) ASSERT_EQ(dnn.frame(ms * GST_MSECOND), GST_FLOW_OK);
  dnn.gradients();  // the early one
  EXPECT_EQ(dnn.over(0).sent, 1u);
  auto gradients = dnn.gradients();
  ASSERT_EQ(gradients.size(), 1u);
  EXPECT_EQ(gradients[0]->interval, 0u);
  EXPECT_EQ(gradients[0]->stream_time, 700 * GST_MSECOND);
  EXPECT_GT(gradients[0]->z, 0);
  gst_oneadapt_gradient_free(gradients[0]);
  // Once is enough, and the next interval's first frame owes none.
  EXPECT_EQ(dnn.over(0).sent, 1u);
  ASSERT_EQ(dnn.frame(1200 * GST_MSECOND), GST_FLOW_OK);
  EXPECT_TRUE(dnn.gradients().empty());
  EXPECT_EQ(dnn.pull().size(), 4u);
}

// A camera's clock was put back, and a decoder in between holds time at where it was, so that the interval's frames
// have had their gradient.
TEST(DnnIntervalOver, AnotherIntervalOfThatNumberHasNone) {
  Variable dnn;
  dnn.frame(0);
  EXPECT_EQ(dnn.over(0).sent, 1u);
  EXPECT_EQ(dnn.over(1).sent, 0u);
  dnn.frame(0);
  EXPECT_EQ(dnn.over(0).sent, 0u);
}

TEST(DnnIntervalOver, ResultsAreReportedOnce) {
  Variable dnn;
  dnn.frame(0);
  dnn.over(0);
  EXPECT_EQ(dnn.stat("frames"), 1u);
  EXPECT_EQ(dnn.stat("inferences"), 2u);
  EXPECT_EQ(dnn.pull().size(), 1u);
}

TEST(DnnIntervalOver, AnIntervalWithoutFramesHasNone) {
  Variable dnn;
  dnn.frame(0);
  dnn.over(0);
  dnn.gradients();
  EXPECT_EQ(dnn.over(1).sent, 0u);
  EXPECT_EQ(dnn.over(G_MAXUINT64).sent, 0u);  // none is over
  EXPECT_EQ(dnn.over(0, 2 * GST_SECOND).sent, 0u) << "of another length";
  EXPECT_TRUE(dnn.gradients().empty());
}

TEST(DnnIntervalOver, AFrameThatSaysThatItIsTheLastIsNotInferredAgain) {
  DnnHarness dnn;
  dnn.start();
  for (int i = 0; i < 10; ++i) dnn.push(GstClockTime(i) * kFrame);
  const guint64 inferences = dnn.stat("inferences");
  GstQuery *query = new_interval_drain({0, GST_SECOND});
  gst_pad_peer_query(dnn.harness->srcpad, query);
  EXPECT_EQ(answers_of(query).sent, 1u);
  gst_query_unref(query);
  EXPECT_EQ(dnn.stat("inferences"), inferences);
}

TEST(DnnIntervalOver, AMeanNeedsNoOtherInferenceWhereTheLastFrameIsPartOfIt) {
  Variable dnn("gradient-every", 2);
  dnn.frame(0, 160);
  dnn.frame(400 * GST_MSECOND, 160);
  dnn.gradients();
  EXPECT_EQ(dnn.over(0).sent, 1u);
  EXPECT_EQ(dnn.gradients().size(), 1u);
  EXPECT_EQ(dnn.stat("inferences"), 2u);
}

TEST(DnnIntervalOver, FramesAreGivenBack) {
  Variable dnn;
  GstBuffer *kept = dnn.picture(0, kNoDuration, 204, 0, 0);
  gst_buffer_ref(kept);
  ASSERT_EQ(gst_harness_push(dnn.harness, kept), GST_FLOW_OK);
  dnn.drop_output();
  EXPECT_EQ(GST_MINI_OBJECT_REFCOUNT_VALUE(kept), 2) << "held for a controller that may ask";
  GstQuery *query = gst_query_new_drain();  // anybody's: a decoder wants its pool back
  gst_pad_peer_query(dnn.harness->srcpad, query);
  gst_query_unref(query);
  EXPECT_EQ(GST_MINI_OBJECT_REFCOUNT_VALUE(kept), 1);
  gst_buffer_unref(kept);
}

TEST(DnnIntervalOver, FramesAreNotHeldWhereNobodyAsks) {
  Variable dnn;
  dnn.frame(0);
  dnn.frame(1100 * GST_MSECOND);
  GstBuffer *kept = dnn.picture(1200 * GST_MSECOND, kNoDuration, 204, 0, 0);
  gst_buffer_ref(kept);
  ASSERT_EQ(gst_harness_push(dnn.harness, kept), GST_FLOW_OK);
  dnn.drop_output();
  EXPECT_EQ(GST_MINI_OBJECT_REFCOUNT_VALUE(kept), 1);
  gst_buffer_unref(kept);
}

// A sink that waits for its first buffer would hold the question back.
TEST(DnnIntervalOver, WhatLiesBehindIsNotAsked) {
  Variable dnn;
  dnn.frame(0);
  unsigned asked = 0;
  gst_pad_add_probe(
      dnn.harness->sinkpad, GstPadProbeType(GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM | GST_PAD_PROBE_TYPE_PUSH),
      [](GstPad *, GstPadProbeInfo *info, gpointer count) {
        *static_cast<unsigned *>(count) += GST_QUERY_TYPE(GST_PAD_PROBE_INFO_QUERY(info)) == GST_QUERY_DRAIN ? 1 : 0;
        return GST_PAD_PROBE_OK;
      },
      &asked, nullptr);
  EXPECT_EQ(dnn.over(0).sent, 1u);
  EXPECT_EQ(asked, 0u);
  GstQuery *drain = gst_query_new_drain();  // somebody else's
  gst_pad_peer_query(dnn.harness->srcpad, drain);
  gst_query_unref(drain);
  EXPECT_EQ(asked, 1u);
}

TEST(DnnIntervalOver, TwoElementsAreTwoDnns) {
  Variable one, two;
  GstQuery *query = new_interval_drain({});
  gst_pad_peer_query(one.harness->srcpad, query);
  gst_pad_peer_query(two.harness->srcpad, query);
  gst_pad_peer_query(two.harness->srcpad, query);  // by another branch
  EXPECT_EQ(answers_of(query).dnns, 2u);
  gst_query_unref(query);
}
