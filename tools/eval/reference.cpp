// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/reference.h"

#include <utility>

#include "eval/figure_parts.h"
#include "eval/medium.h"

namespace oneadapt::eval {

bool judged_by_uncoded(const Medium &medium, bool frames) { return medium.traits().coded && !frames; }

std::string reference_name(const Medium &medium, bool frames) {
  return judged_by_uncoded(medium, frames) ? "uncoded" : "most expensive configuration";
}

RunResult with_results_of(const RunResult &uncoded, RunResult run) {
  run.results = uncoded.results;
  run.uncertain = uncoded.uncertain;
  return run;
}

Reference reference_of(Runner &runner, const std::string &clip) {
  const RunOptions fixed = fixed_run(runner, clip);
  const std::string name = base_name(clip) + ", most expensive configuration";
  Reference reference;
  if (!judged_by_uncoded(*fixed.medium, fixed.raw)) {
    reference.most_expensive = reference.judge = runner.run_one(fixed, name);
    return reference;
  }
  RunOptions uncoded = fixed;
  uncoded.raw = true;
  uncoded.start.clear();
  uncoded.key_int_max = 0;
  const auto runs = runner.run_all({fixed, uncoded}, {name, base_name(clip) + ", before any coding"});
  reference.most_expensive = runs[0];
  reference.judge = std::make_shared<const RunResult>(with_results_of(*runs[1], *runs[0]));
  return reference;
}

}  // namespace oneadapt::eval
