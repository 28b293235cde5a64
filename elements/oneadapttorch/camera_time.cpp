// SPDX-License-Identifier: LGPL-2.1-or-later
#include "camera_time.h"

#include <gst/video/video-sei.h>

#include <algorithm>

namespace oneadapt {

std::optional<IntervalMark> mark_of(GstBuffer *buffer) {
  gpointer state = nullptr;
  IntervalMark mark;
  while (GstMeta *meta =
             gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_SEI_USER_DATA_UNREGISTERED_META_API_TYPE)) {
    const auto *sei = reinterpret_cast<const GstVideoSEIUserDataUnregisteredMeta *>(meta);
    if (std::equal(std::begin(kMarkUuid), std::end(kMarkUuid), sei->uuid) && decode_mark(sei->data, sei->size, mark))
      return mark;
  }
  return std::nullopt;
}

bool CameraTime::take(const IntervalMark &mark, std::uint64_t local) {
  const bool other = mark_ && (mark_->stream != mark.stream || mark_->interval_duration != mark.interval_duration);
  mark_ = mark;
  local_ = local;
  return other;
}

std::uint64_t CameraTime::of(std::uint64_t local) const {
  const std::uint64_t time = mark_->stream_time;
  return local >= local_ ? time + (local - local_) : time - std::min(time, local_ - local);
}

}  // namespace oneadapt
