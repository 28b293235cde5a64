// SPDX-License-Identifier: LGPL-2.1-or-later
#include "camera_time.h"
#include "frame_mark.h"

#include <gst/video/video-sei.h>
#include <gtest/gtest.h>

#include <algorithm>

using namespace oneadapt;

TEST(CameraTime, CountsFromTheNewestMark) {
  CameraTime time;
  EXPECT_FALSE(time.known());
  EXPECT_FALSE(time.take({false, 9, 5000, 1000000000}, 77000));
  EXPECT_EQ(time.of(77000), 5000u);
  EXPECT_EQ(time.of(78500), 6500u);
  EXPECT_EQ(time.of(76000), 4000u);
  EXPECT_EQ(time.of(0), 0u);  // never below the beginning
  EXPECT_FALSE(time.take({true, 9, 9000, 1000000000}, 80000));
  EXPECT_EQ(time.of(80100), 9100u);
  EXPECT_TRUE(time.take({false, 8, 0, 1000000000}, 90000));    // another stream
  EXPECT_TRUE(time.take({false, 8, 100, 2000000000}, 90100));  // other intervals
  time.reset();
  EXPECT_FALSE(time.known());
}

TEST(CameraTime, FindsTheMarkAmongOtherUserData) {
  const IntervalMark mark{true, 3, 1900000000, 1000000000};
  const auto data = encode_mark(mark);
  guint8 uuid[16], other[16] = {1, 2, 3};
  std::copy(std::begin(kMarkUuid), std::end(kMarkUuid), uuid);
  GstBuffer *buffer = gst_buffer_new();
  EXPECT_FALSE(mark_of(buffer));
  guint8 junk[23] = {};
  gst_buffer_add_video_sei_user_data_unregistered_meta(buffer, other, junk, sizeof junk);
  gst_buffer_add_video_sei_user_data_unregistered_meta(buffer, uuid, junk, sizeof junk);  // ours by name only
  EXPECT_FALSE(mark_of(buffer));
  auto copy = data;
  gst_buffer_add_video_sei_user_data_unregistered_meta(buffer, uuid, copy.data(), copy.size());
  const auto found = mark_of(buffer);
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->last);
  EXPECT_EQ(found->stream_time, mark.stream_time);
  EXPECT_EQ(found->interval(), 1u);
  gst_buffer_unref(buffer);
}
