// SPDX-License-Identifier: LGPL-2.1-or-later
// Which frames of a stream the gradients need, told before the DNN comes to them.
#pragma once
#include <gst/gst.h>

#include "stream_time.h"
#include "video/interval_clock.h"

namespace oneadapt {

/// Counts intervals as the DNN does (video/detector.h). Thread-bound.
class IntervalEnds {
 public:
  explicit IntervalEnds(GstClockTime interval) : time_(interval), clock_(interval) {}
  /// Caps, segments, and where a stream begins or was flushed; any other event says nothing.
  void on_event(GstEvent *event);
  /// Whether it is its interval's last frame, or the first one after an interval whose last frame never came.
  bool take(GstBuffer *buffer);

 private:
  StreamTime time_;
  IntervalClock clock_;
  int rate_n_ = 0, rate_d_ = 1;
};

}  // namespace oneadapt
