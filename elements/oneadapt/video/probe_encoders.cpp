// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config.h"

#include "video/probe_encoders.h"

#include <algorithm>
#include <map>
#include <stdexcept>

#if HAVE_X264
#include "codec/h264.h"
#include "video/coder.h"

namespace oneadapt {
namespace {

// A probe of all knobs uses the configuration in force, k*, and two sizes around it; a rendering one more.
constexpr std::size_t kMostEncoders = 6;

BufferRef buffer_of(const Picture &picture, const GstVideoInfo &info) {
  BufferRef buffer = take_buffer(gst_buffer_new_allocate(nullptr, info.size, nullptr));
  MappedFrame frame(info, buffer.get(), GST_MAP_WRITE);
  for (unsigned plane = 0; plane < 2; plane++) {  // NV12; both planes have as many bytes a row as the picture pixels
    auto *rows = static_cast<std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(frame.get(), plane));
    const auto stride = std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(frame.get(), plane));
    for (unsigned row = 0; row < picture.height >> plane; row++)
      std::copy_n(picture.plane[plane] + row * picture.stride[plane], picture.width, rows + row * stride);
  }
  return buffer;
}

}  // namespace

struct ProbeEncoders::Encoder {
  Size size, input;
  std::unique_ptr<Scaler> scaler;  // none when the size stays
  GstVideoInfo scaled;
  BufferRef scratch;  // the scaled picture
  std::unique_ptr<H264Encoder> encoder;
  AccessUnit unit;  // the last one
  std::int64_t count = 0;
};

ProbeEncoders::ProbeEncoders() = default;
ProbeEncoders::~ProbeEncoders() = default;

void ProbeEncoders::set_interval(const PictureRecord &record, const std::string &preset) {
  record_ = &record;
  preset_ = preset;
}

GstVideoInfo ProbeEncoders::picture_info(Size size) const {
  GstVideoInfo info = resized(record_->format.info, size, GST_VIDEO_FORMAT_NV12);
  info.colorimetry = record_->format.info.colorimetry;
  info.chroma_site = record_->format.info.chroma_site;
  return info;
}

/// The encoder for pictures of `size`, the first of `encoders_` from now on.
ProbeEncoders::Encoder &ProbeEncoders::encoder_for(Size size, unsigned b_frames) {
  const GstVideoInfo &info = record_->format.info;
  H264Settings settings = h264_settings(info, size);
  const Size input{unsigned(info.width), unsigned(info.height)};
  settings.preset = preset_;
  settings.reconstruction = true;
  settings.b_frames = b_frames;
  settings.profile = record_->format.profile;
  const auto usable = [&](const Encoder &e) {
    const H264Settings &its = e.encoder->settings();
    return e.size == size && e.input == input && its.preset == settings.preset && its.format == settings.format &&
           its.b_frames == b_frames && its.profile == settings.profile;
  };
  const auto found = std::find_if(encoders_.begin(), encoders_.end(), usable);
  if (found != encoders_.end()) {
    std::rotate(encoders_.begin(), found, found + 1);
    return encoders_.front();
  }
  Encoder encoder;
  encoder.size = size;
  encoder.input = input;
  encoder.encoder = std::make_unique<H264Encoder>(settings);
  if (size != scaled_size(info, 1, true)) {
    encoder.scaled = resized(info, size);
    encoder.scratch = take_buffer(gst_buffer_new_allocate(nullptr, encoder.scaled.size, nullptr));
    encoder.scaler = std::make_unique<Scaler>(info, encoder.scaled, 1);
  }
  encoders_.insert(encoders_.begin(), std::move(encoder));
  if (encoders_.size() > kMostEncoders) encoders_.pop_back();
  return encoders_.front();
}

/// Encodes the picture at a distance; the encoder's unit is valid until the next call for this size.
ProbeEncoders::Encoder &ProbeEncoders::feed(Size size, unsigned distance, const H264Frame &wanted, unsigned b_frames) {
  Encoder &encoder = encoder_for(size, b_frames);
  H264Frame frame = wanted;
  frame.pts = encoder.count++;
  MappedFrame in(record_->format.info, record_->at(distance).buffer.get(), GST_MAP_READ);
  if (encoder.scaler) {
    MappedFrame out(encoder.scaled, encoder.scratch.get(), GST_MAP_READWRITE);
    encoder.scaler->run(in.get(), out.get());
    encoder.unit = encoder.encoder->encode(picture_of(out.get()), frame);
  } else {
    encoder.unit = encoder.encoder->encode(picture_of(in.get()), frame);
  }
  return encoder;
}

std::size_t ProbeEncoders::encode(Size size, unsigned distance, int qp, bool idr, Plane *luma) {
  H264Frame frame;
  frame.qp = qp;
  frame.idr = idr;
  const AccessUnit &unit = feed(size, distance, frame, 0).unit;
  if (luma) *luma = copy_plane(unit.reconstruction.plane[0], unit.reconstruction.stride[0], size);
  return unit.size;
}

std::vector<ProbeEncoders::Unit> ProbeEncoders::encode_sequence(Size size, const std::vector<unsigned> &distances,
                                                                int qp, int b_bias, unsigned b_frames, bool all_b) {
  std::map<std::int64_t, Unit> units;
  const GstVideoInfo info = picture_info(size);
  const auto collect = [&](const AccessUnit &unit) {
    if (unit.size) units[unit.pts] = {unit.size, unit.idr, unit.b, buffer_of(unit.reconstruction, info)};
    return unit.size > 0;
  };
  H264Frame frame;
  frame.qp = qp;
  frame.b_bias = b_bias;
  for (unsigned distance : distances) {
    frame.idr = distance == distances.front();
    frame.b = all_b && distance != distances.front() && distance != distances.back();
    collect(feed(size, distance, frame, b_frames).unit);
  }
  while (b_frames && collect(encoder_for(size, b_frames).encoder->flush())) {
  }
  std::vector<Unit> all;
  for (auto &unit : units) all.push_back(std::move(unit.second));
  return all;
}

}  // namespace oneadapt
#else
namespace oneadapt {

struct ProbeEncoders::Encoder {};
ProbeEncoders::ProbeEncoders() = default;
ProbeEncoders::~ProbeEncoders() = default;
void ProbeEncoders::set_interval(const PictureRecord &, const std::string &) {}
GstVideoInfo ProbeEncoders::picture_info(Size) const { throw std::runtime_error("built without x264"); }
std::size_t ProbeEncoders::encode(Size, unsigned, int, bool, Plane *) {
  throw std::runtime_error("built without x264");
}
std::vector<ProbeEncoders::Unit> ProbeEncoders::encode_sequence(Size, const std::vector<unsigned> &, int, int, unsigned,
                                                                bool) {
  throw std::runtime_error("built without x264");
}

}  // namespace oneadapt
#endif
