// SPDX-License-Identifier: LGPL-2.1-or-later
#include <cstdio>
#include <fstream>

#include "lidar_rig.h"
#include "play.h"

using namespace lidar_test;

namespace {

GstBuffer *bytes(const std::string &text) { return gst_buffer_new_memdup(text.data(), text.size()); }

std::string kitti(const PointCloud &points) {
  return {reinterpret_cast<const char *>(points.data()), points.size() * sizeof(Point)};
}

const PointCloud kPoints{{1, 2, 3, 0.5f}, {-4, 5, -6, 0.25f}};
const std::string kPcd =
    "# .PCD v0.7\nVERSION 0.7\nFIELDS intensity z y x\nSIZE 4 8 4 4\nTYPE F F F F\nCOUNT 1 1 1 1\nWIDTH 3\nHEIGHT 1\n"
    "POINTS 3\nDATA ascii\n0.5 3 2 1\n0 nan nan nan\n0.25 -6 5 -4\n";

void expect_points(GstBuffer *buffer, const PointCloud &points) {
  const PointCloud there = points_of(buffer);
  ASSERT_EQ(there.size(), points.size());
  EXPECT_EQ(std::memcmp(there.data(), points.data(), points.size() * sizeof(Point)), 0);
}

}  // namespace

TEST(LidarParse, AFileBecomesATurnWithItsTime) {
  Rig rig("oneadaptlidarparse frame-rate=4", nullptr);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_BYTES);
  gst_harness_push_event(rig.h, gst_event_new_stream_start("files"));
  gst_harness_push_event(rig.h, gst_event_new_segment(&segment));
  for (guint64 turn = 0; turn < 3; turn++) {
    ASSERT_EQ(gst_harness_push(rig.h, bytes(turn == 1 ? kPcd : kitti(kPoints))), GST_FLOW_OK);
    GstBuffer *out = gst_harness_pull(rig.h);
    expect_points(out, kPoints);
    EXPECT_EQ(GST_BUFFER_PTS(out), turn * GST_SECOND / 4);
    EXPECT_EQ(GST_BUFFER_DURATION(out), GST_SECOND / 4);
    gst_buffer_unref(out);
  }
  EXPECT_EQ(rig.caps(), "application/x-lidar");
  GstEvent *event = gst_pad_get_sticky_event(rig.h->sinkpad, GST_EVENT_SEGMENT, 0);
  const GstSegment *out = nullptr;
  gst_event_parse_segment(event, &out);
  EXPECT_EQ(out->format, GST_FORMAT_TIME);
  gst_event_unref(event);
}

TEST(LidarParse, TimeStampsOfASensorAreKept) {
  Rig rig("oneadaptlidarparse", "application/octet-stream");
  for (const GstClockTime pts : {5 * GST_SECOND, 5 * GST_SECOND + 70 * GST_MSECOND}) {
    GstBuffer *buffer = bytes(kitti(kPoints));
    GST_BUFFER_PTS(buffer) = pts;
    ASSERT_EQ(gst_harness_push(rig.h, buffer), GST_FLOW_OK);
    GstBuffer *out = gst_harness_pull(rig.h);
    EXPECT_EQ(GST_BUFFER_PTS(out), pts);
    EXPECT_EQ(GST_BUFFER_DURATION(out), 100 * GST_MSECOND) << "the usual ten turns a second";
    gst_buffer_unref(out);
  }
}

TEST(LidarParse, SaysWhatIsWrongOnce) {
  for (const auto &[file, part] : {std::make_pair(kitti(kPoints) + "x", "33 bytes are not a whole number of points"),
                                   std::make_pair(kPcd.substr(0, kPcd.size() - 6), "cut short"),
                                   std::make_pair(kPcd.substr(0, 60), "ends within its header")}) {
    Rig rig("oneadaptlidarparse", "application/octet-stream");
    ASSERT_EQ(gst_harness_push(rig.h, bytes(kitti(kPoints))), GST_FLOW_OK);
    EXPECT_EQ(gst_harness_push(rig.h, bytes(file)), GST_FLOW_ERROR);
    std::string text;
    EXPECT_EQ(count_messages(rig.bus, GST_MESSAGE_ERROR, &text), 1u);
    EXPECT_NE(text.find(std::string("Point cloud 1 cannot be read")), std::string::npos) << text;
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}

TEST(LidarParse, AnEmptyFileIsATurnThatHitNothing) {
  Rig rig("oneadaptlidarparse ! oneadaptlidarfilter ! oneadaptlidardec", "application/octet-stream");
  ASSERT_EQ(gst_harness_push(rig.h, gst_buffer_new()), GST_FLOW_OK);
  GstBuffer *out = gst_harness_pull(rig.h);
  EXPECT_EQ(gst_buffer_get_size(out), 0u);
  gst_buffer_unref(out);
}

// Its first 4096 bytes are 256 points.
TEST(LidarParse, APieceOfAFileIsNoTurn) {
  gchar *folder = g_dir_make_tmp("turns-XXXXXX", nullptr);
  const std::string file = std::string(folder) + "/turn.bin";
  std::ofstream(file) << kitti(street());
  const auto read = [&](const std::string &options) {
    return play_line("filesrc location=" + file + options + " ! oneadaptlidarparse ! fakesink");
  };
  const std::string text = read("");
  EXPECT_NE(text.find("come in pieces: a buffer has 4096 of the"), std::string::npos) << text;
  EXPECT_NE(text.find("multifilesrc"), std::string::npos) << text;
  EXPECT_EQ(read(" blocksize=10000000"), "");
  std::remove(file.c_str());
  std::remove(folder);
  g_free(folder);
}

TEST(LidarParse, ReadsAFolderOfFiles) {
  gchar *folder = g_dir_make_tmp("turns-XXXXXX", nullptr);
  for (int i = 0; i < 3; i++)
    std::ofstream(std::string(folder) + "/00000" + std::to_string(i) + ".bin") << kitti(street());
  guint buffers = 0;
  GstElement *pipeline = gst_parse_launch(("multifilesrc location=" + std::string(folder) +
                                           "/%06d.bin ! oneadaptlidarparse ! oneadaptlidarfilter keep=25 ! "
                                           "oneadaptlidardec ! fakesink name=sink signal-handoffs=true")
                                              .c_str(),
                                          nullptr);
  GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  g_signal_connect(sink, "handoff", G_CALLBACK(+[](GstElement *, GstBuffer *, GstPad *, guint *n) { ++*n; }), &buffers);
  gst_object_unref(sink);
  EXPECT_EQ(play_through(pipeline), "");
  gst_object_unref(pipeline);
  EXPECT_EQ(buffers, 3u);
  for (int i = 0; i < 3; i++) std::remove((std::string(folder) + "/00000" + std::to_string(i) + ".bin").c_str());
  std::remove(folder);
  g_free(folder);
}
