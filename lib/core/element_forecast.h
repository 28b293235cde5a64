// SPDX-License-Identifier: LGPL-2.1-or-later
// How many elements the next interval will have, where they come and go.
#pragma once
#include <array>
#include <cstddef>

namespace oneadapt {

/// Expects as many elements in the next interval as there usually are after one with elements, after a pause of one
/// interval, and after a longer one; learns slowly how many these are in a stream. Beyond the paper, whose Eq. 1 counts
/// each interval alike. Not thread-safe.
class ElementForecast {
 public:
  /// An interval with so many elements (≥ 0) has ended.
  void push(double elements);
  /// Elements expected in the next interval, as a multiple of what an interval has in the mean; above 0. Before the
  /// first push() as after a long pause.
  double weight() const;
  void reset() { *this = ElementForecast(); }

 private:
  enum State : std::size_t { kLongPause, kPause, kSome, kStates };
  struct Mean {
    double sum, count;
    void add(double value);
    double value() const { return sum / count; }
  };
  // What is believed beforehand, and as how many intervals: measured (docs/architecture.md). A quick learner
  // moves knobs for what is chance.
  static constexpr double kBelief = 200;
  std::array<Mean, kStates> after_{{{0.18 * kBelief, kBelief}, {0.25 * kBelief, kBelief}, {0.8 * kBelief, kBelief}}};
  Mean all_{0.6 * kBelief, kBelief};
  State state_ = kLongPause;
  bool begun_ = false;
};

}  // namespace oneadapt
