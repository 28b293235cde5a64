// SPDX-License-Identifier: LGPL-2.1-or-later
// Raw pictures in GStreamer's memory: references, mapping, sizes, scaling. Errors are std::runtime_error with a
// sentence.
#pragma once
#include <gst/video/video.h>

#include <memory>
#include <stdexcept>

namespace oneadapt {

/// A counted reference to a buffer, or nothing.
using BufferRef = std::shared_ptr<GstBuffer>;
/// Takes a reference of its own.
BufferRef ref_buffer(GstBuffer *buffer);
/// Takes over the caller's.
BufferRef take_buffer(GstBuffer *buffer);

struct Size {
  unsigned width = 0, height = 0;
  bool operator==(const Size &o) const { return width == o.width && height == o.height; }
  bool operator!=(const Size &o) const { return !(*this == o); }
};

inline Size size_of(const GstVideoInfo &info) { return {unsigned(info.width), unsigned(info.height)}; }

/// What `scale` makes of a picture. H.264: even, at least 16, at most the input's without an odd last column and row.
/// Raw: the input's own at scale 1, else even, at least 2.
Size scaled_size(const GstVideoInfo &info, double scale, bool h264);

struct Ratio {
  int n = 1, d = 1;
};

/// Of the pixels of a picture that was scaled to `size`: the input's own where the sides are rounded to even numbers
/// only. Where one of them would be smaller than the least, and the other is not, the picture is shown as it was.
Ratio pixel_aspect_ratio(const GstVideoInfo &info, Size size);

/// `info` with another size (same format, colours, rates, and the same shape when it is shown).
GstVideoInfo resized(const GstVideoInfo &info, Size size, GstVideoFormat format = GST_VIDEO_FORMAT_UNKNOWN);

/// Whether the format's first plane is luma, a byte a pixel.
bool is_planar_luma(GstVideoFormat format);

/// A mapped buffer. Throws when it cannot be mapped.
class MappedFrame {
 public:
  MappedFrame(const GstVideoInfo &info, GstBuffer *buffer, GstMapFlags flags);
  ~MappedFrame() { gst_video_frame_unmap(&frame_); }
  MappedFrame(const MappedFrame &) = delete;
  MappedFrame &operator=(const MappedFrame &) = delete;
  GstVideoFrame *get() { return &frame_; }

 private:
  GstVideoFrame frame_;
};

/// Scales and converts (linear, with as many taps as shrinking needs against aliasing). Thread-bound.
class Scaler {
 public:
  Scaler(const GstVideoInfo &in, const GstVideoInfo &out, unsigned threads);
  void run(GstVideoFrame *in, GstVideoFrame *out) { gst_video_converter_frame(converter_.get(), in, out); }

 private:
  struct Free {
    void operator()(GstVideoConverter *converter) const { gst_video_converter_free(converter); }
  };
  std::unique_ptr<GstVideoConverter, Free> converter_;
};

/// A picture in another size, in memory of its own.
BufferRef scaled_picture(const GstVideoInfo &info, const BufferRef &picture, Size size);

}  // namespace oneadapt
