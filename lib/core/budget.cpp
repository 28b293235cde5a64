// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/budget.h"

#include <algorithm>
#include <cmath>

namespace oneadapt {
namespace {

constexpr std::size_t kMostCombinations = 20000;
constexpr std::size_t kReach = 2;
constexpr double kLeast = 1e-9;

std::size_t nearest_rung(const PlannedKnob &knob) {
  std::size_t best = 0;
  for (std::size_t r = 1; r < knob.ladder.size(); ++r)
    if (std::abs(knob.ladder[r] - knob.value) < std::abs(knob.ladder[best] - knob.value)) best = r;
  return best;
}

double log_ratio(const PlannedKnob &knob, double resource) {
  return knob.exponent * std::log(std::max(kLeast, resource) / std::max(kLeast, planned_resource(knob, knob.value)));
}

}  // namespace

double planned_resource(const PlannedKnob &knob, double value) {
  const auto &l = knob.ladder;
  const bool rises = l.size() < 2 || l.back() > l.front();
  const auto before = [&](double a, double b) { return rises ? a < b : a > b; };
  if (!before(l.front(), value)) return knob.resource.front();
  for (std::size_t r = 1; r < l.size(); ++r) {
    if (before(l[r], value)) continue;
    const double share = (value - l[r - 1]) / (l[r] - l[r - 1]);
    return std::max(kLeast, knob.resource[r - 1]) *
           std::pow(std::max(kLeast, knob.resource[r]) / std::max(kLeast, knob.resource[r - 1]), share);
  }
  return knob.resource.back();
}

double planned_ratio(const std::vector<PlannedKnob> &knobs, const std::vector<double> &values) {
  double sum = 0;
  for (std::size_t i = 0; i < knobs.size(); ++i) sum += log_ratio(knobs[i], planned_resource(knobs[i], values[i]));
  return std::exp(sum);
}

Plan plan_within(const std::vector<PlannedKnob> &knobs, double lambda, double allowed) {
  Plan plan;
  if (knobs.empty()) return plan;
  std::vector<std::size_t> first(knobs.size(), 0), last;
  double combinations = 1;
  for (const PlannedKnob &k : knobs) {
    last.push_back(k.ladder.size() - 1);
    combinations *= double(k.ladder.size());
  }
  if (combinations > kMostCombinations)
    for (std::size_t i = 0; i < knobs.size(); ++i) {
      const std::size_t here = nearest_rung(knobs[i]);
      first[i] = here - std::min(here, kReach);
      last[i] = std::min(last[i], here + kReach);
    }
  const double most = std::log(std::max(kLeast, allowed)) + 1e-9;
  std::vector<std::size_t> at = first, best = first;
  double best_worth = -INFINITY, best_log = 0;
  for (std::size_t i = 0; i < knobs.size(); ++i) best_log += log_ratio(knobs[i], knobs[i].resource[first[i]]);
  const auto worth = [&](const std::vector<std::size_t> &rungs) {
    double accuracy = 1, resource = 1;
    for (std::size_t i = 0; i < knobs.size(); ++i) {
      accuracy *= knobs[i].accuracy[rungs[i]];
      resource *= knobs[i].resource[rungs[i]];
    }
    return accuracy - lambda * resource;
  };
  for (bool more = true; more;) {
    double sum = 0;
    for (std::size_t i = 0; i < knobs.size(); ++i) sum += log_ratio(knobs[i], knobs[i].resource[at[i]]);
    if (sum <= most && worth(at) > best_worth) {
      best_worth = worth(at);
      best_log = sum;
      best = at;
    }
    more = false;
    for (std::size_t i = 0; i < knobs.size() && !more; ++i) {
      more = at[i] < last[i];
      at[i] = more ? at[i] + 1 : first[i];
    }
  }
  for (std::size_t i = 0; i < knobs.size(); ++i) plan.values.push_back(knobs[i].ladder[best[i]]);
  plan.rungs = best;
  for (std::size_t i = 0; i < knobs.size() && best_worth > -INFINITY; ++i) {
    const PlannedKnob &k = knobs[i];
    if (!k.continuous || best[i] + 1 >= k.ladder.size()) continue;
    auto dearer = best;
    ++dearer[i];
    const double step = log_ratio(k, k.resource[dearer[i]]) - log_ratio(k, k.resource[best[i]]);
    if (worth(dearer) <= best_worth || !(step > 0)) continue;
    const double share = std::clamp((most - best_log) / step, 0.0, 1.0);
    plan.values[i] += share * (k.ladder[dearer[i]] - k.ladder[best[i]]);
    if (share > 0.5) plan.rungs[i] = dearer[i];
    break;
  }
  plan.resource = planned_ratio(knobs, plan.values);
  return plan;
}

}  // namespace oneadapt
