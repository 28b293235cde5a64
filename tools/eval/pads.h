// SPDX-License-Identifier: LGPL-2.1-or-later
// What the parts of a run that listen at pads share.
#pragma once
#include <gst/gst.h>

#include <memory>

namespace oneadapt::eval {

struct Unref {
  void operator()(gpointer p) const { gst_object_unref(p); }
};
template <class T>
using Ref = std::unique_ptr<T, Unref>;

/// Of a buffer at a pad, ns; its PTS where there is no segment.
inline GstClockTime stream_time(GstPad *pad, GstBuffer *buffer) {
  GstEvent *event = gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0);
  if (!event) return GST_BUFFER_PTS(buffer);
  const GstSegment *segment;
  gst_event_parse_segment(event, &segment);
  const GstClockTime t = gst_segment_to_stream_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  gst_event_unref(event);
  return t;
}

/// Puts a probe on a pad of the element of that name; false where there is no such element.
inline bool tap(GstBin *bin, const char *element, const char *pad_name, GstPadProbeCallback callback, gpointer data,
                GstPadProbeType type = GST_PAD_PROBE_TYPE_BUFFER) {
  Ref<GstElement> e(gst_bin_get_by_name(bin, element));
  if (!e) return false;
  Ref<GstPad> pad(gst_element_get_static_pad(e.get(), pad_name));
  gst_pad_add_probe(pad.get(), type, callback, data, nullptr);
  return true;
}

}  // namespace oneadapt::eval
