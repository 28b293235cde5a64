// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/vision/mask.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>
#include <utility>

namespace oneadapt {
namespace {

/// From the first cell inside to the first one behind, in the order of the counts.
using Interval = std::pair<std::uint64_t, std::uint64_t>;

std::vector<Interval> inside(const Mask &mask) {
  std::vector<Interval> runs;
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < mask.counts.size(); ++i) {
    if (i % 2 && mask.counts[i]) runs.emplace_back(at, at + mask.counts[i]);
    at += mask.counts[i];
  }
  return runs;
}

/// `runs` in order, none touching another.
Mask encoded(const std::vector<Interval> &runs, unsigned width, unsigned height) {
  Mask mask{width, height, {}};
  std::uint64_t at = 0;
  const auto count = [&](std::uint64_t end) {
    mask.counts.push_back(std::uint32_t(end - at));
    at = end;
  };
  for (const Interval &run : runs) {
    count(run.first);
    count(run.second);
  }
  const std::uint64_t all = std::uint64_t(width) * height;
  if (at < all) count(all);
  return mask;
}

/// Rows inside, of each column.
std::vector<std::vector<Interval>> by_column(const Mask &mask) {
  std::vector<std::vector<Interval>> columns(mask.width);
  for (Interval run : inside(mask))
    while (run.first < run.second) {
      const std::uint64_t column = run.first / mask.height, next = (column + 1) * mask.height;
      columns[column].emplace_back(run.first - column * mask.height, std::min(run.second, next) - column * mask.height);
      run.first = next;
    }
  return columns;
}

/// Length of what both hold, with the rows of each stretched.
std::uint64_t common(const std::vector<Interval> &a, std::uint64_t by_a, const std::vector<Interval> &b,
                     std::uint64_t by_b) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const std::uint64_t end_a = a[i].second * by_a, end_b = b[j].second * by_b;
    const std::uint64_t from = std::max(a[i].first * by_a, b[j].first * by_b), to = std::min(end_a, end_b);
    if (to > from) sum += to - from;
    end_a <= end_b ? ++i : ++j;
  }
  return sum;
}

}  // namespace

Mask mask_of(const std::uint8_t *cells, unsigned width, unsigned height) {
  const std::uint8_t *const end = cells + std::size_t(width) * height;
  std::vector<Interval> runs;
  const auto outside = [](std::uint8_t cell) { return cell == 0; };
  for (const std::uint8_t *at = cells;;) {
    const std::uint8_t *const first = std::find_if_not(at, end, outside);
    if (first == end) break;
    at = std::find_if(first, end, outside);
    runs.emplace_back(first - cells, at - cells);
  }
  return encoded(runs, width, height);
}

Mask mask_of(const MaskCut &cut, unsigned width, unsigned height) {
  if (cut.x > width || cut.columns > width - cut.x || cut.y > height || cut.rows > height - cut.y ||
      cut.cells.size() != std::size_t(cut.columns) * cut.rows)
    throw std::invalid_argument("a mask's rectangle does not lie in its grid, or lacks cells");
  std::vector<Interval> runs;
  for (unsigned c = 0; c < cut.columns; ++c)
    for (unsigned r = 0; r < cut.rows; ++r) {
      if (!cut.cells[std::size_t(r) * cut.columns + c]) continue;
      const std::uint64_t at = std::uint64_t(cut.x + c) * height + cut.y + r;
      if (!runs.empty() && runs.back().second == at)
        ++runs.back().second;
      else
        runs.emplace_back(at, at + 1);
    }
  return encoded(runs, width, height);
}

MaskCut cut_of(const Mask &mask) {
  const auto columns = by_column(mask);
  unsigned x0 = mask.width, x1 = 0, y0 = mask.height, y1 = 0;
  for (unsigned c = 0; c < mask.width; ++c)
    if (!columns[c].empty()) {
      x0 = std::min(x0, c);
      x1 = c + 1;
      y0 = std::min(y0, unsigned(columns[c].front().first));
      y1 = std::max(y1, unsigned(columns[c].back().second));
    }
  if (x1 == 0) return {};
  MaskCut cut{x0, y0, x1 - x0, y1 - y0, std::vector<std::uint8_t>(std::size_t(x1 - x0) * (y1 - y0), 0)};
  for (unsigned c = x0; c < x1; ++c)
    for (const Interval &rows : columns[c])
      for (std::uint64_t r = rows.first; r < rows.second; ++r) cut.cells[(r - y0) * cut.columns + (c - x0)] = 255;
  return cut;
}

std::uint64_t covered_cells(const Mask &mask) {
  std::uint64_t cells = 0;
  for (std::size_t i = 1; i < mask.counts.size(); i += 2) cells += mask.counts[i];
  return cells;
}

double iou(const Mask &a, const Mask &b) {
  const std::uint64_t cells_a = covered_cells(a), cells_b = covered_cells(b);
  if (!cells_a || !cells_b) return 0;
  // Whole numbers: a finer grid that has both as its parts. 16384⁴ still fits.
  const std::uint64_t across = std::lcm(std::uint64_t(a.width), std::uint64_t(b.width));
  const std::uint64_t down = std::lcm(std::uint64_t(a.height), std::uint64_t(b.height));
  const std::uint64_t ax = across / a.width, bx = across / b.width, ay = down / a.height, by = down / b.height;
  const auto columns_a = by_column(a), columns_b = by_column(b);
  std::uint64_t both = 0;
  for (std::uint64_t i = 0, j = 0; i < a.width && j < b.width;) {
    const std::uint64_t end_a = (i + 1) * ax, end_b = (j + 1) * bx;
    const std::uint64_t width = std::min(end_a, end_b) - std::max(i * ax, j * bx);
    both += width * common(columns_a[i], ay, columns_b[j], by);
    if (end_a <= end_b) ++i;
    if (end_b <= end_a) ++j;
  }
  return double(both) / double(cells_a * ax * ay + cells_b * bx * by - both);
}

Mask united(const std::vector<const Mask *> &masks) {
  if (masks.empty()) return {};
  std::vector<Interval> all, merged;
  for (const Mask *mask : masks) {
    if (mask->width != masks[0]->width || mask->height != masks[0]->height)
      throw std::invalid_argument("masks over different grids cannot be united");
    const auto runs = inside(*mask);
    all.insert(all.end(), runs.begin(), runs.end());
  }
  std::sort(all.begin(), all.end());
  for (const Interval &run : all) {
    if (!merged.empty() && run.first <= merged.back().second)
      merged.back().second = std::max(merged.back().second, run.second);
    else
      merged.push_back(run);
  }
  return encoded(merged, masks[0]->width, masks[0]->height);
}

}  // namespace oneadapt
