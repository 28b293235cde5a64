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

struct EvalOptions {
  std::vector<std::string> clips;
  std::string model, classes, device = "auto";
  std::vector<std::string> knobs, policies;
  std::vector<double> lambdas{0.05, 0.1, 0.2, 0.4, 0.8, 1.6};
  std::vector<std::string> figures;  ///< checks of the paper instead of policies; empty: policies
  double fps = 0, seconds = 0;
  bool frames = false;               ///< resource: frames analysed, without a codec; else bytes sent
  double interval = 1;               ///< adaptation interval, seconds
  std::optional<double> look_ahead;  ///< of the filter of sound, seconds; none: kLookAhead
  Metric metric = Metric::F1;
  bool per_class = false;
  PolicySettings profiling;     ///< its three profile fields
  double profile_budget = 0.5;  ///< inferences a second for profiles, as a share of the clip's frame rate
  std::map<std::string, std::string> properties;  ///< of the elements, by "element.property"
  unsigned jobs = 1;                              ///< runs at a time
  unsigned stills = 4;                            ///< frames of one run in the report
  std::string policy_file;                        ///< of a policy that needs one
  std::string train_casva;                        ///< file to train a network of casva into instead; empty: evaluate
  double feedback_loss = 0;                       ///< RunOptions::feedback_loss, and `seed`
  unsigned seed = 1;
  std::string against;  ///< folder of another evaluation; empty: none
  std::string output;   ///< folder
};

/// What a filter of sound looks ahead unless it is said otherwise, seconds.
constexpr double kLookAhead = 1;

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
  const EvalOptions &options_;
  RunStore store_;
  std::set<std::string> warned_;  ///< each is said once
};

/// Throws RunError for the first of the policies, figures, model, knobs, properties and clips that cannot be.
void check_options(const EvalOptions &options);

/// The last, most expensive value of each knob's ladder that is among the properties, "filter.KNOB-ladder".
std::map<std::string, double> ladder_ends(const std::map<std::string, std::string> &properties);

/// Size of a clip's video, "WIDTHxHEIGHT"; empty when it has none, but sound. Throws RunError when it cannot be read or
/// has neither.
std::string check_clip(const std::string &clip);
/// The element whose knobs are adapted on such clips: one for pictures, one for sound.
std::string filter_element(const std::vector<std::string> &clips);

/// What a decision message said was in force, by name, in each second of a run.
std::vector<std::map<std::string, double>> knobs_by_second(const RunResult &run);

/// The facts of a clip of results.json (docs/report.md), of a run over all of it.
nlohmann::json clip_json(const std::string &name, const RunResult &run);
/// Its field `reference`.
nlohmann::json reference_json(const RunResult &reference);
/// Its field `stills`; a caption is `which` and the time.
nlohmann::json stills_json(const RunResult &run, const std::string &which);

/// A word of results.json: when, and which.
nlohmann::json word_json(const SequenceElement &word);

/// A run as a point of a curve, with its intervals; the keys are those of results.json (docs/report.md).
nlohmann::json point_json(const std::string &setting, const PolicyRun &run, const RunResult &reference, Metric metric);

/// The part of results.json for one clip. Throws RunError.
nlohmann::json evaluate_clip(Runner &runner, const std::string &clip);

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
