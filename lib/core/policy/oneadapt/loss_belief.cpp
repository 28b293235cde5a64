// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy/oneadapt/loss_belief.h"

#include <algorithm>
#include <cmath>

namespace oneadapt {
namespace {

// By simulation on eight clips (docs/design-accuracy.md). What was measured counts 1/e after so much more evidence.
constexpr double kMemory = 40;
// Objects of one frame are lost together (a coarse picture is coarse everywhere), so many of them are not as much
// evidence as many frames: a frame of n objects counts as n to this power.
constexpr double kCommon = 0.5;

}  // namespace

void LossBelief::observe(const MeasuredAccuracy &m, double typical_loss) {
  if (!m.occupied || !(typical_loss > 0)) return;
  const double objects = std::max(1.0, m.objects / 2.0 / m.occupied);  // of a frame, on one side
  const double evidence = m.occupied * std::pow(objects, kCommon), keep = std::exp(-evidence / kMemory);
  lost_ = keep * lost_ + evidence * (1 - m.accuracy);
  typical_ = keep * typical_ + evidence * typical_loss;
}

double LossBelief::deviation() const { return std::sqrt(lost_) / typical_; }

}  // namespace oneadapt
