// SPDX-License-Identifier: LGPL-2.1-or-later
// H.264 output: GOPs, sizes, regions, quality.
#include "interval_end.h"
#include "run.h"

namespace {

/// Runs pictures through `launch` (encoder ! decoder) and gives luma PSNR of every decoded picture, in the area given.
struct Decoded {
  std::vector<double> psnr;
  std::size_t count = 0;
};

Decoded through_decoder(const std::string &launch, unsigned frames, unsigned x0, unsigned x1, int delta_qp = 0) {
  Decoded result;
  GstHarness *h = gst_harness_new_parse((launch + " ! h264parse ! avdec_h264 max-threads=1").c_str());
  GstVideoInfo info;
  gst_video_info_set_format(&info, GST_VIDEO_FORMAT_I420, 256, 128);
  info.fps_n = 10;
  info.fps_d = 1;
  gst_harness_set_src_caps(h, gst_video_info_to_caps(&info));
  std::vector<GstBuffer *> sent;
  for (unsigned i = 0; i < frames; i++) {
    GstBuffer *buffer = make_picture(info, 2 * i);
    GST_BUFFER_PTS(buffer) = i * GST_SECOND / 10;
    GST_BUFFER_DURATION(buffer) = GST_SECOND / 10;
    sent.push_back(gst_buffer_ref(buffer));
    if (delta_qp) {
      buffer = gst_buffer_copy(buffer);
      gst_buffer_unref(sent.back());
      auto *roi = gst_buffer_add_video_region_of_interest_meta(buffer, "face", 0, 0, 128, 128);
      gst_video_region_of_interest_meta_add_param(
          roi, gst_structure_new("roi/oneadaptfilter", "delta-qp", G_TYPE_INT, delta_qp, nullptr));
    }
    EXPECT_EQ(gst_harness_push(h, buffer), GST_FLOW_OK);
  }
  gst_harness_push_event(h, gst_event_new_eos());
  while (GstBuffer *buffer = gst_harness_try_pull(h)) {
    GstVideoFrame a, b;
    if (result.count < sent.size() && gst_video_frame_map(&a, &info, sent[result.count], GST_MAP_READ)) {
      EXPECT_TRUE(gst_video_frame_map(&b, &info, buffer, GST_MAP_READ));
      result.psnr.push_back(luma_psnr(static_cast<std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(&a, 0)),
                                      std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(&a, 0)),
                                      static_cast<std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(&b, 0)),
                                      std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(&b, 0)), x0, 0, x1, 128));
      gst_video_frame_unmap(&a);
      gst_video_frame_unmap(&b);
    }
    result.count++;
    gst_buffer_unref(buffer);
  }
  for (GstBuffer *buffer : sent) gst_buffer_unref(buffer);
  gst_harness_teardown(h);
  return result;
}

double mean(const std::vector<double> &values) {
  double sum = 0;
  for (double v : values) sum += v;
  return values.empty() ? 0 : sum / double(values.size());
}

}  // namespace

// Another QP and another map need none; only the first picture is one.
TEST(FilterH264, IntervalsGoOnWithoutAnIdrPicture) {
  FilterRun run;
  std::vector<Out> all;
  for (unsigned i = 0; i < 260; i++) {
    if (i == 12) g_object_set(run.filter, "qp", 40, nullptr);
    if (i == 35) gst_util_set_object_arg(G_OBJECT(run.filter), "qp-map", "map,columns=2,rows=1,offsets=<0,8>");
    for (Out &out : run.through(i, i + 1)) all.push_back(std::move(out));
  }
  ASSERT_EQ(all.size(), 260u);
  for (std::size_t i = 0; i < all.size(); i++) {
    EXPECT_EQ(all[i].idr(), i == 0 || i == 250) << i;
    EXPECT_EQ(all[i].key, all[i].idr()) << i;
  }
  EXPECT_EQ(run.applied("qp"), 40);
  run.expect_all_accounted_for(260);
}

TEST(FilterH264, KeyIntMaxIsTheMostAndFallsOnAnIntervalsBeginning) {
  const auto idr = [](const char *properties, unsigned pictures) {
    FilterRun run("video/x-raw,format=I420,width=64,height=48,framerate=10/1", "video/x-h264", properties);
    std::vector<unsigned> at;
    const auto out = run.through(0, pictures);
    for (unsigned i = 0; i < out.size(); i++)
      if (out[i].idr()) at.push_back(i);
    return at;
  };
  using At = std::vector<unsigned>;
  EXPECT_EQ(idr("key-int-max=25", 65), (At{0, 20, 40, 60})) << "25 would be within the third interval";
  EXPECT_EQ(idr("key-int-max=30", 65), (At{0, 30, 60}));
  EXPECT_EQ(idr("key-int-max=4", 22), (At{0, 4, 8, 10, 14, 18, 20})) << "each interval is divided";
  EXPECT_EQ(idr("key-int-max=1", 5), (At{0, 1, 2, 3, 4}));
}

