// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/evaluation.h"

#include <algorithm>

#include "eval/curve_maker.h"
#include "eval/figure_parts.h"
#include "eval/text.h"

namespace oneadapt::eval {

using nlohmann::json;
namespace {

/// The curve of every policy of one clip.
class ClipEvaluation {
 public:
  ClipEvaluation(Runner &runner, const std::string &clip) : clip_{runner, clip, base_name(clip), nullptr, {}, nullptr} {
    const EvalOptions &o = runner.options();
    clip_.reference = runner.run_one(fixed_run(runner, clip), clip_.name + ", most expensive configuration");
    // Thresholds that need no gradient, for the policies that have none.
    clip_.recorded.knobs = ladders_of(
        o.frames ? std::vector<std::string>{"pixel-threshold", "area-threshold"} : o.knobs, *clip_.reference);
    clip_.recorded.runs[clip_.recorded.most_expensive()] = clip_.reference;
    if (o.frames) clip_.study = std::make_unique<FrameStudy>(fixed_run(runner, clip), clip_.reference);
    for (const std::string &name : o.policies) {
      const EvaluatedPolicy &policy = *find_evaluated(name);
      makers_.push_back(policy.make(clip_, policy));
    }
  }

  json evaluate() {
    make_runs();
    make_runs_after_recordings();
    json clip = clip_json(clip_.name, *clip_.reference);
    clip["reference"] = reference_json(*clip_.reference);
    clip["curves"] = json::array();
    for (std::size_t i = 0; i < makers_.size(); ++i)
      clip["curves"].push_back({{"policy", clip_.options().policies[i]}, {"points", makers_[i]->points()}});
    for (const auto &maker : makers_)
      if (const auto [run, name] = maker->shown(); run) clip["stills"] = stills_json(*run, name + ", ");
    if (clip_.options().frames) clip["resource"] = "frames";
    if (clip_.reference->sound) clip["sound"] = describe_sound();
    compare_curves(clip);
    return clip;
  }

 private:
  /// The recordings that the curves need, each once, and the runs that depend on no other, side by side.
  void make_runs() {
    std::vector<Rungs> recordings;
    std::vector<NamedRun> batch;
    for (const auto &maker : makers_)
      for (const Rungs &rungs : maker->recordings()) {
        if (clip_.recorded.runs.count(rungs)) continue;
        if (clip_.study) {
          clip_.recorded.runs[rungs] = std::make_shared<const RunResult>(clip_.study->fixed(thresholds_at(rungs)));
        } else if (std::find(recordings.begin(), recordings.end(), rungs) == recordings.end()) {
          recordings.push_back(rungs);
          batch.push_back({clip_.run_at(rungs), recording_name(rungs)});
        }
      }
    std::vector<std::size_t> counts;
    for (const auto &maker : makers_) {
      const auto runs = maker->runs();
      counts.push_back(runs.size());
      batch.insert(batch.end(), runs.begin(), runs.end());
    }
    const RunResults results = run_all(batch);
    for (std::size_t i = 0; i < recordings.size(); ++i) clip_.recorded.runs[recordings[i]] = results[i];
    auto at = results.begin() + std::ptrdiff_t(recordings.size());
    for (std::size_t i = 0; i < makers_.size(); ++i) {
      makers_[i]->keep_runs({at, at + std::ptrdiff_t(counts[i])});
      at += std::ptrdiff_t(counts[i]);
    }
  }

  void make_runs_after_recordings() {
    std::vector<NamedRun> batch;
    std::vector<std::size_t> counts;
    for (const auto &maker : makers_) {
      const auto runs = maker->runs_after_recordings();
      counts.push_back(runs.size());
      batch.insert(batch.end(), runs.begin(), runs.end());
    }
    const RunResults results = run_all(batch);
    auto at = results.begin();
    for (std::size_t i = 0; i < makers_.size(); ++i) {
      makers_[i]->keep_runs_after_recordings({at, at + std::ptrdiff_t(counts[i])});
      at += std::ptrdiff_t(counts[i]);
    }
  }
  RunResults run_all(const std::vector<NamedRun> &batch) {
    std::vector<RunOptions> options;
    std::vector<std::string> names;
    for (const NamedRun &run : batch) {
      options.push_back(run.options);
      names.push_back(run.name);
    }
    return clip_.runner.run_all(options, names);
  }

  std::string recording_name(const Rungs &rungs) const {
    std::string name = clip_.name;
    for (std::size_t i = 0; i < rungs.size(); ++i)
      name += (i ? " " : ", ") + clip_.recorded.knobs[i].name + "=" + number(clip_.recorded.knobs[i].values[rungs[i]]);
    return name;
  }

  FilterThresholds thresholds_at(const Rungs &rungs) const {
    return {clip_.recorded.knobs[0].values[rungs[0]], clip_.recorded.knobs[1].values[rungs[1]], 0};
  }

  json describe_sound() const {
    json words = json::array();
    for (const SequenceElement &w : all_words(*clip_.reference)) words.push_back(word_json(w));
    return {{"envelope", clip_.reference->envelope},
            {"step", 0.02},
            {"words", words},
            {"look_ahead", clip_.options().look_ahead.value_or(kLookAhead)}};
  }

  ClipRuns clip_;
  std::vector<std::unique_ptr<CurveMaker>> makers_;  ///< of the options' policies
};

}  // namespace

json evaluate_clip(Runner &runner, const std::string &clip) { return ClipEvaluation(runner, clip).evaluate(); }

}  // namespace oneadapt::eval
