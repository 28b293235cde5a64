// SPDX-License-Identifier: LGPL-2.1-or-later
// The camera's stream time on the other side of a network, from the marks that its frames carry (docs/network.md).
#pragma once
#include <gst/gst.h>

#include <cstdint>
#include <optional>

#include "wire/mark.h"

namespace oneadapt {

/// Here, time is that of arrival, or a jitter buffer's idea of it; between two marks it is good enough to count on from
/// the first. Not thread-safe.
class CameraTime {
 public:
  /// The mark of the frame at `local` stream time in ns. Whether it begins another stream than the marks before, or one
  /// with other intervals.
  bool take(const IntervalMark &mark, std::uint64_t local);
  /// Whether there was one.
  bool known() const { return bool(mark_); }
  /// The camera's stream time of a frame at `local`, ns. Only when known().
  std::uint64_t of(std::uint64_t local) const;
  /// Only when known().
  const IntervalMark &mark() const { return *mark_; }
  void reset() { mark_.reset(); }

 private:
  std::optional<IntervalMark> mark_;  ///< the newest
  std::uint64_t local_ = 0;           ///< of its frame
};

}  // namespace oneadapt
