// SPDX-License-Identifier: LGPL-2.1-or-later
// Fig. 6 of the paper: how OutputGrad follows AccGrad.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/gradient/gradient.h"
#include "core/knobs/knob.h"
#include "eval/figure_parts.h"

namespace oneadapt::eval {

using nlohmann::json;
namespace {

/// Configurations spread over the inside of the grid (each knob can go up from there): a Halton sequence, so that every
/// knob takes all its values whatever the others do.
std::vector<Rungs> spread(const std::vector<KnobLadder> &knobs, std::size_t count) {
  static const unsigned primes[] = {2, 3, 5, 7, 11, 13};
  std::vector<Rungs> out;
  for (unsigned i = 1; out.size() < count && i < 50 * count; ++i) {
    Rungs rungs;
    for (std::size_t k = 0; k < knobs.size(); ++k) {
      double value = 0, f = 1;
      for (unsigned n = i, p = primes[k % 6]; n; n /= p) value += (f /= p) * (n % p);
      rungs.push_back(std::size_t(value * double(knobs[k].values.size() - 1)));
    }
    if (std::find(out.begin(), out.end(), rungs) == out.end()) out.push_back(rungs);
  }
  return out;
}

}  // namespace

/// Fig. 6. AccGrad from its definition (Eq. 2): runs of a configuration and of its neighbours, one rung dearer in one
/// knob. OutputGrad as the controller has it, in the units of AccGrad.
json gradient_correlation(Runner &runner) {
  constexpr std::size_t kConfigurations = 10;
  json rows = json::array();
  std::vector<double> cosines, single, halves;
  // Per configuration, summed over clips.
  std::map<std::string, std::pair<std::vector<double>, std::vector<double>>> pooled;
  for (const std::string &clip : runner.options().clips) {
    const RunOptions fixed = fixed_run(runner, clip);
    const auto reference = runner.run_one(fixed, base_name(clip) + ", most expensive configuration");
    const auto knobs = ladders_of(runner.options().knobs, *reference);
    const auto configurations = spread(knobs, kConfigurations);
    std::vector<RunOptions> batch;
    std::vector<std::string> names;
    std::map<Rungs, std::size_t> probes, neighbours;
    auto start = [&](RunOptions o, const Rungs &rungs) {
      for (std::size_t i = 0; i < knobs.size(); ++i) o.start[start_property(knobs[i].name)] = knobs[i].values[rungs[i]];
      return o;
    };
    auto add = [&](const RunOptions &o, const Rungs &rungs, const char *what) {
      batch.push_back(start(o, rungs));
      std::string name = base_name(clip) + what;
      char text[64];
      for (std::size_t i = 0; i < rungs.size(); ++i) {
        std::snprintf(text, sizeof text, " %s=%g", knobs[i].name.c_str(), knobs[i].values[rungs[i]]);
        name += text;
      }
      names.push_back(name);
      return batch.size() - 1;
    };
    RunOptions probe = runner.base(clip);
    probe.properties["ctl.alpha"] = "0";  // measure, do not move
    for (const Rungs &k : configurations) probes[k] = add(probe, k, ", gradient at");
    for (const Rungs &k : configurations)
      for (std::size_t i = 0; i < knobs.size(); ++i) {
        Rungs up = k;
        ++up[i];
        // What a run that only measures says of its configuration is what a run without it says.
        if (!probes.count(up) && !neighbours.count(up)) neighbours[up] = add(fixed, up, ", accuracy at");
      }
    const auto runs = runner.run_all(batch, names);
    auto accuracy_at = [&](const Rungs &k) {
      const auto p = probes.find(k);
      return per_second(*runs[p != probes.end() ? p->second : neighbours.at(k)], *reference, runner.options().metric);
    };
    for (const Rungs &k : configurations) {
      const RunResult &probed = *runs[probes.at(k)];
      const auto here = accuracy_at(k);
      std::vector<std::vector<double>> there;
      std::vector<double> dk;
      for (std::size_t i = 0; i < knobs.size(); ++i) {
        Rungs up = k;
        ++up[i];
        there.push_back(accuracy_at(up));
        const Ladder ladder(knobs[i].values);
        dk.push_back(ladder.position(up[i]) - ladder.position(k[i]));
      }
      std::vector<double> og_sum(knobs.size()), ag_sum(knobs.size()), half[2] = {ag_sum, ag_sum};
      json seconds = json::array();
      for (const IntervalRow &row : probed.intervals) {
        if (row.interval >= here.size()) continue;
        std::vector<double> og(knobs.size()), ag(knobs.size());
        json raw = json::array();
        for (std::size_t i = 0; i < knobs.size(); ++i) {
          for (const KnobValue &v : row.knobs)
            if (v.name == knobs[i].name) {
              og[i] = v.acc_grad_up;
              raw.push_back(v.output_grad_up);
            }
          ag[i] = (there[i][row.interval] - here[row.interval]) / dk[i];
          og_sum[i] += og[i];
          ag_sum[i] += ag[i];
          half[row.interval % 2][i] += ag[i];
        }
        if (std::any_of(ag.begin(), ag.end(), [](double v) { return v != 0; })) single.push_back(cosine(og, ag));
        seconds.push_back({{"interval", row.interval},
                           {"objects", row.objects},
                           {"output_grad", raw},
                           {"estimate", og},
                           {"acc_grad", ag}});
      }
      const double n = std::max<double>(1, double(seconds.size()));
      for (std::size_t i = 0; i < knobs.size(); ++i) {
        og_sum[i] /= n;
        ag_sum[i] /= n;
      }
      json at = json::object();
      for (std::size_t i = 0; i < knobs.size(); ++i) at[knobs[i].name] = knobs[i].values[k[i]];
      auto &pool = pooled[at.dump()];
      pool.first.resize(knobs.size());
      pool.second.resize(knobs.size());
      for (std::size_t i = 0; i < knobs.size(); ++i) {
        pool.first[i] += og_sum[i];
        pool.second[i] += ag_sum[i];
      }
      halves.push_back(cosine(half[0], half[1]));
      const double c = cosine(og_sum, ag_sum);
      cosines.push_back(c);
      rows.push_back({{"clip", base_name(clip)},
                      {"configuration", at},
                      {"cosine", c},
                      {"estimate", og_sum},
                      {"acc_grad", ag_sum},
                      {"seconds", seconds}});
    }
  }
  std::vector<double> together;
  for (const auto &[at, pool] : pooled) together.push_back(cosine(pool.first, pool.second));
  auto mean = [](const std::vector<double> &v) {
    double sum = 0;
    for (double x : v) sum += x;
    return v.empty() ? 0 : sum / double(v.size());
  };
  std::sort(cosines.begin(), cosines.end());
  std::sort(single.begin(), single.end());
  return {{"per", "configuration and clip"}, {"knobs", runner.options().knobs}, {"cosines", cosines},
          {"cosines_per_second", single},    {"mean", mean(cosines)},           {"mean_pooled", mean(together)},
          {"split_half", mean(halves)},      {"mean_per_second", mean(single)}, {"rows", rows}};
}

}  // namespace oneadapt::eval
