// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs as results.json has them: a clip, a point of a curve.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <optional>

#include "eval/evaluation.h"
#include "eval/medium.h"
#include "eval/report.h"
#include "eval/text.h"

namespace oneadapt::eval {

using nlohmann::json;
namespace {

/// All that the DNN did, in frames analysed, as a share of those of the reference: profiles too, and each gradient as
/// one (it takes 0.9 of an inference with NanoDet on a CPU, nothing where there is no element, and a clock would not
/// tell the same twice).
double frames_share(const PolicyRun &run, const RunResult &reference) {
  const RunResult &r = run.result;
  const double frames = double(r.results.size() + run.extra_inferences + r.gradients);
  return reference.results.empty() ? 0 : frames / double(reference.results.size());
}

/// One interval of a run.
struct Judgement {
  std::optional<double> accuracy;  ///< none where there is nothing to judge
  double weight = 0;               ///< what it counts for in the run's
};

std::vector<Judgement> judge_intervals(const RunResult &run, const RunResult &reference, Metric metric) {
  std::vector<Judgement> out(interval_count(reference));
  std::vector<double> weighted(out.size()), sum(out.size()), inputs(out.size());
  const std::vector<double> accuracy = frame_accuracy(run, reference, metric);
  const std::vector<double> weights = reference.medium->frame_weights(run, reference);
  for (std::size_t i = 0; i < accuracy.size(); ++i) {
    const std::size_t t = std::min(out.size() - 1, interval_at(reference.input[i]));
    weighted[t] += weights[i] * accuracy[i];
    out[t].weight += weights[i];
    sum[t] += accuracy[i];
    ++inputs[t];
  }
  for (std::size_t t = 0; t < out.size(); ++t)
    if (inputs[t] > 0) out[t].accuracy = out[t].weight > 0 ? weighted[t] / out[t].weight : sum[t] / inputs[t];
  return out;
}

}  // namespace

std::vector<std::map<std::string, double>> knobs_by_second(const RunResult &run) {
  std::vector<std::map<std::string, double>> out;
  for (const IntervalRow &row : run.intervals) {
    if (row.interval >= out.size()) out.resize(row.interval + 1);
    for (const KnobValue &k : row.knobs) out[row.interval][k.name] = k.value;
  }
  // Without gradients nothing is decided at the end of the last interval.
  if (!run.intervals.empty()) {
    out.emplace_back();
    for (const KnobValue &k : run.intervals.back().knobs) out.back()[k.name] = k.next;
  }
  if (run.intervals.empty() || run.intervals.front().seconds == kIntervalSeconds) return out;
  std::vector<std::map<std::string, double>> seconds;  // of longer or shorter intervals
  const double length = run.intervals.front().seconds;
  for (std::size_t t = 0; !out.empty() && double(t) * kIntervalSeconds < double(out.size()) * length; ++t)
    seconds.push_back(out[std::min(out.size() - 1, std::size_t(double(t) * kIntervalSeconds / length + 1e-9))]);
  return seconds;
}

json clip_json(const std::string &name, const RunResult &run) {
  return {{"clip", name},
          {"frames", run.input.size()},
          {"fps", round6(double(run.input.size()) / std::max(run.seconds, 1e-9))},
          {"seconds", round6(run.seconds)},
          {"width", run.width},
          {"height", run.height},
          {"device", run.device}};
}

json reference_json(const RunResult &reference) {
  // Scores so little above θ that coding decides about the object.
  constexpr double kNear = 0.1;
  double objects = 0, boxes = 0, near = 0;
  for (const FrameResult &f : reference.results) {
    objects += double(f.boxes.size() + f.boxes3d.size() + f.words.size());
    boxes += double(f.boxes.size());
    for (const ScoredBox &box : f.boxes) near += box.score < reference.threshold + kNear;
  }
  json out = {{"kbps", round6(double(reference.bytes) * 8 / 1000 / std::max(reference.seconds, 1e-9))},
              {"objects_per_frame", round6(objects / std::max<double>(1, double(reference.results.size())))},
              {"frames_analysed", reference.results.size()}};
  if (boxes > 0) out["near_threshold"] = round6(near / boxes);
  return out;
}

json stills_json(const RunResult &run, const std::string &which) {
  json stills = json::array();
  for (const Still &still : run.stills) {
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%.1f s", double(still.stream_time) / 1e9);
    stills.push_back({{"caption", which + seconds}, {"image", data_uri(still.jpeg)}});
  }
  return stills;
}

json point_json(const std::string &setting, const PolicyRun &run, const RunResult &reference, Metric metric) {
  const RunResult &r = run.result;
  const std::size_t count = interval_count(reference);
  std::vector<double> bytes(count), objects(count), analysed(count);
  const std::vector<Judgement> judged = judge_intervals(r, reference, metric);
  auto at = [&](std::uint64_t t) { return std::min(count - 1, interval_at(t)); };
  for (const Packet &p : r.packets) bytes[at(p.stream_time)] += double(p.bytes);
  for (const FrameResult &f : r.results) {
    objects[at(f.stream_time)] = double(f.boxes.size() + f.boxes3d.size() + f.words.size());
    ++analysed[at(f.stream_time)];
  }
  json intervals = json::array();
  for (std::size_t t = 0; t < count; ++t) {
    json knobs = json::object();
    if (t < run.knobs.size())
      for (const auto &[name, value] : run.knobs[t]) knobs[name] = value;
    const double begin = double(t) * kIntervalSeconds;
    intervals.push_back({{"t", begin},
                         {"kbps", round6(bytes[t] * 8 / 1000 / interval_length(begin, reference.seconds))},
                         {"accuracy", judged[t].accuracy ? json(round6(*judged[t].accuracy)) : json()},
                         {"weight", judged[t].weight},
                         {"objects", objects[t]},
                         {"analysed", analysed[t]},
                         {"knobs", knobs}});
  }
  for (const IntervalRow &row : r.intervals) {
    const std::size_t t = std::size_t(double(row.interval) * row.seconds / kIntervalSeconds);
    if (t < intervals.size() && row.measured_accuracy >= 0)
      intervals[t]["measured_accuracy"] = round6(row.measured_accuracy);
  }
  if (count) reference.medium->describe_intervals(intervals, r, reference);
  return {{"setting", setting},
          {"bandwidth", reference.bytes ? round6(double(r.bytes) / double(reference.bytes)) : 0},
          {"accuracy", round6(mean_accuracy(r, reference, metric))},
          {"frames", round6(frames_share(run, reference))},
          {"frames_analysed", r.results.size()},
          {"extra_inferences", run.extra_inferences},
          {"sensor_cpu_s", round6(r.encode_s + r.probe_s)},
          {"inference_s", round6(r.inference_s)},
          {"gradient_s", round6(r.gradient_s)},
          {"feedback_bytes", r.feedback_bytes},
          {"bytes", r.bytes},
          {"intervals", intervals}};
}

}  // namespace oneadapt::eval
