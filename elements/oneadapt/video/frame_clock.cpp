// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/frame_clock.h"

#include <cmath>

namespace oneadapt {
namespace {
constexpr double kSecond = 1e9;
}

void FrameClock::begin(std::uint64_t time, double max_rate) {
  any_ = true;
  number_ = time / interval_;
  first_ = time;
  rate_ = max_rate;
  slot_ = 0;
}

/// Whole slots between a frame's end and the interval's, to within half a frame; −1 beyond it.
double FrameClock::slots_after(double seconds_left) const {
  return std::floor((seconds_left + 0.5 / nominal_) * rate_ + 1e-6);
}

bool FrameClock::keep(std::uint64_t time) {
  if (!thins()) return true;
  if (nominal_ <= 0) {
    // Backward playback counts like forward.
    const double elapsed = double(time > first_ ? time - first_ : first_ - time) / kSecond;
    const double slots = (elapsed + 0.01 / rate_) * rate_;
    if (slots < double(slot_)) return false;
    slot_ = std::uint64_t(slots) + 1;
    return true;
  }
  const double frame = 1 / nominal_;
  const double left = double((number_ + 1) * interval_ - time) / kSecond - frame;
  return slots_after(left) != slots_after(left - frame);
}

bool FrameClock::ends(std::uint64_t time) const {
  if (nominal_ <= 0) return false;
  const double left = double((number_ + 1) * interval_ - time) / kSecond - 1 / nominal_;
  return left < 0.5 / nominal_;
}

}  // namespace oneadapt
