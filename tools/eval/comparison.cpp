// SPDX-License-Identifier: LGPL-2.1-or-later
// What the curves of results.json say: BD-rates, flat clips.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>

#include "eval/against.h"
#include "eval/curves.h"
#include "eval/evaluated_policies.h"
#include "eval/evaluation.h"
#include "eval/text.h"

namespace oneadapt::eval {

using nlohmann::json;
namespace {

// A clip is flat where uniform quality keeps this accuracy at this bandwidth: the rest of the curve is noise. (Clips
// whose accuracy depends on quality have 0.70 to 0.86 there, flat ones 0.94 and more: docs/metrics.md.)
constexpr double kFlatAccuracy = 0.93, kFlatBandwidth = 0.12;
// What is worth keeping on a flat clip.
constexpr double kKeptAccuracy = 0.95;

std::vector<CurvePoint> curve_of(const json &curve, const std::string &resource) {
  std::vector<CurvePoint> points;
  for (const json &p : curve.at("points")) points.push_back({p.at(resource), p.at("accuracy")});
  return points;
}

json bd_rate_row(const std::string &policy, const std::vector<CurvePoint> &curve, const std::string &against,
                 const std::vector<CurvePoint> &anchor, bool flat) {
  const BdRate r = bd_rate(curve, anchor);
  json row{{"policy", policy}, {"against", against}};
  if (flat) {
    row["percent"] = nullptr;
    row["reason"] = "the clip is flat: " + evaluated_as(CurveRole::Anchor).curve.name +
                    " keeps an accuracy of 0.93 at a bandwidth of 12 % or less, and the rest of its curve is noise; "
                    "compare bandwidth_at";
  } else if (r.percent) {
    row["percent"] = round6(*r.percent);
    row["from"] = round6(r.from);
    row["to"] = round6(r.to);
  } else {
    row["percent"] = nullptr;
    row["reason"] = r.reason;
  }
  return row;
}

/// "the better of region and dds"
std::string better_baseline() {
  std::vector<std::string> names;
  for (const EvaluatedPolicy &p : evaluated_policies())
    if (p.curve.role == CurveRole::RegionBaseline) names.push_back(p.curve.name);
  return "the better of " + joined(names, " and ");
}

/// The subject against the better of the two baselines that know of regions: the row in which it saves less.
void add_better_baseline(json &rows) {
  const json *better = nullptr;
  std::size_t found = 0;
  for (const json &row : rows) {
    if (role_of(row.at("policy")) != CurveRole::Subject || role_of(row.at("against")) != CurveRole::RegionBaseline)
      continue;
    ++found;
    const auto percent = [](const json &r) {
      return r.at("percent").is_null() ? -INFINITY : r.at("percent").get<double>();
    };
    if (!better || percent(row) > percent(*better)) better = &row;
  }
  if (found < 2) return;
  json row = *better;  // without a BD-rate against either, the first one's reason
  row["against"] = better_baseline();
  rows.push_back(row);
}

/// Each policy against the anchor, and the subject against each.
json bd_rates(const json &curves, const std::string &resource, bool flat) {
  json rows = json::array();
  for (const json &policy : curves)
    for (const json &against : curves) {
      const CurveRole role = role_of(policy.at("policy"));
      if (policy.at("policy") == against.at("policy") || role == CurveRole::Anchor) continue;
      if (role_of(against.at("policy")) == CurveRole::Anchor || role == CurveRole::Subject)
        rows.push_back(bd_rate_row(policy.at("policy"), curve_of(policy, resource), against.at("policy"),
                                   curve_of(against, resource), flat));
    }
  return rows;
}

const json *find_curve(const json &curves, const std::string &policy) {
  for (const json &c : curves)
    if (c.at("policy") == policy) return &c;
  return nullptr;
}

/// Accuracy and resource of a setting of a policy, averaged over clips; nothing where one of them does not have it.
std::optional<CurvePoint> mean_point(const std::vector<const json *> &clips, const std::string &policy,
                                     const std::string &setting, const std::string &resource) {
  CurvePoint sum{0, 0};
  for (const json *clip : clips) {
    const json *curve = find_curve(clip->at("curves"), policy), *found = nullptr;
    if (!curve) return std::nullopt;
    for (const json &point : curve->at("points"))
      if (point.at("setting") == setting) found = &point;
    if (!found) return std::nullopt;
    sum.resource += found->at(resource).get<double>() / double(clips.size());
    sum.accuracy += found->at("accuracy").get<double>() / double(clips.size());
  }
  return sum;
}

}  // namespace

std::string resource_of(const json &clip) { return clip.value("resource", "bandwidth"); }

void compare_curves(json &clip) {
  const json &curves = clip["curves"];
  const std::string resource = resource_of(clip);
  const json *anchor = find_curve(curves, evaluated_as(CurveRole::Anchor).curve.name);
  bool flat = false;
  if (anchor && resource == "bandwidth") {
    const auto cheap = resource_at(curve_of(*anchor, resource), kFlatAccuracy);
    flat = cheap && *cheap <= kFlatBandwidth;
  }
  clip["flat"] = flat;
  clip["bd_rate"] = bd_rates(curves, resource, flat);
  add_better_baseline(clip["bd_rate"]);
  clip["bandwidth_at"] = json::array();
  for (const json &c : curves) {
    const auto b = resource_at(curve_of(c, resource), kKeptAccuracy);
    clip["bandwidth_at"].push_back(
        {{"policy", c.at("policy")}, {"accuracy", kKeptAccuracy}, {resource, b ? json(round6(*b)) : json()}});
  }
}

json mean_bd_rates(const json &clips) {
  std::vector<std::pair<std::string, std::string>> pairs;
  std::map<std::pair<std::string, std::string>, std::vector<double>> values;
  for (const json &clip : clips)
    for (const json &row : clip.at("bd_rate")) {
      const std::pair<std::string, std::string> pair{row.at("policy"), row.at("against")};
      if (!values.count(pair)) pairs.push_back(pair);
      auto &list = values[pair];
      if (!row.at("percent").is_null()) list.push_back(row.at("percent"));
    }
  json out = json::array();
  for (const auto &pair : pairs) {
    const auto &list = values[pair];
    json row{{"policy", pair.first}, {"against", pair.second}, {"clips", list.size()}};
    double sum = 0, worst = -INFINITY;
    for (double v : list) {
      sum += v;
      worst = std::max(worst, v);
    }
    row["percent"] = list.empty() ? json() : json(round6(sum / double(list.size())));
    row["worst"] = list.empty() ? json() : json(round6(worst));
    out.push_back(row);
  }
  return out;
}

json mean_curve(const json &clips) {
  std::vector<const json *> rising;
  for (const json &clip : clips)
    if (!clip.at("flat").get<bool>()) rising.push_back(&clip);
  if (rising.size() < 2) return nullptr;
  const std::string resource = resource_of(*rising.front());
  json curves = json::array();
  for (const json &curve : rising.front()->at("curves")) {
    const std::string policy = curve.at("policy");
    json points = json::array();
    for (const json &point : curve.at("points")) {
      const std::string setting = point.at("setting");
      if (const auto mean = mean_point(rising, policy, setting, resource))
        points.push_back(
            {{"setting", setting}, {resource, round6(mean->resource)}, {"accuracy", round6(mean->accuracy)}});
    }
    if (!points.empty()) curves.push_back({{"policy", policy}, {"points", points}});
  }
  return {{"clips", rising.size()}, {"curves", curves}, {"bd_rate", bd_rates(curves, resource, false)}};
}

json read_other(const std::string &folder, const std::string &resource, const std::string &metric) {
  const std::string path = folder + "/results.json";
  std::ifstream file(path);
  if (!file)
    throw RunError("--against: cannot read \"" + path +
                   "\"; name the --output of an evaluation that has come to its end");
  try {
    json other = json::parse(file);
    other.at("clips").at(0).at("curves");  // checks of the paper have none
    for (const auto &[name, value] : {std::pair{"resource", resource}, std::pair{"metric", metric}})
      if (other.at(name) != value)
        throw RunError("--against: \"" + path + "\" has another --" + name +
                       "; curves can only be compared where both have the same");
    return other;
  } catch (const json::exception &) {
    throw RunError("--against: \"" + path + "\" holds no curves; name the --output of an evaluation of policies");
  }
}

json compare_evaluations(const json &results, const json &other) {
  json out{{"clips", json::array()}};
  for (const json &clip : results.at("clips"))
    for (const json &before : other.at("clips")) {
      if (clip.at("clip") != before.at("clip")) continue;
      const std::string resource = resource_of(clip);
      json rows = json::array();
      for (const json &curve : clip.at("curves"))
        for (const json &anchor : before.at("curves"))
          if (curve.at("policy") == anchor.at("policy"))
            rows.push_back(bd_rate_row(curve.at("policy"), curve_of(curve, resource), "the other",
                                       curve_of(anchor, resource), clip.at("flat")));
      if (!rows.empty()) out["clips"].push_back({{"clip", clip.at("clip")}, {"bd_rate", rows}});
    }
  out["mean_bd_rate"] = mean_bd_rates(out["clips"]);
  return out;
}

}  // namespace oneadapt::eval
