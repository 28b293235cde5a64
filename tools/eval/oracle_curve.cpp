// SPDX-License-Identifier: LGPL-2.1-or-later
// The curve of "oracle" (docs/baselines.md): the best rung of each interval in hindsight. No controller of the same
// knobs can do better, unless it adapts within an interval or within a picture.
#include "eval/curve_maker.h"
#include "eval/text.h"

namespace oneadapt::eval {

using nlohmann::json;
namespace {

/// Put together from the runs of fixed configurations. That what an interval costs depends on those before it (coded
/// pictures refer to them) is left out: it is a limit, and no run.
class OracleCurve : public CurveMaker {
 public:
  OracleCurve(const ClipRuns &clip, const EvaluatedPolicy &) : CurveMaker(clip) {}
  std::vector<Rungs> recordings() const override { return clip_.along_first_knob(); }
  json points() const override {
    // What a mean interval's bytes at the most expensive configuration are worth in accuracy: from hardly anything to
    // far more than accuracy can be.
    constexpr double kLeast = 0.02, kMost = 40, kFactor = 1.6;
    json points = json::array();
    std::vector<Rungs> last;
    for (double worth = kLeast; worth < kMost; worth *= kFactor) {
      const std::vector<Rungs> schedule = best(worth);
      if (schedule != last) points.push_back(clip_.point("worth=" + number(round6(worth)), run(schedule)));
      last = schedule;
    }
    return points;
  }

 private:
  /// The schedule that maximises accuracy − worth · bytes, which each interval can do by itself.
  std::vector<Rungs> best(double worth) const {
    const auto costs = interval_costs(clip_.recorded, clip_.options().metric);
    const IntervalCosts &dearest = costs.at(clip_.recorded.most_expensive());
    double bytes = 0, weight = 0;
    for (std::size_t t = 0; t < dearest.bytes.size(); ++t) {
      bytes += dearest.bytes[t];
      weight += dearest.weight[t];
    }
    std::vector<Rungs> schedule;
    for (std::size_t t = 0; t < dearest.bytes.size(); ++t) {
      const auto objective = [&](const Rungs &rungs) {
        const IntervalCosts &c = costs.at(rungs);
        return (weight > 0 ? c.weighted[t] / weight : 0) - worth * c.bytes[t] / bytes;
      };
      Rungs chosen = clip_.recorded.most_expensive();
      for (const Rungs &rungs : clip_.along_first_knob())
        if (objective(rungs) > objective(chosen)) chosen = rungs;
      schedule.push_back(chosen);
    }
    return schedule;
  }

  PolicyRun run(const std::vector<Rungs> &schedule) const {
    PolicyRun run;
    run.result = compose(clip_.recorded, schedule);
    for (const Rungs &rungs : schedule) run.knobs.push_back(values_at(clip_.recorded.knobs, rungs));
    return run;
  }
};

}  // namespace

EvaluatedPolicy oracle_policy() {
  EvaluatedPolicy oracle;
  oracle.curve = {"oracle", CurveSweep::FixedRungs, CurveRole::Baseline, {"video"}};
  oracle.make = [](const ClipRuns &clip, const EvaluatedPolicy &policy) -> std::unique_ptr<CurveMaker> {
    return std::make_unique<OracleCurve>(clip, policy);
  };
  return oracle;
}

}  // namespace oneadapt::eval
