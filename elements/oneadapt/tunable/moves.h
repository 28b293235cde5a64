// SPDX-License-Identifier: LGPL-2.1-or-later
// What our tunables' probes have in common.
#pragma once
#include <cstddef>
#include <optional>

#include "core/gradient/gradient.h"
#include "gstoneadapt.h"

namespace oneadapt {

/// One move of one knob.
struct ProbedStep {
  double output_grad = 0;      ///< Σ |DNNGrad| |Δy|; 0 when probed without a gradient
  double resource_change = 0;  ///< r(k+Δk) − r(k)
  double compute_change = 0;   ///< the same of the frames that are passed on
};

struct ProbedKnob {
  std::size_t rung = 0;  ///< of the value in force
  std::optional<ProbedStep> up, down;
};

/// Writes the moves into a knob of a probe's answer.
void report_moves(const ProbedKnob &probed, GstOneadaptKnob *knob);

/// The gradient's map. Throws std::runtime_error, with a sentence, for one that is none.
BlockMap map_of(const GstOneadaptGradient &gradient);

/// "ELEMENT does not (or no longer) remember interval …".
void set_unknown_interval(GError **error, const char *element, guint64 interval);

/// CPU time of the calling thread, in ns.
guint64 thread_cpu_ns();

}  // namespace oneadapt
