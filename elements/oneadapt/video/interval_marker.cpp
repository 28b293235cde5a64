// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/interval_marker.h"

#include <algorithm>
#include <iterator>

#include "gstoneadapt.h"
#include "walk.h"
#include "wire/mark.h"

namespace oneadapt {

/// What feedback may take (docs/wire-transport.md): a share of what an interval was sent with. 0: no limit.
std::uint16_t IntervalMarker::feedback_bytes(bool last, Size output) {
  // Before one was sent: half a bit a macroblock, a coarse map for a second.
  constexpr double kPixelsPerByte = 16 * 256, kLeastAtFirst = 128;
  constexpr double kLeast = 96;  // by measurement (docs/network-faults.md): with less, decisions are no longer the same
  if (settings_.feedback_share <= 0) return 0;
  if (last) {
    const guint64 bytes = medium_.history.lock()->counters.bytes;
    interval_bytes_ = bytes - bytes_before_;
    bytes_before_ = bytes;
  }
  const double share = interval_bytes_ ? double(interval_bytes_) * settings_.feedback_share
                                       : std::max(kLeastAtFirst, double(output.width) * output.height / kPixelsPerByte);
  return std::uint16_t(std::clamp(share, kLeast, 65535.0));
}

std::vector<std::uint8_t> IntervalMarker::mark(const FrameToMark &frame) {
  if (!marking_)
    marking_ = settings_.marks == Marks::On ||
               (settings_.marks == Marks::Auto && leads_to_network(GST_VIDEO_ENCODER_SRC_PAD(encoder_)));
  if (!*marking_ || !(frame.first || frame.last)) return {};
  IntervalMark mark;
  mark.last = frame.last;
  mark.stream = gst_oneadapt_pad_stream(GST_VIDEO_ENCODER_SINK_PAD(encoder_));
  mark.stream_time = frame.time;
  mark.interval_duration = settings_.interval;
  mark.feedback_bytes = feedback_bytes(frame.last, frame.output);
  mark.qp = std::uint8_t(frame.qp);
  mark.map_range = std::uint8_t(frame.map_range);
  mark.measure = frame.measure;
  std::vector<std::uint8_t> data(std::begin(kMarkUuid), std::end(kMarkUuid));
  const auto coded = encode_mark(mark);
  data.insert(data.end(), coded.begin(), coded.end());
  return data;
}

}  // namespace oneadapt
