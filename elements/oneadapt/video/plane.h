// SPDX-License-Identifier: LGPL-2.1-or-later
// Luma planes in memory: copied out of pictures, and scaled. Errors are std::runtime_error with a sentence.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "video/picture.h"

namespace oneadapt {

/// `size.width` bytes a row, without padding.
struct Plane {
  Size size;
  std::vector<std::uint8_t> data;
};

Plane copy_plane(const std::uint8_t *data, std::size_t stride, Size size);
/// The upper left `size` pixels of a mapped picture's first plane, which must be luma.
Plane copy_luma(GstVideoFrame *frame, Size size);
/// The luma of a picture of any format; an odd last column or row that `size` leaves out is cut off.
Plane luma_of(const GstVideoInfo &info, GstBuffer *buffer, Size size);

/// Scales planes, and keeps the scalers. Thread-bound.
class PlaneScalers {
 public:
  Plane scale(const Plane &plane, Size size);

 private:
  std::map<std::tuple<unsigned, unsigned, unsigned, unsigned>, std::unique_ptr<Scaler>> scalers_;
};

}  // namespace oneadapt
