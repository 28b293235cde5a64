// SPDX-License-Identifier: LGPL-2.1-or-later
#include "feeder.h"

#include <gst/video/video.h>

#include <utility>

namespace random_pipelines {
namespace {

GstCaps *caps_of(const Look &look) {
  return gst_caps_new_simple("video/x-raw", "format", G_TYPE_STRING, look.format.c_str(), "width", G_TYPE_INT,
                             look.width, "height", G_TYPE_INT, look.height, "pixel-aspect-ratio", GST_TYPE_FRACTION,
                             look.par_n, look.par_d, "framerate", GST_TYPE_FRACTION, look.fps_n, look.fps_d, nullptr);
}

/// Dark, a little uneven and never quite the same, with a bright square. The format has luma in its first plane and
/// colours of 8 bits behind it.
GstBuffer *picture(const Camera &camera, std::size_t number) {
  const Frame &frame = camera.frames[number];
  const Look &look = camera.looks[frame.look];
  GstCaps *caps = caps_of(look);
  GstVideoInfo info;
  gst_video_info_from_caps(&info, caps);
  gst_caps_unref(caps);
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, info.size, nullptr);
  gst_buffer_memset(buffer, 0, 128, info.size);
  GstVideoFrame mapped;
  gst_video_frame_map(&mapped, &info, buffer, GST_MAP_WRITE);
  auto *luma = static_cast<guint8 *>(GST_VIDEO_FRAME_PLANE_DATA(&mapped, 0));
  const Rectangle &t = look.thing;
  for (int y = 0; y < look.height; ++y)
    for (int x = 0; x < look.width; ++x) {
      const bool inside = x >= t.x && x < t.x + t.width && y >= t.y && y < t.y + t.height;
      luma[y * GST_VIDEO_FRAME_PLANE_STRIDE(&mapped, 0) + x] =
          guint8(inside ? camera.brightness : 40 + (x + 3 * y + 5 * int(number)) % 16);
    }
  gst_video_frame_unmap(&mapped);
  if (frame.stamped) GST_BUFFER_PTS(buffer) = frame.time;
  if (frame.duration) GST_BUFFER_DURATION(buffer) = frame.duration;
  return buffer;
}

}  // namespace

Feeder::Feeder(GstElement *source, const Camera &camera, std::function<bool(int)> before)
    : source_(GST_ELEMENT(gst_object_ref(source))), camera_(camera), before_(std::move(before)) {
  GstAppSrcCallbacks callbacks{};
  callbacks.need_data = [](GstAppSrc *, guint, gpointer self) { static_cast<Feeder *>(self)->feed(); };
  callbacks.seek_data = [](GstAppSrc *, guint64 time, gpointer self) {
    return static_cast<Feeder *>(self)->seek(time);
  };
  gst_app_src_set_callbacks(GST_APP_SRC(source_), &callbacks, this, nullptr);
}

void Feeder::feed() {
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  if (next_ < camera_.frames.size() && !before_(int(next_))) return;
  if (next_ == camera_.frames.size()) {
    gst_app_src_end_of_stream(GST_APP_SRC(source_));
    return;
  }
  GstBuffer *buffer = picture(camera_, next_);
  GstCaps *caps = caps_of(camera_.looks[camera_.frames[next_].look]);
  ++next_;
  GstSample *sample = gst_sample_new(buffer, caps, nullptr, nullptr);
  gst_app_src_push_sample(GST_APP_SRC(source_), sample);
  gst_sample_unref(sample);
  gst_caps_unref(caps);
  gst_buffer_unref(buffer);
}

void Feeder::rewind() {
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  next_ = 0;
}

gboolean Feeder::seek(guint64 time) {
  std::lock_guard<std::recursive_mutex> lock(mutex_);
  for (next_ = 0; next_ < camera_.frames.size() && camera_.frames[next_].time < time;) ++next_;
  return TRUE;
}

}  // namespace random_pipelines
