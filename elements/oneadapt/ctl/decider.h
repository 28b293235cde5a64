// SPDX-License-Identifier: LGPL-2.1-or-later
// One decision: probe the tunables, ask the policy, apply. No GObject of its own, no thread: the controller's worker
// calls it.
#pragma once
#include <gst/gst.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/gradient/gradient.h"
#include "core/policy/registry.h"
#include "ctl/knob_selection.h"
#include "ctl/tunable_places.h"
#include "ctl/tunables.h"
#include "gstoneadapt.h"

/// What a policy wants to know of an interval: the accuracy and resource of configurations of one tunable.
struct ProfileQuestion {
  guint64 interval = 0;
  TunableList tunable;                                        ///< one
  std::vector<std::vector<std::size_t>> rungs;                ///< Decision::profile
  std::vector<std::shared_ptr<GstStructure>> configurations;  ///< the same, for the tunable
};

/// What became of a question.
struct ProfileAnswer {
  std::vector<oneadapt::ProfiledConfiguration> profile;  ///< empty: it was lost
  guint64 inferences = 0;                                ///< that it took
};

/// What an interval may have; 0: any number.
struct DecisionBudget {
  double bytes = 0, frames = 0;
};

/// What becomes of the knobs when feedback is lost.
enum class FeedbackLoss {
  None,     ///< it is not
  Typical,  ///< they go where λ usually leads to
  AsSet,    ///< they go where they stood at the first decision
};

/// The accuracy that is kept where none is asked for: what users of detectors would call as good as before
/// (docs/accuracy.md).
constexpr double kUsualAccuracy = 0.9;

/// The accuracy to keep: `asked`, and where that is below 0 (automatic) the usual one if what coding costs of it can be
/// measured for one of the knobs, else 0 (none).
double kept_accuracy(double asked, const std::vector<oneadapt::KnobObservation> &knobs);

/// What a decision is made of.
struct DecisionRequest {
  TunableList tunables;
  guint64 interval = 0;                          ///< it has ended
  const oneadapt::Gradient *gradient = nullptr;  ///< NULL: no feedback came
  KnobSelection knobs;                           ///< those to adapt
  oneadapt::PolicySettings settings;             ///< min_accuracy as kept_accuracy() takes it
  GstClockTime now = GST_CLOCK_TIME_NONE;  ///< stream time in ns that the data has reached, for the gradient's age
  const ProfileAnswer *answer = nullptr;   ///< to the last question, once
  DecisionBudget budget;                   ///< what the next interval may have
  /// What to do without feedback. A loss also forgets old gradients, and has what follows the gradient be as if all
  /// places were alike.
  FeedbackLoss loss = FeedbackLoss::None;
};

/// What one decision came to, and how it is told.
struct DecisionRecord {
  GstStructure *structure = nullptr;  ///< "oneadapt-decision"; owned by whoever takes it
  std::string problem;                ///< not empty: something could not be probed or applied
  std::optional<ProfileQuestion> question;
  bool keeps_accuracy = false;  ///< "min-accuracy" is in force
  bool knows_knobs = false;     ///< some tunable could say what there is to decide
  bool nothing_sent = false;    ///< a tunable dropped all that came in the interval: no gradient can come
  std::string unaskable;        ///< not empty: why the question that the policy has cannot be asked
};

/// What the probes of all tunables say together.
struct ProbedTunables;

/// What the core is told of a knob, without effects.
oneadapt::KnobObservation observe(GstElement *element, const GstOneadaptKnob *knob);

/// Thread-bound.
class Decider {
 public:
  /// `weight`: GradientSmoother's. `file`: the contents of the policy's file, if it has one. Throws what make_policy()
  /// throws.
  Decider(const std::string &policy, double weight, const std::optional<std::string> &file);
  void reset();
  bool needs_gradient() const { return info_->needs.gradient; }

  /// Decides at the end of an interval.
  DecisionRecord decide(const DecisionRequest &request);

  /// An early gradient, of `interval`, which has begun: what follows the gradient (a macroblock map) is made anew for
  /// the rest of it; no knob moves. Returns what went wrong, or nothing.
  std::string follow(const TunableList &tunables, guint64 interval, const oneadapt::Gradient &gradient,
                     const KnobSelection &knobs);

 private:
  /// What the observation says of the gradient; the smoothed one, if there is any.
  std::optional<oneadapt::Gradient> take(const DecisionRequest &request, oneadapt::Observation &o);
  /// Probes all tunables, and says in the observation what their knobs do.
  ProbedTunables probe(const DecisionRequest &request, oneadapt::Observation &o, std::string &problem);
  /// The structure "oneadapt-decision". (transfer full)
  GstStructure *describe(const DecisionRequest &request, const oneadapt::Observation &o, const ProbedTunables &probed,
                         const oneadapt::Decision &decision) const;
  /// The smoothed gradient, as the policy wants it; it is kept in newest_, too.
  oneadapt::Gradient push(oneadapt::Gradient gradient);
  /// Probes a tunable with the gradient as it sees it; NULL with `error`. (transfer full)
  GstOneadaptProbe *probe_tunable(GstElement *element, guint64 interval, const gchar *const *knobs, GError **error);

  const oneadapt::PolicyInfo *info_;
  std::unique_ptr<oneadapt::Policy> policy_;
  oneadapt::GradientSmoother smoother_;
  TunablePlaces places_;
  std::optional<oneadapt::Gradient> newest_;  // smoothed; none after a loss of feedback
  std::map<std::string, std::size_t> first_;  // rungs at the first decision
};
