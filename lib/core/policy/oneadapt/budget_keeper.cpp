// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy/oneadapt/budget_keeper.h"

#include <algorithm>
#include <cmath>

#include "core/policy/typical.h"

namespace oneadapt {
namespace {

// A budget is aimed at a little below, and left alone between this share of it and all of it: bytes scatter from one
// second to the next, and a knob should not.
constexpr double kTarget = 0.92;
constexpr double kBand = 0.8;
// Measured: between neighbouring rungs of `qp`, single seconds of eight clips have exponents of 0.45 to 1.79. (Of
// oneadapt-eval --policies uniform --fps 4 --seconds 4: the logarithm of two points' kbps over each other in a second,
// divided by that of the typical resources.) What is beyond that is a single measurement, not the content.
constexpr double kLeastExponent = 0.5, kMostExponent = 1.8;
// A rung that typically changes the resource by less than this logarithm says nothing of the exponent.
constexpr double kLeastLog = 0.05;

/// How the content's resource answers to a knob, against what is typical: by the moves that were measured.
/// `resource`: what was measured of the rung in force; `typical`: of the value in force.
double exponent(const KnobObservation &k, double resource, double typical) {
  double sum = 0;
  int n = 0;
  const auto add = [&](const std::optional<StepEffect> &step, double there) {
    const double expected = std::log(there / typical), real = std::log((resource + step->resource_change) / resource);
    if (!std::isfinite(real) || std::abs(expected) < kLeastLog) return;
    sum += std::clamp(real / expected, kLeastExponent, kMostExponent);
    ++n;
  };
  if (k.up) add(k.up, k.typical_resource[k.rung + 1]);
  if (k.down) add(k.down, k.typical_resource[k.rung - 1]);
  return n ? sum / n : 1;
}

/// How much of the budget that is nearer to its end was used in the interval observed, and is expected to be used next.
struct Use {
  double last = 0, next = 0;
};
Use use_of(const PlannedRatio &ratio, const PolicySettings &s) {
  Use use;
  if (s.allowed > 0) {
    use.last = 1 / s.allowed;
    use.next = use.last * ratio.resource;
  }
  if (s.allowed_compute > 0) {
    use.last = std::max(use.last, 1 / s.allowed_compute);
    use.next = std::max(use.next, ratio.compute / s.allowed_compute);
  }
  return use;
}

}  // namespace

void set_values(const Observation &o, Decision &d, const std::vector<std::size_t> &index,
                const std::vector<double> &values) {
  for (std::size_t i = 0; i < index.size(); ++i) {
    const Ladder ladder(o.knobs[index[i]].ladder);
    KnobDecision &kd = d.knobs[index[i]];
    kd.rung = ladder.nearest_value(values[i]);
    kd.value = values[i];
    kd.position = ladder.position(kd.rung);
  }
}

PlannedKnobs planned_knobs(const Observation &o, const Sensitivity &sensitivity) {
  PlannedKnobs out;
  for (std::size_t i = 0; i < o.knobs.size(); ++i) {
    const KnobObservation &k = o.knobs[i];
    if (!has_typical(k)) continue;
    PlannedKnob p;
    p.ladder = k.ladder;
    p.resource = k.typical_resource;
    p.compute =
        k.typical_compute.size() == k.ladder.size() ? k.typical_compute : std::vector<double>(k.ladder.size(), 1);
    const double loss = sensitivity.of(k.name);
    for (double a : k.typical_accuracy) p.accuracy.push_back(std::clamp(1 - loss * (1 - a), 0.0, 1.0));
    p.value = k.value.value_or(k.ladder[k.rung]);
    p.continuous = k.continuous;
    p.refines = k.refines;
    if (o.resource && *o.resource > 0) p.exponent = exponent(k, *o.resource, planned_resource(p, p.value));
    out.in_force.push_back(p.value);
    out.index.push_back(i);
    out.knobs.push_back(std::move(p));
  }
  return out;
}

void BudgetKeeper::apply(const Observation &o, const PolicySettings &s, const Sensitivity &sensitivity, Decision &d) {
  if (!(s.allowed > 0 || s.allowed_compute > 0)) {
    holding_ = false;
    return;
  }
  for (std::size_t i = 0; i < o.knobs.size(); ++i)  // a knob that stays does not go to the rung
    if (d.knobs[i].rung == o.knobs[i].rung) d.knobs[i].value = o.knobs[i].value;
  const PlannedKnobs planned = planned_knobs(o, sensitivity);
  std::vector<double> wanted;
  for (std::size_t i : planned.index) wanted.push_back(d.knobs[i].value.value_or(o.knobs[i].ladder[d.knobs[i].rung]));
  const Use use = use_of(planned_ratio(planned.knobs, wanted), s);
  if (use.last <= 1 && use.next < use.last) {  // cheaper of its own accord
    holding_ = false;
    return;
  }
  if (!holding_ && use.last <= 1 && use.next <= kTarget) return;
  const bool met = holding_ && use.last <= 1 && use.last >= kBand;  // as it should be
  Plan plan =
      plan_within(planned.knobs, {s.lambda, s.lambda_compute, kTarget * s.allowed, kTarget * s.allowed_compute});
  if (met || (use.last <= 1 && plan.ratio.resource < 1)) {  // or nothing better fits
    plan.values = planned.in_force;
    plan.ratio = {};
  }
  holding_ = true;
  set_values(o, d, planned.index, plan.values);
  if (o.resource) d.predicted_resource = std::clamp(*o.resource * plan.ratio.resource, 0.0, 1.0);
}

}  // namespace oneadapt
