// SPDX-License-Identifier: LGPL-2.1-or-later
// Policy "activity": expensive while something goes on, cheap while nothing does, as the tunable judges (the heuristic
// baseline of §5.1, pipeline h). It goes by the interval that is over; where the tunable looks ahead, by each interval
// itself.
#include <algorithm>
#include <map>

#include "core/policy/registry.h"

namespace oneadapt {
namespace {

class ActivityPolicy : public Policy {
 public:
  Decision decide(const Observation &o, const PolicySettings &) override {
    check_observation(o);
    Decision d = stay(o);
    for (std::size_t i = 0; i < o.knobs.size(); ++i) {
      const KnobObservation &k = o.knobs[i];
      const Place active = active_.emplace(k.name, Place{k.rung, k.value}).first->second;
      KnobDecision &kd = d.knobs[i];
      if (k.has_lookahead) {
        kd.rung = std::min(active.rung, k.ladder.size() - 1);
        if (kd.rung == active.rung) kd.value = active.value;
        kd.inactive_rung = 0;
        kd.position = Ladder(k.ladder).position(kd.rung);
        d.predicted_resource.reset();
        continue;
      }
      if (!o.activity) continue;
      kd.rung = *o.activity >= kActive ? std::min(active.rung, k.ladder.size() - 1) : 0;
      if (*o.activity >= kActive && kd.rung == active.rung) kd.value = active.value;
      kd.position = Ladder(k.ladder).position(kd.rung);
      if (kd.rung != k.rung) d.predicted_resource.reset();
    }
    return d;
  }
  /// Where the knobs stood before anything was decided stays known: it is not the stream's past.
  void reset() override {}

 private:
  struct Place {
    std::size_t rung;
    std::optional<double> value;
  };
  std::map<std::string, Place> active_;
};

}  // namespace

PolicyInfo activity_policy() {
  PolicyInfo info;
  info.name = "activity";
  info.heeds.lambda = false;
  // What goes on in sound is a voice: as in the paper, in seconds that are over, and with the same look-ahead as
  // others.
  info.curves = {
      {"voice-detection", CurveSweep::StartRungs, CurveRole::Baseline, {"sound"}, CurveLookahead::Never},
      {"voice-detection-ahead", CurveSweep::StartRungs, CurveRole::Baseline, {"sound"}, CurveLookahead::Always}};
  info.make = [](const std::string &) -> std::unique_ptr<Policy> { return std::make_unique<ActivityPolicy>(); };
  return info;
}

}  // namespace oneadapt
