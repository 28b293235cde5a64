// SPDX-License-Identifier: LGPL-2.1-or-later
// The policies that are compared: those of the registry, a curve each or several, and those that only an evaluation can
// have. Each of the latter is a file that defines one function, which evaluated_policies.cpp lists.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/policy/registry.h"

namespace oneadapt::eval {

class CurveMaker;
struct ClipRuns;

/// A policy as it is compared.
struct EvaluatedPolicy {
  PolicyCurve curve;
  const PolicyInfo *policy = nullptr;  ///< NULL: no policy of a stream
  std::string quality_for = {};        ///< what it does with QPs, such as "moves …"; empty: it needs none adapted
  std::string frames_for = {};         ///< the same of frames as the resource
  bool by_default = false;             ///< it is compared where the user names no policies
  std::string encoder = {};            ///< element that codes pictures in place of the filter; empty: the filter does
  std::string package = {};            ///< where that element comes from
  std::unique_ptr<CurveMaker> (*make)(const ClipRuns &, const EvaluatedPolicy &) = nullptr;
};

/// In the order in which they are listed to users.
const std::vector<EvaluatedPolicy> &evaluated_policies();
std::vector<std::string> evaluated_names();
/// Those that are compared where the user names none: of a medium, by its name, or, where it is empty, of any.
std::vector<std::string> default_names(const std::string &medium, bool frames);
/// By the name of its curve; NULL: there is none.
const EvaluatedPolicy *find_evaluated(const std::string &name);
/// The first one in that role; there is one of each at least.
const EvaluatedPolicy &evaluated_as(CurveRole role);
/// CurveRole::Baseline for a curve that no policy has.
CurveRole role_of(const std::string &name);

}  // namespace oneadapt::eval
