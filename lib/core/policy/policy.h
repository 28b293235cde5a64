// SPDX-License-Identifier: LGPL-2.1-or-later
// Adaptation logic: observation in, decision out. No clock, no thread, no I/O: the caller owns them.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/gradient/gradient.h"
#include "core/knobs/knob.h"

namespace oneadapt {

/// What moving a knob to a neighbouring rung would do, as the tunable measured it.
struct StepEffect {
  double output_grad = 0;  ///< Σ |DNNGrad| |Δy| for the whole move, ≥ 0 (z units; not divided by Δk)
  double resource_change =
      0;  ///< r(k+Δk) − r(k), r in fractions of the most expensive configuration's; sign as measured
  double compute_change = 0;  ///< the same of the frames that are left to analyse
};

/// One knob of one tunable, in one interval.
struct KnobObservation {
  std::string name;             ///< unique within the observation, e.g. "filter0.qp"
  std::vector<double> ladder;   ///< cheap → expensive
  std::size_t rung = 0;         ///< in force during the interval
  std::optional<double> value;  ///< the same, where it may lie between two rungs
  bool continuous = false;      ///< may be set between two rungs
  bool self_scaling = false;    ///< its typical values hold for all content
  bool measured = false;        ///< what it costs of accuracy is part of Observation::measured
  bool halved = false;          ///< measured by leaving out half of what came; values are shares that are kept
  bool reuses_results = false;  ///< values are frames per second, and their cost is in Observation::reuse
  bool refines = false;         ///< moving up takes more in the first interval than in those that follow
  /// The tunable will know whether something goes on in an interval before a decision takes effect there, so
  /// KnobDecision::inactive_rung counts.
  bool has_lookahead = false;
  std::optional<StepEffect> up;    ///< one rung up, more expensive; absent at the top or when it was not probed
  std::optional<StepEffect> down;  ///< one rung down, cheaper; absent at the bottom or when it was not probed
  /// What each rung usually comes to on other content, fractions of the most expensive one's; empty: nobody knows.
  std::vector<double> typical_accuracy, typical_resource;
  std::vector<double> typical_compute;  ///< the same of the frames that are left to analyse; empty: all
  std::optional<std::size_t> safe;      ///< rung for when feedback is lost; none: where λ usually leads to
};

/// What one configuration came to on an interval's footage, by running it through the DNN.
struct ProfiledConfiguration {
  std::vector<std::size_t> rungs;  ///< as many as knobs observed, same order
  double accuracy = 0;             ///< against the most expensive configuration profiled, [0, 1]
  double resource = 0;             ///< fraction of the most expensive configuration's
};

/// From so much activity on, something goes on.
constexpr double kActive = 0.5;

/// Everything a policy may know at the end of an interval.
struct Observation {
  std::uint64_t interval = 0;
  bool gradient = false;       ///< false: no feedback came for this interval
  bool feedback_lost = false;  ///< for so long that what was learnt no longer holds; true once each time
  double z = 0;
  double confident = 0;  ///< confident elements (smoothed)
  double elements = 0;   ///< elements in this interval, down to the floor
  /// Accuracy is that of all intervals' elements together, not a mean over intervals, so an interval without elements
  /// counts for nothing. True of signals in time (F1 of words, §5.1).
  bool micro_averaged = false;
  MeasuredAccuracy measured;           ///< in this interval
  ReuseAccuracy reuse;                 ///< in this interval
  std::optional<double> resource;      ///< measured r(k) as a fraction of r(k*), if known
  std::optional<double> activity;      ///< whether something went on, by the tunable's own judgement, [0, 1]
  std::vector<KnobObservation> knobs;  ///< the same knobs in the same order while the set of tunables does not change
  std::vector<ProfiledConfiguration> profile;  ///< what Decision::profile asked for, once it is known; empty otherwise
  bool profile_lost = false;  ///< what Decision::profile asked for could not be found out, and will not come
};

struct KnobDecision {
  std::size_t rung = 0;                                 ///< to take in the next interval
  std::optional<std::size_t> inactive_rung;             ///< instead, if nothing goes on in it; where has_lookahead
  std::optional<double> value;                          ///< to take instead of the rung's; near it
  double position = 1;                                  ///< the continuous knob behind it, [0, 1]
  double acc_grad_up = 0, acc_grad_down = 0;            ///< estimated AccGrad per unit of normalised knob, one-sided
  double resource_grad_up = 0, resource_grad_down = 0;  ///< ∂r/∂k per unit of normalised knob, one-sided
};

/// What is known of an accuracy.
struct ExpectedAccuracy {
  double expected = 1;   ///< [0, 1]
  double deviation = 0;  ///< standard deviation of what it may really be
};

struct Decision {
  std::vector<KnobDecision> knobs;           ///< as many as observed, same order
  std::optional<double> predicted_resource;  ///< r expected under the decision
  std::optional<ExpectedAccuracy> accuracy;  ///< expected under the decision, where PolicySettings::min_accuracy asks
  /// Configurations (a rung per knob; the last one is the most expensive) to run through the DNN on the interval that
  /// was observed; empty: none. Asked for again only after the answer, or its loss, which may come any number of
  /// intervals later.
  std::vector<std::vector<std::size_t>> profile;
};

/// May be changed between any two calls.
struct PolicySettings {
  double alpha = 0.5;         ///< learning rate (Eq. 2; paper's default 0.5)
  double lambda = 1.0;        ///< accuracy against resource (Eq. 1; paper's default 1)
  double lambda_compute = 0;  ///< the same against frames analysed, on top
  double min_accuracy = 0;    ///< accuracy to keep as cheaply as possible, instead of Eq. 1; 0: none
  /// Budgets: what may be used in the next interval over what was used in the one observed; 0: none.
  double allowed = 0, allowed_compute = 0;
  unsigned profile_interval = 10;       ///< intervals from one full profile to the next
  unsigned profile_configurations = 0;  ///< most configurations in a full profile, evenly spaced; 0: all
  unsigned profile_top = 3;             ///< configurations that are profiled between two full profiles
};

class Policy {
 public:
  virtual ~Policy() = default;
  /// Throws std::invalid_argument when a knob's rung is outside its ladder.
  virtual Decision decide(const Observation &observation, const PolicySettings &settings) = 0;
  /// The rungs to begin with, before anything was observed: where `knobs` (without effects) stand, unless the policy
  /// knows better.
  virtual std::vector<std::size_t> start(const std::vector<KnobObservation> &knobs, const PolicySettings &settings);
  /// Forgets the past (a flush, a new stream).
  virtual void reset() = 0;
  /// Changes what tunables will be probed with: nothing, unless the policy goes by something else than the gradient.
  virtual void prepare(Gradient &) {}
  /// False: what prepare() leaves is not to be averaged over intervals.
  virtual bool averages() const { return true; }
  /// The only knobs that it can move, by their names without the tunable's; empty: any.
  virtual std::vector<std::string> known_knobs() const { return {}; }
};

/// For policies: throws std::invalid_argument when a knob's rung is outside its ladder.
void check_observation(const Observation &observation);
/// For policies: every knob where it is.
Decision stay(const Observation &observation);

}  // namespace oneadapt
