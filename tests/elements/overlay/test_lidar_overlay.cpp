// SPDX-License-Identifier: LGPL-2.1-or-later
// Point clouds from above: where things are in the picture.
#include <gst/video/video.h>

#include <array>
#include <cmath>
#include <memory>

#include "../lidar/lidar_rig.h"

using namespace lidar_test;

namespace {

using Rgb = std::array<int, 3>;

/// A picture of the overlay, 200 pixels and 20 m a side: a pixel is 0.1 m, the sensor at (100, 100).
struct Picture {
  explicit Picture(GstBuffer *made) : buffer(made) { gst_buffer_map(buffer, &map, GST_MAP_READ); }
  ~Picture() {
    gst_buffer_unmap(buffer, &map);
    gst_buffer_unref(buffer);
  }
  Picture(const Picture &) = delete;
  Picture &operator=(const Picture &) = delete;
  Rgb at(int x, int y) const {
    const guint8 *p = map.data + (std::size_t(y) * 200 + std::size_t(x)) * 4;
    return G_BYTE_ORDER == G_LITTLE_ENDIAN ? Rgb{p[2], p[1], p[0]} : Rgb{p[1], p[2], p[3]};
  }
  /// Whether anything but the ground is within a pixel of (x, y).
  bool drawn(int x, int y) const {
    for (int dy = -1; dy <= 1; dy++)
      for (int dx = -1; dx <= 1; dx++)
        if (at(x + dx, y + dy) != ground()) return true;
    return false;
  }
  static Rgb ground() { return {0x0d, 0x11, 0x17}; }
  GstBuffer *buffer;
  GstMapInfo map{};
};

struct ViewRig : Rig {
  explicit ViewRig(const std::string &properties = "blocks=false shares=false status=false")
      : Rig("oneadaptlidaroverlay name=v range=10 " + properties +
            " ! capsfilter caps=video/x-raw,width=200,height=200") {}
  std::unique_ptr<Picture> picture(GstBuffer *turn) {
    EXPECT_EQ(gst_harness_push(h, turn), GST_FLOW_OK);
    GstBuffer *made = gst_harness_try_pull(h);
    return made ? std::make_unique<Picture>(made) : nullptr;
  }
};

struct Car {
  double x, y, length, width, yaw;
};
/// Cars on a turn without points.
GstBuffer *with_cars(const std::vector<Car> &cars) {
  GstBuffer *turn = buffer_of(PointCloud(), 0);
  static const gchar *none[] = {nullptr};
  if (!gst_meta_get_info("GstOneadaptBoxes3d"))
    gst_meta_register_custom("GstOneadaptBoxes3d", none, nullptr, nullptr, nullptr);
  GstStructure *s = gst_custom_meta_get_structure(gst_buffer_add_custom_meta(turn, "GstOneadaptBoxes3d"));
  GValue array = G_VALUE_INIT;
  g_value_init(&array, GST_TYPE_ARRAY);
  for (const Car &car : cars) {
    GValue value = G_VALUE_INIT;
    g_value_init(&value, GST_TYPE_STRUCTURE);
    g_value_take_boxed(&value, gst_structure_new("box", "x", G_TYPE_DOUBLE, car.x, "y", G_TYPE_DOUBLE, car.y, "l",
                                                 G_TYPE_DOUBLE, car.length, "w", G_TYPE_DOUBLE, car.width, "yaw",
                                                 G_TYPE_DOUBLE, car.yaw, "confidence", G_TYPE_DOUBLE, 0.9, "label_id",
                                                 G_TYPE_INT, 0, "label", G_TYPE_STRING, "car", nullptr));
    gst_value_array_append_and_take_value(&array, &value);
  }
  gst_structure_take_value(s, "boxes", &array);
  return turn;
}

}  // namespace

TEST(LidarOverlay, AheadIsUpAndLeftIsLeft) {
  ViewRig rig;
  const auto p =
      rig.picture(buffer_of({{5, 0, 0, 0}, {0, 5, -2, 0}, {-3, -3, 1.5f, 0}, {50, 0, 0, 0}, {NAN, 0, 0, 0}}, 0));
  ASSERT_TRUE(p);
  EXPECT_TRUE(p->drawn(100, 50));  // 5 m ahead
  EXPECT_TRUE(p->drawn(50, 100));  // 5 m to the left
  EXPECT_TRUE(p->drawn(130, 130));
  EXPECT_FALSE(p->drawn(150, 100));
  EXPECT_FALSE(p->drawn(100, 150));
  int drawn = 0;
  for (int y = 0; y < 200; y++)
    for (int x = 0; x < 200; x++) drawn += p->at(x, y) != Picture::ground();
  EXPECT_EQ(drawn, 3) << "a pixel for each point that is in the picture";
  EXPECT_NE(p->at(50, 100), p->at(130, 130)) << "height has a colour";
}

