// SPDX-License-Identifier: LGPL-2.1-or-later
// Policy "region" (EAAR, MobiCom '19; the paper's §5.1 pipeline a): what is around the last result's boxes is fine, the
// rest coarse. Knobs stay where λ usually leads to; only maps follow the boxes.
#include "core/policy/registry.h"
#include "core/policy/typical.h"

namespace oneadapt {
namespace {

constexpr double kEnlarge = 0.1;  // of a box's side, on every side: things move in a second

class RegionPolicy : public Policy {
 public:
  Decision decide(const Observation &o, const PolicySettings &) override {
    check_observation(o);
    return stay(o);
  }
  std::vector<std::size_t> start(const std::vector<KnobObservation> &knobs, const PolicySettings &s) override {
    return typical_optimum(knobs, s);
  }
  void prepare(Gradient &gradient) override { gradient.map = region_map(gradient, kEnlarge); }
  bool averages() const override { return false; }  // EAAR goes by the last result
  void reset() override {}
};

}  // namespace

PolicyInfo region_policy() {
  PolicyInfo info;
  info.name = "region";
  info.needs.gradient = true;  // the boxes come with it
  info.maps_only = true;
  info.curves = {{info.name, CurveSweep::Lambdas, CurveRole::RegionBaseline, {"video", "lidar"}}};
  info.make = [](const std::string &) -> std::unique_ptr<Policy> { return std::make_unique<RegionPolicy>(); };
  return info;
}

}  // namespace oneadapt