// User data is in SEI, NAL units of type 6. A GOP in mid-interval begins with a mark, too.
TEST(FilterH264, AnIntervalsFirstAndLastFrameAreMarkedWhateverKindOfPictureTheyAre) {
  FilterRun run("video/x-raw,format=I420,width=64,height=48,framerate=10/1", "video/x-h264", "interval-marks=on");
  std::vector<unsigned> marked, idr;
  for (unsigned i = 0; i < 32; i++) {
    if (i == 15)
      gst_harness_push_upstream_event(run.h, gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 1));
    for (const Out &out : run.through(i, i + 1)) {
      if (std::count(out.nals.begin(), out.nals.end(), 6)) marked.push_back(i);
      if (out.idr()) idr.push_back(i);
    }
  }
  EXPECT_EQ(idr, (std::vector<unsigned>{0, 15}));
  EXPECT_EQ(marked, (std::vector<unsigned>{0, 9, 10, 15, 19, 20, 29, 30}));
}

TEST(FilterH264, EveryIntervalIsOneClosedGopWhereAskedFor) {
  FilterRun run("video/x-raw,format=I420,width=128,height=96,framerate=10/1", "video/x-h264", "key-int-max=10");
  const auto out = run.through(0, 35);
  ASSERT_EQ(out.size(), 35u) << "no picture is held back";
  for (std::size_t i = 0; i < out.size(); i++) {
    EXPECT_EQ(out[i].idr(), i % 10 == 0) << i;
    EXPECT_EQ(out[i].key, i % 10 == 0) << i;
    EXPECT_EQ(std::count(out[i].nals.begin(), out[i].nals.end(), 7), i % 10 == 0) << i;
    EXPECT_EQ(out[i].pts, i * GST_SECOND / 10);
    EXPECT_EQ(out[i].duration, GST_SECOND / 10);
  }
  run.expect_all_accounted_for(35);
  EXPECT_EQ(run.stat("intervals"), 4u);
  std::size_t bytes = 0, third = 0;
  for (std::size_t i = 0; i < out.size(); i++) {
    bytes += out[i].data.size();
    if (i >= 20 && i < 30) third += out[i].data.size();
  }
  EXPECT_EQ(run.stat("bytes"), bytes);
  EXPECT_EQ(run.stat("last-interval-bytes"), third);
}

TEST(FilterH264, IntervalsFollowStreamTimeAndTheProperty) {
  FilterRun run("video/x-raw,format=I420,width=64,height=48,framerate=10/1", "video/x-h264",
                "interval=500000000 key-int-max=5");
  const auto out = run.through(3, 18);  // 0.3 s … 1.7 s
  for (std::size_t i = 0; i < out.size(); i++) EXPECT_EQ(out[i].idr(), i == 0 || i == 2 || i == 7 || i == 12) << i;
}

TEST(FilterH264, PrefersH264AndFallsBackToRaw) {
  for (const auto &[format, media] : {std::pair<const char *, const char *>{"I420", "video/x-h264"},
                                      {"NV12", "video/x-h264"},
                                      {"RGB", "video/x-raw"},
                                      {"YUY2", "video/x-raw"},
                                      {"GRAY8", "video/x-h264"},
                                      {"GRAY16_LE", "video/x-h264"}}) {
    FilterRun run(std::string("video/x-raw,width=64,height=48,framerate=10/1,format=") + format,
                  "");  // downstream takes all
    run.push_range(0, 2);
    GstCaps *caps = gst_pad_get_current_caps(run.h->sinkpad);
    EXPECT_STREQ(gst_structure_get_name(gst_caps_get_structure(caps, 0)), media) << format;
    gst_caps_unref(caps);
  }
}

TEST(FilterH264, CapsNameStreamFormatProfileAndLevel) {
  FilterRun run;
  run.push_range(0, 1);
  GstCaps *caps = gst_pad_get_current_caps(run.h->sinkpad);
  const GstStructure *s = gst_caps_get_structure(caps, 0);
  EXPECT_STREQ(gst_structure_get_string(s, "stream-format"), "byte-stream");
  EXPECT_STREQ(gst_structure_get_string(s, "alignment"), "au");
  EXPECT_STREQ(gst_structure_get_string(s, "profile"), "high");
  EXPECT_TRUE(gst_structure_get_string(s, "level"));
  gst_caps_unref(caps);
}

