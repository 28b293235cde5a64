// SPDX-License-Identifier: LGPL-2.1-or-later
// How many elements the next interval will have, where they come and go.
#pragma once
#include <array>
#include <cstddef>
#include <optional>

namespace oneadapt {

/// Expects as many elements in the next interval as there usually are after one with elements, after a pause of one
/// interval, and after a longer one; and, where it is told whether something goes on in an interval, as many as there
/// usually are when it does, or does not. Learns slowly how many these are in a stream. Beyond the paper, whose Eq. 1
/// counts each interval alike. Not thread-safe.
class ElementForecast {
 public:
  /// An interval with so many elements (≥ 0) has ended; `active`: whether something went on in it, if that is known.
  void push(double elements, std::optional<bool> active = std::nullopt);
  /// Elements expected in the next interval, as a multiple of what an interval has in the mean; above 0. Before the
  /// first push() as after a long pause. `active`: whether something goes on in it.
  double weight(std::optional<bool> active = std::nullopt) const;
  void reset() { *this = ElementForecast(); }

 private:
  enum State : std::size_t { kLongPause, kPause, kSome, kStates };
  struct Mean {
    double sum, count;
    void add(double value);
    double value() const { return sum / count; }
  };
  // What is believed beforehand, and as how many intervals: measured (docs/design-sound.md). One that learns quickly
  // has knobs move by chance.
  static constexpr double kBelief = 200;
  using After = std::array<Mean, kStates>;
  static constexpr After believed(double long_pause, double pause, double some, double as_many) {
    return {{{long_pause * as_many, as_many}, {pause * as_many, as_many}, {some * as_many, as_many}}};
  }
  After after_ = believed(0.18, 0.25, 0.8, kBelief);
  // The same where activity is known. Less is believed of it, so that a tunable that takes something else for activity
  // is believed less and less. (Measured where something goes on: 0.6, 0.9 and 1.1. They are kept nearer to each other,
  // because an element that goes across an interval's end needs both intervals: docs/design-sound.md.)
  static constexpr double kActivityBelief = 100;
  After when_inactive_ = believed(0.01, 0.03, 0.03, kActivityBelief);
  After when_active_ = believed(0.8, 0.9, 1.0, kActivityBelief);
  Mean all_{0.6 * kBelief, kBelief};
  State state_ = kLongPause;
  bool begun_ = false;
};

}  // namespace oneadapt
