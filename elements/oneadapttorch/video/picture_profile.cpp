// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/picture_profile.h"

#include <utility>

#include "video/detector.h"

namespace oneadapt {
namespace {

/// What stands at `time`: the result of the last sample that is not later.
template <class Results>
const Results &held(const GArray *times, const std::vector<Results> &results, GstClockTime time) {
  static const Results none;
  const Results *last = &none;
  for (guint i = 0; i < times->len && time_at(times, i) <= time; ++i) last = &results[i];
  return *last;
}

}  // namespace

std::optional<double> PictureProfile::accuracy(RenderingRef rendering, ProfileInferences &inferences) {
  std::vector<Boxes> results;
  for (guint i = 0; i < rendering->samples->len; ++i) {
    Boxes boxes;
    if (!infer(static_cast<GstSample *>(rendering->samples->pdata[i]), inferences, boxes)) return std::nullopt;
    results.push_back(std::move(boxes));
  }
  if (!best_) {
    best_ = std::move(rendering);
    reference_ = std::move(results);
    return 1;
  }
  const GArray *wanted = rendering->wanted;
  double sum = 0;
  for (guint i = 0; i < wanted->len; ++i)
    sum += f1(held(rendering->times, results, time_at(wanted, i)), held(best_->times, reference_, time_at(wanted, i)));
  return wanted->len ? sum / wanted->len : 0;
}

bool PictureProfile::infer(GstSample *sample, ProfileInferences &inferences, Boxes &boxes) {
  if (!detector_.read_caps(sample)) return false;
  return inferences.run([&] {
    // As the stream's frames are resized, and the most expensive configuration is one that the stream might have.
    largest_ = larger(larger(largest_, stream_largest_), detector_.size());
    set_input_size(model_, input_size_, largest_);
    auto found = detector_.detect(sample, transform_);
    if (found) boxes = std::move(*found);
    return found.has_value();
  });
}

}  // namespace oneadapt
