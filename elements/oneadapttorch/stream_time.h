// SPDX-License-Identifier: LGPL-2.1-or-later
// Where a stream is in time, and how long its intervals are.
#pragma once
#include <gst/gst.h>

#include "camera_time.h"

namespace oneadapt {

/// The time of a buffer, and what the buffer itself says of its interval.
struct Stamp {
  GstClockTime time = GST_CLOCK_TIME_NONE;  ///< stream time, the camera's where it is known
  bool marked = false;                      ///< the buffer says which interval it belongs to
  bool last = false;                        ///< it says that it is its interval's last
  bool renewed = false;                     ///< intervals are counted anew from here on, and may have another length
  bool known() const { return GST_CLOCK_TIME_IS_VALID(time); }
};

/// Stream time is that of the segment. Where buffers carry a camera's marks, it is the camera's, and so are the
/// intervals. Thread-bound.
class StreamTime {
 public:
  explicit StreamTime(GstClockTime interval) : interval_(interval) {
    gst_segment_init(&segment_, GST_FORMAT_UNDEFINED);
  }
  void set_segment(const GstSegment &segment) { segment_ = segment; }
  /// A new stream begins, and with `flushed` also a new segment.
  void reset(bool flushed);
  Stamp stamp(GstBuffer *buffer);

  GstClockTime interval() const { return interval_; }
  const CameraTime &camera() const { return camera_; }
  GstFormat format() const { return segment_.format; }

 private:
  GstClockTime interval_;
  GstSegment segment_;
  CameraTime camera_;
};

}  // namespace oneadapt
