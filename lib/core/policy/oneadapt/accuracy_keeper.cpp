// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy/oneadapt/accuracy_keeper.h"

#include <algorithm>
#include <cmath>

#include "core/policy/typical.h"

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

/// Frames a second of the stream before a knob that drops some.
double full_rate(const KnobObservation &k) {
  const bool known = k.typical_compute.size() == k.ladder.size() && k.typical_compute.back() > 0;
  return known ? k.ladder.back() / k.typical_compute.back() : k.ladder.back();
}

}  // namespace

/// Where the losses by coding were measured, all of them together, theirs are the typical ones, instead of those that
/// gradients speak of.
AccuracyModel AccuracyKeeper::model_of(const Observation &o, PlannedKnobs &planned) const {
  AccuracyModel model;
  for (std::size_t i = 0; i < planned.index.size(); ++i) {
    const KnobObservation &k = o.knobs[planned.index[i]];
    std::vector<double> &accuracy = planned.knobs[i].accuracy;
    model.coding.push_back(k.measured);
    model.halved.push_back(k.halved);
    if (k.measured && measured_) accuracy = k.typical_accuracy;
    // Fewer frames tell less of what still fewer are worth: down by one rung at most.
    for (std::size_t r = 0; k.reuses_results && reuse_.known() && r < accuracy.size(); ++r)
      accuracy[r] = r + 1 < k.rung ? 0 : reuse_.accuracy(k.ladder[r], full_rate(k), k.typical_accuracy[r]);
  }
  model.loss = belief_.mean();
  return model;
}

void AccuracyKeeper::apply(const Observation &o, const PolicySettings &s, const Sensitivity &sensitivity, Decision &d) {
  PlannedKnobs planned = planned_knobs(o, sensitivity);
  if (planned.knobs.empty()) return;
  measured_ = measured_ || o.measured.frames > 0;
  reuse_.observe(o.reuse);
  AccuracyModel model = model_of(o, planned);
  belief_.observe(o.measured, model.measured_loss(planned.knobs, planned.in_force));
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
  std::vector<KnobObservation> full = knobs;
  for (KnobObservation &k : full)
    if (k.reuses_results && has_typical(k)) std::fill(k.typical_accuracy.begin(), k.typical_accuracy.end() - 1, 0.0);
  return typical(full, more);
}

std::vector<std::size_t> AccuracyKeeper::typical(const std::vector<KnobObservation> &knobs, const PolicySettings &s) {
  Observation o;
  o.knobs = knobs;
  std::vector<std::size_t> rungs;
  for (const KnobObservation &k : knobs) rungs.push_back(k.rung);
  PlannedKnobs planned = planned_knobs(o, Sensitivity());
  AccuracyKeeper keeper;
  keeper.measured_ = true;
  AccuracyLimits limits = limits_of(s);
  limits.allowed = limits.allowed_compute = 0;
  const Plan plan = plan_for_accuracy(planned.knobs, keeper.model_of(o, planned), limits);
  for (std::size_t i = 0; i < planned.index.size(); ++i) rungs[planned.index[i]] = plan.rungs[i];
  return rungs;
}

}  // namespace oneadapt
