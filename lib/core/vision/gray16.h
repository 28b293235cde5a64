// SPDX-License-Identifier: LGPL-2.1-or-later
// Pictures of 16-bit numbers (depth in millimetres, temperatures) as gray levels of 8 bits.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace oneadapt {

/// Which numbers become which gray levels. Fixed for a stream: a range that followed the content would change the whole
/// picture from one frame to the next, for the coder and for the DNN.
struct Gray16Mapping {
  static constexpr unsigned kMost = 65535;
  static constexpr int kNoHole = -1;

  /// The numbers that become 0 and 255. Those between are spread evenly, those beyond are clipped. `black` > `white`:
  /// small numbers are bright, as depth is often shown. Equal: numbers up to it are black, the others white.
  unsigned black = 0, white = kMost;
  /// What the number 0 becomes, which depth cameras give where they could not measure: 0…255, or kNoHole, as any other.
  int hole = kNoHole;
};

/// A mapping as a table of all numbers. Immutable.
class Gray16Table {
 public:
  explicit Gray16Table(const Gray16Mapping &mapping);
  std::uint8_t operator[](std::uint16_t number) const { return levels_[number]; }
  /// `width` × `height` numbers, little endian, rows `in_stride` bytes apart (any alignment), each to `channels` equal
  /// bytes of `out`.
  void convert(const std::uint8_t *in, std::size_t in_stride, std::uint8_t *out, std::size_t out_stride, unsigned width,
               unsigned height, unsigned channels = 1) const;

 private:
  std::vector<std::uint8_t> levels_;
};

}  // namespace oneadapt
