// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/plans.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>

#include "model/backward.h"
#include "model/engine_tensors.h"
#include "model/faster_graph.h"
#include "model/torch_errors.h"

namespace oneadapt {
namespace {

constexpr double kSameOutput = 1e-4;    // of the largest value; what other orders of summation make is 1e-6
constexpr double kSameNumber = 1e-3;    // of a value of an engine, or of 1: a score, or half a pixel of 500
constexpr double kSameGradient = 0.05;  // of the map's length; it is a cosine of 0.999 where only the direction differs
constexpr double kClearlyFaster = 0.95;  // of the time of another
constexpr auto kChannelsLast = at::MemoryFormat::ChannelsLast;

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin_ = Clock::now();
};

void collect(const c10::IValue &value, std::vector<at::Tensor> &all) {
  if (value.isTensor()) {
    all.push_back(value.toTensor());
  } else if (value.isTuple()) {
    for (const c10::IValue &element : value.toTupleRef().elements()) collect(element, all);
  } else if (value.isTensorList()) {
    for (const at::Tensor &element : value.toTensorVector()) all.push_back(element);
  } else if (value.isList()) {
    for (const c10::IValue &element : value.toListRef()) collect(element, all);
  } else if (value.isGenericDict()) {
    for (const auto &entry : value.toGenericDict()) collect(entry.value(), all);
  }
}

/// Why `a`, of the plain program, and `b` are not the same; empty: they are. `each`: by how much of itself, or of 1, a
/// value may differ, too.
std::string difference(const std::vector<at::Tensor> &a, const std::vector<at::Tensor> &b,
                       double each = std::numeric_limits<double>::infinity()) {
  if (a.size() != b.size()) return "it gives another number of outputs";
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].defined() != b[i].defined() || (a[i].defined() && a[i].sizes() != b[i].sizes()))
      return "output " + std::to_string(i) + " has another shape";
    if (!a[i].defined() || a[i].numel() == 0) continue;
    const at::Tensor x = a[i].detach().to(at::kDouble), y = b[i].detach().to(at::kDouble);
    const double largest = std::max(1e-3, x.abs().max().item<double>());
    const at::Tensor off = (x - y).abs();
    const double most = off.max().item<double>(), share = (off / x.abs().clamp_min(1)).max().item<double>();
    if (!(most <= kSameOutput * largest && share <= each)) {
      char text[96];
      std::snprintf(text, sizeof text, "output %zu differs by %.2g of %.2g", i, most, largest);
      return text;
    }
  }
  return {};
}

/// A number that depends on all outputs that the input's gradient can come from; undefined: there are none.
at::Tensor any_utility(const std::vector<at::Tensor> &outputs) {
  at::Tensor sum;
  for (const at::Tensor &output : outputs) {
    if (!output.defined() || !output.requires_grad() || output.numel() == 0) continue;
    // Signs that alternate: what a softmax or a sum of shares gives would cancel out.
    const at::Tensor signs = at::arange(output.numel(), output.options().requires_grad(false)).mul(2.4).sin();
    const at::Tensor part = (output.reshape(-1) * signs).mean();
    sum = sum.defined() ? sum + part : part;
  }
  return sum;
}

class Finder {
 public:
  Finder(torch::jit::Module module, const PlanSearch &search) : search_(search) { plain_.module = std::move(module); }

  /// Whatever goes wrong with the plain program here goes wrong with a frame, too, and is said then.
  Plans find() {
    try {
      return search();
    } catch (const std::exception &e) {
      lay_weights(at::MemoryFormat::Contiguous);
      Plans plans = chosen(plain_, plain_);
      plans.report.problem = "the model fails on an example picture: " + first_sentence(e);
      return plans;
    }
  }

 private:
  Plans search() {
    if (search_.remembered) return make_again();
    if (search_.wanted == "plain") return chosen(plain_, plain_);
    const bool free = search_.wanted == "auto";
    const Stopwatch first;
    outputs_ = run(plain_);
    // All in all, with gradients, it takes at least as long as this many passes.
    if (free && stopwatch_.seconds() + (search_.engine ? 16 : 12) * first.seconds() > search_.seconds) {
      Plans plans = chosen(plain_, plain_);
      plans.report.problem = "trying others would take too long; \"oneadapt-inspect MODEL\" tries them, and remembers";
      return plans;
    }
    gradient_ = gradient(plain_);
    if (gradient_.defined() && !std::isfinite(gradient_.sum().item<double>())) gradient_.reset();  // nothing to compare
    const Plans plans = torch_plans(free);
    return search_.engine ? with_engine(plans, free) : plans;
  }

