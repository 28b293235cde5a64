// SPDX-License-Identifier: LGPL-2.1-or-later
// Policy "static", and under the name that evaluations use "uniform": every knob stays where it is.
#include "core/policy/registry.h"

namespace oneadapt {
namespace {

class StaticPolicy : public Policy {
 public:
  Decision decide(const Observation &o, const PolicySettings &) override {
    check_observation(o);
    return stay(o);
  }
  void reset() override {}
};

PolicyInfo named(const char *name) {
  PolicyInfo info;
  info.name = name;
  info.heeds.lambda = false;
  info.moves = false;
  info.make = [](const std::string &) -> std::unique_ptr<Policy> { return std::make_unique<StaticPolicy>(); };
  return info;
}

}  // namespace

PolicyInfo static_policy() { return named("static"); }

PolicyInfo uniform_policy() {
  PolicyInfo info = named("uniform");
  info.curves = {{info.name, CurveSweep::FixedRungs, CurveRole::Anchor}};
  return info;
}

}  // namespace oneadapt
