// SPDX-License-Identifier: LGPL-2.1-or-later
// Policy "casva": each interval goes to the configuration that a trained network likes best.
#include <cmath>
#include <cstdint>
#include <utility>

#include "core/policy/casva/file.h"
#include "core/policy/casva/network.h"
#include "core/policy/registry.h"
#include "core/policy/typical.h"

namespace oneadapt {
namespace {

// More combinations of rungs than this are not tried one by one.
constexpr double kMostCombinations = 10000;

using Rungs = std::vector<std::size_t>;
/// Which of the observed knobs the network's knobs are; none: it is not observed.
using Places = std::vector<std::optional<std::size_t>>;

/// All combinations of the network's knobs.
template <class Worth>
Rungs best_of_all(const Observation &o, const Places &mine, Rungs rungs, Worth worth) {
  double most = worth(rungs);
  auto at = rungs;
  for (const auto &m : mine)
    if (m) at[*m] = 0;
  for (bool more = true; more;) {
    if (const double w = worth(at); w > most) {
      most = w;
      rungs = at;
    }
    more = false;
    for (const auto &m : mine) {
      if (!m || more) continue;
      more = at[*m] + 1 < o.knobs[*m].ladder.size();
      at[*m] = more ? at[*m] + 1 : 0;
    }
  }
  return rungs;
}

/// Knob by knob, until none gains any more.
template <class Worth>
Rungs best_by_knob(const Observation &o, const Places &mine, Rungs rungs, Worth worth) {
  double most = worth(rungs);
  for (bool better = true; better;) {
    better = false;
    for (const auto &m : mine)
      for (std::size_t r = 0; m && r < o.knobs[*m].ladder.size(); ++r) {
        auto at = rungs;
        at[*m] = r;
        if (const double w = worth(at); w > most + 1e-12) {
          most = w;
          rungs = at;
          better = true;
        }
      }
  }
  return rungs;
}

/// The greatest predicted accuracy − λ · resource. A knob that the network does not know stays; so does everything
/// where the resource is not known.
class CasvaPolicy : public Policy {
 public:
  explicit CasvaPolicy(std::shared_ptr<const CasvaModel> model) : model_(std::move(model)) {}

  Decision decide(const Observation &o, const PolicySettings &s) override {
    check_observation(o);
    Decision d = stay(o);
    if (!o.resource) return d;
    Places mine;
    for (const std::string &name : model_->knobs) mine.push_back(find_knob(o, name));
    const bool next_to_it = last_ && *last_ + 1 == o.interval;
    const CasvaState state = casva_state(o, model_->knobs, next_to_it ? residual_ : std::nullopt);
    last_ = o.interval;
    residual_ = state.resource_residual;

    const auto predict = [&](const Rungs &rungs) {
      std::vector<double> positions = state.positions;
      for (std::size_t m = 0; m < mine.size(); ++m)
        if (mine[m]) positions[m] = Ladder(o.knobs[*mine[m]].ladder).position(rungs[*mine[m]]);
      return model_->predict(casva_inputs(state, positions));
    };
    const auto worth = [&](const Rungs &rungs) {
      const CasvaValue v = predict(rungs);
      return v.accuracy - s.lambda * std::exp(v.log_resource);
    };
    Rungs rungs;
    for (const KnobObservation &k : o.knobs) rungs.push_back(k.rung);
    double combinations = 1;
    for (const auto &m : mine)
      if (m) combinations *= double(o.knobs[*m].ladder.size());
    rungs =
        combinations <= kMostCombinations ? best_of_all(o, mine, rungs, worth) : best_by_knob(o, mine, rungs, worth);
    for (std::size_t i = 0; i < rungs.size(); ++i) {
      d.knobs[i].rung = rungs[i];
      d.knobs[i].position = Ladder(o.knobs[i].ladder).position(rungs[i]);
    }
    d.predicted_resource = std::exp(predict(rungs).log_resource);
    return d;
  }
  Rungs start(const std::vector<KnobObservation> &knobs, const PolicySettings &s) override {
    return typical_optimum(knobs, s);  // until a first size is known, as the other policies
  }
  std::vector<std::string> known_knobs() const override { return model_->knobs; }
  void reset() override {
    last_.reset();
    residual_.reset();
  }

 private:
  std::shared_ptr<const CasvaModel> model_;
  std::optional<std::uint64_t> last_;  ///< interval decided on
  std::optional<double> residual_;     ///< CasvaState::resource_residual of that
};

}  // namespace

std::unique_ptr<Policy> make_casva_policy(std::shared_ptr<const CasvaModel> model) {
  return std::make_unique<CasvaPolicy>(std::move(model));
}

PolicyInfo casva_policy() {
  PolicyInfo info;
  info.name = "casva";
  info.needs.bytes = true;
  info.needs.file = "oneadapt-eval --train-casva";
  info.curves = {{info.name, CurveSweep::Lambdas, CurveRole::Baseline, {"video"}}};
  info.make = [](const std::string &file) {
    return make_casva_policy(std::make_shared<const CasvaModel>(read_casva(file)));
  };
  return info;
}

}  // namespace oneadapt
