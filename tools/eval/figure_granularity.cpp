// SPDX-License-Identifier: LGPL-2.1-or-later
// Fig. 9 of the paper: more knobs, more gain. The macroblock map with ever smaller blocks, against sharp boxes.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <limits>

#include "eval/evaluated_policies.h"
#include "eval/figure_parts.h"
#include "eval/reference.h"

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

namespace {

const std::string &boxes_policy() { return evaluated_as(CurveRole::RegionBaseline).curve.name; }

/// Squares that cut the frame into about so many blocks; 0: macroblocks.
constexpr unsigned kWanted[] = {4, 16, 64, 0};

/// Curves of one clip: a fixed QP, and for each size of the blocks the two policies.
struct ClipCurves {
  std::shared_ptr<const RunResult> reference;
  unsigned columns = 0, rows = 0;  ///< macroblocks
  std::vector<unsigned> sides;     ///< of the blocks, in macroblocks
  json fixed;
  std::vector<json> boxes, subject;  ///< one for each side
};

/// The runs of a fixed QP, and the name of each.
void add_fixed(Runner &runner, const std::string &clip, const std::vector<double> &qps, std::vector<RunOptions> &batch,
               std::vector<std::string> &names) {
  for (std::size_t i = 0; i + 1 < qps.size(); ++i) {
    RunOptions run = fixed_run(runner, clip);
    run.start["qp"] = qps[i];
    batch.push_back(run);
    names.push_back(base_name(clip) + ", fixed QP");
  }
}

/// The runs of both policies with blocks of a size.
void add_policies(Runner &runner, const std::string &clip, unsigned side, std::vector<RunOptions> &batch,
                  std::vector<std::string> &names) {
  for (const std::string &policy : {boxes_policy(), default_policy().name})
    for (double lambda : runner.options().lambdas) {
      RunOptions run = runner.base(clip);
      run.policy = policy;
      run.lambda = lambda;
      if (side > 1) run.properties["filter.map-granularity"] = std::to_string(side);
      batch.push_back(run);
      char text[64];
      std::snprintf(text, sizeof text, ", %s, squares of %u macroblocks, lambda=%g", policy.c_str(), side, lambda);
      names.push_back(base_name(clip) + text);
    }
}

ClipCurves curves_of(Runner &runner, const std::string &clip) {
  const EvalOptions &o = runner.options();
  ClipCurves c;
  const Reference reference = reference_of(runner, clip);
  c.reference = reference.judge;
  std::vector<double> qps;
  for (const KnobLadder &knob : ladders_of(o.knobs, *c.reference))
    if (knob.name == "qp-map") qps = knob.values;
  c.columns = (c.reference->width + 15) / 16;
  c.rows = (c.reference->height + 15) / 16;
  std::vector<RunOptions> batch;
  std::vector<std::string> names;
  add_fixed(runner, clip, qps, batch, names);
  const std::size_t fixed_count = batch.size();
  for (unsigned blocks : kWanted) {
    c.sides.push_back(blocks ? side_for_blocks(c.columns, c.rows, blocks) : 1);
    add_policies(runner, clip, c.sides.back(), batch, names);
  }
  const auto runs = runner.run_all(batch, names);
  auto next = [&, at = runs.begin()](std::size_t n) mutable {
    at += std::ptrdiff_t(n);
    return std::vector<std::shared_ptr<const RunResult>>(at - std::ptrdiff_t(n), at);
  };
  auto fixed = next(fixed_count);
  fixed.push_back(reference.most_expensive);
  c.fixed = curve(evaluated_as(CurveRole::Anchor).curve.name, fixed, *c.reference, o.metric);
  for (std::size_t i = 0; i < c.sides.size(); ++i) {
    c.boxes.push_back(curve(boxes_policy(), next(o.lambdas.size()), *c.reference, o.metric));
    c.subject.push_back(curve(default_policy().name, next(o.lambdas.size()), *c.reference, o.metric));
  }
  return c;
}

/// What blocks of the i-th size come to.
json step_json(const ClipCurves &c, std::size_t i, bool &flat) {
  const std::string finest_boxes = boxes_policy() + " on macroblocks";
  json finest = c.boxes.back();
  finest["policy"] = finest_boxes;
  json compared{{"curves", {c.fixed, c.boxes[i], finest, c.subject[i]}}};
  compare_curves(compared);
  flat = compared["flat"];
  const auto against = [&](const std::string &other) {
    for (const json &row : compared["bd_rate"])
      if (row["policy"] == default_policy().name && row["against"] == other) return row["percent"];
    return json();
  };
  const unsigned side = c.sides[i];
  return {{"wanted", kWanted[i] ? json(kWanted[i]) : json()},
          {"blocks", ((c.columns + side - 1) / side) * ((c.rows + side - 1) / side)},
          {"side", side},
          {"against_uniform", against(c.fixed["policy"])},
          {"against_region", against(boxes_policy())},
          {"against_fine_region", against(finest_boxes)},
          {"points", c.subject[i]["points"]},
          {"region_points", c.boxes[i]["points"]}};
}

}  // namespace

json granularity(Runner &runner) {
  json clips = json::array();
  for (const std::string &clip : runner.options().clips) {
    const ClipCurves curves = curves_of(runner, clip);
    json steps = json::array();
    bool flat = false;
    for (std::size_t i = 0; i < curves.sides.size(); ++i) steps.push_back(step_json(curves, i, flat));
    clips.push_back({{"clip", base_name(clip)}, {"flat", flat}, {"rows", steps}});
  }
  json means = json::array();
  for (std::size_t i = 0; i < std::size(kWanted); ++i)
    means.push_back({{"wanted", kWanted[i] ? json(kWanted[i]) : json()},
                     {"against_uniform", mean_at(clips, i, "against_uniform")},
                     {"against_region", mean_at(clips, i, "against_region")},
                     {"against_fine_region", mean_at(clips, i, "against_fine_region")}});
  return {{"clips", clips}, {"mean", means}};
}

}  // namespace oneadapt::eval
