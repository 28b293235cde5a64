// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/curve_maker.h"

#include <algorithm>

#include "eval/figure_parts.h"
#include "eval/medium.h"
#include "eval/text.h"

namespace oneadapt::eval {

using nlohmann::json;
namespace {

std::string lambda_setting(double lambda) { return "lambda=" + number(lambda); }

/// The trade-off whose frames are shown.
double shown_lambda(const EvalOptions &o) { return o.lambdas[o.lambdas.size() / 2]; }

/// CurveSweep::FixedRungs.
class FixedCurve : public CurveMaker {
 public:
  FixedCurve(const ClipRuns &clip, const EvaluatedPolicy &) : CurveMaker(clip) {}
  std::vector<Rungs> recordings() const override { return clip_.along_first_knob(); }
  json points() const override {
    json points = json::array();
    for (const Rungs &rungs : clip_.along_first_knob()) {
      PolicyRun run;
      run.result = *clip_.recorded.runs.at(rungs);
      run.knobs.assign(interval_count(*clip_.reference), values_at(clip_.recorded.knobs, rungs));
      points.push_back(clip_.point(clip_.setting_of(rungs), run));
    }
    return points;
  }
};

/// A curve with a run of the policy for each point.
class RunsCurve : public CurveMaker {
 public:
  RunsCurve(const ClipRuns &clip, const EvaluatedPolicy &policy) : CurveMaker(clip), policy_(policy) {}
  void keep_runs(const RunResults &results) override { results_ = results; }
  json points() const override {
    json points = json::array();
    for (std::size_t i = 0; i < results_.size(); ++i)
      points.push_back(clip_.point(setting(i), {*results_[i], knobs_by_second(*results_[i]), 0}));
    return points;
  }

 protected:
  /// What tells the i-th run from the others.
  virtual std::string setting(std::size_t i) const = 0;

  const EvaluatedPolicy &policy_;
  RunResults results_;
};

/// CurveSweep::StartRungs.
class StartCurve : public RunsCurve {
 public:
  using RunsCurve::RunsCurve;
  std::vector<NamedRun> runs() const override {
    std::vector<NamedRun> runs;
    for (const Rungs &rungs : clip_.along_first_knob()) {
      RunOptions run = clip_.run_at(rungs);
      run.policy = policy_.policy->name;
      run.knobs = joined(clip_.options().knobs);
      if (policy_.curve.lookahead == CurveLookahead::Never) run.properties["filter.look-ahead"] = "0";
      runs.push_back({run, clip_.name + ", " + policy_.curve.name + " " + clip_.setting_of(rungs)});
    }
    return runs;
  }

 protected:
  std::string setting(std::size_t i) const override { return clip_.setting_of(clip_.along_first_knob().at(i)); }
};

/// CurveSweep::Lambdas: not put together from fixed configurations, because the policy needs gradients, or may go
/// anywhere.
class LambdaCurve : public RunsCurve {
 public:
  using RunsCurve::RunsCurve;
  std::vector<NamedRun> runs() const override {
    const EvalOptions &o = clip_.options();
    const PolicyInfo &info = *policy_.policy;
    std::vector<NamedRun> runs;
    for (double lambda : o.lambdas) {
      RunOptions run = clip_.runner.base(clip_.clip);
      run.policy = info.name;
      run.lambda = lambda;
      if (info.maps_only) run.knobs = joined(with_maps(o.knobs));
      if (!info.needs.gradient) {
        run.knobs = joined(without_maps(o.knobs));
        run.gradient = false;
      }
      if (!info.needs.file.empty()) run.policy_file = o.policy_file;
      if (is_shown() && lambda == shown_lambda(o)) run.stills = o.stills;
      runs.push_back({run, clip_.name + ", " + policy_.curve.name + " " + lambda_setting(lambda)});
    }
    return runs;
  }
  std::pair<std::shared_ptr<const RunResult>, std::string> shown() const override {
    if (!is_shown()) return {};
    const EvalOptions &o = clip_.options();
    return {results_.at(o.lambdas.size() / 2), lambda_setting(shown_lambda(o))};
  }

 protected:
  std::string setting(std::size_t i) const override { return lambda_setting(clip_.options().lambdas.at(i)); }

 private:
  bool is_shown() const { return policy_.curve.role == CurveRole::Subject; }
};

/// CurveSweep::MinAccuracies.
class AccuracyCurve : public RunsCurve {
 public:
  using RunsCurve::RunsCurve;
  std::vector<NamedRun> runs() const override {
    const EvalOptions &o = clip_.options();
    std::vector<NamedRun> runs;
    for (std::size_t i = 0; i < o.min_accuracies.size(); ++i) {
      RunOptions run = clip_.runner.base(clip_.clip);
      run.policy = policy_.policy->name;
      run.min_accuracy = o.min_accuracies[i];
      if (is_shown() && i == middle()) run.stills = o.stills;
      runs.push_back({run, clip_.name + ", " + setting(i)});
    }
    return runs;
  }
  std::pair<std::shared_ptr<const RunResult>, std::string> shown() const override {
    if (!is_shown()) return {};
    return {results_.at(middle()), setting(middle())};
  }
  json points() const override {
    json points = RunsCurve::points();
    for (std::size_t i = 0; i < points.size(); ++i) {
      points[i]["asked"] = clip_.options().min_accuracies.at(i);
      points[i]["settled"] = settled(points[i]);
    }
    return points;
  }

