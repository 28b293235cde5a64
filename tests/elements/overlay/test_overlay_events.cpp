// SPDX-License-Identifier: LGPL-2.1-or-later
// What the events make visible: heat map, QP map, status line.
#include <algorithm>
#include <memory>

#include "overlay_run.h"

using namespace overlay_test;

namespace {

const char *const kMapOnly = "boxes=false status=false gradient=true";
const Rect kStrip{0, 220, 320, 240};  // 10 pixels of text and its margins need less

GstEvent *broken(const char *name, const char *field) {
  return gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM,
                              gst_structure_new(name, field, G_TYPE_STRING, "nonsense", nullptr));
}

/// A QP map of 20×15 blocks, all `offset` but the first row, which is 0.
GstEvent *with_qp_map(GstEvent *event, float offset) {
  std::vector<float> offsets(300, offset);
  std::fill(offsets.begin(), offsets.begin() + 20, 0.0f);
  EXPECT_TRUE(gst_event_set_oneadapt_qp_map(event, 320, 240, 16, offsets.data()));
  return event;
}

}  // namespace

TEST(HeatMap, IsOnTheHotBlocksOnly) {
  OverlayRun run(kMapOnly);
  run.send(gradient_event(320, 240, {{3, 2}, {19, 14}}));
  const auto shot = run.shoot();
  const Rect a{48, 32, 64, 48}, b{304, 224, 320, 240};
  EXPECT_EQ(shot->changes(a), 256);
  EXPECT_EQ(shot->changes(b), 256);
  EXPECT_EQ(shot->changes_outside([&](int x, int y) { return a.has(x, y) || b.has(x, y); }), 0);
  const Rgb p = shot->rgb(56, 40);  // the hottest is yellow, half transparent over dark grey
  EXPECT_GT(p.r, 130);
  EXPECT_GT(p.g, 120);
  EXPECT_LT(p.b, 120);
}
TEST(HeatMap, FollowsTheFrameWhenThatIsScaled) {
  // The DNN saw 160×120 with 10×8 blocks, of which the last row is cut to 8 pixels; the frame is twice as large.
  OverlayRun run(kMapOnly);
  run.send(gradient_event(160, 120, {{3, 2}, {9, 7}}));
  const auto shot = run.shoot();
  const Rect a{96, 64, 128, 96}, b{288, 224, 320, 240};
  EXPECT_EQ(shot->changes(a), 32 * 32);
  EXPECT_EQ(shot->changes(b), 32 * 16);
  EXPECT_EQ(shot->changes_outside([&](int x, int y) { return a.has(x, y) || b.has(x, y); }), 0);
}
TEST(HeatMap, FollowsAFrameThatIsSmallerAndOddToo) {
  OverlayRun run(kMapOnly, "video/x-raw,format=BGRx,width=107,height=80,framerate=10/1");
  run.send(gradient_event(320, 240, {{6, 6}}));  // 96…112 of 320 and of 240
  const auto shot = run.shoot();
  const Rect inside{33, 33, 37, 37}, around{31, 31, 39, 39};
  EXPECT_EQ(shot->changes(inside), 16);
  EXPECT_EQ(shot->changes_outside([&](int x, int y) { return around.has(x, y); }), 0);
}
TEST(HeatMap, OpacityIsThatOfTheHottest) {
  OverlayRun run(kMapOnly);
  run.send(gradient_event(320, 240, {{3, 2}}));
  run.set("gradient-opacity", "1");
  const Rgb full = run.shoot()->rgb(56, 40);
  EXPECT_NEAR(full.r, 255, 1);
  EXPECT_NEAR(full.g, 242, 1);  // 0.95 of 255
  run.set("gradient-opacity", "0.25");
  auto shot = run.shoot();
  for (const auto &[x, y] : {std::pair{50, 35}, {56, 40}, {63, 47}})
    EXPECT_NEAR(shot->rgb(x, y).r, 0.75 * (shot->rgb(x, y).r - shot->brighter(x, y)) + 0.25 * 255, 2);
  run.set("gradient-opacity", "0");
  EXPECT_EQ(run.shoot()->changes({0, 0, 320, 240}), 0);
}
TEST(HeatMap, WhereItIsTransparentNoFormatChanges) {
  guint n = 0;
  const GstVideoFormat *all = gst_video_formats_raw(&n);
  for (guint i = 0; i < n; ++i) {
    const GstVideoFormatInfo *format = gst_video_format_get_info(all[i]);
    const auto odd = GST_VIDEO_FORMAT_FLAG_PALETTE | GST_VIDEO_FORMAT_FLAG_TILED | GST_VIDEO_FORMAT_FLAG_COMPLEX;
    // The test's pictures have noise in bits without meaning, and it finds its samples in plain layouts only.
    if (GST_VIDEO_FORMAT_INFO_BITS(format) != 8 || (GST_VIDEO_FORMAT_INFO_FLAGS(format) & odd)) continue;
    OverlayRun run(kMapOnly, std::string("video/x-raw,width=322,height=241,framerate=10/1,format=") +
                                 gst_video_format_to_string(all[i]));
    run.send(gradient_event(322, 241, {{3, 2}}));
    run.set("gradient-opacity", "0");
    EXPECT_EQ(run.shoot()->changes({0, 0, 322, 241}), 0) << gst_video_format_to_string(all[i]);
  }
}
TEST(HeatMap, TheNewestReplacesTheLast) {
  OverlayRun run(kMapOnly);
  run.send(gradient_event(320, 240, {{3, 2}}, 0));
  EXPECT_TRUE(run.shoot()->changed(56, 40));
  run.send(gradient_event(320, 240, {{5, 5}}, 1, 1900 * GST_MSECOND));
  const auto shot = run.shoot(run.picture(2 * GST_SECOND));
  EXPECT_FALSE(shot->changed(56, 40));
  EXPECT_TRUE(shot->changed(88, 88));
}
TEST(HeatMap, GoesWhenNothingCameForThreeIntervals) {
  OverlayRun run(kMapOnly);
  run.send(gradient_event(320, 240, {{3, 2}}, 0, 900 * GST_MSECOND));
  EXPECT_TRUE(run.shoot(run.picture(3900 * GST_MSECOND))->changed(56, 40));
  EXPECT_TRUE(run.shoot(run.picture(5 * GST_SECOND))->same_bytes());
}
TEST(HeatMap, AFlushForgetsIt) {
  OverlayRun run(kMapOnly);
  run.send(gradient_event(320, 240, {{3, 2}}));
  EXPECT_TRUE(run.shoot()->changed(56, 40));
  run.send(gst_event_new_flush_start());
  run.send(gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  run.send(gst_event_new_segment(&segment));
  EXPECT_TRUE(run.shoot()->same_bytes());
}
TEST(HeatMap, AnAllZeroGradientShowsNothing) {
  OverlayRun run(kMapOnly);
  run.send(gradient_event(320, 240, {}));
  EXPECT_EQ(run.shoot()->changes({0, 0, 320, 240}), 0);
}

TEST(Legend, SaysWhereTheColoursEnd) {
  OverlayRun run(kMapOnly);
  run.send(gradient_event(320, 240, {{3, 8}}));
  const Rect corner{0, 0, 200, 20}, hot{48, 128, 64, 144};
  EXPECT_EQ(run.shoot()->changes(corner), 0);  // not asked for
  run.set("legend", "true");
  const auto shot = run.shoot();
  EXPECT_GT(shot->changes(corner), 1000);
  EXPECT_EQ(shot->changes_outside([&](int x, int y) { return corner.has(x, y) || hot.has(x, y); }), 0);
  // Its bar ends in the colour of the hottest.
  int yellow = 0;
  for (int x = 0; x < 200; ++x) {
    const Rgb p = shot->rgb(x, 8);
    yellow += p.r > 200 && p.g > 180 && p.b < 120;
  }
  EXPECT_GT(yellow, 3);
  run.set("gradient", "false");
  EXPECT_TRUE(run.shoot()->same_bytes());
}
TEST(Legend, SaysThatThereIsNothing) {
  OverlayRun run(kMapOnly);
  run.set("legend", "true");
  run.send(gradient_event(320, 240, {}));
  EXPECT_GT(run.shoot()->changes({0, 0, 120, 20}), 500);
}
TEST(Legend, IsLeftOutWhereThereIsNoRoom) {
  OverlayRun run(kMapOnly, "video/x-raw,format=BGRx,width=40,height=32,framerate=10/1");
  run.set("legend", "true");
  run.send(gradient_event(40, 32, {{2, 1}}));
  EXPECT_EQ(run.shoot()->changes({0, 0, 32, 16}), 0);
}

TEST(QpMap, RedIsSharperBlueIsCoarser) {
  OverlayRun run("status=false qp-map=true");
  run.send(with_qp_map(configuration_event(), -6));
  auto shot = run.shoot();
  EXPECT_EQ(shot->changes({0, 0, 320, 16}), 0);  // offset 0
  EXPECT_GT(shot->changes({0, 16, 320, 240}), 320 * 224 * 9 / 10);
  Rgb p = shot->rgb(100, 100);
  EXPECT_GT(p.r, p.b + 30);
  run.send(with_qp_map(configuration_event(), 12));
  shot = run.shoot();
  p = shot->rgb(100, 100);
  EXPECT_GT(p.b, p.r + 60);
  run.send(configuration_event());  // a configuration without a map
  EXPECT_TRUE(run.shoot()->same_bytes());
}

// The map is of the picture that was coded: mirrored, it would be in wrong places.
TEST(QpMap, IsNotDrawnOnAPictureThatWasMoved) {
  const char *const caps = "video/x-raw,format=BGRx,width=320,height=240,framerate=10/1";
  for (const auto &[in_front, drawn] :
       {std::pair{"videoscale ! ", true},
        {"videoflip video-direction=horiz ! ", false},
        {"videocrop left=20 ! videoscale ! video/x-raw,width=320,height=240 ! ", false}}) {
    OverlayRun run("boxes=false status=false qp-map=true", caps, in_front);
    GstBus *bus = gst_bus_new();
    gst_element_set_bus(run.element, bus);
    for (guint64 interval : {1, 2}) {
      run.send(with_qp_map(configuration_event(interval), -6));
      EXPECT_EQ(gst_harness_push(run.harness, run.picture()), GST_FLOW_OK);
      GstBuffer *after = gst_harness_pull(run.harness);
      // The texture is dark; the map makes it red.
      GstMapInfo map;
      ASSERT_TRUE(gst_buffer_map(after, &map, GST_MAP_READ));
      const guint8 *middle = map.data + (120 * 320 + 160) * 4;
      EXPECT_EQ(middle[2] > 110, drawn) << in_front;
      gst_buffer_unmap(after, &map);
      gst_buffer_unref(after);
    }
    int warnings = 0;
    while (GstMessage *m = gst_bus_pop_filtered(bus, GST_MESSAGE_WARNING)) {
      ++warnings;
      gst_message_unref(m);
    }
    EXPECT_EQ(warnings, drawn ? 0 : 1) << in_front;
    gst_element_set_bus(run.element, nullptr);
    gst_object_unref(bus);
  }
}
TEST(Status, IsInItsStripOnly) {
  OverlayRun run;
  run.send(configuration_event());
  const auto shot = run.shoot();
  EXPECT_GT(shot->changes(kStrip), 320 * 14);
  EXPECT_EQ(shot->changes_outside([&](int x, int y) { return kStrip.has(x, y); }), 0);
  int bright = 0;
  for (int y = kStrip.y0; y < kStrip.y1; ++y)
    for (int x = 0; x < 320; ++x) bright += shot->rgb(x, y).g > 200;
  EXPECT_GT(bright, 100);
}
TEST(Status, SaysOnlyWhatIsKnown) {
  OverlayRun run;
  EXPECT_TRUE(run.shoot()->same_bytes());
  const auto text_end = [&] {
    const auto shot = run.shoot();
    int end = 0;
    for (int y = kStrip.y0; y < kStrip.y1; ++y)
      for (int x = 0; x < 320; ++x)
        if (shot->rgb(x, y).g > 130) end = std::max(end, x);
    return end;
  };
  run.send(configuration_event(1, GST_ONEADAPT_BYTES_UNKNOWN));
  const int knobs = text_end();
  run.send(configuration_event());
  const int and_rate = text_end();
  run.send(gradient_event(320, 240, {}));
  const int and_z = text_end();
  EXPECT_GT(knobs, 100);
  EXPECT_GT(and_rate, knobs + 20);
  EXPECT_GT(and_z, and_rate + 20);
}
TEST(Status, ObjectsAreCountedThoughBoxesAreOff) {
  OverlayRun run("boxes=false");
  GstBuffer *picture = run.picture();
  add_box(picture, run.info, 0.1, 0.1, 0.2, 0.2);
  const auto shot = run.shoot(picture);
  EXPECT_GT(shot->changes(kStrip), 0);
  EXPECT_EQ(shot->changes_outside([&](int x, int y) { return kStrip.has(x, y); }), 0);
}
TEST(Status, AKnobsNameIsNoMarkup) {
  OverlayRun run;
  GstStructure *knobs = gst_structure_new("knobs", "<b>&\xff", G_TYPE_DOUBLE, 1.0, nullptr);
  run.send(gst_event_new_oneadapt_configuration(0, knobs, 1, GST_SECOND));
  gst_structure_free(knobs);
  EXPECT_GT(run.shoot()->changes(kStrip), 0);
}

TEST(Malformed, EventsAreIgnoredAndForwarded) {
  OverlayRun run(kMapOnly);
  run.send(gradient_event(320, 240, {{3, 2}}));
  EXPECT_TRUE(run.shoot()->changed(56, 40));
  while (GstEvent *event = gst_harness_try_pull_event(run.harness)) gst_event_unref(event);
  int sent = 0;
  for (const char *name : {"GstOneadaptGradient", "GstOneadaptConfiguration", "somebody-elses"})
    for (const char *field : {"message", "interval", "knobs", "qp-map"}) {
      run.send(broken(name, field));
      ++sent;
    }
  EXPECT_TRUE(run.shoot()->changed(56, 40)) << "the last good one stays";
  int came = 0;
  while (GstEvent *event = gst_harness_try_pull_event(run.harness)) {
    came += GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_DOWNSTREAM;
    gst_event_unref(event);
  }
  EXPECT_EQ(came, sent);
}
TEST(Malformed, AGridThatNoImageCanHoldIsNotDrawn) {
  OverlayRun run(kMapOnly);
  run.send(gradient_event(40000, 1, {{3, 0}}, 0, 0, 1));
  EXPECT_TRUE(run.shoot()->same_bytes());
}
TEST(Malformed, AFeedbackEventThatTravelsUpstreamPassesThrough) {
  OverlayRun run;
  GstOneadaptGradient *g = gst_oneadapt_gradient_new(64, 64, 16);
  ASSERT_TRUE(gst_harness_push_upstream_event(run.harness, gst_event_new_oneadapt_gradient(g)));
  gst_oneadapt_gradient_free(g);
  bool came = false;
  while (GstEvent *event = gst_harness_try_pull_upstream_event(run.harness)) {
    came = came || gst_event_is_oneadapt_gradient(event);
    gst_event_unref(event);
  }
  EXPECT_TRUE(came);
  EXPECT_TRUE(run.shoot()->same_bytes());
}

/* ---- what the element offers upstream ------------------------------------------------------------------------- */

// It draws on the pixels as they come: a sink that crops by itself must not have upstream leave that to it.
TEST(Allocation, ACropIsNotLeftToTheSink) {
  for (const char *properties : {"", "boxes=false status=false"}) {  // something, or nothing to draw: passed through
    OverlayRun run(properties);
    run.send(configuration_event());
    run.shoot();
    for (const GType api : {GST_VIDEO_META_API_TYPE, GST_VIDEO_CROP_META_API_TYPE})
      gst_harness_add_propose_allocation_meta(run.harness, api, nullptr);
    GstCaps *caps = gst_pad_get_current_caps(run.harness->srcpad);
    GstQuery *query = gst_query_new_allocation(caps, FALSE);
    EXPECT_TRUE(gst_pad_peer_query(run.harness->srcpad, query));
    EXPECT_TRUE(gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr)) << properties;
    EXPECT_FALSE(gst_query_find_allocation_meta(query, GST_VIDEO_CROP_META_API_TYPE, nullptr)) << properties;
    gst_query_unref(query);
    gst_caps_unref(caps);
  }
}
