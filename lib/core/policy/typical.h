// SPDX-License-Identifier: LGPL-2.1-or-later
// Where Eq. 1 has its optimum on typical content: by the accuracies and resources that a tunable says its knobs' rungs
// usually come to (KnobObservation::typical_accuracy, typical_resource, typical_compute).
#pragma once
#include <cstddef>
#include <vector>

#include "core/policy/policy.h"

namespace oneadapt {

/// Whether the tunable said what the knob's rungs usually come to.
bool has_typical(const KnobObservation &knob);

/// How far `rung` is from the rung in force in typical accuracy, ≥ 0. The knob must have typical values.
double typical_change(const KnobObservation &knob, std::size_t rung);

/// The rung of each knob at the optimum of Eq. 1. Accuracies and resources of several knobs multiply. Knobs without
/// typical values stay.
std::vector<std::size_t> typical_optimum(const std::vector<KnobObservation> &knobs, const PolicySettings &settings);

/// The same for one knob of `observation`, the others being where they are, on content that loses `loss` times as much
/// accuracy as is typical. The knob must have typical values.
std::size_t typical_optimum(const Observation &observation, const KnobObservation &knob, const PolicySettings &settings,
                            double loss);

}  // namespace oneadapt
