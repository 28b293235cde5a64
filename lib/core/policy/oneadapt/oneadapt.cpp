// SPDX-License-Identifier: LGPL-2.1-or-later
// Policy "oneadapt": gradient ascent (paper §3.2), and what it takes to run it on a stream. Each idea is a part of its
// own; this file says which of them decides on a knob.
#include <algorithm>
#include <optional>

#include "core/policy/oneadapt/accuracy_keeper.h"
#include "core/policy/oneadapt/budget_keeper.h"
#include "core/policy/oneadapt/gradient_step.h"
#include "core/policy/oneadapt/micro_average.h"
#include "core/policy/oneadapt/safe_configuration.h"
#include "core/policy/oneadapt/sensitivity.h"
#include "core/policy/registry.h"
#include "core/policy/typical.h"

namespace oneadapt {
namespace {

/// A decision on one knob.
struct KnobMove {
  KnobDecision decision;
  double resource_change = 0;  ///< expected of it
  bool predictable = true;     ///< false: it goes far from what was measured, so nothing is known of the resource there
};

class OneAdaptPolicy : public Policy {
 public:
  Decision decide(const Observation &o, const PolicySettings &s) override {
    check_observation(o);
    if (o.gradient && o.micro_averaged) micro_averaged_.observe(o);
    if (o.gradient) sensitivity_.learn(o);
    safe_.begin(o);
    const auto typical = o.feedback_lost ? usual(o.knobs, s) : std::vector<std::size_t>();
    Decision d;
    double resource = o.resource.value_or(0);
    bool predictable = !o.feedback_lost;
    for (std::size_t i = 0; i < o.knobs.size(); ++i) {
      const KnobMove move = o.feedback_lost && s.alpha > 0 ? go_to(o.knobs[i], safe_.leave(o.knobs[i], typical[i]))
                                                           : decide_knob(o, o.knobs[i], s);
      d.knobs.push_back(move.decision);
      resource += move.resource_change;
      predictable = predictable && move.predictable;
    }
    if (o.resource && predictable) d.predicted_resource = std::clamp(resource, 0.0, 1.0);
    if (s.min_accuracy > 0 && s.alpha > 0 && !o.feedback_lost)
      accuracy_.apply(o, s, sensitivity_, d);
    else
      budget_.apply(o, s, sensitivity_, d);
    for (std::size_t i = 0; i < d.knobs.size(); ++i) {
      KnobDecision &kd = d.knobs[i];
      positions_.keep(o.knobs[i].name, kd.position, o.knobs[i].rung, kd.rung);
      if (kd.inactive_rung) kd.inactive_rung = std::min(*kd.inactive_rung, kd.rung);
    }
    return d;
  }
  std::vector<std::size_t> start(const std::vector<KnobObservation> &knobs, const PolicySettings &s) override {
    return s.min_accuracy > 0 ? AccuracyKeeper::careful(knobs, s) : typical_optimum(knobs, s);
  }
  void reset() override { *this = OneAdaptPolicy(); }

 private:
  static std::vector<std::size_t> usual(const std::vector<KnobObservation> &knobs, const PolicySettings &s) {
    return s.min_accuracy > 0 ? AccuracyKeeper::typical(knobs, s) : typical_optimum(knobs, s);
  }

  /// To a rung that measurements of this interval say nothing of.
  static KnobMove go_to(const KnobObservation &k, std::size_t rung) {
    KnobMove move;
    move.decision.rung = rung;
    move.decision.position = Ladder(k.ladder).position(rung);
    move.predictable = false;
    return move;
  }