TEST(LidarOverlay, BoxesAreTurned) {
  ViewRig rig;
  // 4 m long across the way ahead: ±2 m to the sides, 5 ± 1 m ahead. Another one behind, to the left.
  const std::vector<Car> cars{{5, 0, 4, 2, M_PI / 2}, {-7, 6, 2, 2, 0}};
  const auto p = rig.picture(with_cars(cars));
  ASSERT_TRUE(p);
  for (const auto &[x, y] : {std::pair(80, 50), {120, 50}, {100, 40}, {100, 60}, {40, 160}, {40, 180}, {30, 170}})
    EXPECT_TRUE(p->drawn(x, y)) << x;
  EXPECT_FALSE(p->drawn(100, 50)) << "only its edges";
  EXPECT_FALSE(p->drawn(100, 30));
  for (int x = 0; x < 200; x++) EXPECT_EQ(p->at(x, 110), Picture::ground()) << "nothing between the two, " << x;
  ViewRig without("boxes=false blocks=false shares=false status=false");
  const auto none = without.picture(with_cars(cars));
  EXPECT_FALSE(none->drawn(80, 50));
}

TEST(LidarOverlay, BlocksAreThoseOfTheCaps) {
  ViewRig rig("shares=false status=false");
  gst_harness_set_src_caps_str(rig.h, "application/x-lidar, sectors=(int)4, rings=(int)2, first-ring=(double)6");
  const auto p = rig.picture(buffer_of(PointCloud(), 0));
  ASSERT_TRUE(p);
  EXPECT_TRUE(p->drawn(100, 20));  // a sector begins straight ahead
  const int diagonal = int(60 / std::sqrt(2.0));
  EXPECT_TRUE(p->drawn(100 - diagonal, 100 - diagonal)) << "the ring at 6 m";
  EXPECT_FALSE(p->drawn(70, 70));
  EXPECT_FALSE(p->drawn(100 - diagonal - 6, 100 - diagonal - 6));
}

TEST(LidarOverlay, TheGradientIsInItsBlocks) {
  ViewRig rig;
  gst_harness_set_src_caps_str(rig.h, "application/x-lidar, sectors=(int)4, rings=(int)2, first-ring=(double)6");
  const PolarGrid grid{4, 2, 6};
  GstOneadaptGradient *g = gradient(grid, 0);
  g->values[1] = 1;  // ring 0, from left to behind
  ASSERT_TRUE(gst_harness_push_event(rig.h, gst_event_new_oneadapt_gradient_downstream(g)));
  gst_oneadapt_gradient_free(g);
  const auto p = rig.picture(buffer_of(PointCloud(), 11));
  ASSERT_TRUE(p);
  EXPECT_TRUE(p->drawn(80, 120));
  EXPECT_FALSE(p->drawn(120, 120));
  EXPECT_FALSE(p->drawn(80, 80));
  EXPECT_FALSE(p->drawn(40, 160)) << "the second ring";
  const auto stale = rig.picture(buffer_of(PointCloud(), 60));
  EXPECT_FALSE(stale->drawn(80, 120)) << "older than three intervals";
}

TEST(LidarOverlay, SharesAndStatusAreWritten) {
  Rig rig(
      "oneadaptlidarfilter keep=25 ! oneadaptlidardec ! oneadaptlidaroverlay name=v ! "
      "capsfilter caps=video/x-raw,width=640,height=640");
  gst_harness_set_src_caps_str(rig.h, "application/x-lidar");
  ASSERT_EQ(rig.push(street()), GST_FLOW_OK);
  GstBuffer *with = gst_harness_pull(rig.h);
  g_object_set(rig.find("oneadaptlidaroverlay"), "shares", FALSE, nullptr);
  ASSERT_EQ(rig.push(street()), GST_FLOW_OK);
  GstBuffer *without = gst_harness_pull(rig.h);
  g_object_set(rig.find("oneadaptlidaroverlay"), "status", FALSE, nullptr);
  ASSERT_EQ(rig.push(street()), GST_FLOW_OK);
  GstBuffer *neither = gst_harness_pull(rig.h);
  const auto bright = [](GstBuffer *picture, int from, int to) {
    GstMapInfo map;
    gst_buffer_map(picture, &map, GST_MAP_READ);
    long sum = 0;
    for (int i = from * 640 * 4; i < to * 640 * 4; i++) sum += map.data[i];
    gst_buffer_unmap(picture, &map);
    return sum;
  };
  EXPECT_GT(bright(with, 0, 600), bright(without, 0, 600));
  EXPECT_NE(bright(without, 600, 640), bright(neither, 600, 640));
  for (GstBuffer *picture : {with, without, neither}) gst_buffer_unref(picture);
}

TEST(LidarOverlay, IsVideoOfASizeAndRateThatDownstreamChooses) {
  Rig rig("oneadaptlidaroverlay", "application/x-lidar, framerate=(fraction)20/1");
  ASSERT_EQ(rig.push(PointCloud(10)), GST_FLOW_OK);
  EXPECT_NE(rig.caps().find("width=(int)720, height=(int)720, framerate=(fraction)20/1"), std::string::npos)
      << rig.caps();
  GstBuffer *out = gst_harness_pull(rig.h);
  EXPECT_EQ(gst_buffer_get_size(out), 720u * 720 * 4);
  EXPECT_EQ(GST_BUFFER_PTS(out), 0u);
  EXPECT_EQ(GST_BUFFER_DURATION(out), kTurn);
  gst_buffer_unref(out);
}

TEST(LidarOverlay, WhatIsNoPointCloudIsAnError) {
  Rig rig("oneadaptlidaroverlay");
  EXPECT_EQ(gst_harness_push(rig.h, gst_buffer_new_memdup("12345", 5)), GST_FLOW_ERROR);
  EXPECT_NE(rig.error().find("5 bytes cannot be drawn: a point has 16"), std::string::npos);
}
