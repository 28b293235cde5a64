// SPDX-License-Identifier: LGPL-2.1-or-later
// A camera that is an appsrc: small grey pictures with a bright thing that moves.
#pragma once
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>

#include <algorithm>
#include <string>

namespace oneadapt_test {

constexpr int kCameraWidth = 64, kCameraHeight = 48;

/// I420; `rate` is a fraction, as caps have it.
inline std::string camera_caps(const std::string &rate) {
  return "video/x-raw,format=I420,width=" + std::to_string(kCameraWidth) + ",height=" + std::to_string(kCameraHeight) +
         ",framerate=" + rate;
}

/// Without time stamp and duration.
inline GstBuffer *camera_picture(unsigned number) {
  constexpr gsize kPixels = gsize(kCameraWidth) * kCameraHeight;
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, kPixels * 3 / 2, nullptr);
  GstMapInfo map;
  gst_buffer_map(buffer, &map, GST_MAP_WRITE);
  std::fill(map.data, map.data + kPixels, guint8(60));
  std::fill(map.data + kPixels, map.data + map.size, guint8(128));
  for (unsigned y = 16; y < 32; ++y)
    for (unsigned x = 0; x < 16; ++x) map.data[y * kCameraWidth + (x + 4 * number) % kCameraWidth] = 200;
  gst_buffer_unmap(buffer, &map);
  return buffer;
}

/// `time` may be GST_CLOCK_TIME_NONE.
inline void push_picture(GstElement *camera, unsigned number, GstClockTime time) {
  GstBuffer *buffer = camera_picture(number);
  GST_BUFFER_PTS(buffer) = time;
  gst_app_src_push_buffer(GST_APP_SRC(camera), buffer);
}

}  // namespace oneadapt_test
