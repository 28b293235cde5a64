// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lidar/coded_cloud.h"
#include "lidar_rig.h"

using namespace lidar_test;

namespace {

std::vector<std::uint8_t> coded(const PolarGrid &grid = {}) {
  oneadapt::CloudHeader header;
  header.grid = grid;
  header.shares.assign(grid.blocks(), 1);
  header.counts.assign(grid.blocks(), 0);
  return encode_cloud(street(4, 100), header);
}

GstBuffer *buffer(const std::vector<std::uint8_t> &bytes) { return gst_buffer_new_memdup(bytes.data(), bytes.size()); }

}  // namespace

TEST(LidarDec, SaysWhichBlocksACloudWasThinnedBy) {
  Rig rig("oneadaptlidardec", "application/x-lidar-draco");
  ASSERT_EQ(gst_harness_push(rig.h, buffer(coded())), GST_FLOW_OK);
  EXPECT_EQ(rig.caps(), "application/x-lidar, sectors=(int)16, rings=(int)4, first-ring=(double)8");
  ASSERT_EQ(gst_harness_push(rig.h, buffer(coded({4, 2, 10}))), GST_FLOW_OK);
  EXPECT_EQ(rig.caps(), "application/x-lidar, sectors=(int)4, rings=(int)2, first-ring=(double)10");
}

TEST(LidarDec, LeavesOutWhatIsDamagedAndGoesOn) {
  Rig rig("oneadaptlidardec", "application/x-lidar-draco");
  auto bad = coded();
  bad[bad.size() / 2] ^= 1;
  ASSERT_EQ(gst_harness_push(rig.h, buffer(coded())), GST_FLOW_OK);
  for (int i = 0; i < 5; i++) ASSERT_EQ(gst_harness_push(rig.h, buffer(bad)), GST_FLOW_OK);
  ASSERT_EQ(gst_harness_push(rig.h, buffer(coded())), GST_FLOW_OK);
  EXPECT_EQ(gst_harness_buffers_in_queue(rig.h), 2u);
  std::string text;
  EXPECT_EQ(count_messages(rig.bus, GST_MESSAGE_WARNING, &text), 1u) << "once for all in a row";
  EXPECT_NE(text.find("checksum is wrong"), std::string::npos) << text;
}

TEST(LidarDec, TenInARowAreAnError) {
  Rig rig("oneadaptlidardec", "application/x-lidar-draco");
  for (int i = 0; i < 9; i++) ASSERT_EQ(gst_harness_push(rig.h, buffer({1, 2, 3})), GST_FLOW_OK);
  EXPECT_EQ(gst_harness_push(rig.h, buffer({1, 2, 3})), GST_FLOW_ERROR);
  EXPECT_NE(rig.error().find("10 frames in a row cannot be read: it is no coded point cloud"), std::string::npos);
}

TEST(LidarDec, SaysHowMuchOfEachBlockWasKept) {
  Rig rig("oneadaptlidarfilter keep=25 sectors=4 rings=1 ! oneadaptlidardec");
  gst_harness_set_src_caps_str(rig.h, "application/x-lidar");
  ASSERT_EQ(rig.push(street()), GST_FLOW_OK);
  GstBuffer *out = gst_harness_pull(rig.h);
  GstCustomMeta *meta = gst_buffer_get_custom_meta(out, "GstOneadaptCloudShares");
  ASSERT_NE(meta, nullptr);
  const GValue *shares = gst_structure_get_value(gst_custom_meta_get_structure(meta), "shares");
  ASSERT_EQ(gst_value_array_get_size(shares), 4u);
  for (guint i = 0; i < 4; i++) EXPECT_NEAR(g_value_get_double(gst_value_array_get_value(shares, i)), 0.25, 1.0 / 255);
  gst_buffer_unref(out);
}

TEST(LidarDec, KeepsTimes) {
  Rig rig("oneadaptlidardec", "application/x-lidar-draco");
  GstBuffer *in = buffer(coded());
  GST_BUFFER_PTS(in) = 3 * GST_SECOND;
  GST_BUFFER_DURATION(in) = kTurn;
  ASSERT_EQ(gst_harness_push(rig.h, in), GST_FLOW_OK);
  GstBuffer *out = gst_harness_pull(rig.h);
  EXPECT_EQ(GST_BUFFER_PTS(out), 3 * GST_SECOND);
  EXPECT_EQ(GST_BUFFER_DURATION(out), kTurn);
  EXPECT_EQ(points_of(out).size(), 400u);
  gst_buffer_unref(out);
}
