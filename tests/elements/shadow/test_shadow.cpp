// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadaptshadow in a harness: pictures pass through, and some carry their second generation.
#include <gst/video/video-sei.h>

#include <algorithm>
#include <cstring>

#include "accuracy_request.h"
#include "run.h"
#include "second_generation.h"
#include "wire/mark.h"

namespace {

/// An oneadaptshadow fed with pictures that are textured and move.
class ShadowRun {
 public:
  explicit ShadowRun(const std::string &caps = "video/x-raw,format=I420,width=128,height=96,framerate=10/1",
                     const char *properties = "every=2")
      : h(gst_harness_new_parse((std::string("oneadaptshadow ") + properties).c_str())), bus(gst_bus_new()) {
    element = gst_harness_find_element(h, "oneadaptshadow");
    gst_element_set_bus(element, bus);
    gst_harness_set_src_caps_str(h, caps.c_str());
    GstCaps *parsed = gst_caps_from_string(caps.c_str());
    gst_video_info_from_caps(&info, parsed);
    gst_caps_unref(parsed);
  }
  ~ShadowRun() {
    gst_element_set_bus(element, nullptr);
    gst_object_unref(bus);
    gst_object_unref(element);
    gst_harness_teardown(h);
  }
  ShadowRun(const ShadowRun &) = delete;
  ShadowRun &operator=(const ShadowRun &) = delete;

  void announce(double qp, const std::vector<float> &offsets = {}) {
    GstStructure *knobs = gst_structure_new("knobs", "qp", G_TYPE_DOUBLE, qp, nullptr);
    GstEvent *event = gst_event_new_oneadapt_configuration(0, knobs, 0, GST_SECOND);
    gst_structure_free(knobs);
    if (!offsets.empty())
      gst_event_set_oneadapt_qp_map(event, guint(info.width), guint(info.height), 16, offsets.data());
    gst_harness_push_event(h, event);
  }
  /// A picture that does not move comes out; unref it.
  GstBuffer *push(const std::vector<std::uint8_t> &mark = {}) {
    GstBuffer *in = make_picture(info, 0);
    GST_BUFFER_PTS(in) = pushed++ * 100 * GST_MSECOND;
    if (!mark.empty()) {
      std::uint8_t uuid[16];
      std::copy(std::begin(oneadapt::kMarkUuid), std::end(oneadapt::kMarkUuid), uuid);
      gst_buffer_add_video_sei_user_data_unregistered_meta(in, uuid, const_cast<std::uint8_t *>(mark.data()),
                                                           mark.size());
    }
    return gst_harness_push_and_pull(h, in);
  }
  /// Mean absolute error of the second generation's luma on part of the picture; −1: there is none.
  double error(GstBuffer *picture, int x0, int y0, int x1, int y1) const {
    GstSample *sample = oneadapt::second_generation_of(picture);
    if (!sample) return -1;
    GstVideoInfo second_info;
    gst_video_info_from_caps(&second_info, gst_sample_get_caps(sample));
    EXPECT_EQ(GST_VIDEO_INFO_FORMAT(&second_info), GST_VIDEO_FORMAT_NV12);
    EXPECT_EQ(second_info.width, info.width & ~1);
    GstVideoFrame first, second;
    gst_video_frame_map(&first, const_cast<GstVideoInfo *>(&info), picture, GST_MAP_READ);
    gst_video_frame_map(&second, &second_info, gst_sample_get_buffer(sample), GST_MAP_READ);
    double sum = 0;
    for (int y = y0; y < y1; y++)
      for (int x = x0; x < x1; x++) sum += std::abs(luma(first, x, y) - luma(second, x, y));
    gst_video_frame_unmap(&second);
    gst_video_frame_unmap(&first);
    return sum / ((x1 - x0) * (y1 - y0));
  }
  static int luma(const GstVideoFrame &frame, int x, int y) {
    return static_cast<guint8 *>(GST_VIDEO_FRAME_COMP_DATA(&frame, 0))[y * GST_VIDEO_FRAME_COMP_STRIDE(&frame, 0) + x];
  }
  /// Of the second picture, whose second generation it carries.
  double error_at(double qp, const std::vector<float> &offsets = {}) {
    announce(qp, offsets);
    gst_buffer_unref(push());
    GstBuffer *picture = push();
    const double e = error(picture, 0, 0, 124, 92);
    gst_buffer_unref(picture);
    return e;
  }

  GstHarness *h;
  GstElement *element;
  GstBus *bus;
  GstVideoInfo info;
  guint64 pushed = 0;
};

}  // namespace

TEST(Shadow, SomePicturesCarryTheirSecondGeneration) {
  ShadowRun run;
  run.announce(36);
  for (int i = 0; i < 6; i++) {
    GstBuffer *before = make_picture(run.info, 0), *after = run.push();
    EXPECT_EQ(oneadapt::second_generation_of(after) != nullptr, i % 2 == 1) << i;
    GstMapInfo a, b;
    gst_buffer_map(before, &a, GST_MAP_READ);
    gst_buffer_map(after, &b, GST_MAP_READ);
    EXPECT_TRUE(a.size == b.size && !std::memcmp(a.data, b.data, a.size)) << "the picture itself is not touched";
    gst_buffer_unmap(before, &a);
    gst_buffer_unmap(after, &b);
    gst_buffer_unref(before);
    gst_buffer_unref(after);
  }
  EXPECT_EQ(stat_of(run.element, "frames"), 6u);
  EXPECT_EQ(stat_of(run.element, "coded"), 6u);
  EXPECT_EQ(stat_of(run.element, "measured"), 3u);
}

