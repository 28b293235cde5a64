// SPDX-License-Identifier: LGPL-2.1-or-later
// Policy "oneadapt": gradient ascent (paper §3.2).
#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "core/budget.h"
#include "core/element_forecast.h"
#include "core/policies.h"

namespace oneadapt {
namespace {

// ΔF1 ≈ κ · Σ|G||Δy| / N (docs/results/paper.md).
constexpr double kKappa = 1e-3;
// A move must gain this much more than it loses: neighbouring rungs of about equal worth are not worth a flicker.
constexpr double kHysteresis = 1.5;
// Trust region: OutputGrad is a first-order term, good near the probed rungs only.
constexpr std::size_t kMaxRungs = 2;

// Where a knob's typical accuracies are known, what is measured in an interval counts as evidence on how sensitive the
// content is, and is averaged: from one second to the next OutputGrad of one
// configuration goes up and down by half (docs/results/paper.md), which would have a knob wander.
constexpr double kEvidence = 0.35;       // weight of the newest interval
constexpr double kMostSensitive = 2.3;   // |ln| of a factor of 10
constexpr double kLeastTypical = 0.002;  // steps of typical accuracy below this say nothing about the content
// The same where intervals without elements come between: what changes fast is how many there are, which is forecast;
// what an element needs changes slowly. The n-th interval with elements weighs 1 / (n + kBeliefPooled), as in a mean
// with as many intervals of typical content, but never less than kEvidencePooled (docs/design-sound.md).
constexpr double kEvidencePooled = 0.02, kBeliefPooled = 10;

// A budget is aimed at a little below, and left alone between this share of it and all of it: bytes scatter from one
// second to the next, and a knob should not.
constexpr double kTarget = 0.92;
constexpr double kBand = 0.8;
// Content differs from what is typical, a single measurement from the content.
constexpr double kLeastExponent = 0.5, kMostExponent = 1.8;

/// Eq. 2 on every knob, AccGrad by OutputGrad (§3.3, §3.4), one-sided differences both ways.
class OneAdaptPolicy : public Policy {
 public:
  Decision decide(const Observation &o, const PolicySettings &s) override {
    check_observation(o);
    Decision d;
    double resource = o.resource.value_or(0);
    if (o.gradient && o.micro_averaged)
      forecast_.push(o.elements, o.activity ? std::optional(*o.activity >= kActive) : std::nullopt);
    if (o.gradient) learn(o);
    const std::vector<std::size_t> typical = o.feedback_lost ? typical_optimum(o.knobs, s) : std::vector<std::size_t>();
    const auto left = o.gradient ? std::exchange(left_, {}) : left_;
    if (o.feedback_lost) left_.clear();
    bool far = o.feedback_lost;  // from what was measured
    for (const KnobObservation &k : o.knobs) {
      const Ladder ladder(k.ladder);
      KnobDecision kd;
      if (o.feedback_lost && s.alpha > 0) {
        kd.rung = k.safe.value_or(typical[d.knobs.size()]);
        left_[k.name] = {k.rung, kd.rung};
        kd.position = positions_[k.name] = ladder.position(kd.rung);
        d.knobs.push_back(kd);
        continue;
      }
      // Back from where the loss of feedback had it go, unless somebody has moved it since.
      const auto back = left.find(k.name);
      if (o.gradient && !k.has_lookahead && back != left.end() && back->second.safe == k.rung &&
          back->second.rung < ladder.size()) {
        kd.rung = back->second.rung;
        kd.position = positions_[k.name] = ladder.position(kd.rung);
        d.knobs.push_back(kd);
        far = true;
        continue;
      }
      if (o.micro_averaged && has_typical(k) && s.alpha > 0) {
        d.knobs.push_back(pooled_step(o, k, s));
        const StepEffect *effect = d.knobs.back().rung > k.rung && k.up     ? &*k.up
                                   : d.knobs.back().rung < k.rung && k.down ? &*k.down
                                                                            : nullptr;
        if (effect) resource += effect->resource_change * std::abs(double(d.knobs.back().rung) - double(k.rung));
        far = far || d.knobs.back().inactive_rung;  // which of the two it will be is not known
        continue;
      }
      const double here = ladder.position(k.rung);
      double x = position(k.name, ladder, k.rung);
      double gain_up = 0, gain_down = 0, step = 0;
      bool go_up = false, go_down = false;
      if (o.gradient && k.up && k.rung + 1 < ladder.size()) {
        const double dk = ladder.position(k.rung + 1) - here;
        const double accuracy = accuracy_change(k, k.rung + 1, k.up->output_grad, o.confident);
        const double cost = s.lambda * k.up->resource_change + s.lambda_compute * k.up->compute_change;
        kd.acc_grad_up = accuracy / dk;
        kd.resource_grad_up = k.up->resource_change / dk;
        gain_up = (accuracy - cost) / dk;
        go_up = accuracy > kHysteresis * cost;
      }
      if (o.gradient && k.down && k.rung > 0) {
        const double dk = here - ladder.position(k.rung - 1);
        const double accuracy = accuracy_change(k, k.rung - 1, k.down->output_grad, o.confident);
        const double saved = -s.lambda * k.down->resource_change - s.lambda_compute * k.down->compute_change;
        kd.acc_grad_down = accuracy / dk;
        kd.resource_grad_down = -k.down->resource_change / dk;
        gain_down = (saved - accuracy) / dk;
        go_down = saved > kHysteresis * accuracy;
      }
      if (k.self_scaling && has_typical(k) && s.alpha > 0) {
        kd.rung = typical_best(o, k, s, 1);
        kd.position = positions_[k.name] = ladder.position(kd.rung);
        d.knobs.push_back(kd);
        continue;
      }
      if (go_up && go_down) (gain_up >= gain_down ? go_down : go_up) = false;
      std::size_t rung = k.rung;
      if (go_up) {
        const double dk = ladder.position(k.rung + 1) - here;
        // On a ladder whose steps shrink towards its top, twice the step would go all the way.
        const double most = ladder.position(std::min(k.rung + kMaxRungs, ladder.size() - 1)) - here;
        step = std::clamp(s.alpha * gain_up, dk, std::max(dk, std::min(most, double(kMaxRungs) * dk)));
      } else if (go_down) {
        const double dk = here - ladder.position(k.rung - 1);
        const double most = here - ladder.position(k.rung - std::min(k.rung, kMaxRungs));
        step = -std::clamp(s.alpha * gain_down, dk, std::max(dk, std::min(most, double(kMaxRungs) * dk)));
      } else {
        x = here;
      }
      x = std::clamp(x + (s.alpha > 0 ? step : 0.0), 0.0, 1.0);
      rung = ladder.nearest(x);
      positions_[k.name] = x;
      kd.rung = rung;
      kd.position = x;
      if (rung > k.rung && k.up) resource += k.up->resource_change * double(rung - k.rung);
      if (rung < k.rung && k.down) resource += k.down->resource_change * double(k.rung - rung);
      d.knobs.push_back(kd);
    }
    if (o.resource && !far) d.predicted_resource = std::clamp(resource, 0.0, 1.0);
    if (s.allowed > 0 || s.allowed_compute > 0)
      keep_within(o, s, d);
    else
      holding_ = false;
    for (KnobDecision &kd : d.knobs)
      if (kd.inactive_rung) kd.inactive_rung = std::min(*kd.inactive_rung, kd.rung);
    return d;
  }
  std::vector<std::size_t> start(const std::vector<KnobObservation> &knobs, const PolicySettings &s) override {
    return typical_optimum(knobs, s);
  }
  void reset() override {
    positions_.clear();
    sensitivity_.clear();
    evidence_.clear();
    forecast_.reset();
    left_.clear();
    holding_ = false;
  }
  bool needs_gradient() const override { return true; }

