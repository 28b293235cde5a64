// SPDX-License-Identifier: LGPL-2.1-or-later
// Fig. 6 of the paper: how OutputGrad follows AccGrad.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/gradient/gradient.h"
#include "core/knobs/knob.h"
#include "eval/figure_parts.h"
#include "eval/reference.h"

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

/// Runs of one clip: each configuration with gradients, and its neighbours, one rung dearer in one knob.
class Neighbourhood {
 public:
  Neighbourhood(Runner &runner, const std::string &clip) : runner_(runner), clip_(clip) {
    const RunOptions fixed = fixed_run(runner, clip);
    reference_ = reference_of(runner, clip).judge;
    knobs_ = ladders_of(runner.options().knobs, *reference_);
    configurations_ = spread(knobs_, kConfigurations);
    RunOptions probe = runner.base(clip);
    probe.properties["ctl.alpha"] = "0";  // measure, do not move
    for (const Rungs &k : configurations_) probes_[k] = add(probe, k, ", gradient at");
    for (const Rungs &k : configurations_)
      for (std::size_t i = 0; i < knobs_.size(); ++i) {
        const Rungs up = above(k, i);
        // What a run that only measures says of its configuration is what a run without it says.
        if (!probes_.count(up) && !neighbours_.count(up)) neighbours_[up] = add(fixed, up, ", accuracy at");
      }
    runs_ = runner.run_all(batch_, names_);
  }

  const std::vector<KnobLadder> &knobs() const { return knobs_; }
  const std::vector<Rungs> &configurations() const { return configurations_; }
  const RunResult &probed(const Rungs &k) const { return *runs_[probes_.at(k)]; }
  /// By second.
  std::vector<double> accuracy_at(const Rungs &k) const {
    const auto p = probes_.find(k);
    return per_second(*runs_[p != probes_.end() ? p->second : neighbours_.at(k)], *reference_,
                      runner_.options().metric);
  }
  static Rungs above(Rungs rungs, std::size_t knob) {
    ++rungs[knob];
    return rungs;
  }

 private:
  static constexpr std::size_t kConfigurations = 10;

  std::size_t add(RunOptions o, const Rungs &rungs, const char *what) {
    std::string name = base_name(clip_) + what;
    char text[64];
    for (std::size_t i = 0; i < rungs.size(); ++i) {
      const double value = knobs_[i].values[rungs[i]];
      o.start[start_property(knobs_[i].name)] = value;
      std::snprintf(text, sizeof text, " %s=%g", knobs_[i].name.c_str(), value);
      name += text;
    }
    batch_.push_back(std::move(o));
    names_.push_back(name);
    return batch_.size() - 1;
  }

  Runner &runner_;
  const std::string &clip_;
  std::shared_ptr<const RunResult> reference_;
  std::vector<KnobLadder> knobs_;
  std::vector<Rungs> configurations_;
  std::vector<RunOptions> batch_;
  std::vector<std::string> names_;
  std::map<Rungs, std::size_t> probes_, neighbours_;  ///< place in the batch
  std::vector<std::shared_ptr<const RunResult>> runs_;
};

using Vector = std::vector<double>;  ///< a value per knob

/// Both gradients of a configuration, by second.
struct Compared {
  struct Second {
    const IntervalRow *row;
    Vector output, accuracy;  ///< OutputGrad in units of AccGrad, and AccGrad
    json raw;                 ///< OutputGrad in its own
  };
  std::vector<Second> seconds;
  Vector output, accuracy;  ///< means
  Vector half[2];           ///< AccGrad summed over even and odd seconds
};

