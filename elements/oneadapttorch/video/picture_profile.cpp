// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/picture_profile.h"

#include <utility>

#include "video/detector.h"
#include "video/seen_part.h"

GST_DEBUG_CATEGORY_EXTERN(oneadaptdnn_debug);
#define GST_CAT_DEFAULT oneadaptdnn_debug

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

bool PictureProfile::read_caps(GstCaps *caps) {
  if (!caps) return false;
  if (caps_ && gst_caps_is_equal(caps, caps_.get())) return true;
  if (!reader_.set_caps(caps)) return false;
  caps_.reset(gst_caps_ref(caps));
  return true;
}

bool PictureProfile::infer(GstSample *sample, ProfileInferences &inferences, Boxes &boxes) {
  GstBuffer *buffer = gst_sample_get_buffer(sample);
  GstCaps *caps = gst_sample_get_caps(sample);
  if (!buffer || !read_caps(caps)) {
    GST_WARNING_OBJECT(element_, "a profile's sample cannot be read: %" GST_PTR_FORMAT, caps);
    return false;
  }
  return inferences.run([&] {
    // As the stream's frames are resized, and the most expensive configuration is one that the stream might have.
    const auto width = unsigned(GST_VIDEO_INFO_WIDTH(&reader_.info()));
    const auto height = unsigned(GST_VIDEO_INFO_HEIGHT(&reader_.info()));
    largest_ = larger(larger(largest_, stream_largest_), {width, height});
    set_input_size(model_, input_size_, largest_);
    const bool mapped = reader_.read(buffer, [&](const RgbFrame &frame) {
      const RgbFrame seen = transform_.is_whole() ? frame : seen_part(frame, transform_, turned_);
      for (Detection &d : model_.infer(seen)) boxes.push_back({d.box, d.score, d.label, std::move(d.mask)});
    });
    if (!mapped)
      GST_WARNING_OBJECT(element_, "a profile's sample cannot be read as its caps say: %" GST_PTR_FORMAT, caps);
    return mapped;
  });
}

}  // namespace oneadapt
