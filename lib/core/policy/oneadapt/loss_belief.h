// SPDX-License-Identifier: LGPL-2.1-or-later
// How much accuracy coding costs on this content, from what was measured on line (docs/design-accuracy.md). Beyond the
// paper.
#pragma once
#include "core/gradient/gradient.h"

namespace oneadapt {

/// Believes that content loses a multiple of what a configuration typically loses, and learns it: with objects that are
/// lost as often as a Poisson process has events, and a Gamma distribution for the multiple, what is believed is two
/// sums, of losses seen and of losses that were typical. What was measured long ago counts less, by the objects seen
/// since, so an empty scene changes nothing. Thread-bound.
class LossBelief {
 public:
  /// Of an interval whose configuration typically loses `typical_loss` of accuracy, above 0.
  void observe(const MeasuredAccuracy &measured, double typical_loss);
  /// The multiple, and its standard deviation.
  double mean() const { return lost_ / typical_; }
  double deviation() const;
  void reset() { *this = LossBelief(); }

 private:
  // Before anything was measured: content is typical, with the weight of so much evidence at a loss of 0.1.
  static constexpr double kPriorObjects = 25, kPriorLoss = 0.1;
  double lost_ = kPriorObjects * kPriorLoss, typical_ = kPriorObjects * kPriorLoss;
};

}  // namespace oneadapt
