// SPDX-License-Identifier: LGPL-2.1-or-later
// The file that a network of policy casva is kept in (docs/baselines.md has its fields).
#pragma once
#include <string>

#include "core/policy/casva/network.h"

namespace oneadapt {

constexpr char kCasvaFormat[] = "oneadapt-casva";
constexpr int kCasvaVersion = 1;

/// `text`: what a file holds. Throws PolicyFileError (core/policy/registry.h) when that cannot be used.
CasvaModel read_casva(const std::string &text);

}  // namespace oneadapt
