// SPDX-License-Identifier: LGPL-2.1-or-later
// Where a knob goes if accuracy is that of all intervals' elements together (Observation::micro_averaged): elements
// come in bursts, and what a rung is worth goes by how many of them the next interval will have.
#pragma once
#include "core/policy/oneadapt/element_forecast.h"
#include "core/policy/policy.h"

namespace oneadapt {

/// Goes towards the optimum of Eq. 1 for as many elements as the next interval is expected to have. (Steps on single
/// intervals' slopes would have a knob follow the scatter of few elements.) Thread-bound.
class MicroAveragedStep {
 public:
  /// Learns how elements come, from an interval that had a gradient.
  void observe(const Observation &observation);
  /// For a knob that has typical values; `sensitivity` of the content to it, as a multiple of what is typical. By
  /// kMaxRungs at most, unless the tunable looks ahead: then there is an optimum for either case, and what was in force
  /// says nothing of where the other one lies.
  KnobDecision decide(const Observation &observation, const KnobObservation &knob, const PolicySettings &settings,
                      double sensitivity) const;
  void reset() { forecast_.reset(); }

 private:
  ElementForecast forecast_;
};

}  // namespace oneadapt
