// SPDX-License-Identifier: LGPL-2.1-or-later
// Which frame is the last of its adaptation interval? No clock, no GStreamer: stream time in, answer out.
#pragma once
#include <cstdint>
#include <optional>

#include "gradient_due.h"

namespace oneadapt {

class IntervalClock {
 public:
  /// `interval` in ns, > 0.
  explicit IntervalClock(std::uint64_t interval) : interval_(interval) {}

  using Due = GradientDue;
  /// `stream_time` and `duration` in ns; duration 0: unknown. A frame ends its interval when it lasts until the
  /// boundary, give or take the rounding of timestamps (a quarter of its duration, 2 ms at most). An interval's
  /// gradient is asked for once, and also on every `every`-th frame of it (0: on no other); stream time that jumps back
  /// begins anew. With `early`, also on the first frame after the start or a reset. `last`: the frame itself says that
  /// it is its interval's last.
  Due frame(std::uint64_t stream_time, std::uint64_t duration, unsigned every = 0, bool early = false,
            bool last = false);
  /// Somebody else knows that this interval is over. Whether it is the one under way and its gradient is still to be
  /// taken, which then counts as done.
  bool end(std::uint64_t interval);
  /// Whether the gradient of the interval under way has been asked for.
  bool taken() const { return taken_; }
  /// Forgets the interval under way (a flush, a new stream).
  void reset() { current_.reset(); }

 private:
  std::uint64_t interval_;  // ns
  std::optional<std::uint64_t> current_;
  std::uint64_t frames_ = 0;  ///< of the current interval
  bool taken_ = false;
};

}  // namespace oneadapt
