// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy/oneadapt/reuse_belief.h"

#include <algorithm>
#include <cmath>

namespace oneadapt {
namespace {

constexpr double kMemory = 40;  // frames; as of LossBelief
constexpr double kPrior = 10;   // frames

}  // namespace

void ReuseBelief::observe(const ReuseAccuracy &measured) {
  if (!measured.frames) return;
  const double keep = std::exp(-double(measured.frames) / kMemory);
  evidence_ = keep * evidence_ + measured.frames;
  for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] = keep * sums_[i] + measured.frames * measured.accuracy[i];
}

/// Of a result that is so old; log-linear in time, but straight to 1 at 0, and no worse than after the longest time.
double ReuseBelief::after(double seconds) const {
  const auto at = [&](std::size_t i) { return sums_[i] / evidence_; };
  if (seconds <= kReuseTimes[0]) return 1 - (1 - at(0)) * seconds / kReuseTimes[0];
  for (std::size_t i = 1; i < kReuseTimes.size(); ++i) {
    if (seconds > kReuseTimes[i]) continue;
    const double part = std::log(seconds / kReuseTimes[i - 1]) / std::log(kReuseTimes[i] / kReuseTimes[i - 1]);
    return at(i - 1) + part * (at(i) - at(i - 1));
  }
  return at(kReuseTimes.size() - 1);
}

double ReuseBelief::accuracy(double rate, double full, double typical) const {
  if (!known() || !(rate > 0) || rate >= full) return typical;
  // Of n frames n - 1 are dropped; between two whole numbers, something in between.
  const double n = full / rate, below = std::floor(n);
  const auto mean = [&](double frames) {
    double sum = 0;
    for (double i = 0; i < frames; ++i) sum += after(i / full);
    return sum / frames;
  };
  const double measured = mean(below) + (n - below) * (mean(below + 1) - mean(below));
  return (evidence_ * measured + kPrior * typical) / (evidence_ + kPrior);
}

}  // namespace oneadapt
