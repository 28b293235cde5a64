// SPDX-License-Identifier: LGPL-2.1-or-later
// What is lost where frames are dropped and the last result is reused, as far as the results themselves show it
// (docs/accuracy.md). Beyond the paper.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/gradient/gradient.h"
#include "core/vision/metrics.h"

namespace oneadapt {

/// F1 at an IoU of 0.5 of `first` against what there is `later` after it, in multiples of the time from `first` to
/// `second`, > 0. Objects that both have are taken to move evenly; an object of one side alone was lost or found at
/// some time in between. No classes on either side (of_interest()). Nothing where both are empty.
std::optional<double> reused(const std::vector<ScoredBox> &first, const std::vector<ScoredBox> &second, double later);

/// Collects what the results of successive frames say. Thread-bound.
class ReuseEstimate {
 public:
  /// A frame that was inferred, in the order of their times (ns). `objects`: without classes.
  void frame(std::uint64_t interval, std::uint64_t time, std::vector<ScoredBox> objects);
  /// Of this interval; older ones are forgotten.
  ReuseAccuracy take(std::uint64_t interval);
  void reset() { *this = ReuseEstimate(); }

 private:
  struct Last {
    std::uint64_t time = 0;
    std::vector<ScoredBox> objects;
  };
  std::optional<Last> last_;
  std::map<std::uint64_t, ReuseAccuracy> intervals_;  ///< not taken
};

}  // namespace oneadapt
