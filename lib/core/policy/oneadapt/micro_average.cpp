// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy/oneadapt/micro_average.h"

#include <algorithm>
#include <cmath>

#include "core/policy/oneadapt/gradient_step.h"
#include "core/policy/typical.h"

namespace oneadapt {

void MicroAveragedStep::observe(const Observation &o) {
  forecast_.push(o.elements, o.activity ? std::optional(*o.activity >= kActive) : std::nullopt);
}

KnobDecision MicroAveragedStep::decide(const Observation &o, const KnobObservation &k, const PolicySettings &s,
                                       double sensitivity) const {
  const Ladder ladder(k.ladder);
  const double loss = sensitivity * forecast_.weight(k.has_lookahead ? std::optional(true) : std::nullopt);
  const std::size_t best = typical_optimum(o, k, s, loss), least = k.rung - std::min(k.rung, kMaxRungs);
  KnobDecision d;
  d.rung = k.has_lookahead ? best : std::clamp(best, least, k.rung + kMaxRungs);
  if (k.has_lookahead) d.inactive_rung = typical_optimum(o, k, s, sensitivity * forecast_.weight(false));
  d.position = ladder.position(d.rung);
  const auto slopes = [&](std::size_t there, const StepEffect &effect, double &accuracy, double &resource) {
    const double dk = ladder.position(there) - ladder.position(k.rung);
    accuracy = std::min(1.0, loss * typical_change(k, there)) / std::abs(dk);
    resource = effect.resource_change / dk;
  };
  if (k.up && k.rung + 1 < ladder.size()) slopes(k.rung + 1, *k.up, d.acc_grad_up, d.resource_grad_up);
  if (k.down && k.rung > 0) slopes(k.rung - 1, *k.down, d.acc_grad_down, d.resource_grad_down);
  return d;
}

}  // namespace oneadapt
