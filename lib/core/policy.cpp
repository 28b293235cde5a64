// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy.h"

#include <stdexcept>

#include "core/policies.h"

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

namespace {

/// "static", and under the name that evaluations use "uniform": every knob stays where it is.
class StaticPolicy : public Policy {
 public:
  Decision decide(const Observation &o, const PolicySettings &) override {
    check_observation(o);
    return stay(o);
  }
  void reset() override {}
};

}  // namespace

const std::vector<std::string> &policy_names() {
  static const std::vector<std::string> names{"oneadapt", "uniform", "profiling", "chameleon",
                                              "casva",    "region",  "activity",  "static"};
  return names;
}

std::unique_ptr<Policy> make_policy(const std::string &name, std::shared_ptr<const CasvaModel> model) {
  if (name == "oneadapt") return make_ascent_policy();
  if (name == "region") return make_region_policy();
  if (name == "uniform" || name == "static") return std::make_unique<StaticPolicy>();
  if (name == "profiling" || name == "chameleon") return make_profiling_policy(name == "chameleon");
  if (name == "activity") return make_activity_policy();
  if (name == "casva") {
    if (!model) throw std::invalid_argument("\"casva\" needs a trained network");
    return make_casva_policy(std::move(model));
  }
  std::string known;
  for (const std::string &n : policy_names()) known += (known.empty() ? "" : ", ") + n;
  throw std::invalid_argument("no policy \"" + name + "\"; there are " + known);
}

}  // namespace oneadapt
