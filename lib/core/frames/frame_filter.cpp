// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/frames/frame_filter.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace oneadapt {
namespace {

// Reducto binarises differences of blurred grey pictures; sensor noise in the mean of 16 pixels stays well below this.
constexpr int kChanged = 10;
// A difference below this share of the frame is noise, whatever the unit: a still picture has a unit of about 0.
constexpr double kLeastUnit = 1e-4;

// ΔF1 ≈ κ · Σ|G||Δy| / N, times what a reused result costs more because its boxes are in the wrong place
// (`framerate`'s weight); docs/results/paper.md.
constexpr double kLoss = 1e-3 * 2.8;
// A single frame's loss levels off here, long before every box is wrong: over the curves of three clips 0.1 … 0.3 were
// about alike, and no worse than none.
constexpr double kMostLoss = 0.3;
// What a frame not looked at costs though nothing changes where the DNN looks: something new may have come.
constexpr double kUnseen = 0.02;
// Without a gradient: a change of the mean luma by 1 % of its range counts as this loss.
constexpr double kUniformLoss = 0.05;

double mean_and_deviation(double sum, double sum2, unsigned n) {
  const double mean = sum / n;
  return mean + std::sqrt(std::max(0.0, sum2 / n - mean * mean));
}

}  // namespace

Cells luma_cells(const std::uint8_t *luma, std::size_t stride, unsigned width, unsigned height) {
  Cells cells;
  cells.cell = width > 1280 ? 8 : 4;
  cells.frame_width = width;
  cells.frame_height = height;
  cells.columns = width / cells.cell;
  cells.rows = height / cells.cell;
  cells.values.resize(std::size_t(cells.columns) * cells.rows);
  const unsigned area = cells.cell * cells.cell;
  std::vector<unsigned> sums(cells.columns);
  for (unsigned row = 0; row < cells.rows; ++row) {
    std::fill(sums.begin(), sums.end(), area / 2);
    for (unsigned y = 0; y < cells.cell; ++y) {
      const std::uint8_t *line = luma + stride * (std::size_t(row) * cells.cell + y);
      for (unsigned column = 0; column < cells.columns; ++column)
        for (unsigned x = 0; x < cells.cell; ++x) sums[column] += line[column * cells.cell + x];
    }
    for (unsigned column = 0; column < cells.columns; ++column)
      cells.values[std::size_t(row) * cells.columns + column] = std::uint8_t(sums[column] / area);
  }
  return cells;
}

FrameDifference frame_difference(const Cells &a, const Cells &b) {
  FrameDifference difference;
  const std::size_t n = a.values.size();
  if (!a.comparable(b) || n == 0) return {1, 1};
  std::vector<std::uint8_t> changed(n);
  std::size_t count = 0;
  for (std::size_t i = 0; i < n; ++i) {
    changed[i] = std::abs(int(a.values[i]) - int(b.values[i])) > kChanged;
    count += changed[i];
  }
  difference.pixel = double(count) / double(n);
  std::size_t largest = 0;
  std::vector<std::size_t> open;
  const int columns = int(a.columns), rows = int(a.rows);
  for (std::size_t start = 0; start < n; ++start) {
    if (!changed[start]) continue;
    std::size_t size = 0;
    open.assign(1, start);
    changed[start] = 0;
    while (!open.empty()) {
      const std::size_t at = open.back();
      open.pop_back();
      ++size;
      const int x = int(at % a.columns), y = int(at / a.columns);
      for (int v = std::max(0, y - 1); v <= std::min(rows - 1, y + 1); ++v)
        for (int u = std::max(0, x - 1); u <= std::min(columns - 1, x + 1); ++u) {
          const std::size_t next = std::size_t(v) * a.columns + std::size_t(u);
          if (!changed[next]) continue;
          changed[next] = 0;
          open.push_back(next);
        }
    }
    largest = std::max(largest, size);
  }
  difference.area = double(largest) / double(n);
  return difference;
}

