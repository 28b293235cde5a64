// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/evaluated_policies.h"

#include <algorithm>

#include "eval/curve_maker.h"

namespace oneadapt::eval {

EvaluatedPolicy dds_policy();
EvaluatedPolicy oracle_policy();
EvaluatedPolicy reducto_policy();
EvaluatedPolicy x264enc_policy();
EvaluatedPolicy x264enc_bitrate_policy();
EvaluatedPolicy x264enc_lookahead_policy();
EvaluatedPolicy x264enc_lookahead_bitrate_policy();

const std::vector<EvaluatedPolicy> &evaluated_policies() {
  static const std::vector<EvaluatedPolicy> all = [] {
    std::vector<EvaluatedPolicy> list;
    for (const PolicyInfo &policy : policies())
      for (const PolicyCurve &curve : policy.curves) {
        EvaluatedPolicy evaluated{curve, &policy};
        if (policy.maps_only) evaluated.quality_for = "moves maps only";
        evaluated.make = make_sweep;
        evaluated.by_default = curve.role == CurveRole::Anchor || curve.role == CurveRole::Subject ||
                               curve.sweep == CurveSweep::MinAccuracies;
        list.push_back(std::move(evaluated));
      }
    for (const auto &more : {dds_policy, reducto_policy, oracle_policy, x264enc_policy, x264enc_bitrate_policy,
                             x264enc_lookahead_policy, x264enc_lookahead_bitrate_policy})
      list.push_back(more());
    return list;
  }();
  return all;
}

std::vector<std::string> evaluated_names() {
  std::vector<std::string> names;
  for (const EvaluatedPolicy &p : evaluated_policies()) names.push_back(p.curve.name);
  return names;
}

/// Whether the curve is of this medium among few, rather than of anything.
static bool is_only_for(const EvaluatedPolicy &policy, const std::string &medium) {
  const std::vector<std::string> &media = policy.curve.media;
  return std::find(media.begin(), media.end(), medium) != media.end();
}

std::vector<std::string> default_names(const std::string &medium, bool frames) {
  std::vector<std::string> names{evaluated_as(CurveRole::Anchor).curve.name};
  for (const EvaluatedPolicy &p : evaluated_policies())
    if (p.by_default && p.curve.role == CurveRole::Baseline && is_only_for(p, medium) &&
        (!frames || (p.encoder.empty() && p.curve.sweep != CurveSweep::MinAccuracies)))
      names.push_back(p.curve.name);
  names.push_back(evaluated_as(CurveRole::Subject).curve.name);
  return names;
}

const EvaluatedPolicy *find_evaluated(const std::string &name) {
  for (const EvaluatedPolicy &p : evaluated_policies())
    if (p.curve.name == name) return &p;
  return nullptr;
}

const EvaluatedPolicy &evaluated_as(CurveRole role) {
  const auto &all = evaluated_policies();
  return *std::find_if(all.begin(), all.end(), [&](const EvaluatedPolicy &p) { return p.curve.role == role; });
}

CurveRole role_of(const std::string &name) {
  const EvaluatedPolicy *policy = find_evaluated(name);
  return policy ? policy->curve.role : CurveRole::Baseline;
}

}  // namespace oneadapt::eval
