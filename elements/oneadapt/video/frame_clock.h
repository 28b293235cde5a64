// SPDX-License-Identifier: LGPL-2.1-or-later
// Which adaptation interval a frame belongs to, and which frames the knob `framerate` keeps. Pure: time comes in with
// the frames.
#pragma once
#include <cstdint>
#include <deque>

namespace oneadapt {

/// The time from one frame to the next, as it is rather than as caps promise it. Thread-bound.
class FrameSpacing {
 public:
  /// Of the caps, in frames per second; 0: unknown or varying.
  void set_nominal_rate(double rate) { nominal_ = rate; }
  /// What they promise, in seconds; 0: nothing.
  double nominal() const { return nominal_ > 0 ? 1 / nominal_ : 0; }
  /// A frame at `time`, stream time in ns.
  void observe(std::uint64_t time);
  /// Seconds; 0: not known yet. What caps say holds until the frames say something else.
  double seconds() const;
  /// Forgets the frames; the nominal rate stays.
  void reset() { gaps_.clear(), any_ = false; }

 private:
  double nominal_ = 0;
  bool any_ = false;
  std::uint64_t last_ = 0;
  std::deque<double> gaps_;  // seconds, the latest last
};

/// Thread-bound. All times are stream times in ns.
class FrameClock {
 public:
  /// `interval` in ns, > 0; `nominal_rate` of the input in frames per second, 0 when it varies.
  FrameClock(std::uint64_t interval, double nominal_rate) : interval_(interval) { set_nominal_rate(nominal_rate); }

  /// Whether a frame at `time` is the first of another interval than the one before it.
  bool begins(std::uint64_t time) const { return !any_ || time / interval_ != number_; }
  /// Begins the interval of `time`. `max_rate` in frames per second, 0: all.
  void begin(std::uint64_t time, double max_rate);
  /// Number of the interval, floor(stream time / interval).
  std::uint64_t number() const { return number_; }

  /// Whether to keep the frame at `time`; to be asked once for each frame, in their order. Time is cut into slots of
  /// 1 / max_rate, and the first frame in each is kept. One slot without any frame leaves its place to a later one: so
  /// jitter loses nothing, and a gap is not made up for. Where time is put back slots go on as if it had not been. In n
  /// seconds there are at most n · max_rate + 2 frames. Slots lie so that an interval's last frame is the first of one
  /// where frames come regularly and intervals are a multiple of slots.
  bool keep(std::uint64_t time);

  /// Whether no other frame of the same interval will be kept after the one at `time`, which was: for certain where
  /// the next slot begins in another interval, else by the spacing of the frames. False where that is not known, and
  /// backwards.
  bool ends(std::uint64_t time) const;
  /// From one frame to the next, as they come; 0: not known yet.
  double frame_seconds() const { return spacing_.seconds(); }
  /// Frames of an interval that are kept, about; 0: not known yet.
  unsigned frames() const;
  /// The interval's end, ns.
  std::uint64_t end() const { return (number_ + 1) * interval_; }

  /// Another input rate; the interval goes on.
  void set_nominal_rate(double rate) { spacing_.set_nominal_rate(rate); }
  /// Forgets the interval, and when frames came: the next frame begins one.
  void reset();

 private:
  double slot_begin() const;
  double position_of(std::uint64_t time) const;
  std::int64_t slot_of(std::uint64_t time) const;
  bool was_put_back(std::uint64_t time) const;
  std::int64_t slots_since_farthest(std::uint64_t time) const;
  void note(std::uint64_t time);

  std::uint64_t interval_;
  FrameSpacing spacing_;
  bool any_ = false;
  std::uint64_t number_ = 0;
  double rate_ = 0;
  // Of the frames since the reset.
  bool seen_ = false, backwards_ = false, stepped_back_ = false;
  std::uint64_t first_ = 0, last_ = 0;
  std::uint64_t farthest_ = 0;  // in the direction of play: a step back within jitter brings no new slot
  int places_ = 0;              // frames that may be kept now
};

}  // namespace oneadapt
