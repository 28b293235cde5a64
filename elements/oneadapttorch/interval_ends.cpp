// SPDX-License-Identifier: LGPL-2.1-or-later
#include "interval_ends.h"

#include "video/frame_duration.h"

namespace oneadapt {

void IntervalEnds::on_event(GstEvent *event) {
  GstCaps *caps = nullptr;
  const GstSegment *segment = nullptr;
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_CAPS:
      gst_event_parse_caps(event, &caps);
      rate_n_ = 0;
      gst_structure_get_fraction(gst_caps_get_structure(caps, 0), "framerate", &rate_n_, &rate_d_);
      break;
    case GST_EVENT_SEGMENT:
      gst_event_parse_segment(event, &segment);
      time_.set_segment(*segment);
      break;
    case GST_EVENT_STREAM_START:
    case GST_EVENT_FLUSH_STOP:
      time_.reset(GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP);
      clock_.reset();
      break;
    default:
      break;
  }
}

FrameNeed IntervalEnds::take(GstBuffer *buffer) {
  const Stamp stamp = time_.stamp(buffer);
  if (stamp.renewed) clock_ = IntervalClock(time_.interval());
  if (!stamp.known()) return FrameNeed::None;
  const GstClockTime duration = time_.camera().known() ? 0 : frame_duration(buffer, rate_n_, rate_d_);
  const bool gradient = clock_.frame(stamp.time, duration, 0, false, stamp.last).any();
  return stamp.renewed ? FrameNeed::Mark : gradient ? FrameNeed::Gradient : FrameNeed::None;
}

}  // namespace oneadapt
