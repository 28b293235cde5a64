// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gradient_mean.h"

#include <cmath>

namespace oneadapt {

void GradientMean::add(std::uint64_t interval, const Gradient &gradient) {
  if (interval != interval_) count_ = 0;
  interval_ = interval;
  if (count_++ == 0) {
    sum_ = gradient;
    elements_ = gradient.elements;
    confident_ = gradient.confident;
    return;
  }
  const Gradient before = std::move(sum_);
  sum_ = gradient;
  sum_.z += before.z;
  elements_ += gradient.elements;
  confident_ += gradient.confident;
  const bool same =
      before.map.frame_width == gradient.map.frame_width && before.map.frame_height == gradient.map.frame_height;
  const BlockMap map = same ? before.map : resample(before.map, gradient.map.frame_width, gradient.map.frame_height);
  for (std::size_t i = 0; i < map.values.size(); ++i) sum_.map.values[i] += map.values[i];
}

std::optional<Gradient> GradientMean::take(std::uint64_t interval) {
  if (count_ == 0 || interval != interval_) return std::nullopt;
  const double n = count_;
  count_ = 0;
  sum_.z /= n;
  sum_.elements = unsigned(std::lround(elements_ / n));
  sum_.confident = unsigned(std::lround(confident_ / n));
  for (float &value : sum_.map.values) value = float(value / n);
  return std::move(sum_);
}

}  // namespace oneadapt
