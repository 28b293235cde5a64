// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/requantised.h"

#include <cmath>
#include <cstring>

#include "core/macroblock/allocation.h"
#include "core/macroblock/requantise.h"
#include "second_generation.h"

namespace oneadapt {
namespace {

constexpr unsigned kEvery = 7;  // as oneadaptshadow's "every"
constexpr unsigned kMacroblock = 16;

unsigned blocks(unsigned pixels) { return (pixels + kMacroblock - 1) / kMacroblock; }

/// Steps of QP by which errors are smaller in a picture that was made smaller: a pixel is the mean of several.
int finer_by(unsigned coded, unsigned seen) {
  return coded > seen && seen ? int(std::lround(6 * std::log2(double(coded) / seen))) : 0;
}

}  // namespace

void Requantised::on_event(GstEvent *event) {
  coding_.event(event);
  if (const auto possible = second_generations_of(event)) elsewhere_ = *possible;
}

void Requantised::take(const RgbFrame &frame, const std::optional<IntervalMark> &mark) {
  due_ = false;
  if (mark) coding_.mark(*mark);
  if (elsewhere_ || !coding_.wanted().value_or(false) || !coding_.qp() || ++since_ < kEvery) return;
  since_ = 0;
  due_ = true;
  width_ = frame.width;
  height_ = frame.height;
  const std::size_t row = 3 * std::size_t(width_);
  rgb_.resize(row * height_);
  for (unsigned y = 0; y < height_; ++y) std::memcpy(&rgb_[row * y], frame.data + frame.stride * y, row);
}

RgbFrame Requantised::quantised(bool placed) {
  due_ = false;
  std::vector<float> offsets;
  const QpOffsets &map = coding_.map();
  if (placed && !map.values.empty())
    offsets = stretch_offsets(map.values, blocks(map.width), blocks(map.height), blocks(width_), blocks(height_));
  const std::size_t row = 3 * std::size_t(width_);
  requantise({rgb_.data(), width_, height_, row}, *coding_.qp() - finer_by(coding_.width(), width_), offsets);
  RgbFrame out;
  out.data = rgb_.data();
  out.width = width_;
  out.height = height_;
  out.stride = row;
  return out;
}

}  // namespace oneadapt
