// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy/policy.h"

#include <stdexcept>

namespace oneadapt {

void check_observation(const Observation &o) {
  for (const KnobObservation &k : o.knobs)
    if (k.rung >= k.ladder.size()) throw std::invalid_argument("knob " + k.name + " stands outside its ladder");
}

Decision stay(const Observation &o) {
  Decision d;
  for (const KnobObservation &k : o.knobs) {
    KnobDecision kd;
    kd.rung = k.rung;
    kd.position = Ladder(k.ladder).position(k.rung);
    d.knobs.push_back(kd);
  }
  d.predicted_resource = o.resource;
  return d;
}

std::vector<std::size_t> Policy::start(const std::vector<KnobObservation> &knobs, const PolicySettings &) {
  std::vector<std::size_t> rungs;
  for (const KnobObservation &k : knobs) rungs.push_back(k.rung);
  return rungs;
}

}  // namespace oneadapt