  /// Those of LibTorch.
  Plans torch_plans(bool free) {
    // Before its weights get another layout, which would make it another plan.
    const double plain = free ? times_of({&plain_})[0] : 0;
    lay_weights(kChannelsLast);
    const std::optional<Plan> frozen = made("channels-last", [&] { return torch::jit::freeze(plain_.module); });
    if (!frozen) return fallen_back();
    const std::optional<Plan> onednn = search_.wanted == "channels-last" ? std::nullopt : make_onednn(*frozen);
    if (search_.wanted == "onednn" && !onednn) return fallen_back();
    const Plan *const best = free ? fastest(plain, *frozen, onednn) : onednn ? &*onednn : &*frozen;
    if (best == &plain_) {
      lay_weights(at::MemoryFormat::Contiguous);
      return chosen(plain_, plain_);
    }
    const std::optional<Plan> gradients = plan_of_gradients(*best, *frozen);
    return gradients ? chosen(*best, *gradients) : fallen_back();
  }

  /// The same with frames without a gradient by the engine, where that can be: if it is `free`, where it is faster.
  Plans with_engine(const Plans &plans, bool free) {
    Plan engine{kOnnxRuntimePlan, plain_.module};
    std::string problem;
    try {
      engine.engine = search_.engine();
      problem = engine_difference(outputs_, run(engine));
    } catch (const std::exception &e) {
      problem = first_sentence(e);
    }
    if (!problem.empty()) {
      report_.trials.push_back({engine.name, 0, problem});
      Plans without = plans;
      without.report = report_;
      without.report.problem = "plan \"" + engine.name + "\": " + problem;
      return without;
    }
    if (!free) return chosen(engine, plans.gradients);
    const std::vector<double> times = times_of({&engine, &plans.results});
    report_.trials.push_back({engine.name, 1e3 * times[0], ""});
    return chosen(times[0] < kClearlyFaster * times[1] ? engine : plans.results, plans.gradients);
  }

  /// The plan of the results if it can be. Freezing takes detach() out of a program, with which torchvision's detectors
  /// keep gradients from their proposals.
  std::optional<Plan> plan_of_gradients(const Plan &results, const Plan &frozen) {
    std::string problem;
    for (const Plan &plan : {results, frozen, unfrozen()}) {
      problem = check_gradient(plan);
      if (problem.empty()) return plan;
    }
    report_.trials.push_back({kUnfrozenPlan, 0, problem});
    return std::nullopt;
  }

  Plan unfrozen() const { return {kUnfrozenPlan, plain_.module, kChannelsLast}; }

  const Plan *fastest(double plain, const Plan &frozen, const std::optional<Plan> &onednn) {
    std::vector<const Plan *> plans{&frozen};
    if (onednn) plans.insert(plans.begin(), &*onednn);
    std::vector<double> times = times_of(plans);
    plans.push_back(&plain_);
    times.push_back(plain);
    std::size_t best = 0;
    for (std::size_t i = 0; i < plans.size(); ++i) {
      report_.trials.push_back({plans[i]->name, 1e3 * times[i], ""});
      if (times[i] < kClearlyFaster * times[best]) best = i;
    }
    return plans[best];
  }

  /// Seconds of a pass of each, the shortest of several: in turn, so that whatever else the machine does meets all.
  std::vector<double> times_of(const std::vector<const Plan *> &plans) const {
    std::vector<double> times(plans.size(), std::numeric_limits<double>::infinity());
    for (int round = 0; round < 5; ++round) {
      for (std::size_t i = 0; i < plans.size(); ++i) {
        const Stopwatch one;
        run(*plans[i]);
        times[i] = std::min(times[i], one.seconds());
      }
      if (stopwatch_.seconds() > search_.seconds) break;
    }
    return times;
  }

  at::Tensor input_for(const Plan &plan) const { return search_.input.contiguous(plan.layout); }

  std::vector<at::Tensor> run(const Plan &plan) const {
    const at::NoGradGuard no_grad;
    return plan.engine ? run_engine(*plan.engine, search_.input)
                       : tensors_within(search_.call(plan.module, input_for(plan)));
  }

  /// |∂/∂input| of any_utility(); undefined: there is none.
  at::Tensor gradient(const Plan &plan) const {
    const at::AutoGradMode with_grad(true);
    const at::Tensor leaf = input_for(plan).detach().clone(plan.layout).requires_grad_(true);
    const at::Tensor sum = any_utility(tensors_within(search_.call(plan.module, leaf)));
    if (!sum.defined()) return {};
    return gradient_of_leaf(sum, leaf);
  }

  /// Why its gradient is not the plain program's; empty: it is, or there is none.
  std::string check_gradient(const Plan &plan) const {
    if (!gradient_.defined()) return {};
    const at::Tensor other = gradient(plan);
    if (!other.defined()) return "it has no gradient";
    const at::Tensor a = map(gradient_), b = map(other);
    const double off = (a - b).norm().item<double>(), length = a.norm().item<double>();
    if (off <= kSameGradient * length) return {};
    char text[64];
    std::snprintf(text, sizeof text, "its gradient differs by %.2g of %.2g", off, length);
    return text;
  }

