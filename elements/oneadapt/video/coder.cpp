// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config.h"

#include "video/coder.h"

#include <algorithm>
#include <cmath>

#if HAVE_X264
#include "codec/h264.h"
#endif

namespace oneadapt {
namespace {

constexpr std::size_t kTracks = 3;  // encoders kept open: the present size and those it is likely to return to

}  // namespace

std::vector<QpRegion> qp_regions(GstBuffer *buffer, Size picture, std::string &complaint) {
  std::vector<QpRegion> regions;
  gpointer state = nullptr;
  while (GstMeta *meta = gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
    auto *roi = reinterpret_cast<GstVideoRegionOfInterestMeta *>(meta);
    GstStructure *param = gst_video_region_of_interest_meta_get_param(roi, "roi/oneadaptfilter");
    if (!param) continue;
    int delta = 0;
    if (!gst_structure_get_int(param, "delta-qp", &delta)) {
      complaint = "its roi/oneadaptfilter has no \"delta-qp\" that is an int; it is left out";
    } else if (roi->x >= picture.width || roi->y >= picture.height || !roi->w || !roi->h) {
      complaint = "it is empty or outside the picture; it is left out";
    } else {
      if (std::abs(double(delta)) > 51) complaint = "its \"delta-qp\" is clipped to -51 to 51";
      regions.push_back({roi->x, roi->y, roi->w, roi->h, std::clamp(delta, -51, 51)});
    }
  }
  return regions;
}

std::vector<float> qp_offsets(const std::vector<QpRegion> &regions, Size input, Size output) {
  std::vector<float> offsets;
  const unsigned columns = (output.width + 15) / 16, rows = (output.height + 15) / 16;
  if (regions.empty() || !input.width || !input.height) return offsets;
  offsets.assign(std::size_t(columns) * rows, 0);
  const double across = double(output.width) / input.width / 16, down = double(output.height) / input.height / 16;
  for (const QpRegion &r : regions) {
    if (r.x >= input.width || r.y >= input.height) continue;
    const double right = double(r.x) + r.width, bottom = double(r.y) + r.height;
    for (unsigned row = unsigned(r.y * down); row < rows && row < bottom * down; row++)
      for (unsigned column = unsigned(r.x * across); column < columns && column < right * across; column++)
        offsets[std::size_t(row) * columns + column] = float(r.delta);
  }
  return offsets;
}

#if HAVE_X264
namespace {

std::optional<Coded> coded(const AccessUnit &unit) {
  if (!unit.size) return std::nullopt;
  return Coded{unit.pts, take_buffer(gst_buffer_new_memdup(unit.data, unit.size)), unit.idr, unit.b};
}

}  // namespace
#endif

struct Coder::Track {
  Size size;
  bool offsets = false;
  std::unique_ptr<Scaler> scaler;  // none when the size stays
  GstVideoInfo scaled;
  BufferRef scratch;  // the scaled picture, H.264 only
#if HAVE_X264
  std::unique_ptr<H264Encoder> encoder;
#endif
};

Coder::Coder(const CoderSettings &settings) : settings_(settings) {}
Coder::~Coder() = default;

bool Coder::prepare(Size size, bool with_offsets) {
  auto match = [&](const std::unique_ptr<Track> &t) { return t->size == size && t->offsets == with_offsets; };
  auto found = std::find_if(tracks_.begin(), tracks_.end(), match);
  if (found != tracks_.end()) {
    const bool other = found != tracks_.begin();
    std::rotate(tracks_.begin(), found, found + 1);
    fresh_ = fresh_ || other;
    return fresh_;
  }
  auto track = std::make_unique<Track>();
  track->size = size;
  track->offsets = with_offsets;
  track->scaled = resized(settings_.input, size);
  // At scale 1 an odd column or row is cut off, not scaled away.
  if (size != scaled_size(settings_.input, 1, settings_.h264)) {
    track->scaler = std::make_unique<Scaler>(settings_.input, track->scaled, settings_.threads);
    if (settings_.h264) track->scratch = take_buffer(gst_buffer_new_allocate(nullptr, track->scaled.size, nullptr));
  }
#if HAVE_X264
  if (settings_.h264) {
    H264Settings s = h264_settings(settings_.input, size);
    s.preset = settings_.preset;
    s.threads = settings_.threads;
    s.b_frames = settings_.b_frames;
    s.profile = settings_.profile;
    s.qp_offsets = with_offsets;
    track->encoder = std::make_unique<H264Encoder>(s);
  }
#endif
  tracks_.insert(tracks_.begin(), std::move(track));
  if (tracks_.size() > kTracks) tracks_.pop_back();
  fresh_ = true;
  return true;
}

const std::vector<std::uint8_t> &Coder::sps() const {
#if HAVE_X264
  if (settings_.h264 && !tracks_.empty()) return tracks_.front()->encoder->sps();
#endif
  return no_sps_;
}

bool Coder::ready(Size size, bool with_offsets) const {
  return !tracks_.empty() && tracks_.front()->size == size && tracks_.front()->offsets == with_offsets;
}

std::optional<Coded> Coder::code(GstBuffer *input, CoderFrame asked) {
  Track &track = *tracks_.at(0);
  const bool idr = asked.idr || fresh_;
  if (!settings_.h264) {
    fresh_ = false;
    if (!track.scaler)
      return Coded{asked.id, take_buffer(gst_buffer_copy(input)), idr};  // the same memory, another head
    BufferRef output = take_buffer(gst_buffer_new_allocate(nullptr, track.scaled.size, nullptr));
    MappedFrame in(settings_.input, input, GST_MAP_READ), out(track.scaled, output.get(), GST_MAP_WRITE);
    track.scaler->run(in.get(), out.get());
    return Coded{asked.id, std::move(output), idr};
  }
#if HAVE_X264
  H264Frame frame;
  frame.qp = asked.qp;
  frame.b_bias = asked.b_bias;
  frame.idr = idr;
  frame.pts = asked.id;
  if (asked.offsets) frame.qp_offsets = *asked.offsets;
  frame.user_data = std::move(asked.user_data);
  MappedFrame in(settings_.input, input, GST_MAP_READ);
  AccessUnit unit;
  if (track.scaler) {
    MappedFrame out(track.scaled, track.scratch.get(), GST_MAP_READWRITE);
    track.scaler->run(in.get(), out.get());
    unit = track.encoder->encode(picture_of(out.get()), frame);
  } else {
    unit = track.encoder->encode(picture_of(in.get()), frame);
  }
  fresh_ = false;
  return coded(unit);
#else
  throw std::runtime_error("built without x264");
#endif
}

std::optional<Coded> Coder::flush() {
#if HAVE_X264
  if (settings_.h264 && !tracks_.empty()) return coded(tracks_.front()->encoder->flush());
#endif
  return std::nullopt;
}

#if HAVE_X264
namespace {

Picture::Format coded_as(GstVideoFormat format) {
  return format == GST_VIDEO_FORMAT_NV12    ? Picture::Format::NV12
         : format == GST_VIDEO_FORMAT_GRAY8 ? Picture::Format::Gray
                                            : Picture::Format::I420;
}

}  // namespace

H264Settings h264_settings(const GstVideoInfo &info, Size size) {
  H264Settings s;
  s.width = size.width;
  s.height = size.height;
  s.format = coded_as(GST_VIDEO_INFO_FORMAT(&info));
  if (info.fps_n > 0 && info.fps_d > 0) {
    s.fps_num = unsigned(info.fps_n);
    s.fps_den = unsigned(info.fps_d);
  }
  if (info.colorimetry.primaries != GST_VIDEO_COLOR_PRIMARIES_UNKNOWN)
    s.colour_primaries = int(gst_video_color_primaries_to_iso(info.colorimetry.primaries));
  if (info.colorimetry.transfer != GST_VIDEO_TRANSFER_UNKNOWN)
    s.transfer = int(gst_video_transfer_function_to_iso(info.colorimetry.transfer));
  if (info.colorimetry.matrix != GST_VIDEO_COLOR_MATRIX_UNKNOWN)
    s.matrix = int(gst_video_color_matrix_to_iso(info.colorimetry.matrix));
  s.full_range = info.colorimetry.range == GST_VIDEO_COLOR_RANGE_0_255;
  const Ratio pixel = pixel_aspect_ratio(info, size);
  s.sar_num = unsigned(std::max(0, pixel.n));
  s.sar_den = unsigned(std::max(0, pixel.d));
  return s;
}

Picture picture_of(GstVideoFrame *frame) {
  Picture p;
  p.format = coded_as(GST_VIDEO_FRAME_FORMAT(frame));
  p.width = unsigned(GST_VIDEO_FRAME_WIDTH(frame)) & ~1u;
  p.height = unsigned(GST_VIDEO_FRAME_HEIGHT(frame)) & ~1u;
  for (unsigned i = 0; i < GST_VIDEO_FRAME_N_PLANES(frame); i++) {
    p.plane[i] = static_cast<const std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(frame, i));
    p.stride[i] = std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(frame, i));
  }
  return p;
}
#endif

}  // namespace oneadapt
