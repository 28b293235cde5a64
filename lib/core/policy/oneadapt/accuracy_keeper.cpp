// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy/oneadapt/accuracy_keeper.h"

#include <algorithm>
#include <cmath>

#include "core/policy/oneadapt/budget_keeper.h"

namespace oneadapt {
namespace {

// A little more than what is asked is aimed at, because too little is worse than too much; but no more than this share
// of the loss that is allowed, which would be dear near 1. Measured accuracy scatters, and a knob should not follow
// each change of it: knobs stay while they are expected to fall no more than kShort short of the aim, and would save no
// more than kWorthwhile. By simulation on eight clips: docs/design-accuracy.md.
constexpr double kAim = 0.02, kMostAim = 0.4, kShort = 0.01;
const double kWorthwhile = std::log(0.87);
// What was fine stays fine for a while under a coarser QP, where nothing moves: one interval's measurement flatters the
// next rung. So it gets cheaper in steps of 3 QP, about.
const double kMostSaved = -std::log(0.65);
// Of what may be lost, so much is lost at first on typical content. Half of it would cost five seconds of many bytes.
constexpr double kFirstLoss = 0.85;
// A budget is aimed at a little below: bytes scatter from one second to the next.
constexpr double kTarget = 0.92;

/// Which knobs' losses are measured together. Where that is so (`measured`), theirs are the typical ones, instead of
/// those that gradients speak of.
AccuracyModel model_of(const Observation &o, PlannedKnobs &planned, bool measured) {
  AccuracyModel model;
  for (std::size_t i = 0; i < planned.index.size(); ++i) {
    const KnobObservation &k = o.knobs[planned.index[i]];
    model.coding.push_back(k.measured);
    if (k.measured && measured) planned.knobs[i].accuracy = k.typical_accuracy;
  }
  return model;
}

AccuracyLimits limits_of(const PolicySettings &s) {
  AccuracyLimits limits;
  limits.least = s.min_accuracy + std::min(kAim, kMostAim * (1 - s.min_accuracy));
  const double sum = s.lambda + s.lambda_compute;
  if (sum > 0) {
    limits.weight = s.lambda / sum;
    limits.weight_compute = s.lambda_compute / sum;
  }
  if (s.allowed > 0) limits.allowed = kTarget * s.allowed;
  if (s.allowed_compute > 0) limits.allowed_compute = kTarget * s.allowed_compute;
  return limits;
}

/// Whether what was used is within the budgets, and not far below.
bool within(const PolicySettings &s) {
  return (s.allowed <= 0 || s.allowed >= 1) && (s.allowed_compute <= 0 || s.allowed_compute >= 1);
}

}  // namespace

void AccuracyKeeper::apply(const Observation &o, const PolicySettings &s, const Sensitivity &sensitivity, Decision &d) {
  PlannedKnobs planned = planned_knobs(o, sensitivity);
  if (planned.knobs.empty()) return;
  measured_ = measured_ || o.measured.frames > 0;
  AccuracyModel model = model_of(o, planned, measured_);
  belief_.observe(o.measured, model.coding_loss(planned.knobs, planned.in_force));
  model.loss = belief_.mean();
  AccuracyLimits limits = limits_of(s);
  limits.most_saved = kMostSaved;
  Plan plan = plan_for_accuracy(planned.knobs, model, limits);
  const double now = model.expected(planned.knobs, planned.in_force),
               saved = planned_cost(planned.knobs, plan.values, limits);
  const bool keeps = now >= limits.least - kShort && saved > kWorthwhile;
  // Where it is out of reach, a plan that gains next to nothing is no reason to move either.
  const bool useless =
      now < limits.least && model.expected(planned.knobs, plan.values) < now + kShort && saved > kWorthwhile;
  // Nothing was found: nothing is known of what comes next, but of what was there last.
  const bool blind = !measured_ && o.confident < 0.5;
  if (within(s) && (keeps || useless || blind)) {
    plan.values = planned.in_force;
    plan.ratio = {};
  }
  set_values(o, d, planned.index, plan.values);
  if (o.resource) d.predicted_resource = std::clamp(*o.resource * plan.ratio.resource, 0.0, 1.0);
  d.accuracy = ExpectedAccuracy{model.expected(planned.knobs, plan.values),
                                belief_.deviation() * model.coding_loss(planned.knobs, plan.values)};
}

std::vector<std::size_t> AccuracyKeeper::careful(const std::vector<KnobObservation> &knobs, const PolicySettings &s) {
  PolicySettings more = s;
  more.min_accuracy = 1 - kFirstLoss * (1 - s.min_accuracy);
  return typical(knobs, more);
}

std::vector<std::size_t> AccuracyKeeper::typical(const std::vector<KnobObservation> &knobs, const PolicySettings &s) {
  Observation o;
  o.knobs = knobs;
  std::vector<std::size_t> rungs;
  for (const KnobObservation &k : knobs) rungs.push_back(k.rung);
  PlannedKnobs planned = planned_knobs(o, Sensitivity());
  AccuracyLimits limits = limits_of(s);
  limits.allowed = limits.allowed_compute = 0;
  const Plan plan = plan_for_accuracy(planned.knobs, model_of(o, planned, true), limits);
  for (std::size_t i = 0; i < planned.index.size(); ++i) rungs[planned.index[i]] = plan.rungs[i];
  return rungs;
}

}  // namespace oneadapt
