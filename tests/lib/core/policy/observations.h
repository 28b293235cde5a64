// SPDX-License-Identifier: LGPL-2.1-or-later
// Observations of one knob, a QP of eight rungs.
#pragma once
#include <cstddef>

#include "core/policy/policy.h"

namespace oneadapt {

/// At `rung`, with OutputGrad and change of resource of the moves up and down, and so many confident elements.
inline Observation one_knob(std::size_t rung, double og_up, double r_up, double og_down, double r_down,
                            double elements = 1) {
  Observation o;
  o.gradient = true;
  o.confident = elements;
  o.resource = 0.5;
  KnobObservation k;
  k.name = "qp";
  k.ladder = {48, 44, 40, 36, 32, 28, 24, 20};
  k.rung = rung;
  if (rung + 1 < k.ladder.size()) k.up = StepEffect{og_up, r_up};
  if (rung > 0) k.down = StepEffect{og_down, r_down};
  o.knobs = {k};
  return o;
}

/// The same, of a tunable that says what is typical: each rung down costs 0.02 more accuracy than the one before, and
/// halves the resource.
inline Observation typical_knob(std::size_t rung, double og_up = 0, double r_up = 0, double og_down = 0,
                                double r_down = 0) {
  Observation o = one_knob(rung, og_up, r_up, og_down, r_down);
  o.knobs[0].typical_accuracy = {0.44, 0.58, 0.70, 0.80, 0.88, 0.94, 0.98, 1};
  o.knobs[0].typical_resource = {1.0 / 128, 1.0 / 64, 1.0 / 32, 1.0 / 16, 0.125, 0.25, 0.5, 1};
  return o;
}

/// QP as oneadaptfilter has it, at `value`, with what is typical of it; its cost of accuracy is measured.
inline Observation measured_qp(double value) {
  Observation o;
  o.gradient = true;
  o.confident = o.elements = 5;
  o.resource = 0.1;
  KnobObservation k;
  k.name = "f.qp";
  k.ladder = {48, 44, 40, 36, 32, 28, 24, 20};
  k.typical_accuracy = {.6, .76, .855, .895, .92, .94, .95, .96};
  k.typical_resource = {.026, .042, .068, .115, .2, .34, .58, 1};
  k.rung = Ladder(k.ladder).nearest_value(value);
  k.value = value;
  k.continuous = k.measured = true;
  o.knobs = {k};
  return o;
}

}  // namespace oneadapt
