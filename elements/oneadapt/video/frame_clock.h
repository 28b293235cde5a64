// SPDX-License-Identifier: LGPL-2.1-or-later
// Which adaptation interval a frame belongs to, and which frames the knob `framerate` keeps. Pure: time comes in with
// the frames.
#pragma once
#include <cstdint>

namespace oneadapt {

/// Thread-bound. All times are stream times in ns.
class FrameClock {
 public:
  /// `interval` in ns, > 0; `nominal_rate` of the input in frames per second, 0 when it varies.
  FrameClock(std::uint64_t interval, double nominal_rate) : interval_(interval), nominal_(nominal_rate) {}

  /// Whether a frame at `time` is the first of another interval than the one before it.
  bool begins(std::uint64_t time) const { return !any_ || time / interval_ != number_; }
  /// Begins the interval of `time`. `max_rate` in frames per second, 0: all.
  void begin(std::uint64_t time, double max_rate);
  /// Number of the interval, floor(stream time / interval).
  std::uint64_t number() const { return number_; }

  /// Whether to keep the frame at `time`. An interval is cut into slots of 1 / max_rate, counted back from its end, and
  /// a frame is kept when a slot ends with it, to within half an input frame: so an interval's LAST frame, which the
  /// gradient is taken on, is always among those that are sent, and nobody needs to be told which one that was. When
  /// the input's rate varies, the future is not known: then the first frame in each slot since the interval's first
  /// frame.
  bool keep(std::uint64_t time);

  /// Whether the frame at `time` is its interval's last one, to within half a frame; false when the rate varies.
  bool ends(std::uint64_t time) const;

  /// Another input rate; the interval goes on.
  void set_nominal_rate(double rate) { nominal_ = rate; }
  /// Forgets the interval: the next frame begins one.
  void reset() { any_ = false; }

 private:
  double slots_after(double seconds_left) const;
  bool thins() const { return rate_ > 0 && (nominal_ <= 0 || rate_ < nominal_); }

  std::uint64_t interval_;
  double nominal_;
  bool any_ = false;
  std::uint64_t number_ = 0, first_ = 0;
  double rate_ = 0;
  std::uint64_t slot_ = 0;  // varying rate: the next multiple of 1 / rate_ that wants a frame
};

}  // namespace oneadapt
