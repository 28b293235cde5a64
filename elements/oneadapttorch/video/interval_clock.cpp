// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/interval_clock.h"

#include <algorithm>
#include <utility>

#include "core/gradient/gradient.h"

namespace oneadapt {

IntervalClock::Due IntervalClock::frame(std::uint64_t stream_time, std::uint64_t duration, unsigned every, bool early,
                                        bool last) {
  constexpr std::uint64_t kMostRounding = 2000000;  // Matroska rounds timestamps to 1 ms, twice in a sum
  Due due;
  due.first = early && !current_;
  const std::uint64_t number = interval_of(stream_time, interval_);
  if (!current_ || number != *current_) {
    if (current_ && number > *current_ && !taken_) due.missed = *current_;
    current_ = number;
    taken_ = false;
    frames_ = 0;
  }
  ++frames_;
  const std::uint64_t left = interval_ - stream_time % interval_;
  if (!taken_ && last) due.own = true;
  if (!taken_ && !last && duration > 0)
    due.own = duration >= left || left - duration <= std::min(duration / 4, kMostRounding);
  due.also = !taken_ && !due.own && every > 0 && frames_ % every == 0;
  due.first = due.first && !due.own;
  taken_ = taken_ || due.own;
  return due;
}

bool IntervalClock::end(std::uint64_t interval) {
  if (!current_ || *current_ != interval) return false;
  return !std::exchange(taken_, true);
}

}  // namespace oneadapt
