// SPDX-License-Identifier: LGPL-2.1-or-later
// Which frames of a stream the gradients need, told before the DNN comes to them.
#pragma once
#include <gst/gst.h>

#include "stream_time.h"
#include "video/interval_clock.h"

namespace oneadapt {

/// Why a frame must not be left out.
enum class FrameNeed {
  None,      ///< it may be
  Gradient,  ///< as long as no newer one is needed: it ends its interval, or stands for one that has no end
  Mark,      ///< at all: without it nobody knows whose the frames are that follow
};

/// Counts intervals as the DNN does (video/detector.h). Thread-bound.
class IntervalEnds {
 public:
  explicit IntervalEnds(GstClockTime interval) : time_(interval), clock_(interval) {}
  /// Caps, segments, and where a stream begins or was flushed; any other event says nothing.
  void on_event(GstEvent *event);
  FrameNeed take(GstBuffer *buffer);

 private:
  StreamTime time_;
  IntervalClock clock_;
  int rate_n_ = 0, rate_d_ = 1;
};

}  // namespace oneadapt
