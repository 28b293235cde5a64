// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tunable/pad_filter.h"

#include <utility>

namespace oneadapt {
namespace {

PadFilter &filter_of(GstPad *pad) { return *static_cast<PadFilter *>(gst_pad_get_element_private(pad)); }

}  // namespace

bool PadStream::set_caps(GstCaps *caps) { return gst_pad_push_event(pads_.src(), gst_event_new_caps(caps)); }

guint64 PadStream::stream_time(GstClockTime position) const {
  const guint64 time = gst_segment_to_stream_time(&segment_, GST_FORMAT_TIME, position);
  return GST_CLOCK_TIME_IS_VALID(time) ? time : position;
}

PadFilter::PadFilter(GstElement *element) : element_(element) {
  const auto new_pad = [&](const char *name) {
    return gst_pad_new_from_template(gst_element_class_get_pad_template(GST_ELEMENT_GET_CLASS(element), name), name);
  };
  sink_ = new_pad("sink");
  gst_pad_set_chain_function(sink_, on_chain);
  gst_pad_set_event_function(sink_, on_sink_event);
  gst_pad_set_query_function(sink_, on_sink_query);
  GST_PAD_SET_ACCEPT_TEMPLATE(sink_);
  src_ = new_pad("src");
  gst_pad_set_query_function(src_, on_src_query);
  for (GstPad *pad : {sink_, src_}) {
    gst_pad_set_element_private(pad, this);
    gst_element_add_pad(element, pad);
  }
}

void PadFilter::set_latency(GstClockTime latency) {
  if (latency_.exchange(latency) != latency)
    gst_element_post_message(element_, gst_message_new_latency(GST_OBJECT(element_)));
}

GstFlowReturn PadFilter::on_chain(GstPad *pad, GstObject *, GstBuffer *buffer) {
  return filter_of(pad).stream().chain(buffer);
}

gboolean PadFilter::on_sink_event(GstPad *pad, GstObject *parent, GstEvent *event) {
  PadStream &stream = filter_of(pad).stream();
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_CAPS: {
      GstCaps *caps = nullptr;
      gst_event_parse_caps(event, &caps);
      const gboolean taken = stream.set_caps(caps);
      gst_event_unref(event);
      return taken;
    }
    case GST_EVENT_SEGMENT: {
      const GstSegment *segment = nullptr;
      gst_event_parse_segment(event, &segment);
      stream.set_segment(*segment);
      break;
    }
    case GST_EVENT_GAP:
    case GST_EVENT_EOS:
    case GST_EVENT_STREAM_START:
      stream.finish();
      break;
    case GST_EVENT_FLUSH_STOP: {
      GstSegment none;
      gst_segment_init(&none, GST_FORMAT_UNDEFINED);
      stream.forget();
      stream.set_segment(none);
      break;
    }
    default:
      stream.on_event(event);
      break;
  }
  return gst_pad_event_default(pad, parent, event);
}

gboolean PadFilter::on_sink_query(GstPad *pad, GstObject *parent, GstQuery *query) {
  if (GST_QUERY_TYPE(query) == GST_QUERY_DRAIN) filter_of(pad).stream().drain();
  return gst_pad_query_default(pad, parent, query);
}

gboolean PadFilter::on_src_query(GstPad *pad, GstObject *parent, GstQuery *query) {
  PadFilter &filter = filter_of(pad);
  if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return gst_pad_query_default(pad, parent, query);
  if (!gst_pad_peer_query(filter.sink_, query)) return FALSE;
  gboolean live = FALSE;
  GstClockTime least = 0, most = 0;
  gst_query_parse_latency(query, &live, &least, &most);
  const GstClockTime own = filter.latency_;
  gst_query_set_latency(query, live, least + own, GST_CLOCK_TIME_IS_VALID(most) ? most + own : most);
  return TRUE;
}

}  // namespace oneadapt
