// SPDX-License-Identifier: LGPL-2.1-or-later
// What was measured of the accuracy of intervals whose gradients have not been sent.
#pragma once
#include <cstdint>
#include <map>

#include "core/gradient/gradient.h"

namespace oneadapt {

/// Thread-bound.
class MeasuredIntervals {
 public:
  void add(std::uint64_t interval, const MeasuredAccuracy &measured) {
    intervals_[interval].add(measured);
    // Of intervals that never had a gradient, only the newest few are kept.
    while (intervals_.size() > kMost) intervals_.erase(intervals_.begin());
  }
  /// Of this interval; older ones are forgotten.
  MeasuredAccuracy take(std::uint64_t interval) {
    MeasuredAccuracy found;
    const auto it = intervals_.find(interval);
    if (it != intervals_.end()) found = it->second;
    intervals_.erase(intervals_.begin(), intervals_.upper_bound(interval));
    return found;
  }
  void reset() { intervals_.clear(); }

 private:
  static constexpr std::size_t kMost = 4;
  std::map<std::uint64_t, MeasuredAccuracy> intervals_;
};

}  // namespace oneadapt
