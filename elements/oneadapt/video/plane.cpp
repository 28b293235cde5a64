// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/plane.h"

#include <algorithm>

namespace oneadapt {
namespace {

// More than a ladder of sizes needs, there and back; after a change of caps the old ones go.
constexpr std::size_t kMostScalers = 24;

GstVideoInfo gray(Size size) {
  GstVideoInfo info;
  gst_video_info_set_format(&info, GST_VIDEO_FORMAT_GRAY8, size.width, size.height);
  return info;
}

}  // namespace

Plane copy_plane(const std::uint8_t *data, std::size_t stride, Size size) {
  Plane plane{size, std::vector<std::uint8_t>(std::size_t(size.width) * size.height)};
  for (unsigned row = 0; row < size.height; row++)
    std::copy_n(data + row * stride, size.width, &plane.data[std::size_t(row) * size.width]);
  return plane;
}

Plane copy_luma(GstVideoFrame *frame, Size size) {
  return copy_plane(static_cast<const std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(frame, 0)),
                    std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(frame, 0)), size);
}

Plane luma_of(const GstVideoInfo &info, GstBuffer *buffer, Size size) {
  MappedFrame frame(info, buffer, GST_MAP_READ);
  if (is_planar_luma(GST_VIDEO_INFO_FORMAT(&info))) return copy_luma(frame.get(), size);
  const GstVideoInfo yuv = resized(info, size, GST_VIDEO_FORMAT_I420);
  BufferRef converted = take_buffer(gst_buffer_new_allocate(nullptr, yuv.size, nullptr));
  MappedFrame out(yuv, converted.get(), GST_MAP_READWRITE);
  Scaler(info, yuv, 1).run(frame.get(), out.get());
  return copy_luma(out.get(), size);
}

Plane PlaneScalers::scale(const Plane &plane, Size size) {
  if (scalers_.size() > kMostScalers) scalers_.clear();
  const GstVideoInfo from = gray(plane.size), to = gray(size);
  auto &scaler = scalers_[{plane.size.width, plane.size.height, size.width, size.height}];
  if (!scaler) scaler = std::make_unique<Scaler>(from, to, 1);
  BufferRef in = take_buffer(gst_buffer_new_allocate(nullptr, from.size, nullptr));
  BufferRef out = take_buffer(gst_buffer_new_allocate(nullptr, to.size, nullptr));
  MappedFrame a(from, in.get(), GST_MAP_READWRITE), b(to, out.get(), GST_MAP_READWRITE);
  // Rows of GRAY8 are padded to a multiple of 4.
  auto *rows = static_cast<std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(a.get(), 0));
  for (unsigned row = 0; row < plane.size.height; row++)
    std::copy_n(&plane.data[std::size_t(row) * plane.size.width], plane.size.width,
                rows + row * std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(a.get(), 0)));
  scaler->run(a.get(), b.get());
  return copy_luma(b.get(), size);
}

}  // namespace oneadapt
