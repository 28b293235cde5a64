// SPDX-License-Identifier: LGPL-2.1-or-later
// The curve of "dds" (docs/baselines.md), over pairs of QPs: no policy of a stream, which goes through once.
#include <utility>

#include "eval/curve_maker.h"
#include "eval/text.h"
#include "eval/two_passes.h"

namespace oneadapt::eval {

using nlohmann::json;
namespace {

class DdsCurve : public CurveMaker {
 public:
  DdsCurve(const ClipRuns &clip, const EvaluatedPolicy &policy) : CurveMaker(clip), policy_(policy) {}
  /// The first passes.
  std::vector<Rungs> recordings() const override {
    std::vector<Rungs> out;
    for (const auto &[coarse, fine] : pairs()) out.push_back(at_quality(coarse));
    return out;
  }
  /// The second ones: what they send follows from the first.
  std::vector<NamedRun> runs_after_recordings() override {
    std::vector<NamedRun> runs;
    for (const auto &[coarse, fine] : pairs()) {
      passes_.push_back(std::make_shared<SecondPass>(second_pass_of(first_pass(coarse), qps()[coarse])));
      if (passes_.back()->blocks.empty()) continue;  // nothing to send
      RunOptions run = clip_.run_at(at_quality(fine));
      run.uncertain_from = 0;
      run.second_pass = passes_.back();
      runs.push_back({run, clip_.name + ", " + policy_.curve.name + " " + setting(coarse, fine) + ", second pass"});
    }
    return runs;
  }
  void keep_runs_after_recordings(const RunResults &results) override { second_ = results; }
  json points() const override {
    json points = json::array();
    std::size_t at = 0, i = 0;
    for (const auto &[coarse, fine] : pairs()) {
      const SecondPass &pass = *passes_[i++];
      const RunResult *second = pass.blocks.empty() ? nullptr : second_[at++].get();
      PolicyRun run = join_passes(first_pass(coarse), second, pass);
      run.knobs.assign(interval_count(*clip_.reference), {{knob().name, qps()[coarse]}, {"second pass", qps()[fine]}});
      points.push_back(clip_.point(setting(coarse, fine), run));
    }
    return points;
  }

 private:
  /// Index of the knob that sets the QP.
  std::size_t quality() const {
    const auto &knobs = clip_.recorded.knobs;
    for (std::size_t i = 0; i < knobs.size(); ++i)
      if (start_property(knobs[i].name) == "qp") return i;
    throw RunError("--policies: " + policy_.curve.name + " " + policy_.quality_for +
                   "; add --knobs qp or qp-map, or leave it out");
  }
  const KnobLadder &knob() const { return clip_.recorded.knobs[quality()]; }
  const std::vector<double> &qps() const { return knob().values; }
  std::vector<std::pair<std::size_t, std::size_t>> pairs() const {
    const auto found = dds_pairs(qps());
    if (found.empty())
      throw RunError("--policies: " + policy_.curve.name + " wants two QPs; name more than one in --set filter." +
                     knob().name + "-ladder, or leave it out");
    return found;
  }
  Rungs at_quality(std::size_t rung) const {
    Rungs rungs = clip_.recorded.most_expensive();
    rungs[quality()] = rung;
    return rungs;
  }
  const RunResult &first_pass(std::size_t coarse) const { return *clip_.recorded.runs.at(at_quality(coarse)); }
  std::string setting(std::size_t coarse, std::size_t fine) const {
    return "qp=" + number(qps()[coarse]) + "+" + number(qps()[fine]);
  }

  const EvaluatedPolicy &policy_;
  std::vector<std::shared_ptr<const SecondPass>> passes_;  ///< of each pair
  RunResults second_;                                      ///< of those that send something
};

}  // namespace

EvaluatedPolicy dds_policy() {
  EvaluatedPolicy policy;
  policy.curve.name = "dds";
  policy.curve.role = CurveRole::RegionBaseline;
  policy.curve.media = {"video"};
  policy.quality_for = "sends regions at another QP";
  policy.make = [](const ClipRuns &clip, const EvaluatedPolicy &p) -> std::unique_ptr<CurveMaker> {
    return std::make_unique<DdsCurve>(clip, p);
  };
  return policy;
}

}  // namespace oneadapt::eval
