// SPDX-License-Identifier: LGPL-2.1-or-later
#include "stream_time.h"

#include "frame_mark.h"
#include "interval_end.h"

namespace oneadapt {

void StreamTime::reset(bool flushed) {
  camera_.reset();
  if (flushed) gst_segment_init(&segment_, GST_FORMAT_UNDEFINED);
}

Stamp StreamTime::stamp(GstBuffer *buffer) {
  Stamp stamp;
  if (segment_.format != GST_FORMAT_TIME || !GST_BUFFER_PTS_IS_VALID(buffer)) return stamp;
  stamp.time = gst_segment_to_stream_time(&segment_, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  if (!stamp.known()) return stamp;
  if (const std::optional<IntervalMark> mark = mark_of(buffer)) {
    const bool first = !camera_.known();
    stamp.renewed = camera_.take(*mark, stamp.time) || first;
    if (stamp.renewed) interval_ = mark->interval_duration;
    stamp.marked = true;
    stamp.last = mark->last;
  }
  if (camera_.known())
    stamp.time = camera_.of(stamp.time);
  else
    stamp.last = ends_interval(buffer, (stamp.time / interval_ + 1) * interval_);
  return stamp;
}

}  // namespace oneadapt
