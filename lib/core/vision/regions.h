// SPDX-License-Identifier: LGPL-2.1-or-later
// Connected regions of a map of classes: what a semantic segmentation's elements are.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/vision/mask.h"

namespace oneadapt {

/// Connected cells of one class.
struct Region {
  int label = 0;
  std::size_t cells = 0;
  unsigned x0 = 0, y0 = 0, x1 = 0, y1 = 0;  ///< the columns and rows that it touches; x1, y1 lie outside
};

struct Regions {
  unsigned width = 0, height = 0;
  std::vector<Region> all;       ///< by their first cell, row by row
  std::vector<std::int32_t> of;  ///< which region each cell belongs to, row by row; −1: none
};

/// `labels`: width · height, row by row; a label below 0 is ignored. Cells are connected when they share a side
/// (4-connectivity). Regions of fewer than `smallest` cells are left out. Time is linear in the number of cells.
Regions connected_regions(const std::int32_t *labels, unsigned width, unsigned height, std::size_t smallest = 1);

/// One mask for each region, in one pass.
std::vector<Mask> region_masks(const Regions &regions);

}  // namespace oneadapt
