// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/evaluation.h"

#include <algorithm>

#include "eval/curve_maker.h"
#include "eval/figure_parts.h"
#include "eval/medium.h"
#include "eval/reference.h"
#include "eval/text.h"

namespace oneadapt::eval {

using nlohmann::json;
namespace {

/// Runs that are of one kind: recordings, or those of one curve.
struct RunGroup {
  std::vector<NamedRun> runs;
  std::function<void(const RunResults &)> keep;  ///< is given their results, in their order
};

/// The curve of every policy of one clip.
class ClipEvaluation {
 public:
  ClipEvaluation(Runner &runner, const std::string &clip) : clip_{runner, clip, base_name(clip), nullptr, {}, nullptr} {
    const EvalOptions &o = runner.options();
    const Reference reference = reference_of(runner, clip);
    clip_.reference = clip_.recorded.judge = reference.judge;
    // Thresholds that need no gradient, for the policies that have none.
    clip_.recorded.knobs = ladders_of(
        o.frames ? std::vector<std::string>{"pixel-threshold", "area-threshold"} : o.knobs, *clip_.reference);
    clip_.recorded.runs[clip_.recorded.most_expensive()] = reference.most_expensive;
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
    clip["reference"]["accuracy"] = round6(mean_accuracy(*clip_.recorded.runs.at(clip_.recorded.most_expensive()),
                                                         *clip_.reference, clip_.options().metric));
    clip["curves"] = json::array();
    for (std::size_t i = 0; i < makers_.size(); ++i)
      clip["curves"].push_back({{"policy", clip_.options().policies[i]}, {"points", makers_[i]->points()}});
    for (std::size_t i = 0; i < makers_.size(); ++i)
      if (const auto [run, setting] = makers_[i]->shown(); run) {
        const std::string &policy = clip_.options().policies[i];
        clip["stills"] = stills_json(*run, policy + ", " + setting + ", ");
        clip["shown"] = {{"policy", policy}, {"setting", setting}};
      }
    if (clip_.options().frames) clip["resource"] = "frames";
    clip_.reference->medium->describe_clip(clip, *clip_.reference, clip_.options());
    compare_curves(clip);
    return clip;
  }

 private:
  /// The recordings that the curves need, each once, and the runs that depend on no other, side by side.
  void make_runs() {
    std::vector<RunGroup> groups{recordings()};
    for (const auto &maker : makers_)
      groups.push_back({maker->runs(), [&](const RunResults &results) { maker->keep_runs(results); }});
    run_all(groups);
  }

  void make_runs_after_recordings() {
    std::vector<RunGroup> groups;
    for (const auto &maker : makers_)
      groups.push_back({maker->runs_after_recordings(),
                        [&](const RunResults &results) { maker->keep_runs_after_recordings(results); }});
    run_all(groups);
  }

  /// What is to be recorded by runs; where frames are the resource, it is worked out without any.
  RunGroup recordings() {
    std::vector<Rungs> recorded;
    std::vector<NamedRun> runs;
    for (const auto &maker : makers_)
      for (const Rungs &rungs : maker->recordings()) {
        if (clip_.recorded.runs.count(rungs)) continue;
        if (clip_.study) {
          clip_.recorded.runs[rungs] = std::make_shared<const RunResult>(clip_.study->fixed(thresholds_at(rungs)));
        } else if (std::find(recorded.begin(), recorded.end(), rungs) == recorded.end()) {
          recorded.push_back(rungs);
          runs.push_back({clip_.run_at(rungs), recording_name(rungs)});
        }
      }
    return {runs, [this, recorded](const RunResults &results) {
              for (std::size_t i = 0; i < recorded.size(); ++i) clip_.recorded.runs[recorded[i]] = results[i];
            }};
  }

  /// All of them side by side; each group is given its results.
  void run_all(const std::vector<RunGroup> &groups) {
    std::vector<RunOptions> options;
    std::vector<std::string> names;
    for (const RunGroup &group : groups)
      for (const NamedRun &run : group.runs) {
        options.push_back(run.options);
        names.push_back(run.name);
      }
    const RunResults results = clip_.runner.run_all(options, names);
    auto at = results.begin();
    for (const RunGroup &group : groups) {
      const auto end = at + std::ptrdiff_t(group.runs.size());
      group.keep({at, end});
      at = end;
    }
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

  ClipRuns clip_;
  std::vector<std::unique_ptr<CurveMaker>> makers_;  ///< of the options' policies
};

}  // namespace

json evaluate_clip(Runner &runner, const std::string &clip) { return ClipEvaluation(runner, clip).evaluate(); }

}  // namespace oneadapt::eval
