// SPDX-License-Identifier: LGPL-2.1-or-later
// The policies by name: what each needs, how it is compared with the others, and how it is made. Programs ask here;
// none of them knows a policy by its name. A policy is a file that defines one function, which registry.cpp lists.
#pragma once
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/policy/policy.h"

namespace oneadapt {

/// What a policy must be given, besides the knobs and what the last interval came to.
struct PolicyNeeds {
  bool gradient = false;  ///< the DNN's; without, a policy decides at each interval's end
  bool profiles = false;  ///< other configurations of an interval, rendered and run through the DNN
  bool bytes = false;     ///< goes by the bytes that are sent: of no use where something else is saved
  std::string file = {};  ///< what it was trained to: the command that writes such a file; empty: it needs none
};

/// Which of PolicySettings it heeds, where not all policies with the same needs do.
struct PolicyHeeds {
  bool lambda = true;         ///< PolicySettings::lambda
  bool alpha = false;         ///< PolicySettings::alpha
  bool budgets = false;       ///< PolicySettings::allowed and allowed_compute
  bool min_accuracy = false;  ///< PolicySettings::min_accuracy
  bool profile_top = false;   ///< PolicySettings::profile_top
};

/// The points that a curve is drawn through, where policies are compared.
enum class CurveSweep {
  FixedRungs,       ///< the rungs of the first knob's ladder, each kept throughout; other knobs at the most expensive
  StartRungs,       ///< the same rungs, each as the knob's setting at the start of a run of the policy
  Lambdas,          ///< values of λ, with a run of the policy for each
  MinAccuracies,    ///< values of PolicySettings::min_accuracy, with a run of the policy for each
  RecordedLambdas,  ///< values of λ; the policy is stepped over recorded runs of fixed configurations
};

/// What a curve is there for, where policies are compared.
enum class CurveRole {
  Subject,         ///< what is to be shown: is compared with every other curve
  Anchor,          ///< every other curve is compared with it
  Baseline,        ///< another curve
  RegionBaseline,  ///< another curve, of a policy that knows where the objects are
};

/// Whether the tunable looks ahead, of a curve.
enum class CurveLookahead { AsSet, Never, Always };

/// How a policy is compared with others.
struct PolicyCurve {
  std::string name;  ///< of all policies' curves, no two are alike
  CurveSweep sweep = CurveSweep::Lambdas;
  CurveRole role = CurveRole::Baseline;
  std::vector<std::string> media = {};  ///< "video", "sound" …: what the curve can be of; empty: anything
  CurveLookahead lookahead = CurveLookahead::AsSet;
};

struct PolicyInfo {
  std::string name;
  PolicyNeeds needs;
  PolicyHeeds heeds;
  bool moves = true;                ///< false: every knob stays where it is
  bool maps_only = false;           ///< all that changes is what follows the gradient: macroblock maps
  std::vector<PolicyCurve> curves;  ///< empty: it is not compared
  /// `file`: the contents of its file, if it needs one. Throws PolicyFileError.
  std::unique_ptr<Policy> (*make)(const std::string &file) = nullptr;
};

/// A policy's file is missing or cannot be used; half a sentence that says why, such as "is no network of …".
class PolicyFileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// All of them, in the order in which they are listed to users. Any thread.
const std::vector<PolicyInfo> &policies();
/// Throws std::invalid_argument for an unknown name: what there is no policy of, and which there are.
const PolicyInfo &find_policy(const std::string &name);
/// The one that runs where the user names none.
const PolicyInfo &default_policy();
/// One that moves nothing.
const PolicyInfo &fixed_policy();

/// "policy a", "policies a and b" …: those of which `holds` is true, for messages and documentation.
std::string policies_where(bool (*holds)(const PolicyInfo &));

/// Throws what find_policy() throws, and PolicyFileError. `file`: the contents of its file; not looked at if it needs
/// none.
std::unique_ptr<Policy> make_policy(const std::string &name, const std::optional<std::string> &file = std::nullopt);

}  // namespace oneadapt
