// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/evaluation.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "eval/casva_training.h"
#include "eval/figure_parts.h"
#include "eval/frame_study.h"
#include "eval/report.h"
#include "eval/text.h"
#include "eval/two_passes.h"

namespace oneadapt::eval {

using nlohmann::json;
namespace {

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

/// Policy "activity" of sound: as in the paper, of seconds that are over; and with the look-ahead that `oneadapt` has.
const std::vector<std::string> kVoicePolicies{"voice-detection", "voice-detection-ahead"};
bool is_voice_policy(const std::string &policy) {
  return std::find(kVoicePolicies.begin(), kVoicePolicies.end(), policy) != kVoicePolicies.end();
}

/// The curve of every policy of one clip.
class ClipEvaluation {
 public:
  ClipEvaluation(Runner &runner, const std::string &clip) : runner_(runner), clip_(clip), name_(base_name(clip)) {}

  json evaluate() {
    const EvalOptions &o = runner_.options();
    reference_ = runner_.run_one(fixed_run(runner_, clip_), name_ + ", most expensive configuration");
    // Thresholds that need no gradient, for the policies that have none.
    recorded_.knobs =
        ladders_of(o.frames ? std::vector<std::string>{"pixel-threshold", "area-threshold"} : o.knobs, *reference_);
    recorded_.runs[recorded_.most_expensive()] = reference_;
    if (o.frames) study_ = std::make_unique<FrameStudy>(fixed_run(runner_, clip_), reference_);
    make_runs();
    if (reference_->sound) make_scheduled_runs();
    json curves = json::array();
    for (const std::string &policy : o.policies) curves.push_back({{"policy", policy}, {"points", points(policy)}});
    json clip = clip_json(name_, *reference_);
    clip["reference"] = reference_json(*reference_);
    clip["curves"] = curves;
    const auto shown = live_.find({"oneadapt", still_lambda()});
    if (shown != live_.end())
      clip["stills"] = stills_json(*shown->second, "oneadapt, lambda=" + number(still_lambda()) + ", ");
    if (o.frames) clip["resource"] = "frames";
    if (reference_->sound) {
      json words = json::array();
      for (const SequenceElement &w : all_words(*reference_)) words.push_back(word_json(w));
      clip["sound"] = {{"envelope", reference_->envelope},
                       {"step", 0.02},
                       {"words", words},
                       {"look_ahead", o.look_ahead.value_or(kLookAhead)}};
    }
    compare_curves(clip);
    return clip;
  }

 private:
  RunOptions run_at(const Rungs &rungs) const {
    RunOptions o = fixed_run(runner_, clip_);
    for (std::size_t i = 0; i < rungs.size(); ++i)
      o.start[start_property(recorded_.knobs[i].name)] = recorded_.knobs[i].values[rungs[i]];
    return o;
  }

  FilterThresholds thresholds_at(const Rungs &rungs) const {
    return {recorded_.knobs[0].values[rungs[0]], recorded_.knobs[1].values[rungs[1]], 0};
  }

  /// Where others move the QP of whole pictures, `region` has what it is about: the macroblocks'.
  std::string region_knobs() const {
    std::vector<std::string> names = runner_.options().knobs;
    std::replace(names.begin(), names.end(), std::string("qp"), std::string("qp-map"));
    return joined(names);
  }

  /// Run for each trade-off, not put together from fixed configurations: it needs gradients, or may go anywhere.
  static bool runs_live(const std::string &policy) {
    return policy == "casva" || (!is_voice_policy(policy) && policy != "dds" && policy != "reducto" &&
                                 make_policy(policy)->needs_gradient());
  }

  /// The trade-off whose frames are shown.
  double still_lambda() const {
    const auto &lambdas = runner_.options().lambdas;
    return lambdas[lambdas.size() / 2];
  }

  /// A point of a curve that goes along the ladder of the first knob.
  std::string setting_of(const Rungs &rungs) const {
    const KnobLadder &first = recorded_.knobs.front();
    return start_property(first.name) + "=" + number(first.values[rungs.front()]);
  }

  /// Uniform quality: along the ladder of the first knob, the others at their dearest.
  std::vector<Rungs> uniform_configurations() const {
    std::vector<Rungs> out;
    for (std::size_t r = recorded_.knobs.front().values.size(); r-- > 0;) {
      out.push_back(recorded_.most_expensive());
      out.back().front() = r;
    }
    return out;
  }

