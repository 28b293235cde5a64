// SPDX-License-Identifier: LGPL-2.1-or-later
// What is drawn, and where: pixel by pixel.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <memory>

#include "overlay_run.h"

using namespace overlay_test;

namespace {

// In a frame of 320×240 lines are 2 pixels wide with a dark pixel on either side, and text is 10 pixels high.
constexpr int kHalo = 1, kLine = 2;
const char *const kNoStatus = "status=false";

/// On a box's line, its halo included.
bool on_line(const Rect &box, int x, int y) {
  const int in = kLine + kHalo;
  const Rect outer{box.x0 - kHalo, box.y0 - kHalo, box.x1 + kHalo, box.y1 + kHalo};
  const Rect inner{box.x0 + in, box.y0 + in, box.x1 - in, box.y1 - in};
  return outer.has(x, y) && !inner.has(x, y);
}

}  // namespace

TEST(Boxes, ABoxIsWhereTheMetaSaysAndNothingElsewhere) {
  OverlayRun run(kNoStatus);
  GstBuffer *picture = run.picture();
  add_box(picture, run.info, 0.25, 0.5, 0.5, 0.75);
  const auto shot = run.shoot(picture);
  const Rect box{80, 120, 160, 180};
  for (int x = box.x0; x < box.x1; ++x) {
    EXPECT_TRUE(shot->changed(x, box.y0)) << x;
    EXPECT_TRUE(shot->changed(x, box.y1 - 1)) << x;
  }
  for (int y = box.y0; y < box.y1; ++y) {
    EXPECT_TRUE(shot->changed(box.x0, y)) << y;
    EXPECT_TRUE(shot->changed(box.x1 - 1, y)) << y;
  }
  // Class 2 is orange: red over green over blue.
  const Rgb line = shot->rgb(100, 121);
  EXPECT_EQ(line.r, 255);
  EXPECT_GT(line.g, line.b + 50);
  // The label lies right above the box's left end; it is one line of text high and less than 100 pixels wide.
  const Rect label{box.x0, box.y0 - 20, box.x0 + 100, box.y0};
  EXPECT_GT(shot->changes(label), 300);
  EXPECT_EQ(shot->changes_outside([&](int x, int y) { return on_line(box, x, y) || label.has(x, y); }), 0);
}
TEST(Boxes, TheLabelIsBrightOnDark) {
  OverlayRun run(kNoStatus);
  GstBuffer *picture = run.picture();
  add_box(picture, run.info, 0.25, 0.5, 0.5, 0.75);
  const auto shot = run.shoot(picture);
  int bright = 0, dark = 0;
  for (int y = 105; y < 119; ++y)
    for (int x = 84; x < 130; ++x) {
      const Rgb p = shot->rgb(x, y);
      bright += p.r > 200 && p.g > 200 && p.b > 200;
      dark += p.r < 40 && p.g < 40 && p.b < 40;  // the picture itself has 40 and more
    }
  EXPECT_GT(bright, 20);
  EXPECT_GT(dark, 100);
}
TEST(Boxes, LabelsStayInTheFrame) {
  const auto white = [](std::array<double, 4> b, const char *label) {
    OverlayRun run(kNoStatus);
    GstBuffer *picture = run.picture();
    add_box(picture, run.info, b[0], b[1], b[2], b[3], label);
    const auto shot = run.shoot(picture);
    int n = 0;
    for (int y = 0; y < 240; ++y)
      for (int x = 0; x < 320; ++x) {
        const Rgb p = shot->rgb(x, y);
        n += p.r > 200 && p.g > 200 && p.b > 200;
      }
    return n;
  };
  const std::string lengthy(500, 'w');
  const int whole = white({0.4, 0.4, 0.6, 0.6}, "car");
  EXPECT_GT(whole, 50);
  // Top right corner, the frame's size, bottom right corner, bottom left corner: all of the text is there.
  for (const auto &box : {std::array<double, 4>{0.9, 0, 1, 0.2}, {0, 0, 1, 1}, {0.9, 0.9, 1, 1}, {0, 0.95, 0.01, 1}}) {
    EXPECT_NEAR(white(box, "car"), whole, whole * 0.1) << box[0] << " " << box[1];
    EXPECT_GT(white(box, lengthy.c_str()), 3 * whole) << box[0] << " " << box[1];
  }
}
TEST(Boxes, LabelsOfNeighboursDoNotCoverEachOther) {
  OverlayRun run(kNoStatus);
  GstBuffer *picture = run.picture();
  add_box(picture, run.info, 0.25, 0.5, 0.3, 0.75, "car", 0.9);
  add_box(picture, run.info, 0.27, 0.5, 0.32, 0.75, "car", 0.8);
  const auto shot = run.shoot(picture);
  EXPECT_GT(shot->changes({80, 100, 180, 119}), 300);   // the surer one's above
  EXPECT_GT(shot->changes({100, 121, 180, 140}), 300);  // the other's inside
}
TEST(Boxes, ColoursTellClassesApart) {
  OverlayRun run(kNoStatus);
  GstBuffer *picture = run.picture();
  add_box(picture, run.info, 0.1, 0.5, 0.3, 0.7, "car", 0.9, 2);
  add_box(picture, run.info, 0.5, 0.5, 0.7, 0.7, "person", 0.9, 0);
  const auto shot = run.shoot(picture);
  const Rgb car = shot->rgb(40, 120), person = shot->rgb(170, 120);
  EXPECT_GT(std::abs(car.r - person.r) + std::abs(car.g - person.g) + std::abs(car.b - person.b), 150);
}
TEST(Boxes, WithoutNormalisedSidesThePixelsCount) {
  OverlayRun run(kNoStatus);
  GstBuffer *picture = run.picture();
  auto *meta = gst_buffer_add_video_region_of_interest_meta(picture, nullptr, 200, 100, 40, 50);
  gst_video_region_of_interest_meta_add_param(meta, gst_structure_new_empty("detection"));
  const auto shot = run.shoot(picture);
  const Rect box{200, 100, 240, 150};
  EXPECT_TRUE(shot->changed(200, 100));
  EXPECT_TRUE(shot->changed(239, 149));
  EXPECT_EQ(shot->changes_outside([&](int x, int y) { return on_line(box, x, y); }), 0);  // neither label nor score
}
TEST(Boxes, RegionsThatAreNoObjectsAreNotDrawn) {
  OverlayRun run(kNoStatus);
  GstBuffer *picture = run.picture();
  auto *meta = gst_buffer_add_video_region_of_interest_meta(picture, "face", 20, 20, 100, 100);
  gst_video_region_of_interest_meta_add_param(
      meta, gst_structure_new("roi/oneadaptfilter", "delta-qp", G_TYPE_INT, -5, nullptr));
  add_box(picture, run.info, 0.5, 0.5, 0.5, 0.9);  // no width
  add_box(picture, run.info, 0.6, 0.5, 0.4, 0.9);  // inside out
  add_box(picture, run.info, 1.2, 0.5, 1.4, 0.9);  // outside
  EXPECT_TRUE(run.shoot(picture)->same_bytes());
}
TEST(Boxes, ALabelThatIsNoUtf8IsShownSomehow) {
  OverlayRun run(kNoStatus);
  GstBuffer *picture = run.picture();
  add_box(picture, run.info, 0.25, 0.5, 0.5, 0.75, "a\xff\xfe\nb", NAN, -7);
  EXPECT_GT(run.shoot(picture)->changes({80, 100, 160, 119}), 100);
}

