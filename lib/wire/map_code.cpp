// SPDX-License-Identifier: LGPL-2.1-or-later
#include "wire/map_code.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <new>

namespace oneadapt {
namespace {

constexpr int kRaw = -15;  // zlib's windowBits for deflate without a header

float to_float(double v) { return float(std::min<double>(v, std::numeric_limits<float>::max())); }

/// Levels are predicted by the mean of the left and the upper one, rounded down; outside the grid they are 0.
unsigned predicted(const std::vector<std::uint8_t> &levels, unsigned columns, unsigned column, unsigned row) {
  const std::size_t i = std::size_t(row) * columns + column;
  return ((column ? levels[i - 1] : 0u) + (row ? levels[i - columns] : 0u)) / 2;
}

/// Of few levels two residuals share a byte, one above the other: neighbours are alike even where the prediction
/// fails.
bool in_pairs(std::size_t levels) { return levels <= kMaxPairLevels; }

std::size_t packed_size(const BlockMap &cells, std::size_t levels) {
  return std::size_t(cells.columns()) * (in_pairs(levels) ? (cells.rows() + 1) / 2 : cells.rows());
}

std::vector<std::uint8_t> residuals(const std::vector<std::uint8_t> &levels, const BlockMap &cells, unsigned count) {
  const unsigned columns = cells.columns(), each = in_pairs(count) ? 2 : 1;
  std::vector<std::uint8_t> out(packed_size(cells, count), 0);
  for (unsigned row = 0; row < cells.rows(); ++row)
    for (unsigned column = 0; column < columns; ++column) {
      const unsigned level = levels[std::size_t(row) * columns + column];
      const unsigned residual = (level + count - predicted(levels, columns, column, row)) % count;
      const bool upper = each == 2 && row % 2 == 0;
      out[std::size_t(row / each) * columns + column] |= std::uint8_t(upper ? residual << 4 : residual);
    }
  return out;
}

/// nullopt: more than `budget` bytes.
std::optional<std::vector<std::uint8_t>> deflated(std::vector<std::uint8_t> bytes, std::size_t budget) {
  z_stream z{};
  // Runs and Huffman codes: smaller on residuals than what zlib's other strategies make of them.
  if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, kRaw, MAX_MEM_LEVEL, Z_RLE) != Z_OK) throw std::bad_alloc();
  // One byte too many: zlib does not say that it is done when it has just filled its output.
  std::vector<std::uint8_t> out(std::min(budget + 1, std::size_t(deflateBound(&z, uLong(bytes.size())))));
  z.next_in = bytes.data();
  z.avail_in = uInt(bytes.size());
  z.next_out = out.data();
  z.avail_out = uInt(out.size());
  const bool fits = deflate(&z, Z_FINISH) == Z_STREAM_END;
  out.resize(out.size() - z.avail_out);
  deflateEnd(&z);
  if (!fits || out.size() > budget) return std::nullopt;
  return out;
}

/// False unless `data` is one whole stream, without anything behind it, of just as many bytes as `out` has.
bool inflated(const std::uint8_t *data, std::size_t size, std::vector<std::uint8_t> &out) {
  z_stream z{};
  if (inflateInit2(&z, kRaw) != Z_OK) throw std::bad_alloc();
  z.next_in = const_cast<Bytef *>(data);
  z.avail_in = uInt(size);
  z.next_out = out.data();
  z.avail_out = uInt(out.size());
  const bool whole = inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_in == 0 && z.avail_out == 0;
  inflateEnd(&z);
  return whole;
}

/// Where levels are counted from. It is the peak; but QP is allocated below the blocks that hold kTopShare of the
/// gradient (allocation.h), and where these are far below a few stray peaks, it is less than 4 octaves above them.
double top_of(const BlockMap &cells) {
  constexpr double kTopShare = 0.15;
  const double peak = *std::max_element(cells.values.begin(), cells.values.end());
  std::array<double, 64> sums{};  // by octaves below the peak
  double total = 0, sum = 0;
  for (float value : cells.values) {
    if (value > 0) sums[std::size_t(std::min(63, std::ilogb(peak / value)))] += value;
    total += value;
  }
  std::size_t octaves = 0;
  while (octaves < 63 && (sum += sums[octaves]) < kTopShare * total) ++octaves;
  return octaves > 3 ? std::ldexp(peak, 3 - int(octaves)) : peak;
}

}  // namespace

std::uint32_t cell_side(std::uint32_t block, unsigned pooling) {
  constexpr std::uint64_t kLargest = std::numeric_limits<std::uint32_t>::max();
  return std::uint32_t(std::min(kLargest, std::uint64_t(block) << pooling));
}

