// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/vision/gray16.h"

#include <algorithm>
#include <cmath>

namespace oneadapt {

Gray16Table::Gray16Table(const Gray16Mapping &m) : levels_(Gray16Mapping::kMost + 1) {
  const double black = m.black, range = double(m.white) - black;
  for (std::size_t number = 0; number < levels_.size(); ++number) {
    const double share = range == 0 ? double(number > m.black) : (double(number) - black) / range;
    levels_[number] = std::uint8_t(std::lround(255 * std::clamp(share, 0.0, 1.0)));
  }
  if (m.hole != Gray16Mapping::kNoHole) levels_[0] = std::uint8_t(std::clamp(m.hole, 0, 255));
}

void Gray16Table::convert(const std::uint8_t *in, std::size_t in_stride, std::uint8_t *out, std::size_t out_stride,
                          unsigned width, unsigned height, unsigned channels) const {
  for (unsigned y = 0; y < height; ++y) {
    const std::uint8_t *from = in + in_stride * y;
    std::uint8_t *to = out + out_stride * y;
    for (unsigned x = 0; x < width; ++x, from += 2) {
      const std::uint8_t level = levels_[std::size_t(from[0]) | std::size_t(from[1]) << 8];
      for (unsigned channel = 0; channel < channels; ++channel) *to++ = level;
    }
  }
}

}  // namespace oneadapt
