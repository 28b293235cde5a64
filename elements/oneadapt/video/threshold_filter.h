// SPDX-License-Identifier: LGPL-2.1-or-later
// Which frames the thresholds drop, and what is remembered of them for probing.
#pragma once
#include "core/frames/frame_filter.h"
#include "video/medium.h"

namespace oneadapt {

/// Of one run; belongs to the streaming thread.
class ThresholdFilter {
 public:
  ThresholdFilter(VideoMedium &medium, unsigned max_skip) : medium_(medium), max_skip_(max_skip) {}
  void begin_interval(const Values &applied);
  /// Whether a frame is to be sent. `must`: it is sent in any case; `last`: of its interval, so it must be sent where
  /// gradients are taken on it. Throws std::runtime_error when the picture cannot be read.
  bool passes(const GstVideoInfo &info, GstBuffer *buffer, const Values &applied, bool must, bool last);
  /// Forgets frames.
  void reset() { filter_.reset(); }

 private:
  void update_weights();

  VideoMedium &medium_;
  const unsigned max_skip_;
  FrameFilter filter_;
  bool active_ = false;  // frames go through it in this interval
};

}  // namespace oneadapt
