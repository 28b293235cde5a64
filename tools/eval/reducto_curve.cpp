// SPDX-License-Identifier: LGPL-2.1-or-later
// The curve of "reducto" (docs/baselines.md), over the accuracy that is aimed at: no policy of a stream, as it goes by
// an offline pass over the clip.
#include "eval/curve_maker.h"
#include "eval/text.h"

namespace oneadapt::eval {

using nlohmann::json;
namespace {

class ReductoCurve : public CurveMaker {
 public:
  explicit ReductoCurve(const ClipRuns &clip) : CurveMaker(clip) {}
  json points() const override {
    json points = json::array();
    for (double target : {0.98, 0.95, 0.92, 0.9, 0.87, 0.84, 0.8, 0.75, 0.7, 0.65})
      points.push_back(
          clip_.point("F1=" + number(target), {clip_.study->reducto(target, false, clip_.options().metric), {}, 0}));
    return points;
  }
};

}  // namespace

EvaluatedPolicy reducto_policy() {
  EvaluatedPolicy policy;
  policy.curve.name = "reducto";
  policy.curve.media = {"video"};
  policy.frames_for = "chooses frames";
  policy.make = [](const ClipRuns &clip, const EvaluatedPolicy &) -> std::unique_ptr<CurveMaker> {
    return std::make_unique<ReductoCurve>(clip);
  };
  return policy;
}

}  // namespace oneadapt::eval
