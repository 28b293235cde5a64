// SPDX-License-Identifier: LGPL-2.1-or-later
// The command line of oneadapt-eval.
#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "eval/evaluation.h"

namespace oneadapt::eval {

struct Arguments {
  EvalOptions options;
  std::string metric = "f1", resource = "bandwidth";
  std::vector<std::string> properties;  ///< ELEMENT.PROPERTY=VALUE
};

/// Declares all options, with their defaults. `arguments` must outlive `app`.
void declare(CLI::App &app, Arguments &arguments);

/// Reads what was parsed as text into the options. Throws CLI::ValidationError.
void complete(Arguments &arguments);

}  // namespace oneadapt::eval
