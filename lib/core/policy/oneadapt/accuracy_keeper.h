// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeps an accuracy that is asked for (PolicySettings::min_accuracy), by what is measured of it (docs/accuracy.md).
#pragma once
#include <vector>

#include "core/policy/oneadapt/accuracy_plan.h"
#include "core/policy/oneadapt/budget_keeper.h"
#include "core/policy/oneadapt/loss_belief.h"
#include "core/policy/oneadapt/reuse_belief.h"
#include "core/policy/oneadapt/sensitivity.h"
#include "core/policy/policy.h"

namespace oneadapt {

/// Thread-bound.
class AccuracyKeeper {
 public:
  /// Learns from what was measured, and makes the decision the cheapest that is expected to keep the accuracy, within
  /// PolicySettings::allowed and allowed_compute, which go first. It leaves the knobs where they are while they are
  /// expected to keep it, unless a good deal can be saved. Knobs without typical values are left alone. Until something
  /// was measured, the content's losses are those that gradients speak of.
  void apply(const Observation &observation, const PolicySettings &settings, const Sensitivity &sensitivity,
             Decision &decision);
  /// The rungs that are expected to keep it on typical content.
  static std::vector<std::size_t> typical(const std::vector<KnobObservation> &knobs, const PolicySettings &settings);
  /// Those that typically lose 0.85 of what may be lost: where to begin, before anything is known of the
  /// content. Frame rates begin at the top: what they cost differs most from one scene to the next.
  static std::vector<std::size_t> careful(const std::vector<KnobObservation> &knobs, const PolicySettings &settings);
  void reset() { *this = AccuracyKeeper(); }

 private:
  AccuracyModel model_of(const Observation &observation, PlannedKnobs &planned) const;

  LossBelief belief_;
  ReuseBelief reuse_;
  bool measured_ = false;
};

}  // namespace oneadapt
