// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config.h"

#include "shadow/second_coder.h"

#include <algorithm>
#include <cstring>

#include "codec/h264.h"
#include "video/coder.h"

namespace oneadapt {
namespace {

// Pixels of luma. Half the transform's 8 (H.264 8.5), so that no block of either grid lies on one of the other;
// measured against none: docs/design-accuracy.md.
constexpr unsigned kShift = 4;
// As x264enc's own.
constexpr std::int64_t kGop = 250;

/// Bytes of a plane: rows of `bytes` bytes, where a step of `step` bytes is one pixel to the side.
struct PlaneBytes {
  guint8 *data;
  std::size_t stride;
  unsigned bytes, rows, step;
};

PlaneBytes plane(GstVideoFrame *frame, guint index, Size size) {
  const bool luma = index == 0, interleaved = GST_VIDEO_FRAME_FORMAT(frame) == GST_VIDEO_FORMAT_NV12 && !luma;
  return {static_cast<guint8 *>(GST_VIDEO_FRAME_PLANE_DATA(frame, index)),
          std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(frame, index)), luma || interleaved ? size.width : size.width / 2,
          luma ? size.height : size.height / 2, interleaved ? 2u : 1u};
}

/// Moves a plane to the right and down, repeating its first column and row.
void move(const PlaneBytes &from, const PlaneBytes &to, unsigned pixels) {
  const unsigned left = pixels * from.step;
  for (unsigned row = 0; row < from.rows; ++row) {
    const guint8 *in = from.data + from.stride * (row - std::min(row, pixels));
    guint8 *out = to.data + to.stride * row;
    for (unsigned i = 0; i < left; ++i) out[i] = in[i % from.step];
    std::memcpy(out + left, in, from.bytes - left);
  }
}

/// Into a picture's NV12 chroma: what the grid leaves out, and where the second generation is not wanted, all of it.
void interleave(GstVideoFrame *from, GstVideoFrame *to, Size size) {
  if (GST_VIDEO_FRAME_FORMAT(from) == GST_VIDEO_FORMAT_NV12) {
    const PlaneBytes in = plane(from, 1, size), out = plane(to, 1, size);
    for (unsigned row = 0; row < in.rows; ++row)
      std::memcpy(out.data + out.stride * row, in.data + in.stride * row, in.bytes);
    return;
  }
  const PlaneBytes u = plane(from, 1, size), v = plane(from, 2, size), out = plane(to, 1, size);
  for (unsigned row = 0; row < u.rows; ++row)
    for (unsigned i = 0; i < u.bytes; ++i) {
      out.data[out.stride * row + 2 * i] = u.data[u.stride * row + i];
      out.data[out.stride * row + 2 * i + 1] = v.data[v.stride * row + i];
    }
}

/// Moves a plane of the second generation back, over a picture's own.
void move_back(const std::uint8_t *from, std::size_t stride, const PlaneBytes &to, unsigned pixels) {
  for (unsigned row = 0; row + pixels < to.rows; ++row)
    std::memcpy(to.data + to.stride * row, from + stride * (row + pixels) + pixels * to.step,
                to.bytes - pixels * to.step);
}

}  // namespace

SecondCoder::SecondCoder(const GstVideoInfo &info, const std::string &preset) : input_(info) {
  size_ = {unsigned(info.width) & ~1u, unsigned(info.height) & ~1u};
  output_ = resized(info, size_, GST_VIDEO_FORMAT_NV12);
  // The samples stay what they are: a gray camera's are of the full range.
  output_.colorimetry = info.colorimetry;
  output_.chroma_site = info.chroma_site;
  const GstVideoInfo shifted = resized(info, size_);
  shifted_ = take_buffer(gst_buffer_new_allocate(nullptr, shifted.size, nullptr));
  H264Settings settings = h264_settings(info, size_);
  settings.preset = preset;
  settings.qp_offsets = true;
  settings.reconstruction = true;
  encoder_ = std::make_unique<H264Encoder>(settings);
}

SecondCoder::~SecondCoder() = default;

BufferRef SecondCoder::code(GstBuffer *picture, int qp, const std::vector<float> &offsets, bool wanted) {
  const GstVideoInfo shifted_info = resized(input_, size_);
  MappedFrame in(input_, picture, GST_MAP_READ), shifted(shifted_info, shifted_.get(), GST_MAP_READWRITE);
  for (guint i = 0; i < GST_VIDEO_FRAME_N_PLANES(in.get()); ++i)
    move(plane(in.get(), i, size_), plane(shifted.get(), i, size_), i == 0 ? kShift : kShift / 2);
  H264Frame frame;
  frame.qp = qp;
  frame.idr = pictures_ % kGop == 0;
  frame.pts = pictures_++;
  frame.qp_offsets = offsets;
  const AccessUnit unit = encoder_->encode(picture_of(shifted.get()), frame);
  if (!wanted) return nullptr;
  BufferRef output = take_buffer(gst_buffer_new_allocate(nullptr, output_.size, nullptr));
  MappedFrame out(output_, output.get(), GST_MAP_READWRITE);
  const PlaneBytes own = plane(in.get(), 0, size_), luma = plane(out.get(), 0, size_);
  for (unsigned row = 0; row < own.rows; ++row)
    std::memcpy(luma.data + luma.stride * row, own.data + own.stride * row, own.bytes);
  interleave(in.get(), out.get(), size_);
  const Picture &coded = unit.reconstruction;
  move_back(coded.plane[0], coded.stride[0], luma, kShift);
  move_back(coded.plane[1], coded.stride[1], plane(out.get(), 1, size_), kShift / 2);
  return output;
}

}  // namespace oneadapt
