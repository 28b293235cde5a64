// SPDX-License-Identifier: LGPL-2.1-or-later
// Which configurations a full profile is of.
#pragma once
#include <cstddef>
#include <vector>

#include "core/policy/policy.h"

namespace oneadapt {

/// All combinations of the ladders' rungs, or at most `most` of them (0: all), evenly spaced in every knob. The most
/// expensive configuration is always among them, and last. `most` < 2 is taken as 2.
std::vector<std::vector<std::size_t>> profile_grid(const std::vector<KnobObservation> &knobs, unsigned most);

}  // namespace oneadapt
