// SPDX-License-Identifier: LGPL-2.1-or-later
// Encodes the remembered pictures of an interval for probes and renderings, with encoders of its own.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "video/picture_history.h"
#include "video/plane.h"

namespace oneadapt {

struct H264Frame;

/// Keeps the encoders that were used last: they are costly to make. Thread-bound. Throws std::runtime_error (CodecError
/// among them) when a picture cannot be read or encoded, and always in a build without x264.
class ProbeEncoders {
 public:
  /// One encoded picture.
  struct Unit {
    std::size_t bytes = 0;
    bool idr = false, b = false;
    BufferRef picture;  ///< NV12, as a decoder shows it
  };

  ProbeEncoders();
  ~ProbeEncoders();
  /// The interval whose pictures are meant from now on, and x264's preset.
  void set_interval(const PictureRecord &record, const std::string &preset);

  /// Encodes the picture at a distance, as an IDR or a P picture, and returns its bytes. `luma`: what a decoder shows.
  std::size_t encode(Size size, unsigned distance, int qp, bool idr, Plane *luma = nullptr);
  /// Encodes a sequence as one GOP with B pictures where x264 likes them, or wherever they are possible (`all_b`).
  /// Returns it in the order in which it is shown.
  std::vector<Unit> encode_sequence(Size size, const std::vector<unsigned> &distances, int qp, int b_bias,
                                    unsigned b_frames, bool all_b = false);
  /// The format of a Unit's picture.
  GstVideoInfo picture_info(Size size) const;

 private:
  struct Encoder;
  Encoder &encoder_for(Size size, unsigned b_frames);
  Encoder &feed(Size size, unsigned distance, const H264Frame &frame, unsigned b_frames);

  std::vector<Encoder> encoders_;  // the latest first
  const PictureRecord *record_ = nullptr;
  std::string preset_;
};

}  // namespace oneadapt
