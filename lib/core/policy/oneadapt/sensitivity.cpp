// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy/oneadapt/sensitivity.h"

#include <algorithm>
#include <cmath>

#include "core/policy/typical.h"

namespace oneadapt {
namespace {

// Measured: docs/results/paper.md.
constexpr double kKappa = 1e-3;
// Weight of the newest interval (docs/results/paper.md).
constexpr double kEvidence = 0.35;
constexpr double kMostSensitive = 2.3;   // |ln| of a factor of 10
constexpr double kLeastTypical = 0.002;  // steps of typical accuracy below this say nothing about the content
// The same where intervals without elements come between: what changes fast is how many there are, which is forecast;
// what an element needs changes slowly. The n-th interval with elements weighs 1 / (n + kMicroBelief), as in a mean
// with as many intervals of typical content, but never less than kMicroEvidence (docs/design-sound.md).
constexpr double kMicroEvidence = 0.02, kMicroBelief = 10;

}  // namespace

double measured_change(double output_grad, double confident) {
  return std::min(1.0, kKappa * output_grad / std::max(1.0, confident));
}

void Sensitivity::learn(const Observation &o) {
  for (const KnobObservation &k : o.knobs) {
    if (!has_typical(k) || k.self_scaling || (o.micro_averaged && o.elements <= 0)) continue;
    double sum = 0;
    int n = 0;
    const auto add = [&](const std::optional<StepEffect> &step, std::size_t rung) {
      if (!step || typical_change(k, rung) < kLeastTypical) return;
      const double measured = std::max(1e-9, measured_change(step->output_grad, o.confident));
      sum += std::clamp(std::log(measured / typical_change(k, rung)), -kMostSensitive, kMostSensitive);
      ++n;
    };
    if (k.rung + 1 < k.ladder.size()) add(k.up, k.rung + 1);
    if (k.rung > 0) add(k.down, k.rung - 1);
    Belief &belief = beliefs_[k.name];
    if (n == 0) continue;
    const double weight =
        o.micro_averaged ? std::max(kMicroEvidence, 1 / (++belief.evidence + kMicroBelief)) : kEvidence;
    belief.log += weight * (sum / n - belief.log);
  }
}

double Sensitivity::of(const std::string &knob) const {
  const auto it = beliefs_.find(knob);
  return it == beliefs_.end() ? 1 : std::exp(it->second.log);
}

double Sensitivity::accuracy_change(const KnobObservation &k, std::size_t rung, double output_grad,
                                    double confident) const {
  const auto it = beliefs_.find(k.name);
  if (it == beliefs_.end() || typical_change(k, rung) < kLeastTypical) return measured_change(output_grad, confident);
  return std::min(1.0, typical_change(k, rung) * std::exp(it->second.log));
}

void Sensitivity::reset() { beliefs_.clear(); }

}  // namespace oneadapt
