// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/sample_detector.h"

#include <utility>

#include "video/seen_part.h"

GST_DEBUG_CATEGORY_EXTERN(oneadaptdnn_debug);
#define GST_CAT_DEFAULT oneadaptdnn_debug

namespace oneadapt {

bool SampleDetector::read_caps(GstSample *sample) {
  GstCaps *caps = gst_sample_get_caps(sample);
  const bool same = caps && caps_ && gst_caps_is_equal(caps, caps_.get());
  if (!gst_sample_get_buffer(sample) || !caps || (!same && !reader_.set_caps(caps))) {
    GST_WARNING_OBJECT(element_, "a sample cannot be read: %" GST_PTR_FORMAT, caps);
    return false;
  }
  if (!same) caps_.reset(gst_caps_ref(caps));
  return true;
}

FrameSize SampleDetector::size() const {
  return {unsigned(GST_VIDEO_INFO_WIDTH(&reader_.info())), unsigned(GST_VIDEO_INFO_HEIGHT(&reader_.info()))};
}

std::optional<std::vector<ScoredBox>> SampleDetector::detect(GstSample *sample, const FrameTransform &transform) {
  std::vector<ScoredBox> boxes;
  const bool mapped = reader_.read(gst_sample_get_buffer(sample), [&](const RgbFrame &frame) {
    const RgbFrame seen = transform.is_whole() ? frame : seen_part(frame, transform, turned_);
    for (Detection &d : model_.infer(seen)) boxes.push_back({d.box, d.score, d.label, std::move(d.mask)});
  });
  if (mapped) return boxes;
  GST_WARNING_OBJECT(element_, "a sample cannot be read as its caps say: %" GST_PTR_FORMAT, caps_.get());
  return std::nullopt;
}

}  // namespace oneadapt
