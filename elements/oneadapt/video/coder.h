// SPDX-License-Identifier: LGPL-2.1-or-later
// From an input picture to an output buffer: scaling, then H.264 or nothing.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "video/picture.h"

namespace oneadapt {

class H264Encoder;

struct CoderSettings {
  GstVideoInfo input;
  bool h264 = false;
  std::string preset = "veryfast";
  unsigned threads = 1;
  unsigned b_frames = 0;
  std::string profile = "high";  ///< H264Settings::profile
};

/// How one picture is coded.
struct CoderFrame {
  std::int64_t id = 0;  ///< rising; comes back with its output
  int qp = 20;
  int b_bias = 0;
  bool idr = false;                     ///< start a closed GOP: nothing may be held back then
  const std::vector<float> *offsets;    ///< one a macroblock, or empty
  std::vector<std::uint8_t> user_data;  ///< to travel with it, in H.264 (H264Frame::user_data)
};

/// One output buffer.
struct Coded {
  std::int64_t id = 0;
  BufferRef buffer;
  bool idr = false, b = false;
};

/// A rectangle (input pixels) whose macroblocks' QP moves by `delta`.
struct QpRegion {
  unsigned x, y, width, height;
  int delta;
};
/// The regions of a buffer's GstVideoRegionOfInterestMeta that carry a structure `roi/oneadaptfilter` with an int
/// `delta-qp`, clipped to ±51. Left out, with a sentence in `complaint`: another `delta-qp`, and what is not in the
/// `picture` at all; clipping leaves a sentence too.
std::vector<QpRegion> qp_regions(GstBuffer *buffer, Size picture, std::string &complaint);
/// One offset a macroblock of the output; a macroblock belongs to a region that covers any part of it, and to the
/// latest of several. `input`: what of the input the output shows.
std::vector<float> qp_offsets(const std::vector<QpRegion> &regions, Size input, Size output);

/// Thread-bound. Throws std::runtime_error (CodecError among them).
class Coder {
 public:
  explicit Coder(const CoderSettings &settings);
  ~Coder();

  Size size(double scale) const { return scaled_size(settings_.input, scale, settings_.h264); }
  /// From the next picture on. Returns whether that picture starts a new stream (another size, or offsets for the first
  /// time). Encoders of past sizes are kept for a while.
  bool prepare(Size size, bool with_offsets);
  /// The SPS that goes with prepare()'s size; empty for raw.
  const std::vector<std::uint8_t> &sps() const;
  /// Whether prepare() would change encoders: what is held back must have been flushed before.
  bool ready(Size size, bool with_offsets) const;
  /// Codes one picture. Nothing comes back when it is held back.
  std::optional<Coded> code(GstBuffer *input, CoderFrame frame);
  /// The next picture that is held back, in coding order.
  std::optional<Coded> flush();

 private:
  struct Track;
  CoderSettings settings_;
  std::vector<std::unique_ptr<Track>> tracks_;  // the latest first
  std::vector<std::uint8_t> no_sps_;
  bool fresh_ = true;
};

#if HAVE_X264
struct H264Settings;
struct Picture;
/// The encoder settings for pictures of `info`'s format, colours and rate.
H264Settings h264_settings(const GstVideoInfo &info, Size size);
/// A mapped I420, NV12 or GRAY8 frame as the encoder takes it, without an odd last column and row.
Picture picture_of(GstVideoFrame *frame);
#endif

}  // namespace oneadapt
