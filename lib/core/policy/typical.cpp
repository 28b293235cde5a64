// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy/typical.h"

#include <cmath>

namespace oneadapt {
namespace {

/// Frames that a rung leaves to analyse: all, if the tunable says nothing of it.
double typical_compute(const KnobObservation &k, std::size_t rung) {
  return k.typical_compute.size() == k.ladder.size() ? k.typical_compute[rung] : 1;
}

/// Eq. 1's objective on typical content.
double worth(const std::vector<KnobObservation> &knobs, const std::vector<std::size_t> &rungs,
             const PolicySettings &s) {
  double accuracy = 1, resource = 1, compute = 1;
  for (std::size_t i = 0; i < knobs.size(); ++i)
    if (has_typical(knobs[i])) {
      accuracy *= knobs[i].typical_accuracy[rungs[i]];
      resource *= knobs[i].typical_resource[rungs[i]];
      compute *= typical_compute(knobs[i], rungs[i]);
    }
  return accuracy - s.lambda * resource - s.lambda_compute * compute;
}

}  // namespace

bool has_typical(const KnobObservation &k) {
  return k.typical_accuracy.size() == k.ladder.size() && k.typical_resource.size() == k.ladder.size();
}

double typical_change(const KnobObservation &k, std::size_t rung) {
  return std::abs(k.typical_accuracy[rung] - k.typical_accuracy[k.rung]);
}

std::vector<std::size_t> typical_optimum(const std::vector<KnobObservation> &knobs, const PolicySettings &s) {
  std::vector<std::size_t> rungs;
  for (const KnobObservation &k : knobs) rungs.push_back(k.rung);
  double best = -1e300;
  // Coordinate ascent from the top; a few rounds settle it.
  for (std::size_t i = 0; i < knobs.size(); ++i)
    if (has_typical(knobs[i])) rungs[i] = knobs[i].ladder.size() - 1;
  for (bool better = true; better;) {
    better = false;
    for (std::size_t i = 0; i < knobs.size(); ++i) {
      if (!has_typical(knobs[i])) continue;
      for (std::size_t r = 0; r < knobs[i].ladder.size(); ++r) {
        auto at = rungs;
        at[i] = r;
        const double w = worth(knobs, at, s);
        if (w > best + 1e-12) {
          best = w;
          rungs = at;
          better = true;
        }
      }
    }
  }
  return rungs;
}

std::size_t typical_optimum(const Observation &o, const KnobObservation &k, const PolicySettings &s, double loss) {
  double others = 1, others_resource = 1, others_compute = 1;
  for (const KnobObservation &other : o.knobs) {
    if (&other == &k || !has_typical(other)) continue;
    others *= other.typical_accuracy[other.rung];
    others_resource *= other.typical_resource[other.rung];
    others_compute *= typical_compute(other, other.rung);
  }
  const auto worth = [&](std::size_t r) {
    return loss * others * k.typical_accuracy[r] - s.lambda * others_resource * k.typical_resource[r] -
           s.lambda_compute * others_compute * typical_compute(k, r);
  };
  std::size_t best = 0;
  for (std::size_t r = 1; r < k.ladder.size(); ++r)
    if (worth(r) > worth(best)) best = r;
  return best;
}

}  // namespace oneadapt