  void make_runs() {
    const EvalOptions &o = runner_.options();
    std::vector<RunOptions> batch;
    std::vector<std::string> names;
    std::vector<Rungs> fixed;
    auto want = [&](const Rungs &rungs) {
      if (recorded_.runs.count(rungs) || std::find(fixed.begin(), fixed.end(), rungs) != fixed.end()) return;
      if (study_) {
        recorded_.runs[rungs] = std::make_shared<const RunResult>(study_->fixed(thresholds_at(rungs)));
        return;
      }
      fixed.push_back(rungs);
      batch.push_back(run_at(rungs));
      std::string name = name_;
      for (std::size_t i = 0; i < rungs.size(); ++i)
        name += (i ? " " : ", ") + recorded_.knobs[i].name + "=" + number(recorded_.knobs[i].values[rungs[i]]);
      names.push_back(name);
    };
    for (const std::string &policy : o.policies) {
      if (policy == "uniform")
        for (const Rungs &r : uniform_configurations()) want(r);
      if (policy == "dds")
        for (const auto &[coarse, fine] : pairs()) want(at_quality(coarse));
      if (policy == "profiling" || policy == "chameleon")
        for (const Rungs &r : profiled_configurations(recorded_.knobs, o.profiling)) want(r);
      if (policy == "profiling" || policy == "chameleon")
        for (double lambda : o.lambdas) {
          PolicySettings settings = o.profiling;
          settings.lambda = lambda;
          want(start_of(recorded_.knobs, policy, settings));
        }
    }
    for (const std::string &policy : o.policies) {
      if (!runs_live(policy)) continue;
      for (double lambda : o.lambdas) {
        RunOptions run = runner_.base(clip_);
        run.policy = policy;
        run.lambda = lambda;
        if (policy == "region") run.knobs = region_knobs();
        if (policy == "casva") {
          run.knobs = joined(casva_knobs(o.knobs));
          run.gradient = false;
          run.policy_file = o.policy_file;
        }
        if (policy == "oneadapt" && lambda == still_lambda()) run.stills = o.stills;
        batch.push_back(run);
        names.push_back(name_ + ", " + policy + " lambda=" + number(lambda));
      }
    }
    const std::size_t live_end = batch.size();
    std::vector<std::string> voice_names;
    for (const std::string &policy : o.policies)
      for (const Rungs &rungs : is_voice_policy(policy) ? uniform_configurations() : std::vector<Rungs>()) {
        batch.push_back(run_at(rungs));
        batch.back().policy = "activity";
        batch.back().knobs = joined(o.knobs);
        if (policy == kVoicePolicies.front()) batch.back().properties["filter.look-ahead"] = "0";
        names.push_back(name_ + ", " + policy + " " + setting_of(rungs));
        voice_names.push_back(policy);
      }
    const auto results = runner_.run_all(batch, names);
    for (std::size_t i = 0; i < fixed.size(); ++i) recorded_.runs[fixed[i]] = results[i];
    for (std::size_t i = fixed.size(); i < live_end; ++i) live_[{batch[i].policy, batch[i].lambda}] = results[i];
    for (std::size_t i = live_end; i < results.size(); ++i)
      voice_runs_[voice_names[i - live_end]].push_back(results[i]);
    if (std::find(o.policies.begin(), o.policies.end(), "dds") != o.policies.end()) make_second_passes();
  }

  /// A model hears what was before an interval, too, so runs of sound cannot be put together from recorded intervals
  /// as those of pictures can: the schedule that comes of stepping a policy over them is run as it is.
  void make_scheduled_runs() {
    const EvalOptions &o = runner_.options();
    std::vector<std::pair<std::string, double>> which;
    std::vector<RunOptions> batch;
    std::vector<std::string> names;
    for (const std::string &policy : o.policies) {
      if (policy != "profiling" && policy != "chameleon") continue;
      for (double lambda : o.lambdas) {
        PolicySettings settings = o.profiling;
        settings.lambda = lambda;
        PolicyRun &run = stepped_[{policy, lambda}] =
            step_policy(recorded_, policy, settings, o.profile_budget, o.metric);
        which.emplace_back(policy, lambda);
        batch.push_back(fixed_run(runner_, clip_));
        for (const auto &[knob, value] : run.knobs.front()) batch.back().start[start_property(knob)] = value;
        batch.back().schedule = run.knobs;
        names.push_back(name_ + ", " + policy + " lambda=" + number(lambda));
      }
    }
    const auto results = runner_.run_all(batch, names);
    for (std::size_t i = 0; i < results.size(); ++i) stepped_.at(which[i]).result = *results[i];
  }

  /// The knob that policy dds goes by.
  std::size_t quality() const {
    for (std::size_t i = 0; i < recorded_.knobs.size(); ++i)
      if (start_property(recorded_.knobs[i].name) == "qp") return i;
    throw RunError("--policies: dds sends regions at another QP; add --knobs qp or qp-map, or leave it out");
  }
  const std::vector<double> &qps() const { return recorded_.knobs[quality()].values; }
  std::vector<std::pair<std::size_t, std::size_t>> pairs() const {
    const auto found = dds_pairs(qps());
    if (found.empty())
      throw RunError("--policies: dds wants two QPs; name more than one in --set filter." +
                     recorded_.knobs[quality()].name + "-ladder, or leave it out");
    return found;
  }
  Rungs at_quality(std::size_t rung) const {
    Rungs rungs = recorded_.most_expensive();
    rungs[quality()] = rung;
    return rungs;
  }

