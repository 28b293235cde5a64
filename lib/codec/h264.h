// SPDX-License-Identifier: GPL-2.0-or-later
// A wrapper of libx264: an exact QP for each macroblock, IDR pictures only where they are asked for, access to the
// reconstruction.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace oneadapt {

/// x264 failed; the text says what failed and why.
class CodecError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A picture in memory that somebody else owns. 8 bits, 4:2:0; or Gray, luma alone.
///
/// Gray is coded as 4:2:0 with chroma of 128. As 4:0:0 it would be smaller by 0.05 % (QP 20) to 0.35 % (QP 44), and
/// take 5 to 20 % less time, on vtest.avi; but only profile high has 4:0:0, and most decoders in hardware do not.
struct Picture {
  enum class Format { I420, NV12, Gray };
  Format format = Format::I420;
  unsigned width = 0, height = 0;                              ///< pixels, even
  const std::uint8_t *plane[3] = {nullptr, nullptr, nullptr};  ///< NV12 uses two, Gray one
  std::size_t stride[3] = {0, 0, 0};
};

struct H264Settings {
  unsigned width = 0, height = 0;  ///< even, 16…16384
  Picture::Format format = Picture::Format::I420;
  unsigned fps_num = 25, fps_den = 1;  ///< nominal, > 0; timestamps are the caller's
  std::string preset = "veryfast";     ///< x264's names, ultrafast … placebo
  std::string profile = "high";        ///< baseline (no B pictures), main or high
  unsigned threads = 1;                ///< 0: x264's choice. More than 1: sliced threads, never frame delay
  bool qp_offsets = false;             ///< H264Frame::qp_offsets may be given; costs 10…20 % more time
  /// Most B pictures in a row, 0…16. They are held back until the later picture that they refer to has come. Without
  /// offsets they are encoded 2 QP coarser, x264's default. Each GOP uses a new x264 encoder and must be flushed.
  unsigned b_frames = 0;
  bool reconstruction = false;  ///< encode() returns what a decoder will show, equal to the bit
  /// Colour description for the VUI (H.264 Table E-3…E-5), 2 = unspecified; full range flag.
  int colour_primaries = 2, transfer = 2, matrix = 2;
  bool full_range = false;
  unsigned sar_num = 0, sar_den = 0;  ///< 0: not given
};

struct H264Frame {
  int qp = 20;           ///< 0…51, every macroblock's QP before offsets
  bool idr = false;      ///< start a closed GOP here
  std::int64_t pts = 0;  ///< any unit, strictly rising; a counter will do
  /// QP offsets per macroblock, row by row, ⌈w/16⌉·⌈h/16⌉ values, or empty. Needs H264Settings::qp_offsets. Every
  /// macroblock has exactly the QP coded_qp(qp, offset) (core/macroblock/allocation.h), an even number of steps from
  /// `qp`: x264 gives a macroblock the QP of the one before when they differ by 1, to save bits. There is one
  /// exception. The entropy coder of the preset `ultrafast` cannot write the largest levels, which occur below QP 12
  /// where black meets white. x264 then uses the least QP that is possible.
  std::vector<float> qp_offsets;
  /// How likely x264's adaptive choice selects a B picture, −100 (never) … 100. Read where a GOP starts. An encoder
  /// with B pictures and without offsets also reads `qp` there only.
  int b_bias = 0;
  bool b = false;  ///< forces a B picture, where B pictures are allowed; not the last picture before an IDR
  /// User data of the picture (SEI, H.264 D.1.7): a UUID of 16 bytes and the data behind it, at most 254 bytes; or
  /// empty.
  std::vector<std::uint8_t> user_data;
};

/// One access unit (Annex B, SPS and PPS with every IDR), valid until the next call of the same encoder. Empty: the
/// picture was held back (B pictures only).
struct AccessUnit {
  const std::uint8_t *data = nullptr;
  std::size_t size = 0;
  std::int64_t pts = 0;  ///< of the encoded picture
  bool idr = false;
  bool b = false;          ///< a B picture, to which no other picture refers
  Picture reconstruction;  ///< NV12; planes are null unless H264Settings::reconstruction
};

/// One x264 encoder without delay: every picture gives one access unit, unless there are B pictures. Thread-bound: one
/// thread at a time. The QP of macroblocks is exact: every picture's QP is forced, AQ is on with a strength close to 0
/// so that offsets are used, there is no mb-tree, and x264 chooses no QP itself (this part of `veryslow` and `placebo`
/// is switched off). x264's own messages appear in the text of CodecError only.
class H264Encoder {
 public:
  explicit H264Encoder(const H264Settings &settings);  ///< throws CodecError
  ~H264Encoder();
  H264Encoder(const H264Encoder &) = delete;
  H264Encoder &operator=(const H264Encoder &) = delete;
  /// Throws CodecError for a picture of another size or format, for an offset map that is not allowed or has another
  /// size, and when x264 fails. Flush pictures that are held back before a GOP starts.
  AccessUnit encode(const Picture &picture, const H264Frame &frame);
  /// The next picture that was held back; empty when there is none. The picture that is encoded next starts a GOP.
  AccessUnit flush();
  const H264Settings &settings() const;
  /// The sequence parameter set that goes with every IDR, without start code (for profile and level in caps).
  const std::vector<std::uint8_t> &sps() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace oneadapt
