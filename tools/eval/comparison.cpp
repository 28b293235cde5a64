// SPDX-License-Identifier: LGPL-2.1-or-later
// What the curves of results.json say: BD-rates, flat clips.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <optional>

#include "eval/against.h"
#include "eval/curve_json.h"
#include "eval/curves.h"
#include "eval/evaluated_policies.h"
#include "eval/evaluation.h"
#include "eval/text.h"

namespace oneadapt::eval {

using nlohmann::json;
namespace {

// A clip is flat where uniform quality keeps this accuracy at this bandwidth: the rest of the curve is noise. (Clips
// whose accuracy depends on quality have 0.81 to 0.93 there, flat ones 0.96 and more: docs/bd-rate.md.)
constexpr double kFlatAccuracy = 0.93, kFlatBandwidth = 0.12;
// What is worth keeping on a flat clip.
constexpr double kKeptAccuracy = 0.95;

/// What the most expensive configuration of a clip takes: kbit/s, where bandwidth is compared.
double unit_of(const json &clip) {
  return resource_of(clip) == "bandwidth" ? clip.at("reference").at("kbps").get<double>() : 1;
}

/// Empty where one of the curves is not known by its seconds, or they are not the same.
std::vector<std::optional<double>> resampled(const Curve &curve, const Curve &anchor, const std::string &clip) {
  const auto count = [](const Curve &c) { return c.seconds.empty() ? 0 : c.seconds.front().weight.size(); };
  if (!count(curve) || count(curve) != count(anchor)) return {};
  return bd_rates_of(curve.seconds, anchor.seconds, draws_of(clip, count(curve)));
}

/// `clip`: its name.
json bd_rate_row(const std::string &policy, const Curve &curve, const std::string &against, const Curve &anchor,
                 const std::string &clip, bool flat) {
  const BdRate r = bd_rate(curve.points, anchor.points);
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
    if (const auto resamples = resampled(curve, anchor, clip); !resamples.empty()) add_scatter(row, resamples);
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

/// The greater BD-rate of the two in each resample.
std::vector<std::optional<double>> greater_of(const json &row, const json &other) {
  std::vector<std::optional<double>> out = resamples_of(row), more = resamples_of(other);
  for (std::size_t i = 0; i < std::min(out.size(), more.size()); ++i)
    if (more[i] && (!out[i] || *more[i] > *out[i])) out[i] = more[i];
  return out;
}

/// The subject against the better of the two baselines that know of regions: the row in which it saves less.
void add_better_baseline(json &rows) {
  std::vector<const json *> found;
  for (const json &row : rows)
    if (role_of(row.at("policy")) == CurveRole::Subject && role_of(row.at("against")) == CurveRole::RegionBaseline)
      found.push_back(&row);
  if (found.size() < 2) return;
  const auto percent = [](const json *r) {
    return r->at("percent").is_null() ? -INFINITY : r->at("percent").get<double>();
  };
  // Without a BD-rate against either, the first one's reason.
  std::stable_sort(found.begin(), found.end(), [&](const json *a, const json *b) { return percent(a) > percent(b); });
  json row = *found[0];
  row["against"] = better_baseline();
  if (row.contains("resamples")) add_scatter(row, greater_of(*found[0], *found[1]));
  rows.push_back(row);
}

/// Each policy against the anchor, and the subject against each.
json bd_rates(const json &clip, bool flat) {
  const json &curves = clip.at("curves");
  json rows = json::array();
  for (const json &policy : curves)
    for (const json &against : curves) {
      const CurveRole role = role_of(policy.at("policy"));
      if (policy.at("policy") == against.at("policy") || role == CurveRole::Anchor) continue;
      if (role_of(against.at("policy")) == CurveRole::Anchor || role == CurveRole::Subject)
        rows.push_back(bd_rate_row(policy.at("policy"), curve_of(policy, clip), against.at("policy"),
                                   curve_of(against, clip), clip.value("clip", ""), flat));
    }
  return rows;
}

/// The mean of each resample over the rows of several clips; nothing where one of them has none. Empty: one row has no
/// resamples.
std::vector<std::optional<double>> mean_resamples(const std::vector<const json *> &rows) {
  std::vector<std::optional<double>> mean;
  for (const json *row : rows) {
    const auto resamples = resamples_of(*row);
    if (resamples.empty() || (!mean.empty() && mean.size() != resamples.size())) return {};
    if (mean.empty()) mean.assign(resamples.size(), 0.0);
    for (std::size_t i = 0; i < mean.size(); ++i)
      mean[i] = mean[i] && resamples[i] ? std::optional(*mean[i] + *resamples[i] / double(rows.size())) : std::nullopt;
  }
  return mean;
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
    const auto cheap = resource_at(points_of(*anchor, resource), kFlatAccuracy);
    flat = cheap && *cheap <= kFlatBandwidth;
  }
  clip["flat"] = flat;
  clip["bd_rate"] = bd_rates(clip, flat);
  add_better_baseline(clip["bd_rate"]);
  clip["bandwidth_at"] = json::array();
  for (const json &c : curves) {
    const auto b = resource_at(points_of(c, resource), kKeptAccuracy);
    clip["bandwidth_at"].push_back(
        {{"policy", c.at("policy")}, {"accuracy", kKeptAccuracy}, {resource, b ? json(round6(*b)) : json()}});
  }
}

json mean_bd_rates(const json &clips) {
  std::vector<std::pair<std::string, std::string>> pairs;
  std::map<std::pair<std::string, std::string>, std::vector<const json *>> found;
  for (const json &clip : clips)
    for (const json &row : clip.at("bd_rate")) {
      const std::pair<std::string, std::string> pair{row.at("policy"), row.at("against")};
      if (!found.count(pair)) pairs.push_back(pair);
      auto &list = found[pair];
      if (!row.at("percent").is_null()) list.push_back(&row);
    }
  json out = json::array();
  for (const auto &pair : pairs) {
    const auto &list = found[pair];
    json row{{"policy", pair.first}, {"against", pair.second}, {"clips", list.size()}};
    double sum = 0, worst = -INFINITY, from = INFINITY, to = -INFINITY;
    for (const json *one : list) {
      sum += one->at("percent").get<double>();
      worst = std::max(worst, one->at("percent").get<double>());
      from = std::min(from, one->value("from", double(INFINITY)));
      to = std::max(to, one->value("to", -double(INFINITY)));
    }
    row["percent"] = list.empty() ? json() : json(round6(sum / double(list.size())));
    row["worst"] = list.empty() ? json() : json(round6(worst));
    if (from < to) {
      row["from"] = round6(from);
      row["to"] = round6(to);
    }
    if (const auto resamples = mean_resamples(list); !resamples.empty()) add_scatter(row, resamples);
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
  json mean{{"clips", rising.size()}, {"curves", curves}, {"resource", resource}};
  mean["bd_rate"] = bd_rates(mean, false);
  return mean;
}

json read_other(const std::string &folder, const json &head) {
  const std::string path = folder + "/results.json";
  std::ifstream file(path);
  if (!file)
    throw RunError("--against: cannot read \"" + path +
                   "\"; name the --output of an evaluation that has come to its end");
  try {
    json other = json::parse(file);
    other.at("clips").at(0).at("curves");  // checks of the paper have none
    for (const char *name : {"resource", "metric"})
      if (other.at(name) != head.at(name))
        throw RunError("--against: \"" + path + "\" has another --" + name +
                       "; curves can only be compared where both have the same");
    // A program that did not write the field knew no other reference.
    if (other.value("reference", "most expensive configuration") != head.at("reference"))
      throw RunError("--against: \"" + path + "\" has accuracies relative to another reference (docs/metrics.md); " +
                     "evaluate it again with this version");
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
      json rows = json::array();
      for (const json &curve : clip.at("curves"))
        for (const json &anchor : before.at("curves"))
          if (curve.at("policy") == anchor.at("policy"))
            rows.push_back(bd_rate_row(curve.at("policy"), curve_of(curve, clip, unit_of(clip)), "the other",
                                       curve_of(anchor, before, unit_of(before)), clip.at("clip"), clip.at("flat")));
      if (!rows.empty()) out["clips"].push_back({{"clip", clip.at("clip")}, {"bd_rate", rows}});
    }
  out["mean_bd_rate"] = mean_bd_rates(out["clips"]);
  return out;
}

}  // namespace oneadapt::eval
