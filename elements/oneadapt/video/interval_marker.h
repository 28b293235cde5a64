// SPDX-License-Identifier: LGPL-2.1-or-later
// The marks by which frames themselves say where an interval begins and ends (docs/network.md).
#pragma once
#include <gst/video/gstvideoencoder.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "video/medium.h"

namespace oneadapt {

/// A frame as the marker knows it.
struct FrameToMark {
  GstClockTime time = 0;             ///< stream time
  bool first = false, last = false;  ///< of its interval
  Size output;                       ///< of what goes out
  int qp = 0, map_range = 0;         ///< IntervalMark's
  bool measure = false;              ///< the same
};

/// Of one run; belongs to the streaming thread.
class IntervalMarker {
 public:
  IntervalMarker(GstVideoEncoder *encoder, VideoMedium &medium, const VideoSettings &settings)
      : encoder_(encoder), medium_(medium), settings_(settings) {}
  /// The user data that a frame carries; empty: none.
  std::vector<std::uint8_t> mark(const FrameToMark &frame);

 private:
  std::uint16_t feedback_bytes(bool last, Size output);

  GstVideoEncoder *encoder_;
  VideoMedium &medium_;
  const VideoSettings settings_;
  std::optional<bool> marking_;  // frames carry marks; empty: not looked at yet
  guint64 interval_bytes_ = 0;   // between the last two marks that end an interval; 0: none yet
  guint64 bytes_before_ = 0;     // that had left when the last mark was made that ends an interval
};

}  // namespace oneadapt
