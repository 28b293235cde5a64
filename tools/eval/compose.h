// SPDX-License-Identifier: LGPL-2.1-or-later
// Policies stepped over runs of fixed configurations.
//
// A policy that needs no gradient is told what each configuration came to in an interval. So it can be stepped over the
// recorded intervals of fixed configurations, and a profile, which would run every configuration through the DNN, is a
// look-up whose inferences are counted. Where pictures reach the DNN uncoded, what comes of an interval depends on the
// configuration in force and on nothing before. Then the outcome can be put together from the same recordings, and is
// that of running it (tests/pipelines/test_eval.cpp compares the two). Coded pictures refer to those of intervals
// before, and a model of sound hears them. Then the schedule that the policy comes to is run (SteppedCurve).
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/policy/policy.h"
#include "eval/run.h"

namespace oneadapt::eval {

constexpr double kIntervalSeconds = 1.0;

/// A rung per knob.
using Rungs = std::vector<std::size_t>;

struct KnobLadder {
  std::string name;
  std::vector<double> values;                              ///< cheap → expensive
  std::vector<double> typical_accuracy, typical_resource;  ///< of each; empty: unknown
};

/// The filter's property that fixes a knob: a fixed map would be meaningless, so "qp-map" is fixed by the QP that maps
/// are laid over, and "keep-map" by the share of points.
std::string start_property(const std::string &knob);
/// Whether there is such a map, of the knob or as one.
bool has_map(const std::string &knob);
/// The same knobs, with maps instead of what is the same everywhere, and the other way round: without gradients there
/// is nothing to make a map from.
std::vector<std::string> with_maps(std::vector<std::string> knobs);
std::vector<std::string> without_maps(std::vector<std::string> knobs);

/// Fixed configurations on one clip, the most expensive one among them.
struct Recorded {
  std::vector<KnobLadder> knobs;
  std::map<Rungs, std::shared_ptr<const RunResult>> runs;
  std::shared_ptr<const RunResult> judge;  ///< Reference::judge; none: the run of the most expensive configuration
  Rungs most_expensive() const;
  const RunResult &reference() const { return judge ? *judge : *runs.at(most_expensive()); }
};

/// One run of one policy, as it is plotted.
struct PolicyRun {
  RunResult result;
  std::vector<std::map<std::string, double>> knobs;  ///< in force, per interval
  std::uint64_t extra_inferences = 0;
};

/// The values at `rungs`, by the knobs' names.
std::map<std::string, double> values_at(const std::vector<KnobLadder> &knobs, const Rungs &rungs);

/// Number of the interval that a stream time (ns) falls in.
std::size_t interval_at(std::uint64_t stream_time);

/// `seconds` of a run's intervals are [i, i + 1); number of intervals in the clip.
std::size_t interval_count(const RunResult &reference);

/// Length of the interval that begins at `t`, in a clip of so many seconds: the last one may be short.
double interval_length(double t, double seconds);

/// What every run over the same clip has in common with `reference`, and nothing of what it did.
RunResult same_clip(const RunResult &reference);

/// Puts together the intervals of `schedule` (rungs per interval; the last one goes on to the end).
RunResult compose(const Recorded &recorded, const std::vector<Rungs> &schedule);

/// What a configuration came to in each interval.
struct IntervalCosts {
  std::vector<double> accuracy;          ///< mean of the input frames
  std::vector<double> weighted, weight;  ///< Σ weight · accuracy, Σ weight: of those that count in a point's accuracy
  std::vector<double> bytes, frames, inputs;  ///< sent, analysed, and those that came
};

/// Of every recorded configuration.
std::map<Rungs, IntervalCosts> interval_costs(const Recorded &recorded, Metric metric);

/// Steps `policy` over the clip from where it wants to start: `recorded` must have that configuration. A profile is run
/// on the spare inference time: `budget` × the clip's frames each second are left beside the stream's own (paper §5.1:
/// 0.5), so its answer comes after (inferences / budget / frames a second) seconds. `shared`: a frame is analysed once
/// for all configurations that send it (they differ in nothing but the choice of frames). Throws RunError when a
/// configuration that the policy wants was not recorded.
PolicyRun step_policy(const Recorded &recorded, const std::string &policy, const PolicySettings &settings,
                      double budget, Metric metric, bool shared = false);

/// What a policy is told of knobs that stand at `rungs`.
std::vector<KnobObservation> observations(const std::vector<KnobLadder> &knobs, const Rungs &rungs);

/// Every configuration that a profile may ask for: to be recorded beforehand.
std::vector<Rungs> profiled_configurations(const std::vector<KnobLadder> &knobs, const PolicySettings &settings);

/// The configuration that `policy` starts with.
Rungs start_of(const std::vector<KnobLadder> &knobs, const std::string &policy, const PolicySettings &settings);

}  // namespace oneadapt::eval
