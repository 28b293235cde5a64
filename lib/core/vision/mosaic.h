// SPDX-License-Identifier: LGPL-2.1-or-later
// Features of a DNN as one gray picture: the planes of its channels side by side.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/vision/metrics.h"

namespace oneadapt {

/// Where the channels lie. Each has a tile, whose sides are multiples of 16, so that no macroblock holds two; channel c
/// is in column c mod `columns` of row c div `columns`. Under the tiles is a strip with the pair's number.
struct MosaicLayout {
  static constexpr unsigned kMacroblock = 16;

  unsigned channels = 0;           ///< 0: no mosaic
  unsigned plane[2] = {0, 0};      ///< width and height of a channel
  unsigned columns = 0, rows = 0;  ///< of tiles

  /// The smallest that is at most twice as long as wide, or else that nearest to a square.
  static MosaicLayout of(unsigned channels, unsigned width, unsigned height);
  unsigned tile_width() const { return (plane[0] + kMacroblock - 1) / kMacroblock * kMacroblock; }
  unsigned tile_height() const { return (plane[1] + kMacroblock - 1) / kMacroblock * kMacroblock; }
  unsigned strip_height() const;
  unsigned width() const { return columns * tile_width(); }
  unsigned height() const { return rows * tile_height() + strip_height(); }
};

/// The two halves of a detector know each other by a number of 24 bits, which is in each mosaic: no caps, header or
/// protocol on the way needs to know of it. Eight more bits check it. A bit is a cell of 8×8 pixels, black or white, so
/// it survives any coding that leaves anything; as it does not change, it costs next to nothing.
class PairNumber {
 public:
  static constexpr unsigned kBits = 24, kCheckBits = 8, kCells = kBits + kCheckBits, kCell = 8;

  PairNumber() = default;
  explicit PairNumber(std::uint32_t number) : number_(number & ((1u << kBits) - 1)) {}
  /// Of six hexadecimal digits; none: anything else.
  static std::optional<PairNumber> parse(const std::string &text);
  /// Of bytes that make up a model.
  static PairNumber of(const std::vector<std::uint8_t> &bytes);
  std::string text() const;
  bool operator==(PairNumber other) const { return number_ == other.number_; }
  bool operator!=(PairNumber other) const { return number_ != other.number_; }

  /// Into the strip of a mosaic; the rest of the strip becomes gray.
  void write(std::uint8_t *mosaic, std::size_t stride, const MosaicLayout &layout) const;
  /// Out of a picture of `width` × `height` pixels, `step` bytes apart, which may be a mosaic that was scaled. None: it
  /// has no number.
  static std::optional<PairNumber> read(const std::uint8_t *pixels, std::size_t stride, std::size_t step,
                                        unsigned width, unsigned height, const MosaicLayout &layout);

 private:
  std::uint32_t cells() const;
  std::uint32_t number_ = 0;
};

/// Boxes of the picture that the features are of, in each tile, those of one box together: all in fractions.
std::vector<Box> boxes_in_tiles(const std::vector<Box> &boxes, const MosaicLayout &layout);

}  // namespace oneadapt