BlockMap pooled(const BlockMap &map) {
  BlockMap out(map.frame_width, map.frame_height, cell_side(map.block_size, 1));
  std::vector<double> sums(out.values.size(), 0.0);
  for (unsigned row = 0; row < map.rows(); ++row)
    for (unsigned column = 0; column < map.columns(); ++column)
      sums[std::size_t(row / 2) * out.columns() + column / 2] +=
          double(map.at(column, row)) * double(map.pixels(column, row));
  for (unsigned row = 0; row < out.rows(); ++row)
    for (unsigned column = 0; column < out.columns(); ++column)
      out.at(column, row) = to_float(sums[std::size_t(row) * out.columns() + column] / double(out.pixels(column, row)));
  return out;
}

std::optional<CodedMap> code_cells(const BlockMap &cells, unsigned pooling, const MapLevels &quantiser,
                                   std::size_t budget) {
  const double top = top_of(cells);
  const unsigned last = quantiser.levels - 1;
  std::array<double, kMaxMapLevels> below{}, sums{}, pixels{};
  for (unsigned k = 1; k <= last; ++k) {
    const double share = double(k) / last;
    below[k] = quantiser.first * k + (quantiser.depth - quantiser.first * last) * share * share;
  }
  // Level 0 is the lowest on the wire, so that a calm picture is predicted from outside the grid.
  std::vector<std::uint8_t> levels(cells.values.size(), 0);
  for (unsigned row = 0, i = 0; row < cells.rows(); ++row)
    for (unsigned column = 0; column < cells.columns(); ++column, ++i) {
      const double value = cells.values[i];
      if (value > 0) {
        const double octaves = std::log2(top / value);
        auto next = std::lower_bound(below.begin(), below.begin() + last, octaves);
        if (next != below.begin() && octaves - next[-1] < next[0] - octaves) --next;
        levels[i] = std::uint8_t(last - unsigned(next - below.begin()));
      }
      const auto of_cell = double(cells.pixels(column, row));
      sums[levels[i]] += value * of_cell;
      pixels[levels[i]] += of_cell;
    }

  CodedMap coded;
  coded.pooling = pooling;
  std::array<std::uint8_t, kMaxMapLevels> used{};
  for (unsigned level = 0; level < quantiser.levels; ++level) {
    used[level] = std::uint8_t(coded.levels.size());
    if (pixels[level] > 0) coded.levels.push_back(to_float(sums[level] / pixels[level]));
  }
  for (std::uint8_t &level : levels) level = used[level];

  if (budget <= kLevelBytes * coded.levels.size()) return std::nullopt;
  auto packed =
      deflated(residuals(levels, cells, unsigned(coded.levels.size())), budget - kLevelBytes * coded.levels.size());
  if (!packed) return std::nullopt;
  coded.packed = std::move(*packed);
  return coded;
}

std::optional<CodedMap> code_map(const BlockMap &map, std::size_t budget) {
  BlockMap larger;
  const BlockMap *cells = &map;
  for (unsigned pooling = 0;; ++pooling) {
    const std::size_t wanted = std::min(budget, std::max(kSmallMapBytes, cells->values.size() * kMapBitsPerCell / 8));
    for (const MapLevels &quantiser : kMapLadder)
      if (auto coded = code_cells(*cells, pooling, quantiser, wanted)) return coded;
    if (auto coded = code_cells(*cells, pooling, *std::rbegin(kMapLadder), budget)) return coded;
    if (cells->values.size() == 1) return std::nullopt;
    larger = pooled(*cells);
    cells = &larger;
  }
}

bool decode_map(unsigned pooling, const std::vector<float> &levels, const std::uint8_t *packed, std::size_t size,
                BlockMap &map) {
  BlockMap cells;
  cells.frame_width = map.frame_width;
  cells.frame_height = map.frame_height;
  cells.block_size = cell_side(map.block_size, pooling);
  const unsigned columns = cells.columns(), rows = cells.rows(), count = unsigned(levels.size());
  std::vector<std::uint8_t> bytes(packed_size(cells, count));
  if (!inflated(packed, size, bytes)) return false;
  std::vector<std::uint8_t> of(std::size_t(columns) * rows);
  for (unsigned row = 0; row < rows; ++row)
    for (unsigned column = 0; column < columns; ++column) {
      unsigned residual;
      if (in_pairs(count)) {
        const unsigned pair = bytes[std::size_t(row / 2) * columns + column];
        residual = row % 2 ? pair & 15 : pair >> 4;
        if (row % 2 == 0 && row + 1 == rows && (pair & 15)) return false;
      } else {
        residual = bytes[std::size_t(row) * columns + column];
      }
      if (residual >= count) return false;
      of[std::size_t(row) * columns + column] = std::uint8_t((predicted(of, columns, column, row) + residual) % count);
    }
  map.values.resize(std::size_t(map.columns()) * map.rows());
  for (unsigned row = 0; row < map.rows(); ++row)
    for (unsigned column = 0; column < map.columns(); ++column)
      map.at(column, row) = levels[of[std::size_t(row >> pooling) * columns + (column >> pooling)]];
  return true;
}

}  // namespace oneadapt
