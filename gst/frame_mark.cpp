// SPDX-License-Identifier: LGPL-2.1-or-later
#include "frame_mark.h"

#include <gst/video/video-sei.h>

#include <algorithm>
#include <iterator>
#include <vector>

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

void set_mark(GstBuffer *buffer, const IntervalMark &mark) {
  std::uint8_t uuid[16];
  std::copy(std::begin(kMarkUuid), std::end(kMarkUuid), uuid);
  std::vector<std::uint8_t> data = encode_mark(mark);
  gst_buffer_add_video_sei_user_data_unregistered_meta(buffer, uuid, data.data(), data.size());
}

}  // namespace oneadapt
