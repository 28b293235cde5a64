// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ctl/buffer_clock.h"

#include <gst/audio/audio.h>

namespace oneadapt {

void BufferClock::reset() {
  gst_segment_init(&segment_, GST_FORMAT_UNDEFINED);
  next_ = GST_CLOCK_TIME_NONE;
}

void BufferClock::set_caps(const GstCaps *caps) {
  frame_ = kDefaultFrame;
  bytes_per_second_ = 0;
  int num = 0, den = 0;
  GstAudioInfo audio;
  const GstStructure *s = gst_caps_get_structure(caps, 0);
  if (gst_structure_has_name(s, "audio/x-raw") && gst_audio_info_from_caps(&audio, caps))
    bytes_per_second_ = guint64(audio.rate) * guint64(audio.bpf);
  else if (gst_structure_get_fraction(s, "framerate", &num, &den) && num > 0)
    frame_ = gst_util_uint64_scale(GST_SECOND, guint64(den), guint64(num));
}

void BufferClock::set_segment(const GstSegment &segment) {
  segment_ = segment;
  next_ = GST_CLOCK_TIME_NONE;
}

GstClockTime BufferClock::duration_of(GstBuffer *buffer) const {
  if (GST_BUFFER_DURATION_IS_VALID(buffer)) return GST_BUFFER_DURATION(buffer);
  if (!bytes_per_second_) return frame_;
  return gst_util_uint64_scale(GST_SECOND, gst_buffer_get_size(buffer), bytes_per_second_);
}

GstClockTime BufferClock::time_of(GstBuffer *&buffer) {
  if (!in_time()) return GST_CLOCK_TIME_NONE;
  if (!GST_BUFFER_PTS_IS_VALID(buffer)) {
    buffer = gst_buffer_make_writable(buffer);
    GST_BUFFER_PTS(buffer) = GST_CLOCK_TIME_IS_VALID(next_) ? next_ : segment_.start;
    if (!GST_BUFFER_DURATION_IS_VALID(buffer)) GST_BUFFER_DURATION(buffer) = duration_of(buffer);
  }
  next_ = GST_BUFFER_PTS(buffer) + duration_of(buffer);
  return gst_segment_to_stream_time(&segment_, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
}

}  // namespace oneadapt
