// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/gradient/gradient_join.h"

#include <utility>

namespace oneadapt {

bool GradientJoin::is_late(std::uint64_t dnn, std::uint64_t interval) const {
  const auto found = known_.find(dnn);
  return (found != known_.end() && interval <= found->second.newest) || (sum_ && interval < sum_->interval);
}

bool GradientJoin::is_other(const Gradient &gradient) const {
  return sum_ && sum_->interval == gradient.interval && !can_be_added(*sum_, gradient);
}

void GradientJoin::add(std::uint64_t dnn, const Gradient &gradient) {
  known_[dnn] = {gradient.interval, 0};
  if (!sum_ || sum_->interval != gradient.interval) {
    sum_ = gradient;
    count_ = 1;
    taken_ = false;
    return;
  }
  std::vector<Box> regions = std::move(sum_->regions);
  sum_ = sum_of(*sum_, gradient);
  sum_->regions.insert(sum_->regions.end(), regions.begin(), regions.end());
  ++count_;
}

Gradient GradientJoin::take() {
  taken_ = true;
  for (auto i = known_.begin(); i != known_.end();) {
    const bool missing = i->second.newest < sum_->interval;
    i = missing && ++i->second.missed >= kPatience ? known_.erase(i) : std::next(i);
  }
  return *sum_;
}

}  // namespace oneadapt