  static at::Tensor map(const at::Tensor &gradient) {
    return at::avg_pool2d(gradient.to(at::kDouble).contiguous().sum(1, true), {16, 16}, {16, 16}, {0, 0}, true);
  }

  /// Of convolutions' weights, in place: the plain program and a frozen one share them.
  void lay_weights(at::MemoryFormat layout) {
    const at::NoGradGuard no_grad;
    const auto lay = [layout](at::Tensor weight) {
      if (weight.dim() == 4 && weight.is_floating_point() && !weight.is_contiguous(layout))
        weight.set_data(weight.contiguous(layout));
    };
    for (const at::Tensor &weight : plain_.module.parameters()) lay(weight);
    for (const at::Tensor &weight : plain_.module.buffers()) lay(weight);
  }

  Plans make_again() {
    report_ = *search_.remembered;
    checked_ = false;
    if (report_.results != kOnnxRuntimePlan) return torch_plans_again(report_.results);
    Plans plans = torch_plans_again(report_.gradients);
    try {
      if (!search_.engine) throw std::runtime_error("there is none any more");
      const Plan engine{kOnnxRuntimePlan, plain_.module, at::MemoryFormat::Contiguous, search_.engine()};
      return chosen(engine, plans.gradients);
    } catch (const std::exception &e) {
      plans.report.problem = std::string("plan \"") + kOnnxRuntimePlan + "\": " + first_sentence(e);
      return plans;
    }
  }

  Plans torch_plans_again(const std::string &wanted) {
    if (report_.gradients == "plain") return chosen(plain_, plain_);
    lay_weights(kChannelsLast);
    const std::optional<Plan> frozen = made("channels-last", [&] { return torch::jit::freeze(plain_.module); });
    if (!frozen) return fallen_back();
    const std::optional<Plan> onednn = wanted == "onednn" ? make_onednn(*frozen) : std::nullopt;
    const Plan results = onednn ? *onednn : *frozen;
    return chosen(results, report_.gradients == kUnfrozenPlan     ? unfrozen()
                           : report_.gradients == "channels-last" ? *frozen
                                                                  : results);
  }

  std::optional<Plan> make_onednn(const Plan &frozen) {
    return made("onednn", [&] {
      torch::jit::Module module = frozen.module.clone();
      call_faster_operators(*module.get_method("forward").graph());
      return module;
    });
  }

  /// None: it does not give what the plain program gives, or cannot be made.
  template <typename Make>
  std::optional<Plan> made(const char *name, Make make) {
    Plan plan;
    plan.name = name;
    plan.layout = kChannelsLast;
    std::string problem;
    try {
      plan.module = make();
      if (checked_) problem = difference(outputs_, run(plan));
    } catch (const std::exception &e) {
      problem = "LibTorch cannot make it: " + first_sentence(e);
    }
    if (problem.empty()) return plan;
    report_.trials.push_back({name, 0, problem});
    return std::nullopt;
  }

  Plans fallen_back() {
    lay_weights(at::MemoryFormat::Contiguous);
    Plans plans = chosen(plain_, plain_);
    for (const PlanTrial &trial : report_.trials)
      if (!trial.problem.empty()) plans.report.problem = "plan \"" + trial.name + "\": " + trial.problem;
    return plans;
  }

  Plans chosen(const Plan &results, const Plan &gradients) {
    report_.results = results.name;
    report_.gradients = gradients.name;
    return {results, gradients, report_};
  }

  const PlanSearch &search_;
  const Stopwatch stopwatch_;
  Plan plain_;
  std::vector<at::Tensor> outputs_;
  at::Tensor gradient_;
  PlanReport report_;
  bool checked_ = true;  ///< plans are compared with the plain one
};

}  // namespace

const char *const kUnfrozenPlan = "unfrozen";
const char *const kOnnxRuntimePlan = "onnxruntime";

const std::vector<std::string> &plan_names() {
  static const std::vector<std::string> names{"plain", "channels-last", "onednn", kOnnxRuntimePlan};
  return names;
}

std::vector<at::Tensor> tensors_within(const c10::IValue &value) {
  std::vector<at::Tensor> all;
  collect(value, all);
  return all;
}

std::string engine_difference(const std::vector<at::Tensor> &a, const std::vector<at::Tensor> &b) {
  return difference(a, b, kSameNumber);
}

Plans find_plans(torch::jit::Module module, const PlanSearch &search) {
  return Finder(std::move(module), search).find();
}

}  // namespace oneadapt