Compared compare(const Neighbourhood &runs, const Rungs &k) {
  const std::size_t count = runs.knobs().size();
  const auto here = runs.accuracy_at(k);
  std::vector<Vector> there;
  Vector dk;
  for (std::size_t i = 0; i < count; ++i) {
    const Rungs up = Neighbourhood::above(k, i);
    there.push_back(runs.accuracy_at(up));
    const Ladder ladder(runs.knobs()[i].values);
    dk.push_back(ladder.position(up[i]) - ladder.position(k[i]));
  }
  Compared c;
  c.output = c.accuracy = c.half[0] = c.half[1] = Vector(count);
  for (const IntervalRow &row : runs.probed(k).intervals) {
    if (row.interval >= here.size()) continue;
    Compared::Second second{&row, Vector(count), Vector(count), json::array()};
    for (std::size_t i = 0; i < count; ++i) {
      for (const KnobValue &v : row.knobs)
        if (v.name == runs.knobs()[i].name) {
          second.output[i] = v.acc_grad_up;
          second.raw.push_back(v.output_grad_up);
        }
      second.accuracy[i] = (there[i][row.interval] - here[row.interval]) / dk[i];
      c.output[i] += second.output[i];
      c.accuracy[i] += second.accuracy[i];
      c.half[row.interval % 2][i] += second.accuracy[i];
    }
    c.seconds.push_back(std::move(second));
  }
  const double n = std::max<double>(1, double(c.seconds.size()));
  for (std::size_t i = 0; i < count; ++i) {
    c.output[i] /= n;
    c.accuracy[i] /= n;
  }
  return c;
}

json seconds_json(const Compared &c) {
  json out = json::array();
  for (const Compared::Second &s : c.seconds)
    out.push_back({{"interval", s.row->interval},
                   {"objects", s.row->objects},
                   {"output_grad", s.raw},
                   {"estimate", s.output},
                   {"acc_grad", s.accuracy}});
  return out;
}

double mean(const Vector &v) {
  double sum = 0;
  for (double x : v) sum += x;
  return v.empty() ? 0 : sum / double(v.size());
}

void add(Vector &sum, const Vector &values) {
  sum.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) sum[i] += values[i];
}

}  // namespace

/// Fig. 6. AccGrad from its definition (Eq. 2): runs of a configuration and of its neighbours, one rung dearer in one
/// knob. OutputGrad as the controller has it, in the units of AccGrad.
json gradient_correlation(Runner &runner) {
  json rows = json::array();
  Vector cosines, single, halves;
  std::map<std::string, std::pair<Vector, Vector>> pooled;  // per configuration, summed over clips
  for (const std::string &clip : runner.options().clips) {
    const Neighbourhood runs(runner, clip);
    for (const Rungs &k : runs.configurations()) {
      const Compared c = compare(runs, k);
      for (const Compared::Second &s : c.seconds)
        if (std::any_of(s.accuracy.begin(), s.accuracy.end(), [](double v) { return v != 0; }))
          single.push_back(cosine(s.output, s.accuracy));
      const json at = values_at(runs.knobs(), k);
      auto &pool = pooled[at.dump()];
      add(pool.first, c.output);
      add(pool.second, c.accuracy);
      halves.push_back(cosine(c.half[0], c.half[1]));
      cosines.push_back(cosine(c.output, c.accuracy));
      rows.push_back({{"clip", base_name(clip)},
                      {"configuration", at},
                      {"cosine", cosines.back()},
                      {"estimate", c.output},
                      {"acc_grad", c.accuracy},
                      {"seconds", seconds_json(c)}});
    }
  }
  Vector together;
  for (const auto &[at, pool] : pooled) together.push_back(cosine(pool.first, pool.second));
  std::sort(cosines.begin(), cosines.end());
  std::sort(single.begin(), single.end());
  return {{"per", "configuration and clip"}, {"knobs", runner.options().knobs}, {"cosines", cosines},
          {"cosines_per_second", single},    {"mean", mean(cosines)},           {"mean_pooled", mean(together)},
          {"split_half", mean(halves)},      {"mean_per_second", mean(single)}, {"rows", rows}};
}

}  // namespace oneadapt::eval