 private:
  static double measured_change(double output_grad, double confident) {
    return std::min(1.0, kKappa * output_grad / std::max(1.0, confident));
  }
  static double typical_change(const KnobObservation &k, std::size_t rung) {
    return std::abs(k.typical_accuracy[rung] - k.typical_accuracy[k.rung]);
  }
  /// Where λ has knob `k` stand on content that loses `loss` times what is typical, the other knobs being where they
  /// are: accuracies and resources multiply.
  static std::size_t typical_best(const Observation &o, const KnobObservation &k, const PolicySettings &s,
                                  double loss) {
    const auto compute = [](const KnobObservation &knob, std::size_t r) {
      return knob.typical_compute.size() == knob.ladder.size() ? knob.typical_compute[r] : 1;
    };
    double others = 1, others_resource = 1, others_compute = 1;
    for (const KnobObservation &other : o.knobs) {
      if (&other == &k || !has_typical(other)) continue;
      others *= other.typical_accuracy[other.rung];
      others_resource *= other.typical_resource[other.rung];
      others_compute *= compute(other, other.rung);
    }
    const auto worth = [&](std::size_t r) {
      return loss * others * k.typical_accuracy[r] - s.lambda * others_resource * k.typical_resource[r] -
             s.lambda_compute * others_compute * compute(k, r);
    };
    std::size_t best = 0;
    for (std::size_t r = 1; r < k.ladder.size(); ++r)
      if (worth(r) > worth(best)) best = r;
    return best;
  }
  /// Towards the optimum of Eq. 1 for the elements that the next interval is expected to have. A step on single
  /// intervals' slopes, as below, would have a knob follow the scatter of few elements. Where the next interval will
  /// be seen before the decision takes effect, there is an optimum for either case, and no step: what was in
  /// force says nothing of where the other one lies.
  KnobDecision pooled_step(const Observation &o, const KnobObservation &k, const PolicySettings &s) {
    const Ladder ladder(k.ladder);
    const auto it = sensitivity_.find(k.name);
    const double sensitivity = it == sensitivity_.end() ? 1 : std::exp(it->second);
    const double loss = sensitivity * forecast_.weight(k.has_lookahead ? std::optional(true) : std::nullopt);
    const std::size_t best = typical_best(o, k, s, loss), least = k.rung - std::min(k.rung, kMaxRungs);
    KnobDecision kd;
    kd.rung = k.has_lookahead ? best : std::clamp(best, least, k.rung + kMaxRungs);
    if (k.has_lookahead) kd.inactive_rung = typical_best(o, k, s, sensitivity * forecast_.weight(false));
    kd.position = positions_[k.name] = ladder.position(kd.rung);
    const auto slopes = [&](std::size_t there, const StepEffect &effect, double &accuracy, double &resource) {
      const double dk = ladder.position(there) - ladder.position(k.rung);
      accuracy = std::min(1.0, loss * typical_change(k, there)) / std::abs(dk);
      resource = effect.resource_change / dk;
    };
    if (k.up && k.rung + 1 < ladder.size()) slopes(k.rung + 1, *k.up, kd.acc_grad_up, kd.resource_grad_up);
    if (k.down && k.rung > 0) slopes(k.rung - 1, *k.down, kd.acc_grad_down, kd.resource_grad_down);
    return kd;
  }
  /// Averages what this interval says about the content's sensitivity to each knob.
  void learn(const Observation &o) {
    for (const KnobObservation &k : o.knobs) {
      if (!has_typical(k) || k.self_scaling || (o.micro_averaged && o.elements <= 0)) continue;
      double sum = 0;
      int n = 0;
      auto add = [&](const std::optional<StepEffect> &step, std::size_t rung) {
        if (!step || typical_change(k, rung) < kLeastTypical) return;
        const double measured = std::max(1e-9, measured_change(step->output_grad, o.confident));
        sum += std::clamp(std::log(measured / typical_change(k, rung)), -kMostSensitive, kMostSensitive);
        ++n;
      };
      if (k.rung + 1 < k.ladder.size()) add(k.up, k.rung + 1);
      if (k.rung > 0) add(k.down, k.rung - 1);
      double &sensitivity = sensitivity_[k.name];  // 0: as typical
      if (n == 0) continue;
      const double weight =
          o.micro_averaged ? std::max(kEvidencePooled, 1 / (++evidence_[k.name] + kBeliefPooled)) : kEvidence;
      sensitivity += weight * (sum / n - sensitivity);
    }
  }
  double accuracy_change(const KnobObservation &k, std::size_t rung, double output_grad, double confident) const {
    const auto it = sensitivity_.find(k.name);
    if (it == sensitivity_.end() || typical_change(k, rung) < kLeastTypical)
      return measured_change(output_grad, confident);
    return std::min(1.0, typical_change(k, rung) * std::exp(it->second));
  }
  /// How the content's resource answers to a knob, against what is typical: by the moves that were measured.
  static double exponent(const KnobObservation &k, double measured, double here) {
    double sum = 0;
    int n = 0;
    auto add = [&](const std::optional<StepEffect> &step, double there) {
      const double typical = std::log(there / here), real = std::log((measured + step->resource_change) / measured);
      if (!std::isfinite(real) || std::abs(typical) < 0.05) return;
      sum += std::clamp(real / typical, kLeastExponent, kMostExponent);
      ++n;
    };
    if (k.up) add(k.up, k.typical_resource[k.rung + 1]);
    if (k.down) add(k.down, k.typical_resource[k.rung - 1]);
    return n ? sum / n : 1;
  }
  /// Changes a decision that would not stay within the budget.
  void keep_within(const Observation &o, const PolicySettings &s, Decision &d) {
    std::vector<PlannedKnob> planned;
    std::vector<std::size_t> which;
    std::vector<double> values, wanted;
    for (std::size_t i = 0; i < o.knobs.size(); ++i) {
      const KnobObservation &k = o.knobs[i];
      if (d.knobs[i].rung == k.rung) d.knobs[i].value = k.value;  // who stays does not go to the rung
      if (!has_typical(k)) continue;
      PlannedKnob p;
      p.ladder = k.ladder;
      p.resource = k.typical_resource;
      p.compute =
          k.typical_compute.size() == k.ladder.size() ? k.typical_compute : std::vector<double>(k.ladder.size(), 1);
      const auto it = sensitivity_.find(k.name);
      const double sensitivity = it == sensitivity_.end() ? 1 : std::exp(it->second);
      for (double a : k.typical_accuracy) p.accuracy.push_back(std::clamp(1 - sensitivity * (1 - a), 0.0, 1.0));
      p.value = k.value.value_or(k.ladder[k.rung]);
      p.continuous = k.continuous;
      if (o.resource && *o.resource > 0) p.exponent = exponent(k, *o.resource, planned_resource(p, p.value));
      values.push_back(p.value);
      wanted.push_back(d.knobs[i].value.value_or(k.ladder[d.knobs[i].rung]));
      which.push_back(i);
      planned.push_back(std::move(p));
    }
    const PlannedRatio ratio = planned_ratio(planned, wanted);
    double used = 0, next = 0;  // of the budget that is nearer to its end
    if (s.allowed > 0) {
      used = 1 / s.allowed;
      next = used * ratio.resource;
    }
    if (s.allowed_compute > 0) {
      used = std::max(used, 1 / s.allowed_compute);
      next = std::max(next, ratio.compute / s.allowed_compute);
    }
    if (used <= 1 && next < used) {  // cheaper of its own accord
      holding_ = false;
      return;
    }
    if (holding_ && used <= 1 && used >= kBand) {
      take(o, d, which, values);  // the budget is met as it should be
      return;
    }
    if (!holding_ && used <= 1 && next <= kTarget) return;
    const Plan plan =
        plan_within(planned, {s.lambda, s.lambda_compute, kTarget * s.allowed, kTarget * s.allowed_compute});
    take(o, d, which, plan.values);
    holding_ = true;
    if (o.resource) d.predicted_resource = std::clamp(*o.resource * plan.ratio.resource, 0.0, 1.0);
  }
  void take(const Observation &o, Decision &d, const std::vector<std::size_t> &which,
            const std::vector<double> &values) {
    for (std::size_t i = 0; i < which.size(); ++i) {
      const Ladder ladder(o.knobs[which[i]].ladder);
      KnobDecision &kd = d.knobs[which[i]];
      kd.rung = ladder.nearest_value(values[i]);
      kd.value = values[i];
      kd.position = ladder.position(kd.rung);
      positions_[o.knobs[which[i]].name] = kd.position;
    }
  }
  /// The continuous knob, unless somebody else has moved the real one meanwhile.
  double position(const std::string &name, const Ladder &ladder, std::size_t rung) const {
    const auto it = positions_.find(name);
    if (it == positions_.end() || ladder.nearest(it->second) != rung) return ladder.position(rung);
    return it->second;
  }
  std::map<std::string, double> positions_, sensitivity_;
  std::map<std::string, double> evidence_;  // pooled: intervals that sensitivity_ is from
  ElementForecast forecast_;
  /// Rungs before feedback was lost, and those that were gone to then.
  struct Left {
    std::size_t rung, safe;
  };
  std::map<std::string, Left> left_;
  bool holding_ = false;  // the budget decides
};

/// "region" (EAAR, MobiCom '19; the paper's §5.1 pipeline a): what is around the last result's boxes is fine, the rest
/// coarse. Knobs stay where λ usually leads to; only maps follow the boxes.
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
  bool needs_gradient() const override { return true; }
  void reset() override {}

 private:
  static constexpr double kEnlarge = 0.1;  // of a box's side, on every side: things move in a second
};

}  // namespace

std::unique_ptr<Policy> make_region_policy() { return std::make_unique<RegionPolicy>(); }

std::unique_ptr<Policy> make_ascent_policy() { return std::make_unique<OneAdaptPolicy>(); }

}  // namespace oneadapt
