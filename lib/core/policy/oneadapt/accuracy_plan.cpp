// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy/oneadapt/accuracy_plan.h"

#include <algorithm>
#include <cmath>

#include "core/knobs/knob.h"

namespace oneadapt {
namespace {

constexpr std::size_t kBetween = 4;  // steps from one rung of a continuous knob to the next
constexpr std::size_t kMostCombinations = 200000;
constexpr double kNear = 0.01;  // of accuracy

/// One value of a knob.
struct Choice {
  double value, accuracy, cost, resource, compute;
};

double interpolated(const PlannedKnob &knob, double value) {
  const auto &l = knob.ladder;
  for (std::size_t r = 1; r < l.size(); ++r) {
    const double share = (value - l[r - 1]) / (l[r] - l[r - 1]);
    if (share <= 1) return knob.accuracy[r - 1] + std::max(0.0, share) * (knob.accuracy[r] - knob.accuracy[r - 1]);
  }
  return knob.accuracy.back();
}

std::vector<Choice> choices(const PlannedKnob &knob, bool between, const AccuracyLimits &limits) {
  std::vector<double> values;
  for (std::size_t r = 0; r < knob.ladder.size(); ++r) {
    const std::size_t steps = between && knob.continuous && r > 0 ? kBetween : 1;
    for (std::size_t i = 1; i <= steps; ++i) {
      const double from = r > 0 ? knob.ladder[r - 1] : 0, share = double(i) / double(steps);
      values.push_back(r > 0 ? from + share * (knob.ladder[r] - from) : knob.ladder[0]);
    }
  }
  std::vector<Choice> out;
  for (double v : values) {
    const PlannedRatio ratio = planned_ratio({knob}, {v});
    out.push_back({v, interpolated(knob, v), planned_cost({knob}, {v}, limits), std::log(ratio.resource),
                   std::log(ratio.compute)});
  }
  return out;
}

double limit(double allowed) { return allowed > 0 ? std::log(allowed) + 1e-9 : INFINITY; }

/// A combination, as good as it is.
struct Candidate {
  std::vector<std::size_t> at;
  bool within = false, keeps = false, hasty = false;
  double accuracy = 0, cost = 0;
};

bool better(const Candidate &a, const Candidate &b) {
  if (a.within != b.within) return a.within;
  if (!a.within) return a.cost < b.cost;
  if (a.hasty != b.hasty) return b.hasty;
  if (a.keeps != b.keeps) return a.keeps;
  if (a.keeps || a.accuracy == b.accuracy) return a.cost < b.cost;
  return a.accuracy > b.accuracy;
}

/// The best combination of choices, one a knob, where `least` is to be kept.
Candidate best_of(const std::vector<std::vector<Choice>> &all, const AccuracyModel &model, const AccuracyLimits &limits,
                  double least) {
  std::vector<std::size_t> at(all.size(), 0);
  Candidate best;
  for (bool more = true, first = true; more; first = false) {
    Candidate c{at};
    double kept = 1, others = 1, resource = 0, compute = 0;
    for (std::size_t i = 0; i < at.size(); ++i) {
      const Choice &choice = all[i][at[i]];
      (model.coding[i] ? kept : others) *= choice.accuracy;
      c.cost += choice.cost;
      resource += choice.resource;
      compute += choice.compute;
    }
    c.accuracy = std::clamp(1 - model.loss * (1 - kept), 0.0, 1.0) * others;
    c.keeps = c.accuracy >= least - 1e-9;
    c.hasty = limits.most_saved > 0 && c.cost < -limits.most_saved - 1e-9;
    c.within = resource <= limit(limits.allowed) && compute <= limit(limits.allowed_compute);
    if (first || better(c, best)) best = std::move(c);
    more = false;
    for (std::size_t i = 0; i < at.size() && !more; ++i) {
      more = at[i] + 1 < all[i].size();
      at[i] = more ? at[i] + 1 : 0;
    }
  }
  return best;
}

}  // namespace

double planned_cost(const std::vector<PlannedKnob> &knobs, const std::vector<double> &values,
                    const AccuracyLimits &limits) {
  std::vector<PlannedKnob> settled = knobs;
  for (PlannedKnob &k : settled) k.refines = false;
  const PlannedRatio ratio = planned_ratio(settled, values);
  return limits.weight * std::log(ratio.resource) + limits.weight_compute * std::log(ratio.compute);
}

double AccuracyModel::coding_loss(const std::vector<PlannedKnob> &knobs, const std::vector<double> &values) const {
  double kept = 1;
  for (std::size_t i = 0; i < knobs.size(); ++i)
    if (coding[i]) kept *= interpolated(knobs[i], values[i]);
  return 1 - kept;
}

double AccuracyModel::measured_loss(const std::vector<PlannedKnob> &knobs, const std::vector<double> &values) const {
  // Below the lowest rung a halving costs as much as one from there.
  const auto half = [](const PlannedKnob &knob, double value) {
    const double lowest = knob.ladder.front(), from = std::max(value, std::min(2 * lowest, knob.ladder.back()));
    return interpolated(knob, from / 2) / interpolated(knob, from);
  };
  double kept = 1;
  for (std::size_t i = 0; i < knobs.size(); ++i)
    if (coding[i]) kept *= !halved.empty() && halved[i] ? half(knobs[i], values[i]) : interpolated(knobs[i], values[i]);
  return 1 - kept;
}

double AccuracyModel::expected(const std::vector<PlannedKnob> &knobs, const std::vector<double> &values) const {
  double others = 1;
  for (std::size_t i = 0; i < knobs.size(); ++i)
    if (!coding[i]) others *= interpolated(knobs[i], values[i]);
  return std::clamp(1 - loss * coding_loss(knobs, values), 0.0, 1.0) * others;
}

Plan plan_for_accuracy(const std::vector<PlannedKnob> &knobs, const AccuracyModel &model,
                       const AccuracyLimits &limits) {
  Plan plan;
  if (knobs.empty()) return plan;
  double combinations = 1;
  for (const PlannedKnob &k : knobs) combinations *= double(k.ladder.size()) * (k.continuous ? kBetween : 1);
  std::vector<std::vector<Choice>> all;
  for (const PlannedKnob &k : knobs) all.push_back(choices(k, combinations <= kMostCombinations, limits));
  Candidate best = best_of(all, model, limits, limits.least);
  // What is out of reach is approached, but not for all the bytes that the last hundredth costs.
  if (!best.keeps && best.within) best = best_of(all, model, limits, best.accuracy - kNear);
  for (std::size_t i = 0; i < knobs.size(); ++i) {
    plan.values.push_back(all[i][best.at[i]].value);
    plan.rungs.push_back(Ladder(knobs[i].ladder).nearest_value(plan.values.back()));
  }
  plan.ratio = planned_ratio(knobs, plan.values);
  return plan;
}

}  // namespace oneadapt
