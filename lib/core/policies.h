// SPDX-License-Identifier: LGPL-2.1-or-later
// The policies behind make_policy(), and what they share. Inside lib/core.
#pragma once
#include <memory>

#include "core/policy.h"

namespace oneadapt {

/// Throws std::invalid_argument when a knob's rung is outside its ladder.
void check_observation(const Observation &observation);
/// Every knob where it is.
Decision stay(const Observation &observation);

std::unique_ptr<Policy> make_region_policy();                                        ///< "region"
std::unique_ptr<Policy> make_ascent_policy();                                        ///< "oneadapt"
std::unique_ptr<Policy> make_profiling_policy(bool chameleon);                       ///< "profiling", "chameleon"
std::unique_ptr<Policy> make_activity_policy();                                      ///< "activity"
std::unique_ptr<Policy> make_casva_policy(std::shared_ptr<const CasvaModel> model);  ///< "casva"

}  // namespace oneadapt
