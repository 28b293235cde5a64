// SPDX-License-Identifier: LGPL-2.1-or-later
// The mean of the gradients of one adaptation interval.
#pragma once
#include <cstdint>
#include <optional>

#include "core/gradient/gradient.h"

namespace oneadapt {

/// Thread-bound.
class GradientMean {
 public:
  /// Another interval than the one before forgets what was added for that. A map of another frame size than the ones
  /// before carries them over (resampled).
  void add(std::uint64_t interval, const Gradient &gradient);
  /// The mean of what was added for `interval`, on the newest one's frame size, and forgets it: map and z; elements and
  /// confident elements rounded; the rest is the newest's. None when nothing was added.
  std::optional<Gradient> take(std::uint64_t interval);

 private:
  std::uint64_t interval_ = 0;
  unsigned count_ = 0;
  Gradient sum_;
};

}  // namespace oneadapt
