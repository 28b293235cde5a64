// SPDX-License-Identifier: LGPL-2.1-or-later
#include "stream_time.h"

#include <gst/video/video-sei.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace {

using namespace oneadapt;

GstSegment time_segment() {
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  return segment;
}

/// The stamp of a buffer at this time that carries this mark.
Stamp stamp_of(StreamTime &time, GstClockTime pts, const IntervalMark &mark) {
  GstBuffer *buffer = gst_buffer_new();
  GST_BUFFER_PTS(buffer) = pts;
  auto data = encode_mark(mark);
  guint8 uuid[16];
  std::copy(std::begin(kMarkUuid), std::end(kMarkUuid), uuid);
  gst_buffer_add_video_sei_user_data_unregistered_meta(buffer, uuid, data.data(), data.size());
  const Stamp stamp = time.stamp(buffer);
  gst_buffer_unref(buffer);
  return stamp;
}

TEST(StreamTime, IsKnownInATimeSegmentOnly) {
  StreamTime time(GST_SECOND);
  GstBuffer *buffer = gst_buffer_new();
  GST_BUFFER_PTS(buffer) = 7 * GST_SECOND;
  EXPECT_FALSE(time.stamp(buffer).known());
  GstSegment segment = time_segment();
  segment.start = 5 * GST_SECOND;
  segment.time = GST_SECOND;
  time.set_segment(segment);
  EXPECT_EQ(time.stamp(buffer).time, 3 * GST_SECOND);
  EXPECT_FALSE(time.stamp(buffer).marked);
  time.reset(false);
  EXPECT_TRUE(time.stamp(buffer).known()) << "a new stream's segment comes by itself";
  time.reset(true);
  EXPECT_FALSE(time.stamp(buffer).known());
  gst_buffer_unref(buffer);
}

TEST(StreamTime, IsTheCamerasWhereBuffersSayIt) {
  constexpr GstClockTime kHalf = GST_SECOND / 2;
  StreamTime time(GST_SECOND);
  time.set_segment(time_segment());
  const Stamp first = stamp_of(time, 77 * GST_SECOND, {false, 9, 3 * GST_SECOND, kHalf});
  EXPECT_EQ(first.time, 3 * GST_SECOND);
  EXPECT_TRUE(first.marked && first.renewed && !first.last);
  EXPECT_EQ(time.interval(), kHalf) << "the camera's";
  const Stamp last = stamp_of(time, 78 * GST_SECOND, {true, 9, 4 * GST_SECOND, kHalf});
  EXPECT_TRUE(last.marked && last.last && !last.renewed);
  GstBuffer *plain = gst_buffer_new();
  GST_BUFFER_PTS(plain) = 79 * GST_SECOND;
  const Stamp between = time.stamp(plain);
  EXPECT_EQ(between.time, 5 * GST_SECOND) << "counted on from the last mark";
  EXPECT_FALSE(between.marked);
  EXPECT_TRUE(stamp_of(time, 80 * GST_SECOND, {false, 8, 0, kHalf}).renewed) << "another stream";
  time.reset(false);
  EXPECT_EQ(time.stamp(plain).time, 79 * GST_SECOND) << "the camera is forgotten";
  EXPECT_TRUE(stamp_of(time, 81 * GST_SECOND, {false, 8, 0, kHalf}).renewed);
  gst_buffer_unref(plain);
}

}  // namespace
