// SPDX-License-Identifier: LGPL-2.1-or-later
#include "camera_time.h"

#include <algorithm>

namespace oneadapt {

bool CameraTime::take(const IntervalMark &mark, std::uint64_t local) {
  const bool other = mark_ && (mark_->stream != mark.stream || mark_->interval_duration != mark.interval_duration);
  mark_ = mark;
  local_ = local;
  return other;
}

std::uint64_t CameraTime::of(std::uint64_t local) const {
  const std::uint64_t time = mark_->stream_time;
  return local >= local_ ? time + (local - local_) : time - std::min(time, local_ - local);
}

}  // namespace oneadapt
