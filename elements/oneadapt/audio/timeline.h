// SPDX-License-Identifier: LGPL-2.1-or-later
// Where samples are in time, and which adaptation interval they belong to.
#pragma once
#include <gst/gst.h>

#include <cstdint>

namespace oneadapt {

/// A stretch is sound without holes; its samples are counted. Positions are times in the segment, in ns. Thread-bound.
class Timeline {
 public:
  /// `interval` in ns. The segment is the stream's, which outlives this.
  Timeline(GstClockTime interval, const GstSegment &segment) : interval_(interval), segment_(segment) {}

  void set_rate(int rate) { rate_ = guint64(rate); }

  /// A stretch begins at a position; returns the index of its first sample.
  std::int64_t begin(GstClockTime position);
  /// Position of a sample, and of a moment between samples, `numerator` / `denominator` seconds after sample 0; rounded
  /// down as time stamps are.
  GstClockTime position(std::int64_t index) const { return position(guint64(index), rate_); }
  GstClockTime position(guint64 numerator, guint64 denominator) const {
    return anchor_ + gst_util_uint64_scale(numerator, GST_SECOND, denominator);
  }
  guint64 stream_time(GstClockTime position) const;
  guint64 stream_time_of(std::int64_t index) const { return stream_time(position(index)); }
  /// Number of the interval that a sample is in.
  guint64 interval_of(std::int64_t index) const { return stream_time_of(index) / interval_; }
  /// Index of the first sample after the interval that sample `index` is in.
  std::int64_t end_of_interval(std::int64_t index) const;
  /// How many samples are missing between sample `end` and a position; < 0: so many have been there already.
  /// `exact`: else time stamps that are off by a little are not believed.
  std::int64_t missing(GstClockTime position, std::int64_t end, bool exact) const;
  /// Samples that a time takes.
  std::int64_t samples(GstClockTime time) const { return std::int64_t(gst_util_uint64_scale(time, rate_, GST_SECOND)); }
  std::int64_t samples_rounded_up(GstClockTime time) const {
    return std::int64_t(gst_util_uint64_scale_ceil(time, rate_, GST_SECOND));
  }

 private:
  const GstClockTime interval_;
  const GstSegment &segment_;
  guint64 rate_ = 1;
  /// Sample i is at position anchor_ + i / rate_. Where time stamps are those of a stream that began at 0, i counts
  /// from there and the anchor is 0: no rounding then.
  GstClockTime anchor_ = 0;
};

}  // namespace oneadapt
