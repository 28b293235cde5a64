// SPDX-License-Identifier: LGPL-2.1-or-later
// Policies over clips at several trade-offs: what to run, and what came out.
#pragma once
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "eval/compose.h"
#include "eval/run.h"
#include "eval/store.h"

namespace oneadapt::eval {

/// Runs that may be done side by side; those in the store are not done again.
class Runner {
 public:
  Runner(const EvalOptions &options, RunStore store) : options_(options), store_(std::move(store)) {}
  /// The runs of `batch`, in its order; progress goes to standard error. The first failure ends it: throws RunError.
  std::vector<std::shared_ptr<const RunResult>> run_all(const std::vector<RunOptions> &batch,
                                                        const std::vector<std::string> &names);
  std::shared_ptr<const RunResult> run_one(const RunOptions &options, const std::string &name) {
    return run_all({options}, {name}).front();
  }
  /// Options of a run of `clip`.
  RunOptions base(const std::string &clip) const;
  /// Start values that make the last value of the user's ladders the most expensive configuration, whatever the
  /// properties' defaults.
  std::map<std::string, double> most_expensive() const;
  const EvalOptions &options() const { return options_; }

 private:
  /// Those of `batch` whose places are `wanted`.
  std::vector<std::shared_ptr<const RunResult>> run_each(const std::vector<RunOptions> &batch,
                                                         const std::vector<std::string> &names,
                                                         const std::vector<std::size_t> &wanted);

  const EvalOptions &options_;
  RunStore store_;
  std::set<std::string> warned_;  ///< each is said once
};

/// Throws RunError for the first of the policies, figures, model, knobs, properties and clips that cannot be. Returns
/// the clips' medium.
const Medium &check_options(const EvalOptions &options);

/// The last, most expensive value of each knob's ladder that is among the properties, "filter.KNOB-ladder".
std::map<std::string, double> ladder_ends(const std::map<std::string, std::string> &properties);

/// What a decision message said was in force, by name, in each second of a run.
std::vector<std::map<std::string, double>> knobs_by_second(const RunResult &run);

/// The facts of a clip of results.json (docs/report.md), of a run over all of it.
nlohmann::json clip_json(const std::string &name, const RunResult &run);
/// Its field `reference`.
nlohmann::json reference_json(const RunResult &reference);
/// Its field `stills`; a caption is `which` and the time.
nlohmann::json stills_json(const RunResult &run, const std::string &which);

/// A run as a point of a curve, with its intervals; the keys are those of results.json (docs/report.md).
nlohmann::json point_json(const std::string &setting, const PolicyRun &run, const RunResult &reference, Metric metric);

/// The part of results.json for one clip. Throws RunError.
nlohmann::json evaluate_clip(Runner &runner, const std::string &clip);

/// The share that a clip of results.json is compared by: "bandwidth" or "frames".
std::string resource_of(const nlohmann::json &clip);

/// Adds `flat`, `bd_rate` and `bandwidth_at` to a clip of results.json that has its `curves`. With both baselines that
/// know of regions, the subject is also compared with "the better of" the two: the one that it saves less against
/// (CurveRole). A clip is flat where the anchor keeps an accuracy of 0.93 at 12 % of the bandwidth or less: the rest of
/// that curve is noise, and the clip gets no BD-rate.
void compare_curves(nlohmann::json &clip);

/// `clips` of results.json → `mean_bd_rate`.
nlohmann::json mean_bd_rates(const nlohmann::json &clips);

/// `clips` of results.json → `mean_curve`: curves whose points are the means, over the clips that are not flat, of what
/// a setting comes to (the paper's Fig. 7 averages so), and their BD-rates. A setting that a clip does not have is left
/// out. Null for fewer than two clips.
nlohmann::json mean_curve(const nlohmann::json &clips);

/// The table for the terminal.
std::string table(const nlohmann::json &results);

}  // namespace oneadapt::eval
