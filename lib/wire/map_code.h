// SPDX-License-Identifier: LGPL-2.1-or-later
// The block map in few bytes: few logarithmic levels, predicted from the neighbours, deflated; where that is not
// enough, squares of blocks share a value (docs/wire-format.md).
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/gradient.h"

namespace oneadapt {

constexpr unsigned kMaxMapLevels = 64;
constexpr unsigned kMaxPairLevels = 16;  // a residual is half a byte up to here, a byte from here on

/// Levels are logarithmic, and closer to each other near the peak, where few blocks hold most of the gradient: the k-th
/// is at first·k + (depth − first·n) · (k/n)² octaves below it, n = levels − 1. A value belongs to the nearest one;
/// whatever is further below the peak, to the last. A few stray peaks, far above the blocks that hold the gradient, do
/// not count: they have the uppermost level.
struct MapLevels {
  unsigned levels;  ///< 1 … kMaxMapLevels
  double first;     ///< octaves between the peak and the next level
  double depth;     ///< octaves between the peak and the last level
};

/// What is tried for each size of cell, the best first. By measurement (docs/results/wire.md): of what costs as many
/// bytes, what changes QP least.
constexpr MapLevels kMapLadder[] = {{48, 0.1, 8}, {32, 0.15, 7}, {24, 0.2, 6.5}, {16, 0.25, 6.5},
                                    {12, 0.3, 6}, {10, 0.3, 6},  {8, 0.3, 6}};

constexpr std::size_t kLevelBytes = 2;  // of a level on the wire

struct CodedMap {
  unsigned pooling = 0;              ///< a cell is a square of 2^pooling × 2^pooling blocks
  std::vector<float> levels;         ///< what each level stands for, 1 … kMaxMapLevels
  std::vector<std::uint8_t> packed;  ///< the level of each cell: residuals of a prediction, raw deflate
  std::size_t bytes() const { return kLevelBytes * levels.size() + packed.size(); }
};

/// The map with cells of 2×2 of its blocks: means over their pixels, so that Σ value·pixels stays.
BlockMap pooled(const BlockMap &map);

/// The map at one setting. `cells` is the map after `pooling` times pooled(); its values must be finite and ≥ 0, and
/// it must not be empty. A level stands for the mean over the pixels of its cells, which keeps Σ value·pixels. Levels
/// without a cell are left out. nullopt: it takes more than `budget` bytes.
std::optional<CodedMap> code_cells(const BlockMap &cells, unsigned pooling, const MapLevels &quantiser,
                                   std::size_t budget);

/// What a map should not take more than, its levels included: feedback is to be small beside the video, and that of a
/// small picture is. By measurement (docs/results/wire.md): finer levels change hardly any QP.
constexpr std::size_t kMapBitsPerCell = 3;
constexpr std::size_t kSmallMapBytes = 160;  ///< as long as it takes no more, a map may be as fine as it likes

/// The first of kMapLadder that takes kMapBitsPerCell or kSmallMapBytes, else its last one, within the budget; for
/// cells of one block, else of 2×2, 4×4 … blocks. nullopt: not even a single cell does; that takes kLeastMapBytes.
std::optional<CodedMap> code_map(const BlockMap &map, std::size_t budget);
constexpr std::size_t kLeastMapBytes = 5;

/// Fills `map.values`, from what came over the wire; the map's sizes must be set, its grid's size and that of a cell
/// checked (docs/wire-format.md). False, with the values unspecified, when `packed` does not unpack to one level for
/// each cell.
bool decode_map(unsigned pooling, const std::vector<float> &levels, const std::uint8_t *packed, std::size_t size,
                BlockMap &map);

}  // namespace oneadapt
