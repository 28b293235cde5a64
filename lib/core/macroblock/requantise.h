// SPDX-License-Identifier: LGPL-2.1-or-later
// What quantising at H.264's steps takes from a picture, without an encoder.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace oneadapt {

/// A picture of 8-bit RGB, changed in place.
struct RgbPicture {
  std::uint8_t *data;
  unsigned width, height;
  std::size_t stride;  ///< bytes from row to row
};

/// Quantises the picture as H.264 would without prediction: Y'CbCr (BT.601), the chroma at half the size, blocks of 8×8
/// by the DCT, on a grid that begins four pixels outside, so that its blocks do not lie on those of an earlier coding.
/// `qp`: 0 to 51. `offsets`: what is added to it in each macroblock of 16×16 pixels, row by row; empty: nothing.
/// Throws std::invalid_argument for another number of offsets. Thread-safe.
void requantise(const RgbPicture &picture, int qp, const std::vector<float> &offsets = {});

}  // namespace oneadapt
