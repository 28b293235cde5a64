// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/vision/reuse.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace oneadapt {
namespace {

// By simulation on six clips at full rate, a half and a fifth of it (docs/design-accuracy.md). Boxes that overlap by so
// little may be one object that moves fast.
constexpr double kSameObject = 0.05;
// Of the objects that only one of two frames has, the share that has come or gone after a part of the time between them
// is this power of that part: scores near the threshold come and go within any time.
constexpr double kCome = 0.3;
// Frames that are farther apart say nothing of what lies between them.
constexpr double kFarthest = 2.0;  // s
// Of intervals that never had a gradient, only the newest few are kept.
constexpr std::size_t kMostIntervals = 4;

Box moved(const Box &from, const Box &to, double part) {
  const auto at = [&](double a, double b) { return a + part * (b - a); };
  return {at(from.x0, to.x0), at(from.y0, to.y0), at(from.x1, to.x1), at(from.y1, to.y1)};
}

}  // namespace

std::optional<double> reused(const std::vector<ScoredBox> &first, const std::vector<ScoredBox> &second, double later) {
  if (first.empty() && second.empty()) return std::nullopt;
  const std::vector<Matched> pairs = matched(second, first, kSameObject);
  double kept = 0;
  for (const Matched &pair : pairs) {
    const Box &box = first[pair.reference].box;
    kept += 2 * (iou(box, moved(box, second[pair.result].box, later)) >= 0.5);
  }
  const double all = double(first.size() + second.size()), alone = all - 2 * double(pairs.size());
  kept += alone * (1 - std::min(1.0, std::pow(later, kCome)));
  return kept / all;
}

void ReuseEstimate::frame(std::uint64_t interval, std::uint64_t time, std::vector<ScoredBox> objects) {
  const std::optional<Last> last = std::exchange(last_, Last{time, std::move(objects)});
  if (!last || time <= last->time) return;
  const double gap = double(time - last->time) / 1e9;
  if (gap > kFarthest) return;
  ReuseAccuracy pair;
  for (std::size_t i = 0; i < kReuseTimes.size(); ++i) {
    const auto accuracy = reused(last->objects, last_->objects, kReuseTimes[i] / gap);
    if (!accuracy) return;
    pair.accuracy[i] = *accuracy;
  }
  pair.frames = 1;
  intervals_[interval].add(pair);
  while (intervals_.size() > kMostIntervals) intervals_.erase(intervals_.begin());
}

ReuseAccuracy ReuseEstimate::take(std::uint64_t interval) {
  const auto it = intervals_.find(interval);
  const ReuseAccuracy taken = it == intervals_.end() ? ReuseAccuracy() : it->second;
  intervals_.erase(intervals_.begin(), intervals_.upper_bound(interval));
  return taken;
}

}  // namespace oneadapt