// 8×6 cells of 40 pixels; class 2 is orange.
const std::vector<std::string> kEll{"........", "........", "..#.....", "..#.....", "..###...", "........"};
const Rect kUpright{80, 80, 120, 160}, kFoot{80, 160, 200, 200};

TEST(Masks, AreTranslucentOverTheObjectAndNowhereElse) {
  OverlayRun run("status=false boxes=false");
  GstBuffer *picture = run.picture();
  add_box(picture, run.info, 0.25, 1.0 / 3, 0.625, 5.0 / 6);
  add_mask(picture, kEll);
  const auto shot = run.shoot(picture);
  // A pixel of blur at the cells' edges, no more.
  EXPECT_EQ(shot->changes({81, 81, 119, 159}), 38 * 78);
  EXPECT_EQ(shot->changes({81, 161, 199, 199}), 118 * 38);
  const auto near = [](const Rect &r, int x, int y) {
    return Rect{r.x0 - 21, r.y0 - 21, r.x1 + 21, r.y1 + 21}.has(x, y);
  };
  EXPECT_EQ(shot->changes_outside([&](int x, int y) { return near(kUpright, x, y) || near(kFoot, x, y); }), 0);
  EXPECT_FALSE(shot->changed(170, 110));  // in the box, not in the mask
  const Rgb tint = shot->rgb(100, 120);
  EXPECT_GT(tint.r, tint.b + 40);
  EXPECT_LT(tint.r, 200);  // the picture, of 40 and more, shines through
  EXPECT_NE(shot->brighter(100, 120), 0);
}
TEST(Masks, WithTheBoxOrWithoutOrNotAtAll) {
  const auto tinted = [](const char *properties, int x, int y) {
    OverlayRun run(properties);
    GstBuffer *picture = run.picture();
    add_box(picture, run.info, 0.25, 1.0 / 3, 0.625, 5.0 / 6);
    add_mask(picture, kEll);
    return run.shoot(picture)->changed(x, y);
  };
  EXPECT_TRUE(tinted("status=false", 100, 120));
  EXPECT_TRUE(tinted("status=false", 199, 100));  // the box's right side
  EXPECT_TRUE(tinted("status=false boxes=false", 100, 120));
  EXPECT_FALSE(tinted("status=false boxes=false", 199, 100));
  EXPECT_FALSE(tinted("status=false masks=false", 100, 120));
  EXPECT_TRUE(tinted("status=false masks=false", 199, 100));
  EXPECT_FALSE(tinted("status=false masks=false boxes=false", 100, 120));
}
TEST(Masks, WhatIsMalformedIsNotDrawn) {
  using Spoil = std::function<void(GstStructure *)>;
  const Spoil cases[] = {
      [](GstStructure *s) { gst_structure_set(s, "format", G_TYPE_STRING, "polygon", nullptr); },
      [](GstStructure *s) { gst_structure_remove_field(s, "format"); },
      [](GstStructure *s) { gst_structure_remove_field(s, "dims"); },
      [](GstStructure *s) { gst_structure_set(s, "dims", G_TYPE_INT, 4, nullptr); },
      [](GstStructure *s) { gst_structure_remove_field(s, "data"); },
      [](GstStructure *s) { gst_structure_set(s, "data", G_TYPE_STRING, "255", nullptr); },
      [](GstStructure *s) { gst_structure_set(s, "data", G_TYPE_BYTES, nullptr, nullptr); },
      [](GstStructure *s) {
        GBytes *few = g_bytes_new_static("12", 2);
        gst_structure_set(s, "data", G_TYPE_BYTES, few, nullptr);
        g_bytes_unref(few);
      },
      [](GstStructure *s) { gst_structure_set(s, "width", G_TYPE_UINT, 4u, nullptr); },
      [](GstStructure *s) { gst_structure_set(s, "width", G_TYPE_INT, 8, nullptr); },
      [](GstStructure *s) { gst_structure_set(s, "height", G_TYPE_UINT, G_MAXUINT, nullptr); },
      [](GstStructure *s) { gst_structure_set(s, "x", G_TYPE_UINT, G_MAXUINT, nullptr); },
      [](GstStructure *s) { gst_structure_set(s, "y", G_TYPE_UINT, 5u, nullptr); },
  };
  int number = 0;
  for (const Spoil &spoil : cases) {
    OverlayRun run("status=false boxes=false");
    GstBuffer *picture = run.picture();
    add_box(picture, run.info, 0.25, 1.0 / 3, 0.625, 5.0 / 6);
    spoil(add_mask(picture, kEll));
    EXPECT_TRUE(run.shoot(picture)->same_bytes()) << number;
    ++number;
  }
}
TEST(Masks, OfAGridFinerThanTheFrame) {
  OverlayRun run("status=false boxes=false");
  GstBuffer *picture = run.picture();
  add_box(picture, run.info, 0, 0, 1, 1);
  std::vector<std::string> rows(480, std::string(1280, '.'));
  for (int y = 240; y < 480; ++y) rows[std::size_t(y)].replace(0, 640, 640, '#');
  add_mask(picture, rows);
  const auto shot = run.shoot(picture);
  const Rect quarter{0, 120, 160, 240};
  EXPECT_EQ(shot->changes(quarter), 160 * 120);
  EXPECT_EQ(shot->changes_outside([&](int x, int y) { return Rect{0, 118, 162, 240}.has(x, y); }), 0);
}

