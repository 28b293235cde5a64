// SPDX-License-Identifier: LGPL-2.1-or-later
// Cast streets to train on and to be scored on.
#pragma once
#include <cstdint>

#include "caster.h"
#include "drive.h"
#include "targets.h"

namespace oneadapt_lidar {

/// Seeds of streets below are scored, those from here on are trained on.
constexpr std::uint64_t kFirstTrained = 1000, kStreetsTrained = 100000;
constexpr double kDriveSeconds = 60;

/// An instant of a street that `random` chooses, seen by a sensor that it chooses too (32 to 128 beams, several fields
/// of view), with more people than streets have, turned, half of the time mirrored, raised or lowered a little, and often
/// thinned as oneadaptlidarfilter does it.
Example example_to_train(Random &random);

/// Turn `index` of `turns`, spread over the streets 1 to 10. The same for the same numbers. Its objects are those
/// within reach that at least kLeastHits points hit.
Example example_to_score(unsigned index, unsigned turns, const Sensor &sensor);

}  // namespace oneadapt_lidar
