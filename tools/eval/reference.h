// SPDX-License-Identifier: LGPL-2.1-or-later
// What the runs over a clip are compared with: accuracy with the results on pictures that nobody coded, bandwidth with
// the most expensive configuration.
#pragma once
#include <memory>
#include <string>

#include "eval/evaluation.h"

namespace oneadapt::eval {

struct Reference {
  std::shared_ptr<const RunResult> most_expensive;  ///< the run of the most expensive configuration
  /// The same run, with the results on the clip's pictures before any coding, all of them and at full size. Where
  /// nothing is coded, just the same run.
  std::shared_ptr<const RunResult> judge;
};

/// Whether the two differ: pictures that are sent coded. `frames`: EvalOptions::frames.
bool judged_by_uncoded(const Medium &medium, bool frames);

/// The field `reference` of results.json: what accuracy is relative to.
std::string reference_name(const Medium &medium, bool frames);

/// `run`, as if it had found what `uncoded` did.
RunResult with_results_of(const RunResult &uncoded, RunResult run);

/// Of a clip. Throws RunError.
Reference reference_of(Runner &runner, const std::string &clip);

}  // namespace oneadapt::eval
