// SPDX-License-Identifier: LGPL-2.1-or-later
// A picture for measurements in which no object needs to be found.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

/// Coloured ellipses on grey, packed RGB. A detector finds elements above its floor in it, which is all that a backward
/// pass needs.
inline std::vector<std::uint8_t> picture(unsigned width, unsigned height, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::uint8_t> pixels(std::size_t(width) * height * 3, 128);
  for (int shape = 0; shape < 12; ++shape) {
    const int cx = int(random() % width), cy = int(random() % height);
    const int rx = 8 + int(random() % (width / 6 + 1)), ry = 8 + int(random() % (height / 4 + 1));
    const std::uint8_t colour[3] = {std::uint8_t(random()), std::uint8_t(random()), std::uint8_t(random())};
    for (int y = 0; y < int(height); ++y)
      for (int x = 0; x < int(width); ++x) {
        const double dx = double(x - cx) / rx, dy = double(y - cy) / ry;
        if (dx * dx + dy * dy < 1)
          std::copy(colour, colour + 3, &pixels[(std::size_t(y) * width + std::size_t(x)) * 3]);
      }
  }
  return pixels;
}
