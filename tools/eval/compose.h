// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs put together from runs of fixed configurations.
//
// Every interval is a closed GOP that begins with an IDR picture and the DNN sees one picture at a time, so what an
// interval costs and what the DNN says of it depend on the configuration in force and on nothing before. A policy that
// needs no gradient can therefore be stepped over the recorded intervals of fixed configurations; the outcome is that
// of running it (tests/pipelines/test_eval.cpp compares the two), and a profile, which would run every configuration
// through the DNN, is a look-up whose inferences are counted.
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

/// The filter's property that fixes a knob: a fixed macroblock map would be meaningless, so "qp-map" is fixed by the QP
/// that maps are laid over.
std::string start_property(const std::string &knob);
/// The same knobs, with macroblock maps instead of whole pictures' QP, and the other way round: without gradients there
/// is nothing to make a map from.
std::vector<std::string> with_maps(std::vector<std::string> knobs);
std::vector<std::string> without_maps(std::vector<std::string> knobs);

/// Fixed configurations on one clip. The first run added must be of the most expensive configuration: the reference.
struct Recorded {
  std::vector<KnobLadder> knobs;
  std::map<Rungs, std::shared_ptr<const RunResult>> runs;
  Rungs most_expensive() const;
  const RunResult &reference() const { return *runs.at(most_expensive()); }
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

/// What every run over the same clip has in common with `reference`, and nothing of what it did.
RunResult same_clip(const RunResult &reference);

/// Puts together the intervals of `schedule` (rungs per interval; the last one goes on to the end).
RunResult compose(const Recorded &recorded, const std::vector<Rungs> &schedule);

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
