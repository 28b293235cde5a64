// SPDX-License-Identifier: LGPL-2.1-or-later
// What is suspicious, though nothing failed; in plain words.
#pragma once
#include <string>
#include <vector>

#include "inspection.h"

namespace oneadapt::inspect {

struct Finding {
  std::string code;  ///< for programs: does not change
  std::string text;  ///< one sentence or two: what, and what to do; no full stop at the end
};

std::vector<Finding> findings(const Inspection &inspection);

}  // namespace oneadapt::inspect
