// SPDX-License-Identifier: LGPL-2.1-or-later
// The marks by which frames themselves say where an interval begins and ends (docs/network.md).
#pragma once
#include <gst/video/gstvideoencoder.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "video/medium.h"

namespace oneadapt {

/// Of one run; belongs to the streaming thread.
class IntervalMarker {
 public:
  IntervalMarker(GstVideoEncoder *encoder, VideoMedium &medium, const VideoSettings &settings)
      : encoder_(encoder), medium_(medium), settings_(settings) {}
  /// The user data that a frame carries, by its stream time; empty: none. `first`, `last`: of its interval. `output` is
  /// the size of what goes out.
  std::vector<std::uint8_t> mark(GstClockTime time, bool first, bool last, Size output);

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
