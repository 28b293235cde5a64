// SPDX-License-Identifier: LGPL-2.1-or-later
// Figs. 12, 13 and 14 of the paper: a gradient may be reused, and the ascent converges.
#include <algorithm>
#include <cmath>

#include "core/gradient/gradient.h"
#include "eval/figure_parts.h"
#include "eval/reference.h"
#include "eval/two_passes.h"

namespace oneadapt::eval {

using nlohmann::json;

std::string base_name(const std::string &path) { return path.substr(path.find_last_of('/') + 1); }

std::vector<double> per_second(const RunResult &run, const RunResult &reference, Metric metric) {
  std::vector<double> sum(interval_count(reference)), n(sum.size());
  const auto accuracy = frame_accuracy(run, reference, metric);
  for (std::size_t i = 0; i < accuracy.size(); ++i) {
    const auto t = std::min(sum.size() - 1, interval_at(reference.input[i]));
    sum[t] += accuracy[i];
    ++n[t];
  }
  for (std::size_t t = 0; t < sum.size(); ++t) sum[t] /= std::max(1.0, n[t]);
  return sum;
}

RunOptions fixed_run(const Runner &runner, const std::string &clip) {
  RunOptions o = runner.base(clip);
  o.policy = fixed_policy().name;
  o.knobs.clear();  // nothing moves, whatever is to be adapted: the run serves evaluations of other knobs too
  o.gradient = false;
  o.uncertain_from = kUncertainFrom;  // it serves two passes as the first
  o.start = runner.most_expensive();
  return o;
}

std::vector<KnobLadder> ladders_of(const std::vector<std::string> &names, const RunResult &reference) {
  std::vector<KnobLadder> knobs;
  for (const std::string &name : names) {
    const auto found = reference.ladders.find(name);
    if (found == reference.ladders.end()) {
      std::string all;
      for (const auto &[known, ladder] : reference.ladders) all += (all.empty() ? "" : ", ") + known;
      throw RunError("--knobs: there is no knob \"" + name + "\"; there are " + all);
    }
    KnobLadder ladder{name, found->second, {}, {}};
    const auto accuracy = reference.typical_accuracy.find(name), resource = reference.typical_resource.find(name);
    if (accuracy != reference.typical_accuracy.end() && resource != reference.typical_resource.end()) {
      ladder.typical_accuracy = accuracy->second;
      ladder.typical_resource = resource->second;
    }
    knobs.push_back(ladder);
  }
  return knobs;
}

namespace {
double frame_rate(const RunResult &run) { return run.seconds > 0 ? double(run.input.size()) / run.seconds : 0; }
}  // namespace

json gradient_reuse(Runner &runner) {
  constexpr std::size_t kFarthest = 20;  // frames: two seconds at the paper's 10 a second
  std::vector<double> sum(kFarthest), pairs(kFarthest);
  json tradeoff = json::array();
  for (const std::string &clip : runner.options().clips) {
    const auto reference = reference_of(runner, clip).judge;
    RunOptions every = fixed_run(runner, clip);
    every.gradient = every.keep_gradients = true;
    every.uncertain_from = 0;
    every.properties["dnn.interval"] = std::to_string(std::llround(1e9 / std::max(1.0, frame_rate(*reference))));
    const auto maps = runner.run_one(every, base_name(clip) + ", a gradient on every frame");
    for (std::size_t i = 0; i < maps->gradient_maps.size(); ++i)
      for (std::size_t d = 1; d <= kFarthest && i + d < maps->gradient_maps.size(); ++d) {
        const auto &a = maps->gradient_maps[i].map.values, &b = maps->gradient_maps[i + d].map.values;
        const std::vector<double> x(a.begin(), a.end()), y(b.begin(), b.end());
        const auto nothing = [](double v) { return v == 0; };
        // A frame without elements has no direction.
        if (x.size() != y.size() || std::all_of(x.begin(), x.end(), nothing) ||
            std::all_of(y.begin(), y.end(), nothing))
          continue;
        sum[d - 1] += cosine(x, y);
        ++pairs[d - 1];
      }
    std::vector<RunOptions> batch;
    std::vector<std::string> names;
    for (const bool reuse : {true, false})
      for (double lambda : runner.options().lambdas) {
        RunOptions run = runner.base(clip);
        run.lambda = lambda;
        if (!reuse) run.properties["dnn.gradient-every"] = "1";
        batch.push_back(run);
        names.push_back(base_name(clip) + (reuse ? ", a gradient an interval" : ", a gradient a frame"));
      }
    const auto runs = runner.run_all(batch, names);
    json curves = json::array();
    for (const bool reuse : {true, false}) {
      json points = json::array();
      for (std::size_t i = 0; i < runner.options().lambdas.size(); ++i) {
        PolicyRun run;
        run.result = *runs[i + (reuse ? 0 : runner.options().lambdas.size())];
        json point = point_json("", run, *reference, runner.options().metric);
        points.push_back({{"bandwidth", point["bandwidth"]},
                          {"accuracy", point["accuracy"]},
                          {"gradient_s", point["gradient_s"]},
                          {"inference_s", point["inference_s"]}});
      }
      curves.push_back({{"policy", default_policy().name + ", a gradient " + (reuse ? "an interval" : "every frame")},
                        {"points", points}});
    }
    tradeoff.push_back({{"clip", base_name(clip)}, {"curves", curves}});
  }
  json distance = json::array(), cosines = json::array();
  for (std::size_t d = 0; d < kFarthest; ++d) {
    if (!pairs[d]) continue;
    distance.push_back(d + 1);
    cosines.push_back(sum[d] / pairs[d]);
  }
  return {{"distance", distance}, {"cosine", cosines}, {"tradeoff", tradeoff}};
}

json convergence(Runner &runner) {
  constexpr double kLambda = 1;
  json entries = json::array();
  for (const std::string &clip : runner.options().clips) {
    const auto reference = reference_of(runner, clip).judge;
    const auto knobs = ladders_of(runner.options().knobs, *reference);
    const std::size_t count = interval_count(*reference);
    auto bytes_of = [&](const RunResult &run) {
      std::vector<double> bytes(count);
      for (const Packet &p : run.packets) bytes[std::min(count - 1, interval_at(p.stream_time))] += double(p.bytes);
      return bytes;
    };
    const auto most = bytes_of(*reference);
    auto objective = [&](const RunResult &run) {  // Eq. 1, per interval
      auto value = per_second(run, *reference, runner.options().metric);
      const auto bytes = bytes_of(run);
      for (std::size_t t = 0; t < count; ++t) value[t] -= kLambda * (most[t] > 0 ? bytes[t] / most[t] : 0);
      return value;
    };
    std::vector<RunOptions> batch;
    std::vector<std::string> names;
    for (const bool cheapest : {true, false}) {
      RunOptions run = runner.base(clip);
      run.lambda = kLambda;
      for (const KnobLadder &k : knobs)
        run.start[start_property(k.name)] = cheapest ? k.values.front() : k.values.back();
      batch.push_back(run);
      names.push_back(base_name(clip) + ", from the " + (cheapest ? "cheapest" : "most expensive"));
    }
    for (double value : knobs.front().values) {
      RunOptions run = fixed_run(runner, clip);
      run.start[start_property(knobs.front().name)] = value;
      batch.push_back(run);
      names.push_back(base_name(clip) + ", fixed " + knobs.front().name);
    }
    const auto runs = runner.run_all(batch, names);
    double best = -INFINITY;
    for (std::size_t i = 2; i < runs.size(); ++i) {
      double mean = 0;
      for (double v : objective(*runs[i])) mean += v / double(count);
      best = std::max(best, mean);
    }
    for (std::size_t i = 0; i < 2; ++i)
      entries.push_back({{"clip", base_name(clip)},
                         {"start", i == 0 ? "cheapest" : "most expensive"},
                         {"objective", objective(*runs[i])},
                         {"best", best}});
  }
  return entries;
}

}  // namespace oneadapt::eval