  KnobMove decide_knob(const Observation &o, const KnobObservation &k, const PolicySettings &s) const {
    // Where the tunable looks ahead, the rung before may have been that of either case, so both are decided at once.
    const auto back = k.has_lookahead ? std::nullopt : safe_.back(k);
    if (back) return go_to(k, *back);
    KnobMove move;
    const bool can_move = s.alpha > 0;
    if (o.micro_averaged && has_typical(k) && can_move) {
      move.decision = micro_averaged_.decide(o, k, s, sensitivity_.of(k.name));
      move.predictable = !move.decision.inactive_rung;  // which of the two it will be is not known
    } else {
      move.decision = ascend(o, k, s);
      if (k.self_scaling && has_typical(k) && can_move) {  // λ alone says where such a knob stands, on any content
        move.decision.rung = typical_optimum(o, k, s, 1);
        move.decision.position = Ladder(k.ladder).position(move.decision.rung);
        return move;
      }
    }
    const std::size_t rung = move.decision.rung;
    if (rung > k.rung && k.up) move.resource_change = k.up->resource_change * double(rung - k.rung);
    if (rung < k.rung && k.down) move.resource_change = k.down->resource_change * double(k.rung - rung);
    return move;
  }

  /// The move from the neighbouring rung to the one behind it, which nobody probed: what is typical of it, by how the
  /// move to the neighbour compares with what is typical of that.
  static MoveWorth next_move(const KnobObservation &k, std::size_t neighbour, std::size_t behind, MoveWorth move) {
    if (!has_typical(k)) return move;
    const auto scale = [&](double &worth, const std::vector<double> &typical) {
      const double first = std::abs(typical[neighbour] - typical[k.rung]),
                   second = std::abs(typical[behind] - typical[neighbour]);
      if (first > 0) worth *= second / first;
    };
    scale(move.accuracy, k.typical_accuracy);
    scale(move.resource, k.typical_resource);
    return move;
  }

  /// Eq. 2, AccGrad by OutputGrad (§3.3, §3.4).
  KnobDecision ascend(const Observation &o, const KnobObservation &k, const PolicySettings &s) const {
    const Ladder ladder(k.ladder);
    const double here = ladder.position(k.rung);
    KnobDecision d;
    std::vector<MoveWorth> up, down;
    if (o.gradient && k.up && k.rung + 1 < ladder.size()) {
      const double dk = ladder.position(k.rung + 1) - here;
      const double accuracy = sensitivity_.accuracy_change(k, k.rung + 1, k.up->output_grad, o.confident);
      up.push_back({accuracy, s.lambda * k.up->resource_change + s.lambda_compute * k.up->compute_change});
      if (k.rung + 2 < ladder.size()) up.push_back(next_move(k, k.rung + 1, k.rung + 2, up[0]));
      d.acc_grad_up = accuracy / dk;
      d.resource_grad_up = k.up->resource_change / dk;
    }
    if (o.gradient && k.down && k.rung > 0) {
      const double dk = here - ladder.position(k.rung - 1);
      const double accuracy = sensitivity_.accuracy_change(k, k.rung - 1, k.down->output_grad, o.confident);
      down.push_back({accuracy, -s.lambda * k.down->resource_change - s.lambda_compute * k.down->compute_change});
      if (k.rung > 1) down.push_back(next_move(k, k.rung - 1, k.rung - 2, down[0]));
      d.acc_grad_down = accuracy / dk;
      d.resource_grad_down = -k.down->resource_change / dk;
    }
    const Step next = gradient_step(ladder, k.rung, positions_.at(k.name, ladder, k.rung), up, down, s.alpha,
                                    positions_.last(k.name));
    d.rung = next.rung;
    d.position = next.position;
    return d;
  }

  Sensitivity sensitivity_;
  MicroAveragedStep micro_averaged_;
  KnobPositions positions_;
  SafeConfiguration safe_;
  BudgetKeeper budget_;
  AccuracyKeeper accuracy_;
};

}  // namespace

PolicyInfo oneadapt_policy() {
  PolicyInfo info;
  info.name = "oneadapt";
  info.needs.gradient = true;
  info.heeds.alpha = info.heeds.budgets = info.heeds.min_accuracy = true;
  info.curves = {{info.name, CurveSweep::Lambdas, CurveRole::Subject},
                 {"min-accuracy", CurveSweep::MinAccuracies, CurveRole::Baseline, {"video", "lidar"}}};
  info.make = [](const std::string &) -> std::unique_ptr<Policy> { return std::make_unique<OneAdaptPolicy>(); };
  return info;
}

}  // namespace oneadapt
