// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/picture.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace oneadapt {

BufferRef ref_buffer(GstBuffer *buffer) { return take_buffer(gst_buffer_ref(buffer)); }
BufferRef take_buffer(GstBuffer *buffer) { return BufferRef(buffer, gst_buffer_unref); }

namespace {

unsigned scaled_side(unsigned side, double scale, unsigned least) {
  const unsigned even = side & ~1u;
  const unsigned wanted = unsigned(std::lround(side * scale / 2)) * 2;
  return std::min(std::max(wanted, least), std::max(even, std::min(side, least)));
}

}  // namespace

Size scaled_size(const GstVideoInfo &info, double scale, bool h264) {
  const unsigned width = unsigned(GST_VIDEO_INFO_WIDTH(&info)), height = unsigned(GST_VIDEO_INFO_HEIGHT(&info));
  if (!h264 && scale >= 1) return {width, height};
  const unsigned least = h264 ? 16 : 2;
  return {scaled_side(width, scale, least), scaled_side(height, scale, least)};
}

namespace {

/// Whether the sides are those of one scale, to within a pixel each.
bool keeps_shape(const GstVideoInfo &info, Size size) {
  const auto least = [](unsigned to, int from) { return (double(to) - 1) / from; };
  const auto most = [](unsigned to, int from) { return (double(to) + 1) / from; };
  return least(size.width, info.width) <= most(size.height, info.height) &&
         least(size.height, info.height) <= most(size.width, info.width);
}

}  // namespace

Ratio pixel_aspect_ratio(const GstVideoInfo &info, Size size) {
  Ratio ratio{info.par_n, info.par_d}, across, whole;
  if (keeps_shape(info, size)) return ratio;
  if (gst_util_fraction_multiply(info.width, int(size.width), int(size.height), info.height, &across.n, &across.d) &&
      gst_util_fraction_multiply(ratio.n, ratio.d, across.n, across.d, &whole.n, &whole.d))
    ratio = whole;
  return ratio;
}

GstVideoInfo resized(const GstVideoInfo &info, Size size, GstVideoFormat format) {
  if (format == GST_VIDEO_FORMAT_UNKNOWN) format = GST_VIDEO_INFO_FORMAT(&info);
  GstVideoInfo out;
  gst_video_info_set_format(&out, format, size.width, size.height);
  if (format == GST_VIDEO_INFO_FORMAT(&info)) {
    out.colorimetry = info.colorimetry;
    out.chroma_site = info.chroma_site;
  }
  out.fps_n = info.fps_n;
  out.fps_d = info.fps_d;
  const Ratio ratio = pixel_aspect_ratio(info, size);
  out.par_n = ratio.n;
  out.par_d = ratio.d;
  out.interlace_mode = info.interlace_mode;
  return out;
}

MappedFrame::MappedFrame(const GstVideoInfo &info, GstBuffer *buffer, GstMapFlags flags) {
  if (!gst_video_frame_map(&frame_, const_cast<GstVideoInfo *>(&info), buffer, flags))
    throw std::runtime_error("a picture's memory cannot be mapped");
}

Scaler::Scaler(const GstVideoInfo &in, const GstVideoInfo &out, unsigned threads) {
  GstStructure *config = gst_structure_new(
      "scaler", GST_VIDEO_CONVERTER_OPT_RESAMPLER_METHOD, GST_TYPE_VIDEO_RESAMPLER_METHOD,
      GST_VIDEO_RESAMPLER_METHOD_LINEAR, GST_VIDEO_CONVERTER_OPT_THREADS, G_TYPE_UINT, std::max(1u, threads), nullptr);
  GstVideoInfo from = in, to = out;
  converter_.reset(gst_video_converter_new(&from, &to, config));
  if (!converter_)
    throw std::runtime_error(std::string("pictures of format ") + GST_VIDEO_INFO_NAME(&in) + " cannot be scaled to " +
                             std::to_string(GST_VIDEO_INFO_WIDTH(&out)) + "×" +
                             std::to_string(GST_VIDEO_INFO_HEIGHT(&out)));
}

BufferRef scaled_picture(const GstVideoInfo &info, const BufferRef &picture, Size size) {
  const GstVideoInfo to = resized(info, size);
  BufferRef scaled = take_buffer(gst_buffer_new_allocate(nullptr, to.size, nullptr));
  MappedFrame in(info, picture.get(), GST_MAP_READ), out(to, scaled.get(), GST_MAP_WRITE);
  Scaler(info, to, 1).run(in.get(), out.get());
  return scaled;
}

bool is_planar_luma(GstVideoFormat format) {
  return format == GST_VIDEO_FORMAT_I420 || format == GST_VIDEO_FORMAT_YV12 || format == GST_VIDEO_FORMAT_NV12 ||
         format == GST_VIDEO_FORMAT_GRAY8;
}

}  // namespace oneadapt
