// SPDX-License-Identifier: LGPL-2.1-or-later
// How a frame says, within a process, that it is the last one of its interval that is sent. oneadaptfilter knows which
// one that is; a DNN behind it sees only the frames, whose durations say it where none are dropped and caps are right.
// A GstReferenceTimestampMeta, because parsers, decoders, converters and even muxers hand that on. Across a network
// marks say it (lib/wire/mark.h). Internal.
#pragma once
#include <gst/gst.h>

namespace oneadapt {

inline GstCaps *interval_end_caps() {
  static GstStaticCaps caps = GST_STATIC_CAPS("timestamp/x-oneadapt-interval-end");
  return gst_static_caps_get(&caps);
}

/// `end`: where the interval ends, ns of stream time. The buffer must be writable.
inline void set_ends_interval(GstBuffer *buffer, GstClockTime end) {
  GstCaps *caps = interval_end_caps();
  gst_buffer_add_reference_timestamp_meta(buffer, caps, end, GST_CLOCK_TIME_NONE);
  gst_caps_unref(caps);
}

/// Whether it is the last frame of an interval that ends at `end`.
inline bool ends_interval(GstBuffer *buffer, GstClockTime end) {
  GstCaps *caps = interval_end_caps();
  const GstReferenceTimestampMeta *meta = gst_buffer_get_reference_timestamp_meta(buffer, caps);
  gst_caps_unref(caps);
  return meta && meta->timestamp == end;
}

}  // namespace oneadapt