TEST(FilterH264, CutsOddColumnsAndRows) {
  FilterRun run("video/x-raw,format=I420,width=101,height=67,framerate=10/1");
  const auto out = run.through(0, 2);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].width, 100);
  EXPECT_EQ(out[0].height, 66);
}

TEST(FilterH264, OnlyOffersWhatTheEncoderTakes) {
  FilterRun run("");
  GstCaps *caps = gst_pad_peer_query_caps(run.h->srcpad, nullptr);
  for (const char *good : {"video/x-raw,format=I420,width=101,height=66,framerate=10/1",
                           "video/x-raw,format=NV12,width=16,height=16,framerate=0/1"}) {
    GstCaps *one = gst_caps_from_string(good);
    EXPECT_TRUE(gst_caps_can_intersect(caps, one)) << good;
    gst_caps_unref(one);
  }
  for (const char *bad : {"video/x-raw,format=RGB,width=64,height=64,framerate=10/1",
                          "video/x-raw,format=I420,width=8,height=64,framerate=10/1"}) {
    GstCaps *one = gst_caps_from_string(bad);
    EXPECT_FALSE(gst_caps_can_intersect(caps, one)) << bad;
    gst_caps_unref(one);
  }
  gst_caps_unref(caps);
}

// A decoder needs nothing but the stream, across changes of size and QP in the middle.
TEST(FilterH264, ADecoderFollowsEveryChange) {
  GstHarness *h = gst_harness_new_parse("oneadaptfilter name=f ! h264parse ! avdec_h264 max-threads=1");
  GstElement *filter = gst_harness_find_element(h, "oneadaptfilter");
  GstVideoInfo info;
  gst_video_info_set_format(&info, GST_VIDEO_FORMAT_I420, 160, 120);
  info.fps_n = 10;
  info.fps_d = 1;
  gst_harness_set_src_caps(h, gst_video_info_to_caps(&info));
  const double scales[] = {1, 0.5, 0.75, 1, 0.5};
  unsigned decoded = 0;
  for (unsigned i = 0; i < 50; i++) {
    if (i % 10 == 0) g_object_set(filter, "scale", scales[i / 10], "qp", 20 + int(i) / 2, nullptr);
    GstBuffer *buffer = make_picture(info, i);
    GST_BUFFER_PTS(buffer) = i * GST_SECOND / 10;
    ASSERT_EQ(gst_harness_push(h, buffer), GST_FLOW_OK);
    while (GstBuffer *out = gst_harness_try_pull(h)) {
      GstCaps *caps = gst_pad_get_current_caps(h->sinkpad);
      int width = 0;
      gst_structure_get_int(gst_caps_get_structure(caps, 0), "width", &width);
      EXPECT_EQ(width, int(160 * scales[decoded / 10])) << decoded;
      gst_caps_unref(caps);
      gst_buffer_unref(out);
      decoded++;
    }
  }
  EXPECT_EQ(decoded, 50u);
  gst_object_unref(filter);
  gst_harness_teardown(h);
}

// Behind parser and decoder, a DNN knows the last frame of an interval that is sent, at every frame rate: it alone says
// so.
TEST(FilterH264, OnlyTheLastFrameSaysThatItEndsTheInterval) {
  for (const auto &[num, den] : {std::pair<int, int>{10, 1}, {30000, 1001}, {25, 1}}) {
    for (const char *rate : {"0", "0.5", "1", "2", "3", "4", "5", "6.5", "7", "9", "9.9"}) {
      GstHarness *h = gst_harness_new_parse(
          (std::string("oneadaptfilter framerate=") + rate + " ! h264parse ! avdec_h264 max-threads=1").c_str());
      GstVideoInfo info;
      gst_video_info_set_format(&info, GST_VIDEO_FORMAT_I420, 64, 48);
      info.fps_n = num;
      info.fps_d = den;
      gst_harness_set_src_caps(h, gst_video_info_to_caps(&info));
      const int frames = 3 * num / den;
      for (int i = 0; i < frames; i++) {
        GstBuffer *buffer = make_picture(info, unsigned(i));
        GST_BUFFER_PTS(buffer) = gst_util_uint64_scale(guint64(i), guint64(den) * GST_SECOND, guint64(num));
        GST_BUFFER_DURATION(buffer) = gst_util_uint64_scale(GST_SECOND, guint64(den), guint64(num));
        ASSERT_EQ(gst_harness_push(h, buffer), GST_FLOW_OK);
      }
      std::vector<std::pair<GstClockTime, bool>> out;  // time, and whether it says so
      while (GstBuffer *buffer = gst_harness_try_pull(h)) {
        const GstClockTime pts = GST_BUFFER_PTS(buffer);
        out.emplace_back(pts, oneadapt::ends_interval(buffer, (pts / GST_SECOND + 1) * GST_SECOND));
        gst_buffer_unref(buffer);
      }
      gst_harness_teardown(h);
      ASSERT_GE(out.size(), std::string(rate) == "0.5" ? 2u : 3u);
      for (std::size_t i = 0; i + 1 < out.size(); i++) {
        const GstClockTime boundary = (out[i].first / GST_SECOND + 1) * GST_SECOND;
        EXPECT_EQ(out[i].second, out[i + 1].first >= boundary)
            << num << "/" << den << " at " << rate << ": " << out[i].first;
      }
    }
  }
}

