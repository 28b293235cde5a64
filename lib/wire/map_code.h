// SPDX-License-Identifier: LGPL-2.1-or-later
// The block map in few bytes: few logarithmic levels, predicted from the neighbours and deflated. Where that is still
// too large, squares of blocks share a value (docs/wire-format.md).
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/gradient/gradient.h"

namespace oneadapt {

constexpr unsigned kMaxMapLevels = 64;
constexpr unsigned kMaxPairLevels = 16;  // a residual is half a byte up to here, a byte from here on

/// Levels are logarithmic, and closer to each other near the peak, where few blocks hold most of the gradient: the k-th
/// is at first·k + (depth − first·n) · (k/n)² octaves below it, n = levels − 1. A value belongs to the nearest level,
/// and everything further below the peak to the last. A few isolated peaks far above the blocks that hold the gradient
/// are ignored when the peak is determined; they have the uppermost level.
struct MapLevels {
  unsigned levels;  ///< 1 … kMaxMapLevels
  double first;     ///< octaves between the peak and the next level
  double depth;     ///< octaves between the peak and the last level
};

/// The settings that are tried for each size of cell, best first. They were chosen by measurement
/// (docs/results/wire.md): of the settings with equally many bytes, those that change QP least.
constexpr MapLevels kMapLadder[] = {{48, 0.1, 8}, {32, 0.15, 7}, {24, 0.2, 6.5}, {16, 0.25, 6.5},
                                    {12, 0.3, 6}, {10, 0.3, 6},  {8, 0.3, 6}};

constexpr std::size_t kLevelBytes = 2;  // of a level on the wire

struct CodedMap {
  unsigned pooling = 0;              ///< a cell is a square of 2^pooling × 2^pooling blocks
  std::vector<float> levels;         ///< what each level stands for, 1 … kMaxMapLevels
  std::vector<std::uint8_t> packed;  ///< the level of each cell: residuals of a prediction, raw deflate
  std::size_t bytes() const { return kLevelBytes * levels.size() + packed.size(); }
};

/// Side of a cell of 2^pooling blocks of `block` pixels; no frame is larger than the largest number it can be.
std::uint32_t cell_side(std::uint32_t block, unsigned pooling);

/// The map with cells of 2×2 of its blocks: means over their pixels, so that Σ value·pixels stays.
BlockMap pooled(const BlockMap &map);

/// The map at one setting. `cells` is the map after `pooling` times pooled(); its values must be finite and ≥ 0, and
/// it must not be empty. A level stands for the mean over the pixels of its cells, which keeps Σ value·pixels. Levels
/// without a cell are left out. nullopt when it takes more than `budget` bytes.
std::optional<CodedMap> code_cells(const BlockMap &cells, unsigned pooling, const MapLevels &quantiser,
                                   std::size_t budget);

/// Limit of a map's size, its levels included, because feedback should be small compared with the video. Finer levels
/// change hardly any QP (measured: docs/results/wire.md).
constexpr std::size_t kMapBitsPerCell = 3;
constexpr std::size_t kSmallMapBytes = 160;  ///< a map of at most this size may have any number of levels

/// Tries cells of one block, then of 2×2, 4×4 … blocks. For each it uses the first of kMapLadder that takes at most
/// kMapBitsPerCell or kSmallMapBytes, or else the last one, if it is within the budget. nullopt when not even a single
/// cell fits; that takes kLeastMapBytes.
std::optional<CodedMap> code_map(const BlockMap &map, std::size_t budget);
constexpr std::size_t kLeastMapBytes = 5;

/// Fills `map.values` from received data. The caller has set the map's sizes, and checked the sizes of its grid and of
/// a cell (docs/wire-format.md). Returns false, with unspecified values, when `packed` does not unpack to one level for
/// each cell.
bool decode_map(unsigned pooling, const std::vector<float> &levels, const std::uint8_t *packed, std::size_t size,
                BlockMap &map);

}  // namespace oneadapt
