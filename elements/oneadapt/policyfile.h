// SPDX-License-Identifier: LGPL-2.1-or-later
// The file of a learned policy, as oneadapt-eval --train-casva writes it (docs/baselines.md has its fields).
#pragma once
#include <memory>
#include <string>

#include "core/casva.h"

/// Throws std::runtime_error for a file that cannot be read or used: half a sentence that begins with the file's name.
std::shared_ptr<const oneadapt::CasvaModel> read_policy_file(const std::string &path);
