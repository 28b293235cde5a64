// SPDX-License-Identifier: LGPL-2.1-or-later
// Keeps decisions within a budget (beyond the paper; docs/design-notes.md, The step).
#pragma once
#include <vector>

#include "core/policy/oneadapt/budget_plan.h"
#include "core/policy/oneadapt/sensitivity.h"
#include "core/policy/policy.h"

namespace oneadapt {

/// Knows whether the budget decides, or λ does. Thread-bound.
class BudgetKeeper {
 public:
  /// Changes `decision` if it is not expected to stay within PolicySettings::allowed and allowed_compute. Without
  /// budgets it changes nothing. Knobs without typical values are left alone.
  void apply(const Observation &observation, const PolicySettings &settings, const Sensitivity &sensitivity,
             Decision &decision);
  void reset() { holding_ = false; }

 private:
  bool holding_ = false;  // the budget decides
};

/// The knobs of an observation that a plan can be made with, and their place in it.
struct PlannedKnobs {
  std::vector<PlannedKnob> knobs;
  std::vector<std::size_t> index;  ///< of each, in the observation
  std::vector<double> in_force;    ///< their values
};

/// Accuracies are the typical ones, bent to the content's sensitivity; resources the typical ones, to the power that
/// the measured moves show.
PlannedKnobs planned_knobs(const Observation &observation, const Sensitivity &sensitivity);

/// Has the knobs `index` of a decision take `values`.
void set_values(const Observation &observation, Decision &decision, const std::vector<std::size_t> &index,
                const std::vector<double> &values);

}  // namespace oneadapt