TEST(Off, WithNothingToDrawTheBufferIsTheSame) {
  OverlayRun run("boxes=false status=false");
  run.send(configuration_event());
  run.send(gradient_event(320, 240, {{1, 1}}));
  GstBuffer *picture = run.picture();
  add_box(picture, run.info, 0.25, 0.5, 0.5, 0.75);
  gst_buffer_ref(picture);  // so that writing to it would make a copy
  const auto shot = run.shoot(picture);
  EXPECT_EQ(shot->after(), picture);
  EXPECT_TRUE(shot->same_bytes());
  gst_buffer_unref(picture);
}
TEST(Off, SwitchesWorkWhilePlaying) {
  OverlayRun run("gradient=true qp-map=true");
  run.send(configuration_event());
  run.send(gradient_event(320, 240, {{1, 1}}));
  const auto shoot = [&] {
    GstBuffer *picture = run.picture();
    add_box(picture, run.info, 0.25, 0.5, 0.5, 0.75);
    return run.shoot(picture);
  };
  const Rect status{0, 220, 320, 240}, box{80, 120, 160, 180}, block{16, 16, 32, 32};
  auto shot = shoot();
  EXPECT_GT(shot->changes(status), 1000);
  EXPECT_GT(shot->changes(box), 0);
  EXPECT_GT(shot->changes(block), 200);
  run.set("status", "false");
  shot = shoot();
  EXPECT_EQ(shot->changes(status), 0);
  EXPECT_GT(shot->changes(box), 0);
  run.set("boxes", "false");
  shot = shoot();
  EXPECT_EQ(shot->changes(box), 0);
  EXPECT_GT(shot->changes(block), 200);
  run.set("gradient", "false");
  EXPECT_TRUE(shoot()->same_bytes());
  run.set("boxes", "true");
  EXPECT_GT(shoot()->changes(box), 0);
}
TEST(Off, AnUnwritableBufferIsCopiedNotChanged) {
  OverlayRun run(kNoStatus);
  GstBuffer *picture = run.picture();
  add_box(picture, run.info, 0.25, 0.5, 0.5, 0.75);
  GstBuffer *kept = gst_buffer_ref(picture), *copy = gst_buffer_copy_deep(picture);
  const auto shot = run.shoot(picture);
  EXPECT_GT(shot->changes({80, 120, 160, 180}), 0);
  const Shot untouched(run.info, copy, kept);
  EXPECT_TRUE(untouched.same_bytes());
}

