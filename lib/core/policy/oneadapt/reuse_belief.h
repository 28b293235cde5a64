// SPDX-License-Identifier: LGPL-2.1-or-later
// What a frame rate costs of accuracy on this content, from what was measured on line (docs/design-accuracy.md). Beyond
// the paper.
#pragma once
#include "core/gradient/gradient.h"

namespace oneadapt {

/// Thread-bound.
class ReuseBelief {
 public:
  /// What was measured long ago counts less; an empty scene changes nothing.
  void observe(const ReuseAccuracy &measured);
  bool known() const { return evidence_ > 0; }
  /// Of `rate` frames a second, where there could be `full`: the mean over all of those, of which the dropped ones have
  /// the result of the last one before. `typical`: what is typical of it; counts as much as a second's frames.
  double accuracy(double rate, double full, double typical) const;
  void reset() { *this = ReuseBelief(); }

 private:
  double after(double seconds) const;

  double evidence_ = 0;
  std::array<double, kReuseTimes.size()> sums_{};
};

}  // namespace oneadapt