TEST(FilterH264, EqualsX264encInQuality) {
  if (!gst_registry_check_feature_version(gst_registry_get(), "x264enc", 1, 0, 0)) GTEST_SKIP() << "no x264enc";
  const Decoded ours = through_decoder("oneadaptfilter qp=20", 30, 0, 256);
  const Decoded theirs = through_decoder(
      "x264enc pass=quant quantizer=20 speed-preset=veryfast tune=zerolatency key-int-max=10 threads=1 "
      "option-string=ipratio=1:keyint-min=1:scenecut=0 ! video/x-h264,profile=high",
      30, 0, 256);
  ASSERT_EQ(ours.psnr.size(), 30u);
  ASSERT_EQ(theirs.psnr.size(), 30u);
  EXPECT_NEAR(mean(ours.psnr), mean(theirs.psnr), 0.1);
}

TEST(FilterH264, RegionsMoveTheQpThere) {
  const Decoded plain = through_decoder("oneadaptfilter qp=40", 12, 0, 128);
  const Decoded sharp = through_decoder("oneadaptfilter qp=40", 12, 0, 128, -16);
  const Decoded elsewhere = through_decoder("oneadaptfilter qp=40", 12, 160, 256, -16);
  const Decoded plain_elsewhere = through_decoder("oneadaptfilter qp=40", 12, 160, 256);
  ASSERT_EQ(sharp.psnr.size(), 12u);
  EXPECT_GT(mean(sharp.psnr), mean(plain.psnr) + 5);
  EXPECT_NEAR(mean(elsewhere.psnr), mean(plain_elsewhere.psnr), 0.5);
}

TEST(FilterH264, OfOverlappingRegionsTheLastCounts) {
  std::size_t sizes[2];
  for (int order = 0; order < 2; order++) {
    FilterRun run("video/x-raw,format=I420,width=128,height=96,framerate=10/1", "video/x-h264", "qp=30");
    GstBuffer *buffer = run.picture(0);
    for (int i = 0; i < 2; i++) {
      auto *roi = gst_buffer_add_video_region_of_interest_meta(buffer, "r", 0, 0, 128, 96);
      gst_video_region_of_interest_meta_add_param(
          roi, gst_structure_new("roi/oneadaptfilter", "delta-qp", G_TYPE_INT, i == order ? -10 : 10, nullptr));
    }
    ASSERT_EQ(gst_harness_push(run.h, buffer), GST_FLOW_OK);
    sizes[order] = run.pull()[0].data.size();
  }
  EXPECT_GT(sizes[1], 2 * sizes[0]) << "QP 20 came last in the second";
}

TEST(FilterH264, ARegionInMidIntervalIsHonouredAtOnce) {
  FilterRun run("video/x-raw,format=I420,width=128,height=96,framerate=10/1", "video/x-h264", "qp=40");
  const auto before = run.through(0, 5);
  GstBuffer *buffer = run.picture(5);
  auto *roi = gst_buffer_add_video_region_of_interest_meta(buffer, "r", 0, 0, 128, 96);
  gst_video_region_of_interest_meta_add_param(
      roi, gst_structure_new("roi/oneadaptfilter", "delta-qp", G_TYPE_INT, -20, nullptr));
  ASSERT_EQ(gst_harness_push(run.h, buffer), GST_FLOW_OK);
  const auto fine = run.pull();
  EXPECT_FALSE(fine[0].idr());
  EXPECT_GT(fine[0].data.size(), 3 * before[4].data.size());
  for (const Out &out : run.through(6, 25)) EXPECT_FALSE(out.idr()) << out.pts;
  run.expect_all_accounted_for(25);
}

