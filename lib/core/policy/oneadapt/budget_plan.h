// SPDX-License-Identifier: LGPL-2.1-or-later
// A budget: the best configuration that is expected to stay within it.
#pragma once
#include <cstddef>
#include <vector>

namespace oneadapt {

/// A knob whose rungs' effects are known well enough to plan with.
struct PlannedKnob {
  std::vector<double> ladder;              ///< cheap → expensive
  std::vector<double> accuracy, resource;  ///< of each rung, the other knobs at their most expensive
  double value = 0;                        ///< in force; may lie between two rungs
  bool continuous = false;                 ///< may be set between two rungs
  double exponent = 1;                     ///< real ratios of resource are those of `resource`, to this power
  std::vector<double> compute{};           ///< frames that each rung leaves to analyse; empty: all
  bool refines = false;                    ///< KnobObservation::refines
};

/// Over what the values in force take.
struct PlannedRatio {
  double resource = 1, compute = 1;
};

struct Plan {
  std::vector<std::size_t> rungs;  ///< nearest to the values
  std::vector<double> values;
  PlannedRatio ratio;
};

struct PlanLimits {
  double lambda = 0, lambda_compute = 0;    ///< Eq. 1's, of the two resources
  double allowed = 0, allowed_compute = 0;  ///< ratios over what is taken now; 0: any
};

/// Resource of `value`, from the ladder's; log-linear between rungs, in the ladder's own units (no exponent).
double planned_resource(const PlannedKnob &knob, double value);
/// Expected resources of `values`: those of several knobs multiply.
PlannedRatio planned_ratio(const std::vector<PlannedKnob> &knobs, const std::vector<double> &values);

/// Of all combinations of rungs that are within the limits, the one with the greatest Π accuracy − λ · Π resource
/// − λ_compute · Π compute (Eq. 1 under constraints); then, if that gains, the first continuous knob goes towards its
/// next rung until a limit is reached. Where even the cheapest combination takes too much, that one. With more than
/// 20000 combinations only rungs within 2 of the ones in force. No knobs: an empty plan.
Plan plan_within(const std::vector<PlannedKnob> &knobs, const PlanLimits &limits);

}  // namespace oneadapt
