// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cloud/cloud_profile.h"

#include <utility>

GST_DEBUG_CATEGORY_EXTERN(oneadaptdnn_debug);
#define GST_CAT_DEFAULT oneadaptdnn_debug

namespace oneadapt {

std::optional<double> CloudProfile::accuracy(RenderingRef rendering, ProfileInferences &inferences) {
  Turns turns;
  for (guint i = 0; i < rendering->samples->len; ++i) {
    GstBuffer *buffer = gst_sample_get_buffer(static_cast<GstSample *>(rendering->samples->pdata[i]));
    const bool done = inferences.run([&] {
      return buffer &&
             read_cloud(buffer, [&](const Point *points, std::size_t n) { turns.push_back(model_.infer(points, n)); });
    });
    if (!done) return std::nullopt;
  }
  if (!reference_) reference_ = turns;
  if (turns.empty() || turns.size() != reference_->size()) {
    GST_WARNING_OBJECT(element_, "a profile's renderings are of different numbers of turns");
    return std::nullopt;
  }
  double sum = 0;
  for (std::size_t i = 0; i < turns.size(); i++) sum += f1(turns[i], (*reference_)[i]);
  return sum / double(turns.size());
}

}  // namespace oneadapt
