// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/macroblock/tied_blocks.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace oneadapt {

BlockMap tie_blocks(const BlockMap &gradient, const MosaicLayout &layout, unsigned blocks) {
  const auto across = unsigned(std::ceil(std::sqrt(double(blocks)))), down = (blocks + across - 1) / across;
  const std::size_t strip = std::size_t(across) * down;
  const double width = layout.tile_width(), height = layout.tile_height();
  std::vector<std::size_t> group(gradient.values.size());
  std::vector<double> sums(strip + 1), pixels(strip + 1);
  for (unsigned y = 0; y < gradient.rows(); ++y)
    for (unsigned x = 0; x < gradient.columns(); ++x) {
      // Where the block's middle is in the mosaic, whatever the size that it came in; and from there in its tile, whose
      // padding belongs to the blocks at the edge.
      const double at_x = (x + 0.5) * gradient.block_size * layout.width() / gradient.frame_width;
      const double at_y = (y + 0.5) * gradient.block_size * layout.height() / gradient.frame_height;
      const auto place = [](double at, double tile, unsigned plane, unsigned count) {
        return std::min(count - 1, unsigned(std::fmod(at, tile) * count / plane));
      };
      const std::size_t index = std::size_t(y) * gradient.columns() + x;
      group[index] = at_y >= layout.rows * height ? strip
                                                  : place(at_y, height, layout.plane[1], down) * std::size_t(across) +
                                                        place(at_x, width, layout.plane[0], across);
      sums[group[index]] += double(gradient.values[index]) * double(gradient.pixels(x, y));
      pixels[group[index]] += double(gradient.pixels(x, y));
    }
  BlockMap tied = gradient;
  for (std::size_t i = 0; i < group.size(); ++i) tied.values[i] = float(sums[group[i]] / pixels[group[i]]);
  return tied;
}

}  // namespace oneadapt
