// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tunable/pad_filter.h"

#include <utility>

namespace oneadapt {
namespace {

PadFilter &filter_of(GstPad *pad) { return *static_cast<PadFilter *>(gst_pad_get_element_private(pad)); }

}  // namespace

PadFilter::PadFilter(GstElement *element, GstStaticPadTemplate *sink, GstStaticPadTemplate *src) : element_(element) {
  sink_ = gst_pad_new_from_static_template(sink, "sink");
  gst_pad_set_chain_function(sink_, on_chain);
  gst_pad_set_event_function(sink_, on_sink_event);
  gst_pad_set_query_function(sink_, on_sink_query);
  GST_PAD_SET_ACCEPT_TEMPLATE(sink_);
  src_ = gst_pad_new_from_static_template(src, "src");
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
    case GST_EVENT_FLUSH_STOP:
      stream.forget();
      break;
    default:
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
