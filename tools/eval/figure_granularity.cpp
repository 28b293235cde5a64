// SPDX-License-Identifier: LGPL-2.1-or-later
// Fig. 9 of the paper: more knobs, more gain. The macroblock map with ever smaller blocks, against sharp boxes.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "eval/evaluated_policies.h"
#include "eval/figure_parts.h"

namespace oneadapt::eval {

using nlohmann::json;

namespace {

json curve(const std::string &policy, const std::vector<std::shared_ptr<const RunResult>> &runs,
           const RunResult &reference, Metric metric) {
  json points = json::array();
  for (const auto &run : runs)
    points.push_back({{"bandwidth", reference.bytes ? double(run->bytes) / double(reference.bytes) : 0},
                      {"accuracy", mean_accuracy(*run, reference, metric)}});
  return {{"policy", policy}, {"points", points}};
}

/// Mean and number of what is known of `key` at step `i` of all clips.
json mean_at(const json &clips, std::size_t i, const char *key) {
  double sum = 0;
  std::size_t n = 0;
  for (const json &clip : clips) {
    const json &value = clip.at("rows").at(i).at(key);
    if (value.is_null()) continue;
    sum += value.get<double>();
    ++n;
  }
  return n ? json(sum / double(n)) : json();
}

}  // namespace

unsigned side_for_blocks(unsigned columns, unsigned rows, unsigned blocks) {
  unsigned best = 1;
  double least = std::numeric_limits<double>::infinity();
  for (unsigned side = 1; side <= std::max(columns, rows); ++side) {
    const double there = double((columns + side - 1) / side) * double((rows + side - 1) / side);
    const double off = std::abs(std::log(there / blocks));
    if (off < least) {
      least = off;
      best = side;
    }
  }
  return best;
}

json granularity(Runner &runner) {
  const EvalOptions &o = runner.options();
  const std::vector<unsigned> wanted{4, 16, 64, 0};  // 0: macroblocks
  const std::string subject = default_policy().name, boxes = evaluated_as(CurveRole::RegionBaseline).curve.name,
                    anchor = evaluated_as(CurveRole::Anchor).curve.name, finest_boxes = boxes + " on macroblocks";
  json clips = json::array();
  for (const std::string &clip : o.clips) {
    const std::string name = base_name(clip);
    const auto reference = runner.run_one(fixed_run(runner, clip), name + ", most expensive configuration");
    std::vector<double> qps;
    for (const KnobLadder &knob : ladders_of(runner.options().knobs, *reference))
      if (knob.name == "qp-map") qps = knob.values;
    const unsigned columns = (reference->width + 15) / 16, rows = (reference->height + 15) / 16;
    std::vector<RunOptions> batch;
    std::vector<std::string> names;
    for (std::size_t i = 0; i + 1 < qps.size(); ++i) {
      RunOptions run = fixed_run(runner, clip);
      run.start["qp"] = qps[i];
      batch.push_back(run);
      names.push_back(name + ", fixed QP");
    }
    std::vector<unsigned> sides;
    for (unsigned blocks : wanted) {
      sides.push_back(blocks ? side_for_blocks(columns, rows, blocks) : 1);
      for (const std::string &policy : {boxes, subject})
        for (double lambda : o.lambdas) {
          RunOptions run = runner.base(clip);
          run.policy = policy;
          run.lambda = lambda;
          if (sides.back() > 1) run.properties["filter.map-granularity"] = std::to_string(sides.back());
          batch.push_back(run);
          char text[64];
          std::snprintf(text, sizeof text, ", %s, squares of %u macroblocks, lambda=%g", policy.c_str(), sides.back(),
                        lambda);
          names.push_back(name + text);
        }
    }
    const auto runs = runner.run_all(batch, names);
    auto next = [&, at = runs.begin()](std::size_t n) mutable {
      at += std::ptrdiff_t(n);
      return std::vector<std::shared_ptr<const RunResult>>(at - std::ptrdiff_t(n), at);
    };
    auto fixed = next(qps.empty() ? 0 : qps.size() - 1);
    fixed.push_back(reference);
    std::vector<json> region, oneadapt;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      region.push_back(curve(boxes, next(o.lambdas.size()), *reference, o.metric));
      oneadapt.push_back(curve(subject, next(o.lambdas.size()), *reference, o.metric));
    }
    json finest = region.back();
    finest["policy"] = finest_boxes;
    json steps = json::array();
    bool flat = false;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      json compared{{"curves", {curve(anchor, fixed, *reference, o.metric), region[i], finest, oneadapt[i]}}};
      compare_curves(compared);
      flat = compared["flat"];
      const auto against = [&](const std::string &other) {
        for (const json &row : compared["bd_rate"])
          if (row["policy"] == subject && row["against"] == other) return row["percent"];
        return json();
      };
      const unsigned side = sides[i];
      steps.push_back({{"wanted", wanted[i] ? json(wanted[i]) : json()},
                       {"blocks", ((columns + side - 1) / side) * ((rows + side - 1) / side)},
                       {"side", side},
                       {"against_uniform", against(anchor)},
                       {"against_region", against(boxes)},
                       {"against_fine_region", against(finest_boxes)},
                       {"points", oneadapt[i]["points"]},
                       {"region_points", region[i]["points"]}});
    }
    clips.push_back({{"clip", name}, {"flat", flat}, {"rows", steps}});
  }
  json means = json::array();
  for (std::size_t i = 0; i < wanted.size(); ++i)
    means.push_back({{"wanted", wanted[i] ? json(wanted[i]) : json()},
                     {"against_uniform", mean_at(clips, i, "against_uniform")},
                     {"against_region", mean_at(clips, i, "against_region")},
                     {"against_fine_region", mean_at(clips, i, "against_fine_region")}});
  return {{"clips", clips}, {"mean", means}};
}

}  // namespace oneadapt::eval
