// SPDX-License-Identifier: LGPL-2.1-or-later
// Which plan was the fastest for a model file on this machine, from one process to the next: oneadapt/plans.json in the
// user's cache ($XDG_CACHE_HOME, or .cache in $HOME). It may be deleted at any time. No LibTorch header in here.
#pragma once
#include <optional>
#include <string>

#include "model/loaded_model.h"

namespace oneadapt {

/// What a choice is good for: the model file as it is, this LibTorch, this CPU's instructions.
struct PlanKey {
  std::string path;   ///< canonical
  std::string state;  ///< of the file, LibTorch and the CPU; another one makes the choice void
};

/// None: there is no choice, or it cannot be read.
std::optional<PlanReport> remembered_plan(const PlanKey &key);
/// Where it cannot be written, it is not remembered. False then.
bool remember_plan(const PlanKey &key, const PlanReport &report);

/// The same for as long as the process lives, whatever becomes of the file, of any key: a model that is loaded again
/// gives the same numbers to the last digit, and nothing is tried twice. Thread-safe.
std::optional<PlanReport> decided_plan(const PlanKey &key);
void decide_plan(const PlanKey &key, const PlanReport &report);

}  // namespace oneadapt
