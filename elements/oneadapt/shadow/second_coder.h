// SPDX-License-Identifier: LGPL-2.1-or-later
// Codes received pictures once more, as the camera coded them.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "video/picture.h"

namespace oneadapt {

class H264Encoder;

/// What a stream of pictures loses when it is coded a second time is about what it lost the first time, if the second
/// coder has the same quantisers, and its blocks do not lie on those of the first: on the same grid a second coding
/// finds coefficients that are multiples of its steps, and loses next to nothing. Thread-bound.
class SecondCoder {
 public:
  /// `info`: I420 or NV12, at least 32 pixels a side. `preset`: x264's. Throws CodecError.
  SecondCoder(const GstVideoInfo &info, const std::string &preset);
  ~SecondCoder();

  /// Codes the next picture of the stream, all of which must come. `offsets`: one a macroblock, or empty. Returns its
  /// second generation as NV12, or NULL unless it is `wanted`; the last four columns and rows, which the shifted grid
  /// leaves out, are the picture's own. Throws CodecError, std::runtime_error.
  BufferRef code(GstBuffer *picture, int qp, const std::vector<float> &offsets, bool wanted);
  /// Of what code() returns.
  const GstVideoInfo &output() const { return output_; }

 private:
  GstVideoInfo input_, output_;
  Size size_;  ///< even
  BufferRef shifted_;
  std::unique_ptr<H264Encoder> encoder_;
  std::int64_t pictures_ = 0;
};

}  // namespace oneadapt