BlockMap cell_change(const Cells &a, const Cells &b, double luma_range) {
  BlockMap map(a.frame_width, a.frame_height);
  if (!a.comparable(b)) return map;
  std::vector<unsigned> counts(map.values.size());
  const unsigned per_block = map.block_size / a.cell;
  for (unsigned row = 0; row < a.rows; ++row)
    for (unsigned column = 0; column < a.columns; ++column) {
      const std::size_t i = std::size_t(row) * a.columns + column;
      const std::size_t block = std::size_t(row / per_block) * map.columns() + column / per_block;
      map.values[block] += float(std::abs(int(a.values[i]) - int(b.values[i])));
      ++counts[block];
    }
  for (std::size_t block = 0; block < counts.size(); ++block)
    map.values[block] = counts[block] ? float(map.values[block] * luma_range / (255.0 * counts[block])) : 0;
  return map;
}

void FrameFilter::begin_interval() {
  if (sums_.n) {
    unit_pixel_ = std::max(kLeastUnit, mean_and_deviation(sums_.pixel, sums_.pixel2, sums_.n));
    unit_area_ = std::max(kLeastUnit, mean_and_deviation(sums_.area, sums_.area2, sums_.n));
  }
  sums_ = Sums();
}

void FrameFilter::set_gradient(const BlockMap &gradient, double confident) {
  gradient_ = std::make_shared<const BlockMap>(gradient);
  confident_ = confident;
}

double FrameFilter::loss(const Cells &frame) {
  if (!sent_ || !sent_->comparable(frame)) return 1;
  // Full-range luma is taken for limited: 16 % more change than there is.
  const BlockMap change = cell_change(frame, *sent_, 255.0 / 219.0);
  double loss;
  if (gradient_) {
    if (gradient_->frame_width != change.frame_width || gradient_->frame_height != change.frame_height)
      gradient_ = std::make_shared<const BlockMap>(resample(*gradient_, change.frame_width, change.frame_height));
    loss = kLoss * output_grad(*gradient_, change) / std::max(1.0, confident_);
  } else {
    double sum = 0;
    for (float value : change.values) sum += value;
    loss = kUniformLoss * 100 * sum / double(std::max<std::size_t>(1, change.values.size()));
  }
  return kUnseen + kMostLoss * (1 - std::exp(-loss / kMostLoss));
}

void FrameFilter::observe(const Frame &frame) {
  if (previous_ && previous_->comparable(*frame)) {
    const FrameDifference d = frame_difference(*frame, *previous_);
    sums_.pixel += d.pixel;
    sums_.pixel2 += d.pixel * d.pixel;
    sums_.area += d.area;
    sums_.area2 += d.area * d.area;
    ++sums_.n;
  }
  previous_ = frame;
}

bool FrameFilter::keep(const Frame &frame, const FilterThresholds &t, bool must, unsigned max_skip) {
  bool send = must || !t.any() || !sent_ || !sent_->comparable(*frame) || (max_skip && skipped_ >= max_skip);
  if (!send) {
    bool drop = false;
    if (t.pixel > 0 || t.area > 0) {
      const FrameDifference d = frame_difference(*frame, *sent_);
      drop = (t.pixel > 0 && d.pixel <= t.pixel * unit_pixel_) || (t.area > 0 && d.area <= t.area * unit_area_);
    }
    if (t.change > 0) {
      lost_ += loss(*frame);
      drop = drop || lost_ <= t.change;
    }
    send = !drop;
  }
  if (!send) {
    ++skipped_;
    return false;
  }
  sent_ = frame;
  lost_ = 0;
  skipped_ = 0;
  return true;
}

void FrameFilter::reset() {
  sent_.reset();
  previous_.reset();
  unit_pixel_ = unit_area_ = -1;
  sums_ = Sums();
  lost_ = 0;
  skipped_ = 0;
}

FilterOutcome replay(const FilterRecord &record, const FilterThresholds &thresholds, unsigned max_skip,
                     double luma_range) {
  FilterOutcome outcome;
  if (record.frames.empty()) return outcome;
  const Cells &like = *record.frames.back();
  outcome.change = BlockMap(like.frame_width, like.frame_height);
  FrameFilter filter = record.filter;
  for (std::size_t i = 0; i < record.frames.size(); ++i) {
    const bool kept = filter.keep(record.frames[i], thresholds, record.must[i], max_skip);
    outcome.kept += kept;
    if (kept || !like.comparable(*record.frames[i])) continue;
    const BlockMap change = cell_change(*record.frames[i], *filter.sent(), luma_range);
    for (std::size_t b = 0; b < change.values.size(); ++b) outcome.change.values[b] += change.values[b];
  }
  for (float &value : outcome.change.values) value /= float(record.frames.size());
  return outcome;
}

}  // namespace oneadapt
