// SPDX-License-Identifier: LGPL-2.1-or-later
// Which part of a frame an object covers (paper §3.1: an element is "a segmented mask of a detected instance").
#pragma once
#include <cstdint>
#include <vector>

namespace oneadapt {

/// Cells of a grid that lies over the whole frame, run-length coded as COCO's uncompressed `counts`: down the first
/// column, then down the next. The first run (possibly of 0 cells) is outside the object, the next inside, and so on.
struct Mask {
  unsigned width = 0, height = 0;     ///< of the grid, in cells; 0: there is no mask
  std::vector<std::uint32_t> counts;  ///< their sum is width · height

  bool none() const { return width == 0 || height == 0; }
  bool operator==(const Mask &o) const { return width == o.width && height == o.height && counts == o.counts; }
};

/// The smallest rectangle of the grid that holds all of a mask's cells.
struct MaskCut {
  unsigned x = 0, y = 0;            ///< of its first cell
  unsigned columns = 0, rows = 0;   ///< 0: the mask covers nothing
  std::vector<std::uint8_t> cells;  ///< rows · columns, row by row: 255 inside, 0 outside
};

/// `cells`: width · height, column by column; other than 0: inside.
Mask mask_of(const std::uint8_t *cells, unsigned width, unsigned height);
/// The inverse of cut_of(). Throws std::invalid_argument when the rectangle does not lie in the grid, or has another
/// number of cells.
Mask mask_of(const MaskCut &cut, unsigned width, unsigned height);
MaskCut cut_of(const Mask &mask);

/// Number of cells inside.
std::uint64_t covered_cells(const Mask &mask);

/// Intersection over union of the areas, exact, also of two different grids over the same frame; 0 when either covers
/// nothing.
double iou(const Mask &a, const Mask &b);

/// The union of the masks; no mask when `masks` is empty. Throws std::invalid_argument when their grids differ.
Mask united(const std::vector<const Mask *> &masks);

}  // namespace oneadapt
