// SPDX-License-Identifier: LGPL-2.1-or-later
// Plays a recipe and judges what came of it.
#pragma once
#include <string>

#include "recipe.h"
#include "sights.h"
#include "watchdog.h"

namespace random_pipelines {

struct Outcome {
  std::string wrong;    ///< empty: all is as it must be
  std::string missing;  ///< there is no such element here, so nothing was played
  Tally tally;
};

Outcome play(const Recipe &recipe, const std::string &model, const std::string &results, Watchdog &watchdog);

}  // namespace random_pipelines
