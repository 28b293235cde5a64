// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/casva_training.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <utility>

#include "common/output.h"
#include "core/policy/casva/file.h"
#include "eval/figure_parts.h"
#include "eval/reference.h"

namespace oneadapt::eval {

using nlohmann::json;

namespace {

// Of a grid; each is run over each clip.
constexpr unsigned kConfigurations = 16;

/// One configuration, by interval.
struct Course {
  std::vector<KnobObservation> knobs;
  std::vector<double> positions, accuracy, bytes;
  std::vector<double> measured;  ///< −1: unknown
};

Course course_of(const Recorded &recorded, const Rungs &rungs, const RunResult &run, Metric metric) {
  const std::size_t count = interval_count(recorded.reference());
  Course c;
  c.knobs = observations(recorded.knobs, rungs);
  for (const KnobObservation &k : c.knobs) c.positions.push_back(Ladder(k.ladder).position(k.rung));
  c.accuracy = per_second(run, recorded.reference(), metric);
  c.bytes.assign(count, 0);
  for (const Packet &p : run.packets) c.bytes[std::min(count - 1, interval_at(p.stream_time))] += double(p.bytes);
  c.measured.assign(count, -1);
  for (const IntervalRow &row : run.intervals)
    if (row.interval < count) c.measured[row.interval] = row.measured_resource;
  return c;
}

/// One clip: its runs.
Recorded record(Runner &runner, const std::string &clip) {
  const std::string name = base_name(clip);
  Recorded recorded;
  const Reference reference = reference_of(runner, clip);
  recorded.judge = reference.judge;
  recorded.knobs = ladders_of(without_maps(runner.options().knobs), *reference.judge);
  recorded.runs[recorded.most_expensive()] = reference.most_expensive;
  PolicySettings grid;
  grid.profile_configurations = kConfigurations;
  std::vector<Rungs> configurations;
  std::vector<RunOptions> batch;
  std::vector<std::string> names;
  for (const Rungs &rungs : profiled_configurations(recorded.knobs, grid)) {
    if (recorded.runs.count(rungs)) continue;
    configurations.push_back(rungs);
    batch.push_back(fixed_run(runner, clip));
    names.push_back(name);
    for (std::size_t i = 0; i < rungs.size(); ++i) {
      const double value = recorded.knobs[i].values[rungs[i]];
      batch.back().start[start_property(recorded.knobs[i].name)] = value;
      char text[64];
      std::snprintf(text, sizeof text, "%s%s=%g", i ? " " : ", ", recorded.knobs[i].name.c_str(), value);
      names.back() += text;
    }
  }
  const auto runs = runner.run_all(batch, names);
  for (std::size_t i = 0; i < runs.size(); ++i) recorded.runs[configurations[i]] = runs[i];
  return recorded;
}

json error_json(const CasvaError &e) { return {{"accuracy", e.accuracy}, {"log_resource", e.log_resource}}; }

std::string error_line(const std::string &what, const CasvaError &e) {
  char line[256];
  std::snprintf(line, sizeof line, "  %-32s accuracy %.3f   resource %.1f %%\n", what.c_str(), e.accuracy,
                100 * (std::exp(e.log_resource) - 1));
  return line;
}

}  // namespace

std::vector<CasvaSample> casva_samples(const Recorded &recorded, Metric metric) {
  std::vector<std::string> names;
  for (const KnobLadder &k : recorded.knobs) names.push_back(k.name);
  std::vector<Course> courses;
  for (const auto &[rungs, run] : recorded.runs) courses.push_back(course_of(recorded, rungs, *run, metric));
  const Course best = course_of(recorded, recorded.most_expensive(), recorded.reference(), metric);
  // A last interval that is cut short is no interval to learn from.
  const std::size_t whole =
      std::min(best.bytes.size(), std::size_t(recorded.reference().seconds / kIntervalSeconds + 0.01));
  std::vector<CasvaSample> samples;
  for (const Course &from : courses) {
    std::optional<double> before;
    for (std::size_t t = 0; t + 1 < whole; ++t) {
      const auto last = std::exchange(before, std::nullopt);
      if (from.measured[t] < 0 || best.bytes[t + 1] <= 0) continue;
      Observation o;
      o.interval = t;
      o.knobs = from.knobs;
      o.resource = from.measured[t];
      const CasvaState state = casva_state(o, names, last);
      before = state.resource_residual;
      for (const Course &to : courses)
        samples.push_back(
            {casva_inputs(state, to.positions), to.accuracy[t + 1], log_resource(to.bytes[t + 1] / best.bytes[t + 1])});
    }
  }
  return samples;
}

CasvaError casva_error(const CasvaModel &model, const std::vector<CasvaSample> &samples) {
  CasvaError e;
  for (const CasvaSample &s : samples) {
    const CasvaValue v = model.predict(s.inputs);
    e.accuracy += std::abs(v.accuracy - s.accuracy) / double(samples.size());
    e.log_resource += std::abs(v.log_resource - s.log_resource) / double(samples.size());
  }
  return e;
}

json casva_json(const CasvaModel &model, const json &trained_on) {
  return {{"format", kCasvaFormat},           {"version", kCasvaVersion},         {"knobs", model.knobs},
          {"hidden", model.net.hidden},       {"weights", model.net.weights},     {"input_mean", model.input_mean},
          {"input_scale", model.input_scale}, {"output_mean", model.output_mean}, {"output_scale", model.output_scale},
          {"trained_on", trained_on}};
}

std::string train_casva_file(Runner &runner) {
  const EvalOptions &o = runner.options();
  const std::vector<std::string> knobs = without_maps(o.knobs);
  std::vector<std::vector<CasvaSample>> clips;
  std::vector<CasvaSample> all;
  json ladders, names = json::array();
  for (const std::string &clip : o.clips) {
    const Recorded recorded = record(runner, clip);
    clips.push_back(casva_samples(recorded, o.metric));
    if (clips.back().empty())
      throw RunError("--train-casva: \"" + clip +
                     "\" has no two whole seconds to learn from; give more of it (--seconds)");
    all.insert(all.end(), clips.back().begin(), clips.back().end());
    names.push_back(base_name(clip));
    for (const KnobLadder &k : recorded.knobs) ladders[names.size() - 1][k.name] = k.values;
  }
  const CasvaModel model = train_casva(knobs, all);
  const CasvaError fit = casva_error(model, all);
  std::string text = "Mean errors of the network (" + std::to_string(all.size()) + " samples)\n" +
                     error_line("on what it was trained on", fit);
  json left_out = json::array();
  CasvaError mean;
  for (std::size_t i = 0; i < clips.size() && clips.size() > 1; ++i) {
    std::vector<CasvaSample> others;
    for (std::size_t j = 0; j < clips.size(); ++j)
      if (j != i) others.insert(others.end(), clips[j].begin(), clips[j].end());
    const CasvaError e = casva_error(train_casva(knobs, others), clips[i]);
    mean.accuracy += e.accuracy / double(clips.size());
    mean.log_resource += e.log_resource / double(clips.size());
    left_out.push_back(error_json(e));
    left_out.back()["clip"] = names[i];
    text += error_line("on " + names[i].get<std::string>() + ", left out", e);
  }
  if (clips.size() > 1)
    text += error_line("mean of clips left out", mean);
  else
    text += "  on a clip that is left out: not known with one clip\n";
  const json trained_on{{"clips", names},
                        {"ladders", ladders},
                        {"model", base_name(o.model)},
                        {"classes", o.classes},
                        {"fps", o.fps},
                        {"seconds", o.seconds},
                        {"metric", o.metric == Metric::MeanIou ? "miou" : "f1"},
                        {"samples", all.size()},
                        {"error", error_json(fit)},
                        {"left_out", left_out}};
  tools::write_file(o.train_casva,
                    casva_json(model, trained_on).dump(1, ' ', false, json::error_handler_t::replace) + "\n",
                    "--train-casva");
  return text;
}

}  // namespace oneadapt::eval
