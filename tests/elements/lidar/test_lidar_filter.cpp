// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <limits>

#include "frame_mark.h"
#include "interval_end.h"
#include "lidar_rig.h"

using namespace lidar_test;

namespace {

std::vector<unsigned> in_blocks(const PointCloud &points, const PolarGrid &grid) {
  std::vector<unsigned> counts(grid.blocks());
  for (const Point &p : points) counts[grid.block_of(p.x, p.y)]++;
  return counts;
}

double keep_of(GstElement *filter) {
  double keep = 0;
  g_object_get(filter, "keep", &keep, nullptr);
  return keep;
}

}  // namespace

TEST(LidarFilter, KeepsAShareOfThePointsEverywhere) {
  const PointCloud all = street();
  Rig rig("oneadaptlidarfilter keep=25 ! oneadaptlidardec");
  const PointCloud kept = rig.turn(all);
  EXPECT_NEAR(double(kept.size()), double(all.size()) / 4, 128);
  const auto before = in_blocks(all, {}), after = in_blocks(kept, {});
  for (std::size_t b = 0; b < before.size(); b++) EXPECT_NEAR(after[b], before[b] / 4.0, 6 + 0.01 * before[b]) << b;
  EXPECT_EQ(rig.caps(), "application/x-lidar, sectors=(int)16, rings=(int)4, first-ring=(double)8");
  GstElement *filter = rig.find("oneadaptlidarfilter");
  EXPECT_EQ(stat_of(filter, "turns"), 1u);
  EXPECT_EQ(stat_of(filter, "points-in"), all.size());
  EXPECT_EQ(stat_of(filter, "points-out"), kept.size());
}

TEST(LidarFilter, PointsAreTheSensorsOwnWithinTheResolution) {
  const PointCloud all = street(8, 300);
  Rig rig("oneadaptlidarfilter keep=50 resolution=0.02 ! oneadaptlidardec");
  for (const Point &p : rig.turn(all)) {
    const bool found = std::any_of(all.begin(), all.end(), [&](const Point &q) {
      return std::abs(p.x - q.x) < 0.0101 && std::abs(p.y - q.y) < 0.0101 && std::abs(p.z - q.z) < 0.0101;
    });
    EXPECT_TRUE(found) << p.x << " " << p.y << " " << p.z;
    if (!found) break;
  }
}

TEST(LidarFilter, PutsOutPointsWhereNobodyDecodes) {
  const PointCloud all = street(8, 300);
  Rig rig("oneadaptlidarfilter sectors=4 rings=2 first-ring=10 ! capsfilter caps=application/x-lidar");
  const PointCloud out = rig.turn(all);
  ASSERT_EQ(out.size(), all.size());
  EXPECT_EQ(std::memcmp(out.data(), all.data(), all.size() * sizeof(Point)), 0) << "all, in their order";
  EXPECT_EQ(rig.caps(), "application/x-lidar, sectors=(int)4, rings=(int)2, first-ring=(double)10");
}

TEST(LidarFilter, AMapGivesBlocksTheirOwnShares) {
  const PointCloud all = street();
  Rig rig(
      "oneadaptlidarfilter sectors=2 rings=1 keep=30 keep-map=\"map,sectors=2,rings=1,factors=<2.0,0.5>\" ! "
      "capsfilter caps=application/x-lidar");
  const PolarGrid grid{2, 1, 8};
  const auto before = in_blocks(all, grid), after = in_blocks(rig.turn(all), grid);
  EXPECT_NEAR(after[0], 0.6 * before[0], 4);
  EXPECT_NEAR(after[1], 0.15 * before[1], 4);
  GstStructure *map = nullptr;
  g_object_get(rig.find("oneadaptlidarfilter"), "keep-map", &map, nullptr);
  ASSERT_NE(map, nullptr);
  int sectors = 0;
  EXPECT_TRUE(gst_structure_get_int(map, "sectors", &sectors));
  EXPECT_EQ(sectors, 2);
  gst_structure_free(map);
}

TEST(LidarFilter, AWrongMapLeavesTheOldOne) {
  Rig rig("oneadaptlidarfilter ! capsfilter caps=application/x-lidar");
  GstElement *filter = rig.find("oneadaptlidarfilter");
  for (const char *text : {"map,sectors=2,rings=1,factors=<1.0>", "map,sectors=0,rings=1,factors=<1.0>",
                           "map,sectors=1,rings=1,factors=<-1.0>", "map,sectors=1,rings=1"}) {
    g_test_expect_message(nullptr, G_LOG_LEVEL_WARNING, "*\"keep-map\" is left as it was*");
    GstStructure *map = gst_structure_from_string(text, nullptr);
    g_object_set(filter, "keep-map", map, nullptr);
    gst_structure_free(map);
    g_test_assert_expected_messages();
  }
}

TEST(LidarFilter, AConfigurationIsInForceFromAnIntervalsFirstTurn) {
  const PointCloud all = street(8, 300);
  Rig rig("oneadaptlidarfilter ! oneadaptlidardec");
  GstElement *filter = rig.find("oneadaptlidarfilter");
  unsigned notified = 0;
  g_signal_connect(filter, "notify::keep", G_CALLBACK(+[](GObject *, GParamSpec *, unsigned *n) { ++*n; }), &notified);
  EXPECT_EQ(rig.turn(all).size(), all.size());
  g_object_set(filter, "keep", 50.0, nullptr);
  for (unsigned turn = 1; turn < kTurns; turn++) EXPECT_EQ(rig.turn(all).size(), all.size()) << turn;
  EXPECT_EQ(notified, 0u);
  EXPECT_NEAR(double(rig.turn(all).size()), double(all.size()) / 2, 128);
  EXPECT_EQ(notified, 1u);
  unsigned configurations = 0;
  while (GstEvent *event = gst_harness_try_pull_event(rig.h)) {
    configurations += gst_event_is_oneadapt_configuration(event);
    gst_event_unref(event);
  }
  EXPECT_EQ(configurations, 2u);
}