 protected:
  std::string setting(std::size_t i) const override {
    return "min-accuracy=" + number(clip_.options().min_accuracies.at(i));
  }

 private:
  std::size_t middle() const { return clip_.options().min_accuracies.size() / 2; }
  /// Where there is no curve of λ to show.
  bool is_shown() const {
    const std::vector<std::string> &policies = clip_.options().policies;
    return std::find(policies.begin(), policies.end(), evaluated_as(CurveRole::Subject).curve.name) == policies.end();
  }
  /// Accuracy from the sixth second on (of short clips, from the third): what was asked for takes a while to be found.
  static json settled(const json &point) {
    const json &all = point.at("intervals");
    double sum = 0, weight = 0;
    for (std::size_t t = all.size() > 8 ? 5 : 2; t < all.size(); ++t)
      if (!all[t].at("accuracy").is_null()) {
        sum += all[t].at("accuracy").get<double>() * all[t].at("weight").get<double>();
        weight += all[t].at("weight").get<double>();
      }
    return weight > 0 ? json(round6(sum / weight)) : json();
  }
};

/// CurveSweep::RecordedLambdas.
class SteppedCurve : public CurveMaker {
 public:
  SteppedCurve(const ClipRuns &clip, const EvaluatedPolicy &policy) : CurveMaker(clip), policy_(policy) {}
  std::vector<Rungs> recordings() const override {
    const auto &knobs = clip_.recorded.knobs;
    std::vector<Rungs> rungs = profiled_configurations(knobs, clip_.options().profiling);
    for (double lambda : clip_.options().lambdas)
      rungs.push_back(start_of(knobs, policy_.policy->name, settings_at(lambda)));
    return rungs;
  }
  /// The schedule that the policy comes to is run as it is, unless it can be put together from recorded intervals.
  std::vector<NamedRun> runs_after_recordings() override {
    const EvalOptions &o = clip_.options();
    std::vector<NamedRun> runs;
    for (double lambda : o.lambdas) {
      stepped_.push_back(
          step_policy(clip_.recorded, policy_.policy->name, settings_at(lambda), o.profile_budget, o.metric, o.frames));
      if (clip_.study) continue;
      RunOptions run = fixed_run(clip_.runner, clip_.clip);
      for (const auto &interval : stepped_.back().knobs) {
        run.schedule.emplace_back();
        for (const auto &[knob, value] : interval) run.schedule.back()[start_property(knob)] = value;
      }
      for (const auto &[property, value] : run.schedule.front()) run.start[property] = value;
      runs.push_back({run, clip_.name + ", " + policy_.curve.name + " " + lambda_setting(lambda)});
    }
    return runs;
  }
  void keep_runs_after_recordings(const RunResults &results) override {
    for (std::size_t i = 0; i < results.size(); ++i) stepped_.at(i).result = *results[i];
  }
  json points() const override {
    json points = json::array();
    std::size_t i = 0;
    for (double lambda : clip_.options().lambdas)
      points.push_back(clip_.point(lambda_setting(lambda), stepped_.at(i++)));
    return points;
  }

 private:
  PolicySettings settings_at(double lambda) const {
    PolicySettings settings = clip_.options().profiling;
    settings.lambda = lambda;
    return settings;
  }

  const EvaluatedPolicy &policy_;
  std::vector<PolicyRun> stepped_;  ///< at each λ
};

}  // namespace

RunOptions ClipRuns::run_at(const Rungs &rungs) const {
  RunOptions o = fixed_run(runner, clip);
  for (const auto &[knob, value] : values_at(recorded.knobs, rungs)) o.start[start_property(knob)] = value;
  return o;
}

std::string ClipRuns::setting_of(const Rungs &rungs) const {
  const KnobLadder &first = recorded.knobs.front();
  return start_property(first.name) + "=" + number(first.values[rungs.front()]);
}

std::vector<Rungs> ClipRuns::along_first_knob() const {
  std::vector<Rungs> out;
  for (std::size_t r = recorded.knobs.front().values.size(); r-- > 0;) {
    out.push_back(recorded.most_expensive());
    out.back().front() = r;
  }
  return out;
}

json ClipRuns::point(const std::string &setting, const PolicyRun &run) const {
  return point_json(setting, run, *reference, options().metric);
}

std::unique_ptr<CurveMaker> make_sweep(const ClipRuns &clip, const EvaluatedPolicy &policy) {
  switch (policy.curve.sweep) {
    case CurveSweep::FixedRungs:
      return std::make_unique<FixedCurve>(clip, policy);
    case CurveSweep::StartRungs:
      return std::make_unique<StartCurve>(clip, policy);
    case CurveSweep::RecordedLambdas:
      return std::make_unique<SteppedCurve>(clip, policy);
    case CurveSweep::MinAccuracies:
      return std::make_unique<AccuracyCurve>(clip, policy);
    case CurveSweep::Lambdas:
      break;
  }
  return std::make_unique<LambdaCurve>(clip, policy);
}

}  // namespace oneadapt::eval
