// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/seen_part.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace oneadapt {
namespace {

/// For each pixel of one axis of what is shown, from `from` to `to` (fractions of the picture), the source's.
/// `source_at` gives the source's coordinate, a fraction.
template <typename SourceAt>
std::vector<std::size_t> indices(double from, double to, unsigned pixels, unsigned source_pixels, SourceAt source_at) {
  std::vector<std::size_t> result(pixels);
  for (unsigned i = 0; i < pixels; ++i) {
    const double at = source_at(from + (i + 0.5) / pixels * (to - from)) * source_pixels;
    result[i] = std::size_t(std::clamp(std::floor(at), 0.0, source_pixels - 1.0));
  }
  return result;
}

}  // namespace

RgbFrame seen_part(const RgbFrame &frame, const FrameTransform &transform, std::vector<std::uint8_t> &storage) {
  const Box &shown = transform.shown();
  RgbFrame seen;
  if (is_empty(shown) || !frame.width || !frame.height) return seen;
  const Box part = transform.to_source(shown);
  const auto pixels = [](double share, unsigned of) {
    return unsigned(std::clamp(std::lround(share * of), 1l, long(of)));
  };
  const unsigned across = pixels(part.x1 - part.x0, frame.width), down = pixels(part.y1 - part.y0, frame.height);
  const bool transposed = transform.is_transposed();
  seen.width = transposed ? down : across;
  seen.height = transposed ? across : down;
  seen.stride = std::size_t(seen.width) * 3;
  storage.resize(seen.stride * seen.height);
  seen.data = storage.data();

  const auto source = [&](double x, double y) { return transform.to_source({x, y, x, y}); };
  const auto columns = indices(shown.x0, shown.x1, seen.width, transposed ? frame.height : frame.width,
                               [&](double x) { return transposed ? source(x, 0).y0 : source(x, 0).x0; });
  const auto rows = indices(shown.y0, shown.y1, seen.height, transposed ? frame.width : frame.height,
                            [&](double y) { return transposed ? source(0, y).x0 : source(0, y).y0; });
  const std::size_t column_step = transposed ? frame.stride : 3, row_step = transposed ? 3 : frame.stride;
  std::uint8_t *out = storage.data();
  for (const std::size_t row : rows)
    for (const std::size_t column : columns) {
      std::memcpy(out, frame.data + row * row_step + column * column_step, 3);
      out += 3;
    }
  return seen;
}

}  // namespace oneadapt
