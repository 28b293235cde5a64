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

/// Of a ladder's `column`, log-linear between rungs.
double at_value(const PlannedKnob &knob, const std::vector<double> &column, double value) {
  const auto &l = knob.ladder;
  const bool rises = l.size() < 2 || l.back() > l.front();
  const auto before = [&](double a, double b) { return rises ? a < b : a > b; };
  if (!before(l.front(), value)) return column.front();
  for (std::size_t r = 1; r < l.size(); ++r) {
    if (before(l[r], value)) continue;
    const double share = (value - l[r - 1]) / (l[r] - l[r - 1]);
    return std::max(kLeast, column[r - 1]) *
           std::pow(std::max(kLeast, column[r]) / std::max(kLeast, column[r - 1]), share);
  }
  return column.back();
}

/// Logarithms of the two ratios.
struct Logs {
  double resource = 0, compute = 0;
};

Logs logs(const PlannedKnob &knob, double value) {
  Logs out;
  const auto ratio = [&](const std::vector<double> &column) {
    return std::log(std::max(kLeast, at_value(knob, column, value)) /
                    std::max(kLeast, at_value(knob, column, knob.value)));
  };
  out.resource = knob.exponent * ratio(knob.resource);
  if (!knob.compute.empty()) out.compute = ratio(knob.compute);
  return out;
}

double limit(double allowed) { return allowed > 0 ? std::log(allowed) + 1e-9 : INFINITY; }

}  // namespace

double planned_resource(const PlannedKnob &knob, double value) { return at_value(knob, knob.resource, value); }

PlannedRatio planned_ratio(const std::vector<PlannedKnob> &knobs, const std::vector<double> &values) {
  Logs sum;
  for (std::size_t i = 0; i < knobs.size(); ++i) {
    const Logs l = logs(knobs[i], values[i]);
    sum.resource += l.resource;
    sum.compute += l.compute;
  }
  return {std::exp(sum.resource), std::exp(sum.compute)};
}

Plan plan_within(const std::vector<PlannedKnob> &knobs, const PlanLimits &limits) {
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
  const Logs most{limit(limits.allowed), limit(limits.allowed_compute)};
  const auto total = [&](const std::vector<std::size_t> &rungs) {
    Logs sum;
    for (std::size_t i = 0; i < knobs.size(); ++i) {
      const Logs l = logs(knobs[i], knobs[i].ladder[rungs[i]]);
      sum.resource += l.resource;
      sum.compute += l.compute;
    }
    return sum;
  };
  const auto worth = [&](const std::vector<std::size_t> &rungs) {
    double accuracy = 1, resource = 1, compute = 1;
    for (std::size_t i = 0; i < knobs.size(); ++i) {
      accuracy *= knobs[i].accuracy[rungs[i]];
      resource *= knobs[i].resource[rungs[i]];
      if (!knobs[i].compute.empty()) compute *= knobs[i].compute[rungs[i]];
    }
    return accuracy - limits.lambda * resource - limits.lambda_compute * compute;
  };
  std::vector<std::size_t> at = first, best = first;
  double best_worth = -INFINITY;
  for (bool more = true; more;) {
    const Logs sum = total(at);
    if (sum.resource <= most.resource && sum.compute <= most.compute && worth(at) > best_worth) {
      best_worth = worth(at);
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
    if (worth(dearer) <= best_worth) continue;
    const Logs here = total(best), there = total(dearer);
    double share = 1;
    if (there.resource > most.resource)
      share = std::min(share, (most.resource - here.resource) / (there.resource - here.resource));
    if (there.compute > most.compute)
      share = std::min(share, (most.compute - here.compute) / (there.compute - here.compute));
    plan.values[i] += std::max(0.0, share) * (k.ladder[dearer[i]] - k.ladder[best[i]]);
    if (share > 0.5) plan.rungs[i] = dearer[i];
    break;
  }
  plan.ratio = planned_ratio(knobs, plan.values);
  return plan;
}

}  // namespace oneadapt
