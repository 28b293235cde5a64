// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/compose.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>

#include "core/policy/profile_grid.h"
#include "core/policy/registry.h"
#include "eval/medium.h"

namespace oneadapt::eval {
namespace {

constexpr double kNs = 1e9;

Rungs top(const std::vector<KnobLadder> &knobs) {
  Rungs rungs;
  for (const KnobLadder &k : knobs) rungs.push_back(k.values.size() - 1);
  return rungs;
}

}  // namespace

std::vector<KnobObservation> observations(const std::vector<KnobLadder> &knobs, const Rungs &rungs) {
  std::vector<KnobObservation> out;
  for (std::size_t i = 0; i < knobs.size(); ++i) {
    KnobObservation k;
    k.name = knobs[i].name;
    k.ladder = knobs[i].values;
    k.rung = rungs[i];
    k.typical_accuracy = knobs[i].typical_accuracy;
    k.typical_resource = knobs[i].typical_resource;
    out.push_back(k);
  }
  return out;
}

std::size_t interval_at(std::uint64_t stream_time) {
  // Time stamps are rounded; half a millisecond is far below a frame.
  return std::size_t((double(stream_time) + 5e5) / kNs / kIntervalSeconds);
}

Rungs Recorded::most_expensive() const { return top(knobs); }

namespace {

/// Knobs that have a map, and the map's.
constexpr std::array<std::pair<const char *, const char *>, 2> kMaps{{{"qp", "qp-map"}, {"keep", "keep-map"}}};

}  // namespace

std::string start_property(const std::string &knob) {
  for (const auto &[whole, map] : kMaps)
    if (knob == map) return whole;
  return knob;
}

bool has_map(const std::string &knob) {
  return std::any_of(kMaps.begin(), kMaps.end(),
                     [&](const auto &pair) { return knob == pair.first || knob == pair.second; });
}

std::vector<std::string> with_maps(std::vector<std::string> knobs) {
  for (const auto &[whole, map] : kMaps) std::replace(knobs.begin(), knobs.end(), std::string(whole), std::string(map));
  return knobs;
}

std::vector<std::string> without_maps(std::vector<std::string> knobs) {
  std::transform(knobs.begin(), knobs.end(), knobs.begin(), start_property);
  return knobs;
}

std::map<std::string, double> values_at(const std::vector<KnobLadder> &knobs, const Rungs &rungs) {
  std::map<std::string, double> values;
  for (std::size_t i = 0; i < knobs.size(); ++i) values[knobs[i].name] = knobs[i].values[rungs[i]];
  return values;
}

std::size_t interval_count(const RunResult &reference) {
  if (reference.input.empty()) return 0;
  const std::size_t begun = interval_at(reference.input.back()) + 1;
  // An input that is an adaptation interval may be longer.
  return reference.medium->traits().inputs_are_intervals
             ? std::max(begun, interval_at(std::uint64_t(std::max(0.0, reference.seconds - 0.002) * kNs)) + 1)
             : begun;
}

double interval_length(double t, double seconds) { return std::min(kIntervalSeconds, std::max(seconds - t, 1e-3)); }

RunResult same_clip(const RunResult &reference) {
  RunResult out;
  out.input = reference.input;
  out.seconds = reference.seconds;
  out.width = reference.width;
  out.height = reference.height;
  out.device = reference.device;
  out.threshold = reference.threshold;
  out.ladders = reference.ladders;
  out.medium = reference.medium;
  out.envelope = reference.envelope;
  return out;
}

RunResult compose(const Recorded &recorded, const std::vector<Rungs> &schedule) {
  const RunResult &reference = recorded.reference();
  RunResult out = same_clip(reference);
  const std::size_t count = interval_count(reference);
  for (std::size_t t = 0; t < count; ++t) {
    const Rungs &rungs = schedule.at(std::min(t, schedule.size() - 1));
    const auto found = recorded.runs.find(rungs);
    if (found == recorded.runs.end()) throw RunError("a configuration of the schedule was not recorded");
    const RunResult &run = *found->second;
    std::size_t frames = 0;
    for (const FrameResult &f : run.results)
      if (interval_at(f.stream_time) == t) {
        out.results.push_back(f);
        ++frames;
      }
    double bytes = 0;
    for (const Packet &p : run.packets)
      if (interval_at(p.stream_time) == t) {
        out.packets.push_back(p);
        bytes += double(p.bytes);
      }
    out.bytes += std::uint64_t(bytes);
    out.inferences += frames;
    // Time is known for whole runs: inference goes by frames, encoding by bytes.
    if (run.inferences) out.inference_s += run.inference_s * double(frames) / double(run.inferences);
    if (run.bytes) out.encode_s += run.encode_s * bytes / double(run.bytes);
  }
  return out;
}

std::vector<Rungs> profiled_configurations(const std::vector<KnobLadder> &knobs, const PolicySettings &settings) {
  return profile_grid(observations(knobs, top(knobs)), settings.profile_configurations);
}

Rungs start_of(const std::vector<KnobLadder> &knobs, const std::string &policy, const PolicySettings &settings) {
  return make_policy(policy)->start(observations(knobs, top(knobs)), settings);
}

std::map<Rungs, IntervalCosts> interval_costs(const Recorded &recorded, Metric metric) {
  const RunResult &reference = recorded.reference();
  const std::size_t count = interval_count(reference);
  std::map<Rungs, IntervalCosts> costs;
  for (const auto &[rungs, run] : recorded.runs) {
    IntervalCosts cost;
    cost.accuracy.assign(count, 0);
    cost.weighted = cost.weight = cost.bytes = cost.frames = cost.inputs = cost.accuracy;
    const auto accuracy = frame_accuracy(*run, reference, metric);
    const std::vector<double> weights = reference.medium->frame_weights(*run, reference);
    for (std::size_t i = 0; i < accuracy.size(); ++i) {
      const std::size_t t = interval_at(reference.input[i]);
      cost.accuracy[t] += accuracy[i];
      cost.weighted[t] += weights[i] * accuracy[i];
      cost.weight[t] += weights[i];
      ++cost.inputs[t];
    }
    for (std::size_t t = 0; t < count; ++t) cost.accuracy[t] /= std::max(1.0, cost.inputs[t]);
    for (const Packet &p : run->packets)
      cost.bytes.at(std::min(count - 1, interval_at(p.stream_time))) += double(p.bytes);
    for (const FrameResult &f : run->results) ++cost.frames.at(std::min(count - 1, interval_at(f.stream_time)));
    costs.emplace(rungs, std::move(cost));
  }
  return costs;
}

PolicyRun step_policy(const Recorded &recorded, const std::string &name, const PolicySettings &settings, double budget,
                      Metric metric, bool shared) {
  const RunResult &reference = recorded.reference();
  const std::size_t count = interval_count(reference);
  const double fps = reference.seconds > 0 ? double(reference.input.size()) / reference.seconds : 0;

  const std::map<Rungs, IntervalCosts> costs = interval_costs(recorded, metric);
  const auto policy = make_policy(name);
  PolicyRun out;
  std::vector<Rungs> schedule{start_of(recorded.knobs, name, settings)};
  std::vector<ProfiledConfiguration> pending;
  double ready = 0;  // seconds
  for (std::size_t t = 0; t + 1 < count; ++t) {
    const Rungs &rungs = schedule.back();
    const IntervalCosts &best = costs.at(recorded.most_expensive());
    Observation o;
    o.interval = t;
    o.knobs = observations(recorded.knobs, rungs);
    o.resource = best.bytes[t] > 0 ? costs.at(rungs).bytes[t] / best.bytes[t] : 0;
    const double now = double(t + 1) * kIntervalSeconds;
    if (!pending.empty() && now >= ready - 1e-9) o.profile = std::move(pending);
    if (!o.profile.empty()) pending.clear();
    const Decision d = policy->decide(o, settings);
    if (!d.profile.empty()) {
      double inferences = 0;
      pending.clear();
      for (const Rungs &r : d.profile) {
        const auto cost = costs.find(r);
        if (cost == costs.end()) throw RunError("policy " + name + " profiles a configuration that was not recorded");
        pending.push_back({r, cost->second.accuracy[t], best.bytes[t] > 0 ? cost->second.bytes[t] / best.bytes[t] : 0});
        if (r != rungs && !shared) inferences += cost->second.frames[t];  // what was streamed has been analysed already
      }
      if (shared) inferences = best.frames[t] - costs.at(rungs).frames[t];
      out.extra_inferences += std::uint64_t(std::max(0.0, inferences));
      ready = now + (budget > 0 && fps > 0 ? inferences / (budget * fps) : INFINITY);
    }
    Rungs next;
    for (const KnobDecision &k : d.knobs) next.push_back(k.rung);
    schedule.push_back(next);
  }
  out.result = compose(recorded, schedule);
  for (const Rungs &r : schedule) out.knobs.push_back(values_at(recorded.knobs, r));
  return out;
}

}  // namespace oneadapt::eval
