// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/frame_clock.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace oneadapt {
namespace {
constexpr double kSecond = 1e9;
// The median of so many gaps is not moved by a lost frame or two, and follows a camera within half a second.
constexpr std::size_t kGaps = 9, kLeastGaps = 5;
// Caps are believed while the frames' spacing is within this share of what they say: rounded time stamps and drift are.
constexpr double kTrue = 0.2;
// A time stamp that is rounded (to 1 ms, by Matroska) may stand this share of a frame before its time.
constexpr double kRounding = 0.1;
// Time stamps may stand this many frames before the latest one; farther back, time itself was put back.
constexpr double kMostJitter = 1.5;
// A slot's place, and one that an empty slot left.
constexpr int kMostPlaces = 2;
}  // namespace

void FrameSpacing::observe(std::uint64_t time) {
  const double gap = double(time > last_ ? time - last_ : last_ - time) / kSecond;
  if (any_ && gap > 0) gaps_.push_back(gap);
  if (gaps_.size() > kGaps) gaps_.pop_front();
  any_ = true;
  last_ = time;
}

double FrameSpacing::seconds() const {
  if (gaps_.size() < kLeastGaps) return nominal();
  std::vector<double> gaps(gaps_.begin(), gaps_.end());
  const auto middle = gaps.begin() + std::ptrdiff_t(gaps.size() / 2);
  std::nth_element(gaps.begin(), middle, gaps.end());
  return std::abs(*middle - nominal()) < kTrue * nominal() ? nominal() : *middle;
}

void FrameClock::begin(std::uint64_t time, double max_rate) {
  any_ = true;
  number_ = time / interval_;
  if (rate_ <= 0) places_ = 0;  // all were kept
  rate_ = max_rate;
}

unsigned FrameClock::frames() const {
  const double apart = std::max(spacing_.seconds(), rate_ > 0 ? 1 / rate_ : 0);
  return apart > 0 ? unsigned(std::lround(double(interval_) / kSecond / apart)) : 0;
}

void FrameClock::reset() {
  any_ = seen_ = false;
  spacing_.reset();
}

/// Where a slot begins, in seconds of stream time, as any other one does: half a frame ahead of the last frame before
/// stream time 0, if frames came then as caps promise. Where they come otherwise, only an interval's last frame is not
/// the first of a slot.
double FrameClock::slot_begin() const {
  const double frame = spacing_.nominal();
  if (frame <= 0) return double(first_) / kSecond - 0.5 / rate_;  // the first frame in the middle of a slot
  double phase = std::fmod(double(first_) / kSecond, frame);
  if (phase > (1 - kRounding) * frame) phase -= frame;
  return phase - 1.5 * frame;
}

double FrameClock::position_of(std::uint64_t time) const {
  return (double(time) / kSecond - slot_begin()) * rate_ + 1e-6;
}

std::int64_t FrameClock::slot_of(std::uint64_t time) const { return std::int64_t(std::floor(position_of(time))); }

/// Whether the stream is farther back than jitter can put a frame: a clock was put back, or a clip began again.
bool FrameClock::was_put_back(std::uint64_t time) const {
  const double back = (double(farthest_) - double(time)) / kSecond;
  return (backwards_ ? -back : back) > kMostJitter * spacing_.seconds();
}

/// Slots that have begun since the farthest frame. After a step back slots go on from the one that was under way, to
/// within half of one: there is neither a hole until time is where it was, nor a place more.
std::int64_t FrameClock::slots_since_farthest(std::uint64_t time) const {
  const double before = position_of(farthest_), now = position_of(time), sign = backwards_ ? -1 : 1;
  double moved = 0;
  if (was_put_back(time)) moved = std::round(before + sign * spacing_.seconds() * rate_ - now);
  return std::int64_t(sign * (std::floor(now) + moved - std::floor(before)));
}

/// Where the stream has got to, and in which direction: two steps back in a row are no jitter.
void FrameClock::note(std::uint64_t time) {
  spacing_.observe(time);
  if (!seen_) {
    seen_ = true;
    backwards_ = stepped_back_ = false;
    first_ = last_ = farthest_ = time;
    places_ = 1;
    return;
  }
  const bool back = backwards_ ? time > last_ : time < last_;
  if (back && stepped_back_) {
    backwards_ = !backwards_;
    stepped_back_ = false;
  } else {
    stepped_back_ = back;
  }
  last_ = time;
}

bool FrameClock::keep(std::uint64_t time) {
  note(time);
  if (rate_ <= 0) {
    farthest_ = time;
    return true;
  }
  const std::int64_t passed = slots_since_farthest(time);
  if (passed > 0) places_ = int(std::min<std::int64_t>(kMostPlaces, places_ + passed));
  if (was_put_back(time) || (backwards_ ? time < farthest_ : time > farthest_)) farthest_ = time;
  if (places_ == 0) return false;
  --places_;
  return true;
}

bool FrameClock::ends(std::uint64_t time) const {
  if (backwards_) return false;
  const double frame = spacing_.seconds(), until = double(end()) / kSecond, now = double(time) / kSecond;
  double next = now;  // no other frame is kept before
  if (rate_ > 0 && places_ == 0) next = slot_begin() + double(slot_of(time) + 1) / rate_;
  if (next >= until - 1e-9) return true;
  if (frame <= 0) return false;
  // The first frame that comes then, to within half a frame.
  next = now + frame * std::max(1.0, std::ceil((next - now) / frame - 1e-6));
  return next + 0.5 * frame > until;
}

}  // namespace oneadapt
