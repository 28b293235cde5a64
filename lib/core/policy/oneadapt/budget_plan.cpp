// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy/oneadapt/budget_plan.h"

#include <algorithm>
#include <cmath>

namespace oneadapt {
namespace {

constexpr std::size_t kMostCombinations = 20000;
constexpr std::size_t kReach = 2;
constexpr double kLeast = 1e-9;
// What the first interval after a move up takes over those that follow, of a knob that refines: 1.2 times the root of
// the ratio. Measured (budget-live, vtest.avi): 1.1 to 1.5 after a step of QP, 2 after seven.
constexpr double kRefinement = 1.2, kRefinementPower = 0.5;

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
  if (knob.refines && out.resource > 1e-6) out.resource += kRefinementPower * out.resource + std::log(kRefinement);
  if (!knob.compute.empty()) out.compute = ratio(knob.compute);
  return out;
}

/// Of all knobs; `value_of(i)` is the i-th one's value.
template <class ValueOf>
Logs sum_of(const std::vector<PlannedKnob> &knobs, ValueOf value_of) {
  Logs sum;
  for (std::size_t i = 0; i < knobs.size(); ++i) {
    const Logs l = logs(knobs[i], value_of(i));
    sum.resource += l.resource;
    sum.compute += l.compute;
  }
  return sum;
}

double limit(double allowed) { return allowed > 0 ? std::log(allowed) + 1e-9 : INFINITY; }

}  // namespace

double planned_resource(const PlannedKnob &knob, double value) { return at_value(knob, knob.resource, value); }

PlannedRatio planned_ratio(const std::vector<PlannedKnob> &knobs, const std::vector<double> &values) {
  const Logs sum = sum_of(knobs, [&](std::size_t i) { return values[i]; });
  return {std::exp(sum.resource), std::exp(sum.compute)};
}

namespace {

using Rungs = std::vector<std::size_t>;

/// What combinations of rungs are worth, and take.
class Combinations {
 public:
  Combinations(const std::vector<PlannedKnob> &knobs, const PlanLimits &limits) : knobs_(knobs), limits_(limits) {}
  /// Eq. 1.
  double worth(const Rungs &rungs) const {
    double accuracy = 1, resource = 1, compute = 1;
    for (std::size_t i = 0; i < knobs_.size(); ++i) {
      accuracy *= knobs_[i].accuracy[rungs[i]];
      resource *= knobs_[i].resource[rungs[i]];
      if (!knobs_[i].compute.empty()) compute *= knobs_[i].compute[rungs[i]];
    }
    return accuracy - limits_.lambda * resource - limits_.lambda_compute * compute;
  }
  /// Logarithms of the ratios over what the values in force take.
  Logs total(const Rungs &rungs) const {
    return sum_of(knobs_, [&](std::size_t i) { return knobs_[i].ladder[rungs[i]]; });
  }
  Logs most() const { return {limit(limits_.allowed), limit(limits_.allowed_compute)}; }

 private:
  const std::vector<PlannedKnob> &knobs_;
  const PlanLimits &limits_;
};

/// The rungs that are tried, first to last of each knob: all, or those within reach.
struct Range {
  Rungs first, last;
};
Range range_of(const std::vector<PlannedKnob> &knobs) {
  Range range{Rungs(knobs.size(), 0), {}};
  double combinations = 1;
  for (const PlannedKnob &k : knobs) {
    range.last.push_back(k.ladder.size() - 1);
    combinations *= double(k.ladder.size());
  }
  if (combinations <= kMostCombinations) return range;
  for (std::size_t i = 0; i < knobs.size(); ++i) {
    const std::size_t here = nearest_rung(knobs[i]);
    range.first[i] = here - std::min(here, kReach);
    range.last[i] = std::min(range.last[i], here + kReach);
  }
  return range;
}

struct Best {
  Rungs rungs;
  double worth = -INFINITY;  ///< −∞: no combination is within the limits, and this is the cheapest
};
Best best_within(const Combinations &combinations, const Range &range) {
  const Logs most = combinations.most();
  Best best{range.first};
  Rungs at = range.first;
  for (bool more = true; more;) {
    const Logs sum = combinations.total(at);
    if (sum.resource <= most.resource && sum.compute <= most.compute && combinations.worth(at) > best.worth)
      best = {at, combinations.worth(at)};
    more = false;
    for (std::size_t i = 0; i < at.size() && !more; ++i) {
      more = at[i] < range.last[i];
      at[i] = more ? at[i] + 1 : range.first[i];
    }
  }
  return best;
}

/// How far the way from `rungs` to `above` leads until a limit is reached, [0, 1].
double share_within(const Combinations &combinations, const Rungs &rungs, const Rungs &above) {
  const Logs most = combinations.most(), here = combinations.total(rungs), there = combinations.total(above);
  double share = 1;
  if (there.resource > most.resource)
    share = std::min(share, (most.resource - here.resource) / (there.resource - here.resource));
  if (there.compute > most.compute)
    share = std::min(share, (most.compute - here.compute) / (there.compute - here.compute));
  return share;
}

}  // namespace

Plan plan_within(const std::vector<PlannedKnob> &knobs, const PlanLimits &limits) {
  Plan plan;
  if (knobs.empty()) return plan;
  const Combinations combinations(knobs, limits);
  const Best best = best_within(combinations, range_of(knobs));
  for (std::size_t i = 0; i < knobs.size(); ++i) plan.values.push_back(knobs[i].ladder[best.rungs[i]]);
  plan.rungs = best.rungs;
  for (std::size_t i = 0; i < knobs.size() && best.worth > -INFINITY; ++i) {
    const PlannedKnob &k = knobs[i];
    if (!k.continuous || best.rungs[i] + 1 >= k.ladder.size()) continue;
    Rungs above = best.rungs;
    ++above[i];
    if (combinations.worth(above) <= best.worth) continue;
    const double share = share_within(combinations, best.rungs, above);
    plan.values[i] += std::max(0.0, share) * (k.ladder[above[i]] - k.ladder[best.rungs[i]]);
    if (share > 0.5) plan.rungs[i] = above[i];
    break;
  }
  plan.ratio = planned_ratio(knobs, plan.values);
  return plan;
}

}  // namespace oneadapt
