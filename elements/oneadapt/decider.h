// SPDX-License-Identifier: LGPL-2.1-or-later
// One decision: probe the tunables, ask the policy, apply. No GObject of its own, no thread: the controller's worker
// calls it.
#pragma once
#include <gst/gst.h>

#include <memory>
#include <string>
#include <vector>

#include "core/gradient.h"
#include "core/policy.h"
#include "gstoneadapt.h"
#include "tunables.h"

/// What one decision came to, and how it is told.
struct DecisionRecord {
  GstStructure *structure = nullptr;  ///< "oneadapt-decision"; owned by whoever takes it
  std::string problem;                ///< not empty: something could not be probed or applied
};

/// Thread-bound.
class Decider {
 public:
  /// `weight`: GradientSmoother's. Throws std::invalid_argument for an unknown policy.
  Decider(const std::string &policy, double weight);
  void reset();
  bool needs_gradient() const { return policy_->needs_gradient(); }

  /// Decides at the end of `interval`. `gradient` NULL: no feedback came. `names`: knobs to adapt, empty for all.
  /// `now`: stream time in ns that the data has reached, for the gradient's age.
  DecisionRecord decide(const TunableList &tunables, guint64 interval, const GstOneadaptGradient *gradient,
                        const std::vector<std::string> &names, const oneadapt::PolicySettings &settings,
                        GstClockTime now);

 private:
  std::string policy_name_;
  std::unique_ptr<oneadapt::Policy> policy_;
  oneadapt::GradientSmoother smoother_;
};