TEST(Formats, EveryOneIsDrawnOn) {
  guint n = 0;
  const GstVideoFormat *all = gst_video_formats_raw(&n);
  for (guint i = 0; i < n; ++i) {
    if (GST_VIDEO_FORMAT_INFO_HAS_PALETTE(gst_video_format_get_info(all[i]))) continue;
    const std::string caps =
        std::string("video/x-raw,width=320,height=240,framerate=10/1,format=") + gst_video_format_to_string(all[i]);
    OverlayRun run(kNoStatus, caps);
    GstBuffer *picture = run.picture();
    add_box(picture, run.info, 0.25, 0.5, 0.5, 0.75);
    EXPECT_FALSE(run.shoot(picture)->same_bytes()) << caps;
  }
}
TEST(Formats, BoxesAreInPlaceInTheCommonOnes) {
  for (const char *format : {"I420", "NV12", "BGRx", "RGB", "RGBA", "YUY2", "GRAY8"}) {
    OverlayRun run(kNoStatus, std::string("video/x-raw,width=320,height=240,framerate=10/1,format=") + format);
    GstBuffer *picture = run.picture();
    add_box(picture, run.info, 0.25, 0.5, 0.5, 0.75);
    const auto shot = run.shoot(picture);
    EXPECT_TRUE(shot->changed(80, 150)) << format;
    EXPECT_TRUE(shot->changed(159, 150)) << format;
    EXPECT_TRUE(shot->changed(120, 120)) << format;
    // Chroma samples that a line shares with its neighbours reach one pixel further.
    const Rect outer{78, 100, 182, 182}, inner{86, 126, 154, 174};
    EXPECT_EQ(shot->changes_outside([&](int x, int y) { return outer.has(x, y) && !inner.has(x, y); }), 0) << format;
  }
}
TEST(Formats, OddAndTinyFrames) {
  for (const char *format : {"I420", "NV12", "BGRx", "RGB"})
    for (const auto &[w, h] : {std::pair{321, 239}, {1, 1}, {3, 2}, {17, 5}, {5, 301}, {1920, 3}}) {
      OverlayRun run("gradient=true qp-map=true", "video/x-raw,framerate=10/1,format=" + std::string(format) +
                                                      ",width=" + std::to_string(w) + ",height=" + std::to_string(h));
      run.send(configuration_event());
      run.send(gradient_event(320, 240, {{0, 0}, {19, 14}}));
      GstBuffer *picture = run.picture();
      add_box(picture, run.info, 0, 0, 1, 1);
      add_box(picture, run.info, 0.999, 0.999, 1, 1);
      EXPECT_FALSE(run.shoot(picture)->same_bytes()) << format << " " << w << "x" << h;
    }
}
TEST(Formats, CapsMayChange) {
  OverlayRun run(kNoStatus);
  const auto box_at = [&](Rect box) {
    GstBuffer *picture = run.picture();
    add_box(picture, run.info, 0.25, 0.5, 0.5, 0.75);
    const auto shot = run.shoot(picture);
    EXPECT_TRUE(shot->changed(box.x0, box.y0 + 9));
    EXPECT_TRUE(shot->changed(box.x1 - 1, box.y1 - 9));
    EXPECT_FALSE(shot->changed((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2));
  };
  box_at({80, 120, 160, 180});
  run.caps("video/x-raw,format=I420,width=640,height=480,framerate=10/1");
  box_at({160, 240, 320, 360});
  run.caps("video/x-raw,format=RGB,width=160,height=120,framerate=10/1");
  box_at({40, 60, 80, 90});
}

TEST(Sizes, TextGrowsWithTheFrame) {
  const auto strip = [](int w, int h, const char *properties) {
    OverlayRun run(properties, "video/x-raw,framerate=10/1,format=BGRx,width=" + std::to_string(w) +
                                   ",height=" + std::to_string(h));
    run.send(configuration_event());
    const auto shot = run.shoot();
    int rows = 0;
    for (int y = 0; y < h; ++y) rows += shot->changed(0, y);
    return rows;
  };
  const int small = strip(1280, 720, ""), large = strip(2560, 1440, "");
  EXPECT_NEAR(large, 2 * small, 4);
  EXPECT_NEAR(strip(1280, 720, "font-scale=2"), 2 * small, 4);
}

TEST(States, CyclingKeepsNothing) {
  GstElement *pipeline = gst_parse_launch(
      "videotestsrc num-buffers=20 ! video/x-raw,width=64,height=48,framerate=10/1 ! oneadaptoverlay gradient=true ! "
      "fakesink sync=false",
      nullptr);
  ASSERT_NE(pipeline, nullptr);
  for (int i = 0; i < 20; ++i) {
    ASSERT_NE(gst_element_set_state(pipeline, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE);
    if (i % 3) {
      ASSERT_EQ(gst_element_get_state(pipeline, nullptr, nullptr, 10 * GST_SECOND), GST_STATE_CHANGE_SUCCESS);
    }
    ASSERT_EQ(gst_element_set_state(pipeline, GST_STATE_NULL), GST_STATE_CHANGE_SUCCESS);
  }
  gst_object_unref(pipeline);
}
TEST(States, ANewRunKnowsNothingOfTheLast) {
  OverlayRun run("gradient=true");
  run.send(configuration_event());
  run.send(gradient_event(320, 240, {{1, 1}}));
  EXPECT_FALSE(run.shoot()->same_bytes());
  gst_element_set_state(run.element, GST_STATE_READY);
  gst_element_set_state(run.element, GST_STATE_PLAYING);
  // READY dropped the sticky events of the element's pads.
  run.send(gst_event_new_stream_start("again"));
  GstCaps *caps = gst_video_info_to_caps(&run.info);
  run.send(gst_event_new_caps(caps));
  gst_caps_unref(caps);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  run.send(gst_event_new_segment(&segment));
  EXPECT_TRUE(run.shoot()->same_bytes());
}
