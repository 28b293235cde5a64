// SPDX-License-Identifier: GPL-2.0-or-later
// libx264 as OneAdapt needs it: an exact QP per macroblock, one closed GOP per interval, the reconstruction handed out.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace oneadapt {

/// x264 refused: the text says what and why.
class CodecError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A picture in memory that somebody else owns. 8 bits, 4:2:0.
struct Picture {
  enum class Format { I420, NV12 };
  Format format = Format::I420;
  unsigned width = 0, height = 0;                              ///< pixels, even
  const std::uint8_t *plane[3] = {nullptr, nullptr, nullptr};  ///< NV12 uses two
  std::size_t stride[3] = {0, 0, 0};
};

struct H264Settings {
  unsigned width = 0, height = 0;  ///< even, 16…16384
  Picture::Format format = Picture::Format::I420;
  unsigned fps_num = 25, fps_den = 1;  ///< nominal, > 0; timestamps are the caller's
  std::string preset = "veryfast";     ///< x264's names, ultrafast … placebo
  unsigned threads = 1;                ///< 0: x264's choice. More than 1: sliced threads, never frame delay
  bool qp_offsets = false;             ///< H264Frame::qp_offsets may be given; costs 10…20 % more time
  /// Most B pictures in a row, 0…16. They are held back until the picture that they look ahead to has come, and are
  /// coded x264's usual 2 QP coarser where there are no offsets. Each GOP takes a new x264 and must be flushed.
  unsigned b_frames = 0;
  bool reconstruction = false;  ///< full reconstruction: encode() hands out what a decoder will show, bit for bit
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
  /// macroblock has the QP coded_qp(qp, offset) (core/allocation.h), exactly: an even number of steps from `qp`, since
  /// x264 saves bits by giving a macroblock the QP of the one before when they differ by 1. The one exception: the
  /// entropy coder of the preset `ultrafast` cannot write the largest levels, and x264 then takes the least QP at which
  /// it can: possible below QP 12, where black meets white.
  std::vector<float> qp_offsets;
  /// How likely x264's adaptive choice falls on a B picture, −100 (never) … 100; read where a GOP starts, as is `qp` of
  /// an encoder with B pictures and without offsets.
  int b_bias = 0;
  bool b = false;  ///< a B picture whatever x264 thinks, where there may be any; not the last one before an IDR
  /// User data to go with the picture (SEI, H.264 D.1.7): a UUID of 16 bytes and what it announces; empty: none. At
  /// most 254 bytes.
  std::vector<std::uint8_t> user_data;
};

/// One access unit (Annex B, SPS and PPS with every IDR), valid until the next call of the same encoder. Empty: the
/// picture was held back (B pictures only).
struct AccessUnit {
  const std::uint8_t *data = nullptr;
  std::size_t size = 0;
  std::int64_t pts = 0;  ///< of the picture that it is
  bool idr = false;
  bool b = false;          ///< a B picture: nothing refers to it
  Picture reconstruction;  ///< NV12; planes are null unless H264Settings::reconstruction
};

/// One x264 encoder without delay: every picture in gives one access unit out, unless there are B pictures.
/// Thread-bound: one thread at a time. MB QP is exact: every picture's QP is forced, offsets count because AQ is on (at
/// a strength of nothing), no mb-tree, and no choice of QP by x264 itself (`veryslow` and `placebo` go without that
/// part of theirs). x264's own output goes nowhere but into the text of CodecError.
class H264Encoder {
 public:
  explicit H264Encoder(const H264Settings &settings);  ///< throws CodecError
  ~H264Encoder();
  H264Encoder(const H264Encoder &) = delete;
  H264Encoder &operator=(const H264Encoder &) = delete;
  /// Throws CodecError: picture of another size or format, an offset map of another size or not allowed, x264 failing.
  /// Pictures that are held back when a GOP starts must have been flushed.
  AccessUnit encode(const Picture &picture, const H264Frame &frame);
  /// The next picture that was held back; empty when there is none. The picture after that starts a GOP.
  AccessUnit flush();
  const H264Settings &settings() const;
  /// The sequence parameter set that goes with every IDR, without start code (for profile and level in caps).
  const std::vector<std::uint8_t> &sps() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace oneadapt
