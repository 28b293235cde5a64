// SPDX-License-Identifier: LGPL-2.1-or-later
// How a run's results agree with the reference's.
#include <gst/gst.h>

#include <algorithm>
#include <cstdint>

#include "eval/run.h"

namespace oneadapt::eval {

namespace {
/// The result that is in force at `time`: the last one that is not later.
const std::vector<ScoredBox> &in_force(const RunResult &run, std::uint64_t time) {
  static const std::vector<ScoredBox> none;
  // Time stamps may have been rounded on their way through the codec.
  constexpr std::uint64_t kSlack = GST_MSECOND;
  auto after = std::upper_bound(run.results.begin(), run.results.end(), time + kSlack,
                                [](std::uint64_t t, const FrameResult &r) { return t < r.stream_time; });
  return after == run.results.begin() ? none : std::prev(after)->boxes;
}

}  // namespace

std::vector<SequenceElement> all_words(const RunResult &run, std::vector<std::uint64_t> *intervals) {
  std::vector<SequenceElement> words;
  for (const FrameResult &f : run.results)
    for (const SequenceElement &w : f.words) {
      words.push_back(w);
      if (intervals) intervals->push_back(f.stream_time);
    }
  return words;
}

std::vector<double> frame_accuracy(const RunResult &result, const RunResult &reference, Metric metric) {
  std::vector<double> values;
  if (reference.sound) {
    std::vector<std::uint64_t> here, there;
    const auto a = all_words(result, &here), b = all_words(reference, &there);
    std::map<std::uint64_t, double> matched, counted;
    for (std::uint64_t t : here) ++counted[t];
    for (std::uint64_t t : there) ++counted[t];
    for (const auto &[i, j] : match_sequences(a, b, kWordTolerance)) {
      ++matched[here[i]];
      ++matched[there[j]];
    }
    for (std::uint64_t t : reference.input) values.push_back(counted[t] > 0 ? matched[t] / counted[t] : 1);
    return values;
  }
  for (std::uint64_t t : reference.input) {
    const auto &here = in_force(result, t), &there = in_force(reference, t);
    values.push_back(metric == Metric::F1 ? f1(here, there) : miou(here, there));
  }
  return values;
}

double mean_accuracy(const RunResult &result, const RunResult &reference, Metric metric) {
  if (reference.sound) return sequence_f1(all_words(result), all_words(reference), kWordTolerance);
  double sum = 0;
  for (double value : frame_accuracy(result, reference, metric)) sum += value;
  return reference.input.empty() ? 0 : sum / double(reference.input.size());
}

}  // namespace oneadapt::eval
