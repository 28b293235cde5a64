// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/rgb_reader.h"

#include <cstddef>

namespace oneadapt {
namespace {

class MappedFrame {
 public:
  MappedFrame(const GstVideoInfo &info, GstBuffer *buffer) {
    GstVideoInfo copy = info;
    mapped_ = gst_video_frame_map(&frame_, &copy, buffer, GST_MAP_READ);
  }
  ~MappedFrame() {
    if (mapped_) gst_video_frame_unmap(&frame_);
  }
  MappedFrame(const MappedFrame &) = delete;
  MappedFrame &operator=(const MappedFrame &) = delete;
  explicit operator bool() const { return mapped_; }
  GstVideoFrame *get() { return &frame_; }
  /// Goes on with the part of `info`'s size that begins at (x, y). False when it is not inside.
  bool crop(const GstVideoInfo &info, guint x, guint y) {
    GstVideoInfo &own = frame_.info;
    if (guint64(x) + guint(info.width) > guint(own.width) || guint64(y) + guint(info.height) > guint(own.height))
      return false;
    for (guint plane = 0; plane < GST_VIDEO_FRAME_N_PLANES(&frame_); ++plane) {
      guint component = 0;  // the plane's first
      while (GST_VIDEO_FORMAT_INFO_PLANE(own.finfo, component) != plane) ++component;
      const guint column = x >> GST_VIDEO_FORMAT_INFO_W_SUB(own.finfo, component);
      const guint row = y >> GST_VIDEO_FORMAT_INFO_H_SUB(own.finfo, component);
      frame_.data[plane] = static_cast<guint8 *>(frame_.data[plane]) +
                           std::ptrdiff_t(row) * GST_VIDEO_FRAME_PLANE_STRIDE(&frame_, plane) +
                           std::ptrdiff_t(column) * GST_VIDEO_FORMAT_INFO_PSTRIDE(own.finfo, component);
    }
    own.width = info.width;
    own.height = info.height;
    return true;
  }

 private:
  GstVideoFrame frame_;
  bool mapped_ = false;
};

}  // namespace

bool RgbReader::set_caps(const GstCaps *caps) {
  ready_ = false;
  converter_.reset();
  gray16_.reset();
  if (!gst_video_info_from_caps(&info_, caps)) return false;
  const auto width = guint(GST_VIDEO_INFO_WIDTH(&info_)), height = guint(GST_VIDEO_INFO_HEIGHT(&info_));
  if (!width || !height) return false;
  if (GST_VIDEO_INFO_FORMAT(&info_) != GST_VIDEO_FORMAT_RGB) {
    if (!gst_video_info_set_format(&rgb_info_, GST_VIDEO_FORMAT_RGB, width, height)) return false;
    // The converter changes neither, and insists on it.
    rgb_info_.interlace_mode = info_.interlace_mode;
    rgb_info_.fps_n = info_.fps_n;
    rgb_info_.fps_d = info_.fps_d;
    if (GST_VIDEO_INFO_FORMAT(&info_) == GST_VIDEO_FORMAT_GRAY16_LE) {
      gray16_ = std::make_unique<Gray16Table>(mapping_);
    } else {
      converter_.reset(gst_video_converter_new(&info_, &rgb_info_, nullptr));
      if (!converter_) return false;
    }
    rgb_.assign(GST_VIDEO_INFO_SIZE(&rgb_info_), 0);
  }
  ready_ = true;
  return true;
}

bool RgbReader::read(GstBuffer *buffer, const std::function<void(const RgbFrame &)> &use) {
  MappedFrame in(info_, buffer);
  if (!in) return false;
  const GstVideoCropMeta *crop = gst_buffer_get_video_crop_meta(buffer);
  if (crop && !in.crop(info_, crop->x, crop->y)) return false;
  RgbFrame frame;
  frame.width = guint(GST_VIDEO_INFO_WIDTH(&info_));
  frame.height = guint(GST_VIDEO_INFO_HEIGHT(&info_));
  if (!converter_ && !gray16_) {
    frame.data = static_cast<const guint8 *>(GST_VIDEO_FRAME_PLANE_DATA(in.get(), 0));
    frame.stride = std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(in.get(), 0));
    use(frame);
    return true;
  }
  frame.data = rgb_.data();
  frame.stride = std::size_t(GST_VIDEO_INFO_PLANE_STRIDE(&rgb_info_, 0));
  if (gray16_) {
    map_gray16(in.get());
    use(frame);
    return true;
  }
  GstBuffer *wrapped =
      gst_buffer_new_wrapped_full(GstMemoryFlags(0), rgb_.data(), rgb_.size(), 0, rgb_.size(), nullptr, nullptr);
  GstVideoFrame out;
  const bool mapped = gst_video_frame_map(&out, &rgb_info_, wrapped, GST_MAP_WRITE);
  if (mapped) {
    gst_video_converter_frame(converter_.get(), in.get(), &out);
    gst_video_frame_unmap(&out);
  }
  gst_buffer_unref(wrapped);
  if (!mapped) return false;
  use(frame);
  return true;
}

void RgbReader::map_gray16(GstVideoFrame *from) {
  gray16_->convert(static_cast<const std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(from, 0)),
                   std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(from, 0)), rgb_.data(),
                   std::size_t(GST_VIDEO_INFO_PLANE_STRIDE(&rgb_info_, 0)), unsigned(GST_VIDEO_INFO_WIDTH(&info_)),
                   unsigned(GST_VIDEO_INFO_HEIGHT(&info_)), 3);
}

}  // namespace oneadapt