  /// Policy dds, once the first passes are there: what a second one sends follows from them.
  void make_second_passes() {
    std::vector<std::shared_ptr<const SecondPass>> passes;
    std::vector<RunOptions> batch;
    std::vector<std::string> names;
    for (const auto &[coarse, fine] : pairs()) {
      const std::string qp = number(qps()[coarse]) + "+" + number(qps()[fine]);
      passes.push_back(
          std::make_shared<SecondPass>(second_pass_of(*recorded_.runs.at(at_quality(coarse)), qps()[coarse])));
      two_passes_.push_back({"qp=" + qp, {}});
      if (passes.back()->blocks.empty()) continue;  // nothing to send
      RunOptions run = run_at(at_quality(fine));
      run.uncertain_from = 0;
      run.second_pass = passes.back();
      batch.push_back(run);
      names.push_back(name_ + ", dds qp=" + qp + ", second pass");
    }
    const auto results = runner_.run_all(batch, names);
    std::size_t at = 0, i = 0;
    for (const auto &[coarse, fine] : pairs()) {
      const RunResult *second = passes[i]->blocks.empty() ? nullptr : results[at++].get();
      PolicyRun &run = two_passes_[i].second;
      run = join_passes(*recorded_.runs.at(at_quality(coarse)), second, *passes[i]);
      run.knobs.assign(interval_count(*reference_),
                       {{recorded_.knobs[quality()].name, qps()[coarse]}, {"second pass", qps()[fine]}});
      ++i;
    }
  }

  json points(const std::string &policy) const {
    const EvalOptions &o = runner_.options();
    json points = json::array();
    if (policy == "uniform") {
      for (const Rungs &rungs : uniform_configurations()) {
        PolicyRun run;
        run.result = *recorded_.runs.at(rungs);
        std::map<std::string, double> values;
        for (std::size_t i = 0; i < rungs.size(); ++i)
          values[recorded_.knobs[i].name] = recorded_.knobs[i].values[rungs[i]];
        run.knobs.assign(interval_count(*reference_), values);
        points.push_back(point_json(setting_of(rungs), run, *reference_, o.metric));
      }
      return points;
    }
    if (is_voice_policy(policy)) {
      std::size_t i = 0;
      for (const Rungs &rungs : uniform_configurations()) {
        const RunResult &heard = *voice_runs_.at(policy).at(i++);
        points.push_back(point_json(setting_of(rungs), {heard, knobs_by_second(heard), 0}, *reference_, o.metric));
      }
      return points;
    }
    if (policy == "dds") {
      for (const auto &[setting, run] : two_passes_) points.push_back(point_json(setting, run, *reference_, o.metric));
      return points;
    }
    if (policy == "reducto") {
      for (double target : {0.98, 0.95, 0.92, 0.9, 0.87, 0.84, 0.8, 0.75, 0.7, 0.65})
        points.push_back(point_json("F1=" + number(target), {study_->reducto(target, false, o.metric), {}, 0},
                                    *reference_, o.metric));
      return points;
    }
    for (double lambda : o.lambdas) {
      PolicyRun run;
      const auto live = live_.find({policy, lambda});
      if (live != live_.end()) {
        run.result = *live->second;
        run.knobs = knobs_by_second(run.result);
      } else if (stepped_.count({policy, lambda})) {
        run = stepped_.at({policy, lambda});
      } else {
        PolicySettings settings = o.profiling;
        settings.lambda = lambda;
        run = step_policy(recorded_, policy, settings, o.profile_budget, o.metric, o.frames);
      }
      points.push_back(point_json("lambda=" + number(lambda), run, *reference_, o.metric));
    }
    return points;
  }

  Runner &runner_;
  std::string clip_, name_;
  std::shared_ptr<const RunResult> reference_;
  Recorded recorded_;
  std::unique_ptr<FrameStudy> study_;  ///< where frames are the resource
  std::map<std::pair<std::string, double>, std::shared_ptr<const RunResult>> live_;
  std::map<std::pair<std::string, double>, PolicyRun> stepped_;  ///< of sound: policies that profile
  /// Of the policies that go by voices, by configuration.
  std::map<std::string, std::vector<std::shared_ptr<const RunResult>>> voice_runs_;
  std::vector<std::pair<std::string, PolicyRun>> two_passes_;  ///< of policy dds, by setting
};

}  // namespace

json evaluate_clip(Runner &runner, const std::string &clip) { return ClipEvaluation(runner, clip).evaluate(); }

}  // namespace oneadapt::eval
