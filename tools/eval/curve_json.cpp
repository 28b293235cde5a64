// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/curve_json.h"

#include <algorithm>
#include <cmath>

#include "eval/compose.h"
#include "eval/evaluation.h"
#include "eval/text.h"

namespace oneadapt::eval {

using nlohmann::json;
namespace {

/// What the intervals of a point say: kbit or frames, and accuracy. Empty where they do not.
PointSeconds seconds_of(const json &point, const json &clip) {
  const json intervals = point.value("intervals", json::array());
  const bool frames = resource_of(clip) == "frames";
  // Profiles and gradients are of no second.
  double more = 0;
  if (frames)
    more = (point.at("frames").get<double>() * clip.at("reference").at("frames_analysed").get<double>() -
            point.at("frames_analysed").get<double>()) /
           double(std::max<std::size_t>(1, intervals.size()));
  PointSeconds out;
  for (const json &interval : intervals) {
    if (!interval.contains("weight")) return {};
    const double length = interval_length(interval.at("t"), clip.at("seconds"));
    out.resource.push_back(frames ? interval.at("analysed").get<double>() + more
                                  : interval.at("kbps").get<double>() * length);
    const json &accuracy = interval.at("accuracy");
    out.accuracy.push_back(accuracy.is_null() ? 0 : accuracy.get<double>());
    out.weight.push_back(accuracy.is_null() ? 0 : interval.at("weight").get<double>());
  }
  return out;
}

}  // namespace

std::vector<CurvePoint> points_of(const json &curve, const std::string &resource, double unit) {
  std::vector<CurvePoint> points;
  for (const json &p : curve.at("points")) points.push_back({unit * p.at(resource).get<double>(), p.at("accuracy")});
  return points;
}

Curve curve_of(const json &curve, const json &clip, double unit) {
  Curve out{points_of(curve, resource_of(clip), unit), {}};
  for (const json &point : curve.at("points")) {
    out.seconds.push_back(seconds_of(point, clip));
    const std::size_t count = out.seconds.back().weight.size();
    if (count < 2 || count != out.seconds.front().weight.size()) {
      out.seconds.clear();
      break;
    }
  }
  return out;
}

void add_scatter(json &row, const std::vector<std::optional<double>> &resamples) {
  row["resamples"] = json::array();
  for (const auto &percent : resamples)
    row["resamples"].push_back(percent ? json(std::round(*percent * 100) / 100) : json());
  if (const auto scatter = scatter_of(resamples)) {
    row["low"] = round6(scatter->low);
    row["high"] = round6(scatter->high);
  }
}

std::vector<std::optional<double>> resamples_of(const json &row) {
  std::vector<std::optional<double>> out;
  for (const json &percent : row.value("resamples", json::array()))
    out.push_back(percent.is_null() ? std::nullopt : std::optional(percent.get<double>()));
  return out;
}

}  // namespace oneadapt::eval
