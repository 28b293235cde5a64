// SPDX-License-Identifier: LGPL-2.1-or-later
// An accuracy to keep: the cheapest configuration that is expected to keep it (beyond the paper;
// docs/design-accuracy.md).
#pragma once
#include <vector>

#include "core/policy/oneadapt/budget_plan.h"

namespace oneadapt {

/// What a configuration is expected to keep of accuracy. The losses that typical content has by coding are multiplied
/// by `loss`, which is learnt; those by the other knobs are the knobs' own.
struct AccuracyModel {
  std::vector<bool> coding;  ///< for each knob: its loss is one by coding
  double loss = 1;
  std::vector<bool> halved = {};  ///< for each knob: KnobObservation::halved; empty: none
  /// Typical loss by coding of values, one a knob; [0, 1].
  double coding_loss(const std::vector<PlannedKnob> &knobs, const std::vector<double> &values) const;
  /// The typical loss that is measured at values: what a second coding costs, which is as much as the first, or what
  /// leaving out half of what came costs.
  double measured_loss(const std::vector<PlannedKnob> &knobs, const std::vector<double> &values) const;
  double expected(const std::vector<PlannedKnob> &knobs, const std::vector<double> &values) const;
};

struct AccuracyLimits {
  double least = 0;                         ///< accuracy
  double weight = 1, weight_compute = 0;    ///< of the two resources in what is cheap
  double allowed = 0, allowed_compute = 0;  ///< ratios over what is taken now; 0: any
  double most_saved = 0;                    ///< of the logarithm of what is paid now, > 0; 0: any
};

/// Of all combinations of rungs, and of values between two rungs of continuous knobs, the cheapest that is expected to
/// keep the accuracy. Where none does, the cheapest that is expected to come within 0.01 of the most accurate. Limits
/// of resources go first: plans are those within them, and where there are none, the cheapest of all. Of what saves
/// more than `most_saved` only that which limits want. No knobs: an empty plan.
Plan plan_for_accuracy(const std::vector<PlannedKnob> &knobs, const AccuracyModel &model, const AccuracyLimits &limits);

/// Logarithm of what values cost over what the values in force cost, by the limits' weights, in the long run.
double planned_cost(const std::vector<PlannedKnob> &knobs, const std::vector<double> &values,
                    const AccuracyLimits &limits);

}  // namespace oneadapt
