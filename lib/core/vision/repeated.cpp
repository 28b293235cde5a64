// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/vision/repeated.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace oneadapt {
namespace {

// By simulation on six clips (docs/design-accuracy.md). Objects are alike if their logits differ by about so much.
constexpr double kAlike = 0.3;
// Where none is alike, all count, with this weight.
constexpr double kAll = 1e-3;
// What an interval says counts this much in the next one, and nothing any more below kForgotten.
constexpr double kNext = 0.6, kForgotten = 0.02;
constexpr std::size_t kMostSeen = 1000;
// Of intervals that never had a gradient, only the newest few are kept.
constexpr std::size_t kMostIntervals = 4;

double logit(double score) {
  const double p = std::clamp(score, 1e-4, 1 - 1e-4);
  return std::log(p / (1 - p));
}

}  // namespace

RepeatedFrame repeated(const std::vector<ScoredBox> &first, const std::vector<ScoredBox> &second) {
  const auto a = of_interest(first), b = of_interest(second);
  RepeatedFrame frame;
  for (const ScoredBox &object : a) frame.objects.push_back({object.score, false});
  const auto pairs = matched(b, a);
  for (const Matched &pair : pairs) frame.objects[pair.reference].kept = true;
  frame.gained = unsigned(b.size() - pairs.size());
  return frame;
}

RepeatedFrame repeated(const std::vector<ScoredBox3d> &first, const std::vector<ScoredBox3d> &second) {
  const auto a = of_interest(first), b = of_interest(second);
  const std::vector<bool> kept = matched(b, a);
  RepeatedFrame frame;
  for (std::size_t i = 0; i < a.size(); ++i) frame.objects.push_back({a[i].score, kept[i]});
  frame.gained = unsigned(b.size()) - unsigned(std::count(kept.begin(), kept.end(), true));
  return frame;
}

bool AccuracyEstimate::active() const {
  return gained_frames_ >= kForgotten ||
         std::any_of(intervals_.begin(), intervals_.end(), [](const auto &i) { return !i.second.repeated.empty(); });
}

void AccuracyEstimate::frame(std::uint64_t interval, const std::vector<double> &scores) {
  auto &logits = intervals_[interval].frames.emplace_back();
  for (const double score : scores) logits.push_back(logit(score));
  while (intervals_.size() > kMostIntervals) intervals_.erase(intervals_.begin());
}

void AccuracyEstimate::repeat(std::uint64_t interval, const RepeatedFrame &frame) {
  intervals_[interval].repeated.push_back(frame);
}

/// What was seen before counts less.
void AccuracyEstimate::learn(const std::vector<RepeatedFrame> &frames) {
  for (Seen &s : seen_) s.weight *= kNext;
  gained_ *= kNext;
  gained_frames_ *= kNext;
  for (const RepeatedFrame &frame : frames) {
    for (const auto &object : frame.objects) seen_.push_back({logit(object.score), object.kept ? 1.0 : 0.0, 1});
    gained_ += frame.gained;
    ++gained_frames_;
  }
  const auto known = std::find_if(seen_.begin(), seen_.end(), [](const Seen &s) { return s.weight >= kForgotten; });
  const std::size_t too_many = seen_.size() > kMostSeen ? seen_.size() - kMostSeen : 0;
  seen_.erase(seen_.begin(), std::max(known, seen_.begin() + std::ptrdiff_t(too_many)));
}

/// That an object of this score is kept; 1 where nothing is known.
double AccuracyEstimate::chance(double logit) const {
  double kept = 0, all = 0;
  for (const Seen &s : seen_) {
    const double distance = (logit - s.logit) / kAlike, weight = s.weight * (std::exp(-distance * distance) + kAll);
    kept += weight * s.kept;
    all += weight;
  }
  return all > 0 ? kept / all : 1;
}

MeasuredAccuracy AccuracyEstimate::take(std::uint64_t interval) {
  const auto it = intervals_.find(interval);
  Interval taken = it == intervals_.end() ? Interval() : std::move(it->second);
  intervals_.erase(intervals_.begin(), intervals_.upper_bound(interval));
  MeasuredAccuracy measured;
  for (const RepeatedFrame &frame : taken.repeated) {
    const auto kept = std::count_if(frame.objects.begin(), frame.objects.end(), [](const auto &o) { return o.kept; });
    const std::size_t objects = frame.objects.size() + std::size_t(kept) + frame.gained;
    ++measured.frames;
    measured.occupied += objects > 0;
    measured.objects += unsigned(objects);
  }
  learn(taken.repeated);
  if (!measured.frames) return measured;
  const double gained = gained_ / gained_frames_;
  double sum = 0;
  unsigned frames = 0;
  for (const auto &logits : taken.frames) {
    if (logits.empty()) continue;
    double kept = 0;
    for (const double l : logits) kept += chance(l);
    sum += 2 * kept / (double(logits.size()) + kept + gained);
    ++frames;
  }
  // Whatever there is was found by the second inference alone.
  if (!frames) return measured.accuracy = measured.occupied ? 0 : 1, measured;
  measured.accuracy = sum / frames;
  return measured;
}

}  // namespace oneadapt