TEST(LidarFilter, MarksTheFirstAndTheLastTurnOfAnInterval) {
  const PointCloud all = street(4, 100);
  Rig rig("oneadaptlidarfilter ! oneadaptlidardec");
  for (unsigned turn = 0; turn < 2 * kTurns; turn++) {
    ASSERT_EQ(rig.push(all), GST_FLOW_OK);
    GstBuffer *buffer = gst_harness_pull(rig.h);
    const auto mark = oneadapt::mark_of(buffer);
    const bool first = turn % kTurns == 0, last = turn % kTurns == kTurns - 1;
    EXPECT_EQ(bool(mark), first || last) << turn;
    if (mark) {
      EXPECT_EQ(mark->last, last);
      EXPECT_EQ(mark->stream_time, turn * kTurn);
      EXPECT_EQ(mark->interval_duration, GST_SECOND);
      EXPECT_NE(mark->stream, 0u);
    }
    EXPECT_EQ(oneadapt::ends_interval(buffer, (turn / kTurns + 1) * GST_SECOND), last);
    gst_buffer_unref(buffer);
  }
}

TEST(LidarFilter, TurnsThatDoNotSayHowLongTheyLastHaveALastOneToo) {
  const PointCloud all = street(4, 100);
  Rig rig("oneadaptlidarfilter ! oneadaptlidardec");
  std::vector<guint64> last;
  for (guint64 turn = 0; turn < 2 * kTurns; turn++) {
    GstBuffer *in = buffer_of(all, turn);
    GST_BUFFER_DURATION(in) = GST_CLOCK_TIME_NONE;
    ASSERT_EQ(gst_harness_push(rig.h, in), GST_FLOW_OK);
    GstBuffer *out = gst_harness_pull(rig.h);
    const auto mark = oneadapt::mark_of(out);
    if (mark && mark->last) last.push_back(turn);
    gst_buffer_unref(out);
  }
  EXPECT_EQ(last, (std::vector<guint64>{9, 19}));
}

TEST(LidarFilter, LeavesOutPointsWithoutAPlaceAndCountsThem) {
  PointCloud all = street(4, 100);
  const std::size_t good = all.size();
  all.push_back({std::numeric_limits<float>::quiet_NaN(), 0, 0, 0});
  all.push_back({0, std::numeric_limits<float>::infinity(), 0, 0});
  all.push_back({0, 0, 1e30f, 0});
  Rig rig("oneadaptlidarfilter ! oneadaptlidardec");
  EXPECT_EQ(rig.turn(all).size(), good);
  EXPECT_EQ(stat_of(rig.find("oneadaptlidarfilter"), "without-place"), 3u);
}

TEST(LidarFilter, SaysWhatItCannotTake) {
  const auto error = [](bool timed, gsize size, const char *caps) {
    Rig rig("oneadaptlidarfilter ! oneadaptlidardec", caps);
    GstBuffer *buffer = gst_buffer_new_allocate(nullptr, size, nullptr);
    gst_buffer_memset(buffer, 0, 0, size);
    if (timed) GST_BUFFER_PTS(buffer) = 0;
    EXPECT_NE(gst_harness_push(rig.h, buffer), GST_FLOW_OK);
    return rig.error();
  };
  EXPECT_NE(error(false, 32, "application/x-lidar").find("without time stamps"), std::string::npos);
  EXPECT_NE(error(true, 33, "application/x-lidar").find("cloud of 33 bytes cannot be"), std::string::npos);
}

TEST(LidarFilter, ASeekBeginsAnew) {
  const PointCloud all = street(4, 100);
  Rig rig("oneadaptlidarfilter keep=50 ! oneadaptlidardec");
  for (unsigned turn = 0; turn < 12; turn++) rig.turn(all);
  push_flush(rig.h);
  GError *error = nullptr;
  auto *tunable = GST_ONEADAPT_TUNABLE(rig.find("oneadaptlidarfilter"));
  EXPECT_EQ(gst_oneadapt_tunable_probe(tunable, 1, nullptr, nullptr, &error), nullptr) << "it is forgotten";
  g_clear_error(&error);
  rig.turns = 3;
  EXPECT_GT(rig.turn(all).size(), 0u);
  EXPECT_EQ(keep_of(rig.find("oneadaptlidarfilter")), 50);
}

TEST(LidarFilter, AnotherSeedKeepsOthersAndAsMany) {
  const PointCloud all = street(8, 300);
  Rig a("oneadaptlidarfilter keep=25 ! capsfilter caps=application/x-lidar"),
      b("oneadaptlidarfilter keep=25 ! capsfilter caps=application/x-lidar"),
      c("oneadaptlidarfilter keep=25 seed=7 ! capsfilter caps=application/x-lidar");
  const PointCloud x = a.turn(all), y = b.turn(all), z = c.turn(all);
  ASSERT_EQ(x.size(), y.size());
  EXPECT_EQ(std::memcmp(x.data(), y.data(), x.size() * sizeof(Point)), 0);
  EXPECT_NEAR(double(x.size()), double(z.size()), 128);
  EXPECT_NE(std::memcmp(x.data(), z.data(), std::min(x.size(), z.size()) * sizeof(Point)), 0);
}
