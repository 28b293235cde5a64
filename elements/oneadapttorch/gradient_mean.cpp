// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gradient_mean.h"

#include <cmath>

namespace oneadapt {

void GradientMean::add(std::uint64_t interval, const Gradient &gradient) {
  if (interval != interval_) count_ = 0;
  interval_ = interval;
  sum_ = count_++ == 0 ? gradient : sum_of(sum_, gradient);
}

std::optional<Gradient> GradientMean::take(std::uint64_t interval) {
  if (count_ == 0 || interval != interval_) return std::nullopt;
  const double n = count_;
  count_ = 0;
  sum_.z /= n;
  sum_.elements = unsigned(std::lround(sum_.elements / n));
  sum_.confident = unsigned(std::lround(sum_.confident / n));
  for (float &value : sum_.map.values) value = float(value / n);
  return std::move(sum_);
}

}  // namespace oneadapt