TEST(FilterH264, AMapIsLaidOverTheFrame) {
  // Left half as it is, right half 16 coarser: what a uniform QP makes of each half. As gst-launch-1.0 writes it.
  const std::string mapped = "oneadaptfilter qp=24 qp-map=\"map,columns=2,rows=1,offsets=<0,16>\"";
  EXPECT_NEAR(mean(through_decoder(mapped, 12, 0, 128).psnr),
              mean(through_decoder("oneadaptfilter qp=24", 12, 0, 128).psnr), 0.5);
  EXPECT_NEAR(mean(through_decoder(mapped, 12, 128, 256).psnr),
              mean(through_decoder("oneadaptfilter qp=40", 12, 128, 256).psnr), 0.5);
}

TEST(FilterH264, AMapTakesEffectAtAnIntervalsFirstFrameAndSurvivesScale) {
  FilterRun run("video/x-raw,format=I420,width=128,height=96,framerate=10/1", "video/x-h264", "qp=24 key-int-max=10");
  const auto before = run.through(0, 10);
  gst_util_set_object_arg(G_OBJECT(run.filter), "qp-map", "map,columns=1,rows=1,offsets=<16>");
  const auto with = run.through(10, 20);
  EXPECT_LT(2 * with[0].data.size(), before[0].data.size()) << "QP 40";
  g_object_set(run.filter, "scale", 0.5, nullptr);
  const auto small = run.through(20, 30);
  EXPECT_EQ(small.size(), 10u);
  EXPECT_LT(small[0].data.size(), with[0].data.size());
  g_object_set(run.filter, "scale", 1.0, "qp-map", nullptr, nullptr);
  const auto after = run.through(30, 40);
  EXPECT_GT(after[0].data.size(), 2 * with[0].data.size());
  run.expect_all_accounted_for(40);
}

TEST(FilterH264, RegionsAddToTheMap) {
  std::size_t sizes[2];
  for (int i = 0; i < 2; i++) {
    FilterRun run("video/x-raw,format=I420,width=128,height=96,framerate=10/1", "video/x-h264",
                  i ? "qp=30" : "qp=40 qp-map=\"map,columns=1,rows=1,offsets=<-4>\"");
    GstBuffer *buffer = run.picture(0);
    auto *roi = gst_buffer_add_video_region_of_interest_meta(buffer, "r", 0, 0, 128, 96);
    gst_video_region_of_interest_meta_add_param(
        roi, gst_structure_new("roi/oneadaptfilter", "delta-qp", G_TYPE_INT, i ? 0 : -6, nullptr));
    ASSERT_EQ(gst_harness_push(run.h, buffer), GST_FLOW_OK);
    sizes[i] = run.pull()[0].data.size();
  }
  EXPECT_EQ(sizes[0], sizes[1]) << "40 - 4 - 6 = 30";
}

TEST(FilterH264, AMapThatIsNoneIsRefusedInOneSentence) {
  static int warnings;
  static std::string last;
  warnings = 0;
  FilterRun run("video/x-raw,format=I420,width=128,height=96,framerate=10/1", "video/x-h264", "qp=30 key-int-max=10");
  const auto before = run.through(0, 10);
  const GLogFunc old = g_log_set_default_handler(
      [](const gchar *, GLogLevelFlags, const gchar *text, gpointer) {
        ++warnings;
        last = text;
      },
      nullptr);
  for (const char *bad : {"map,columns=2,rows=1,offsets=<0>", "map,columns=0,rows=1,offsets=<0>",
                          "map,columns=1,rows=1", "map,offsets=<1>", "map,columns=1,rows=1,offsets=<abc>",
                          "map,columns=1,rows=1,offsets=<(double)nan>", "map,columns=-1,rows=-1,offsets=<1>"})
    gst_util_set_object_arg(G_OBJECT(run.filter), "qp-map", bad);
  g_log_set_default_handler(old, nullptr);
  EXPECT_GE(warnings, 6);
  EXPECT_NE(last.find("qp-map"), std::string::npos) << last;
  const auto after = run.through(10, 20);
  EXPECT_NEAR(double(after[0].data.size()), double(before[0].data.size()), 0.3 * double(before[0].data.size()));
  // Beyond what H.264 has: clipped.
  gst_util_set_object_arg(G_OBJECT(run.filter), "qp-map", "map,columns=1,rows=1,offsets=<1000>");
  EXPECT_EQ(run.through(20, 30).size(), 10u);
}

TEST(FilterH264, NoLatency) {
  FilterRun run;
  run.push_range(0, 1);
  EXPECT_EQ(gst_harness_query_latency(run.h), 0u);
}
