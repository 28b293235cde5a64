// SPDX-License-Identifier: LGPL-2.1-or-later
// The stream time of what passes through the controller, also where the source stamps nothing.
#pragma once
#include <gst/gst.h>

namespace oneadapt {

/// Thread-bound.
class BufferClock {
 public:
  BufferClock() { reset(); }
  /// Raw video or audio says how long a buffer lasts that does not say it itself.
  void set_caps(const GstCaps *caps);
  void set_segment(const GstSegment &segment);
  /// A flush, or a new run.
  void reset();
  /// The buffer's stream time in ns; GST_CLOCK_TIME_NONE: there is none, because the segment is not in time, or the
  /// buffer lies outside it. A buffer without time stamp gets one: the end of the one before it, or the segment's
  /// start. So all elements behind count the same intervals. (transfer full) for `buffer`, which may be replaced.
  GstClockTime time_of(GstBuffer *&buffer);
  /// Whether there is stream time at all.
  bool in_time() const { return segment_.format == GST_FORMAT_TIME; }
  /// Whether the stream is played backwards.
  bool backwards() const { return segment_.rate < 0; }

 private:
  // Of pictures whose caps give no rate; oneadaptfilter's.
  static constexpr GstClockTime kDefaultFrame = GST_SECOND / 25;
  GstClockTime duration_of(GstBuffer *buffer) const;

  GstSegment segment_;
  GstClockTime next_ = GST_CLOCK_TIME_NONE;  // the end of the last buffer, as a time stamp
  GstClockTime frame_ = kDefaultFrame;       // of a buffer of video
  guint64 bytes_per_second_ = 0;             // of audio
};

}  // namespace oneadapt