TEST(Shadow, LosesMoreTheCoarserThePicturesWere) {
  double before = 0;
  for (double qp : {12, 24, 36, 48}) {
    ShadowRun run;
    const double e = run.error_at(qp);
    EXPECT_GT(e, before + 0.2) << qp;
    before = e;
  }
  EXPECT_GT(before, 5);
}

// On the grid of the first coding a second one would lose next to nothing.
TEST(Shadow, TheSecondGenerationIsInPlace) {
  ShadowRun run;
  EXPECT_LT(run.error_at(4), 1) << "at a fine QP it is the same picture: it was moved back by what it was moved";
  GstBuffer *left_out = nullptr;
  run.announce(48);
  gst_buffer_unref(run.push());
  left_out = run.push();
  EXPECT_EQ(run.error(left_out, 124, 0, 128, 96), 0) << "the last columns are the picture's own";
  EXPECT_EQ(run.error(left_out, 0, 92, 128, 96), 0);
  gst_buffer_unref(left_out);
}

TEST(Shadow, FollowsTheMapOfTheCamera) {
  // 8×6 macroblocks, the right half 20 steps coarser.
  std::vector<float> offsets(48, 0);
  for (std::size_t i = 0; i < offsets.size(); i++) offsets[i] = i % 8 < 4 ? 0.0f : 20.0f;
  ShadowRun run;
  run.announce(24, offsets);
  gst_buffer_unref(run.push());
  GstBuffer *picture = run.push();
  EXPECT_GT(run.error(picture, 72, 0, 124, 92), 2 * run.error(picture, 0, 0, 56, 92));
  gst_buffer_unref(picture);
}

TEST(Shadow, AcrossANetworkMarksSayTheQp) {
  ShadowRun fine, coarse;
  for (ShadowRun *run : {&fine, &coarse}) {
    oneadapt::IntervalMark mark;
    mark.interval_duration = GST_SECOND;
    mark.qp = run == &fine ? 16 : 44;
    mark.measure = true;
    gst_buffer_unref(run->push(oneadapt::encode_mark(mark)));
    GstBuffer *picture = run->push();
    EXPECT_GT(run->error(picture, 0, 0, 124, 92), run == &fine ? 0 : 3);
    EXPECT_LT(run->error(picture, 0, 0, 124, 92), run == &fine ? 2 : 100);
    gst_buffer_unref(picture);
  }
}

TEST(Shadow, CodesNothingWhereNobodyWantsToKnow) {
  ShadowRun run;
  gst_harness_push_event(run.h, oneadapt::new_accuracy_request(false));
  run.announce(36);
  for (int i = 0; i < 3; ++i) {
    GstBuffer *picture = run.push();
    EXPECT_EQ(oneadapt::second_generation_of(picture), nullptr);
    gst_buffer_unref(picture);
  }
  EXPECT_EQ(stat_of(run.element, "coded"), 0u);
  gst_harness_push_event(run.h, oneadapt::new_accuracy_request(true));
  gst_buffer_unref(run.push());
  EXPECT_EQ(stat_of(run.element, "coded"), 1u);
  // oneadaptdnn is told that it need not estimate.
  bool told = false;
  while (GstEvent *event = gst_harness_try_pull_event(run.h)) {
    told = told || oneadapt::second_generations_of(event).value_or(false);
    gst_event_unref(event);
  }
  EXPECT_TRUE(told);
}

TEST(Shadow, Nv12IsTheSamePicture) {
  ShadowRun planar, interleaved("video/x-raw,format=NV12,width=128,height=96,framerate=10/1");
  EXPECT_DOUBLE_EQ(planar.error_at(36), interleaved.error_at(36));
  ShadowRun odd("video/x-raw,format=I420,width=129,height=97,framerate=10/1");
  EXPECT_GT(odd.error_at(36), 1);
}

TEST(Shadow, WhatNobodyAnnouncedPassesThrough) {
  ShadowRun run;
  for (int i = 0; i < 4; i++) {
    GstBuffer *picture = run.push();
    EXPECT_EQ(oneadapt::second_generation_of(picture), nullptr);
    gst_buffer_unref(picture);
  }
  EXPECT_EQ(stat_of(run.element, "coded"), 0u);
  EXPECT_EQ(count_messages(run.bus, GST_MESSAGE_WARNING), 0u);
}

TEST(Shadow, OtherFormatsPassWithOneWarning) {
  for (const char *caps : {"video/x-raw,format=RGB,width=128,height=96,framerate=10/1",
                           "video/x-raw,format=I420,width=16,height=16,framerate=10/1"}) {
    ShadowRun run(caps);
    run.announce(36);
    for (int i = 0; i < 3; i++) {
      GstBuffer *picture = run.push();
      EXPECT_EQ(oneadapt::second_generation_of(picture), nullptr);
      gst_buffer_unref(picture);
    }
    std::string text;
    EXPECT_EQ(count_messages(run.bus, GST_MESSAGE_WARNING, &text), 1u);
    EXPECT_NE(text.find("directly behind the decoder"), std::string::npos) << text;
  }
}

TEST(Shadow, AnotherSizeBeginsAnew) {
  ShadowRun run;
  EXPECT_GT(run.error_at(36), 1);
  gst_harness_set_src_caps_str(run.h, "video/x-raw,format=I420,width=64,height=48,framerate=10/1");
  GstCaps *caps = gst_caps_from_string("video/x-raw,format=I420,width=64,height=48,framerate=10/1");
  gst_video_info_from_caps(&run.info, caps);
  gst_caps_unref(caps);
  gst_buffer_unref(run.push());
  GstBuffer *picture = run.push();
  EXPECT_GT(run.error(picture, 0, 0, 60, 44), 1);
  gst_buffer_unref(picture);
}
