// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/vision/mosaic.h"

#include <zlib.h>

#include <algorithm>
#include <utility>

namespace oneadapt {
namespace {

constexpr unsigned cells_across(unsigned width) { return width / PairNumber::kCell; }

/// The upper left pixel of a cell of the strip, in the mosaic.
std::pair<unsigned, unsigned> cell_at(unsigned cell, const MosaicLayout &layout) {
  const unsigned across = cells_across(layout.width());
  return {cell % across * PairNumber::kCell, layout.rows * layout.tile_height() + cell / across * PairNumber::kCell};
}

std::uint32_t crc(const std::uint8_t *bytes, std::size_t n) { return std::uint32_t(crc32_z(0, bytes, n)); }

/// Not 0 for the number 0, so that a black strip is no number.
std::uint32_t check_of(std::uint32_t number) {
  const std::uint8_t bytes[] = {std::uint8_t(number >> 16), std::uint8_t(number >> 8), std::uint8_t(number)};
  return crc(bytes, sizeof bytes) & 0xff;
}

}  // namespace

unsigned MosaicLayout::strip_height() const {
  const unsigned across = cells_across(width());
  if (!across) return 0;
  const unsigned cell_rows = (PairNumber::kCells + across - 1) / across;
  return (cell_rows * PairNumber::kCell + kMacroblock - 1) / kMacroblock * kMacroblock;
}

MosaicLayout MosaicLayout::of(unsigned channels, unsigned width, unsigned height) {
  MosaicLayout best;
  // Not much longer than wide, and of those the smallest.
  const auto cost = [](const MosaicLayout &l) {
    const double least = std::min(l.width(), l.height()), most = std::max(l.width(), l.height());
    return std::pair(std::max(2.0, most / least), least * most);
  };
  for (unsigned columns = 1; columns <= channels; ++columns) {
    const MosaicLayout layout{channels, {width, height}, columns, (channels + columns - 1) / columns};
    if (!best.channels || cost(layout) < cost(best)) best = layout;
  }
  return best;
}

std::optional<PairNumber> PairNumber::parse(const std::string &text) {
  if (text.size() != kBits / 4 || text.find_first_not_of("0123456789abcdef") != std::string::npos) return std::nullopt;
  return PairNumber(std::uint32_t(std::stoul(text, nullptr, 16)));
}

PairNumber PairNumber::of(const std::vector<std::uint8_t> &bytes) {
  return PairNumber(crc(bytes.data(), bytes.size()));
}

std::string PairNumber::text() const {
  std::string text;
  for (int shift = kBits - 4; shift >= 0; shift -= 4) text += "0123456789abcdef"[number_ >> shift & 15];
  return text;
}

std::uint32_t PairNumber::cells() const { return number_ << kCheckBits | check_of(number_); }

void PairNumber::write(std::uint8_t *mosaic, std::size_t stride, const MosaicLayout &layout) const {
  for (unsigned y = layout.rows * layout.tile_height(); y < layout.height(); ++y)
    std::fill_n(mosaic + stride * y, layout.width(), std::uint8_t(128));
  for (unsigned cell = 0; cell < kCells; ++cell) {
    const auto [x, y] = cell_at(cell, layout);
    const std::uint8_t level = cells() >> (kCells - 1 - cell) & 1 ? 255 : 0;
    for (unsigned row = 0; row < kCell; ++row) std::fill_n(mosaic + stride * (y + row) + x, kCell, level);
  }
}

std::optional<PairNumber> PairNumber::read(const std::uint8_t *pixels, std::size_t stride, std::size_t step,
                                           unsigned width, unsigned height, const MosaicLayout &layout) {
  std::uint32_t bits = 0;
  for (unsigned cell = 0; cell < kCells; ++cell) {
    const auto [left, top] = cell_at(cell, layout);
    const unsigned x = unsigned((left + kCell / 2.0) * width / layout.width());
    const unsigned y = unsigned((top + kCell / 2.0) * height / layout.height());
    if (x >= width || y >= height) return std::nullopt;
    bits = bits << 1 | (pixels[stride * y + step * x] >= 128);
  }
  const PairNumber found(bits >> kCheckBits);
  if (found.cells() != bits) return std::nullopt;
  return found;
}

std::vector<Box> boxes_in_tiles(const std::vector<Box> &boxes, const MosaicLayout &layout) {
  std::vector<Box> all;
  const double across = layout.plane[0], down = layout.plane[1], width = layout.width(), height = layout.height();
  for (const Box &box : boxes)
    for (unsigned channel = 0; channel < layout.channels; ++channel) {
      const double x = channel % layout.columns * layout.tile_width(),
                   y = channel / layout.columns * layout.tile_height();
      all.push_back({(x + box.x0 * across) / width, (y + box.y0 * down) / height, (x + box.x1 * across) / width,
                     (y + box.y1 * down) / height});
    }
  return all;
}

}  // namespace oneadapt
