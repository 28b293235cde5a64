// SPDX-License-Identifier: LGPL-2.1-or-later
#include "audio/timeline.h"

#include <algorithm>

namespace oneadapt {
namespace {

// Time stamps that are off by more are believed; by less, samples are counted. GstAudioBaseSink's default
// "alignment-threshold".
constexpr GstClockTime kTolerance = 40 * GST_MSECOND;
// A stretch whose samples would be counted from further than this (60 days at 192 kHz) counts from its own beginning:
// an index times a rate stays far below 2^63.
constexpr guint64 kMostCounted = 1000000000000;

GstClockTime apart(GstClockTime a, GstClockTime b) { return std::max(a, b) - std::min(a, b); }

}  // namespace

std::int64_t Timeline::begin(GstClockTime position) {
  // A time stamp that is that of a sample, but for rounding, is taken for it.
  const guint64 counted = gst_util_uint64_scale_round(position, rate_, GST_SECOND);
  const bool on_grid = counted < kMostCounted && (gst_util_uint64_scale(counted, GST_SECOND, rate_) == position ||
                                                  gst_util_uint64_scale_round(counted, GST_SECOND, rate_) == position);
  anchor_ = on_grid ? 0 : position;
  return std::int64_t(on_grid ? counted : 0);
}

guint64 Timeline::stream_time(GstClockTime position) const {
  const guint64 time = gst_segment_to_stream_time(&segment_, GST_FORMAT_TIME, position);
  return GST_CLOCK_TIME_IS_VALID(time) ? time : position;
}

std::int64_t Timeline::end_of_interval(std::int64_t index) const {
  guint64 position = 0;
  const guint64 end = (interval_of(index) + 1) * interval_;
  if (gst_segment_position_from_stream_time_full(&segment_, GST_FORMAT_TIME, end, &position) != 1) position = end;
  if (position <= anchor_) return index + 1;
  return std::max(samples_rounded_up(position - anchor_), index + 1);
}

std::int64_t Timeline::missing(GstClockTime position, std::int64_t end, bool exact) const {
  const GstClockTime expected = this->position(end), off = apart(position, expected);
  if (off <= GST_SECOND / rate_ || (!exact && off <= kTolerance)) return 0;
  const auto samples = std::int64_t(gst_util_uint64_scale_round(off, rate_, GST_SECOND));
  return position > expected ? samples : -samples;
}

}  // namespace oneadapt
