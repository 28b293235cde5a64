// SPDX-License-Identifier: LGPL-2.1-or-later
// GstForceKeyUnit, for libraries that do not link GStreamer's video library (gst/video/video-event.h). Internal.
#pragma once
#include <gst/gst.h>

#include <atomic>

namespace oneadapt {

/// (transfer full): asks an encoder upstream for a key frame with all headers, as soon as possible.
inline GstEvent *new_upstream_force_key_unit() {
  return gst_event_new_custom(
      GST_EVENT_CUSTOM_UPSTREAM,
      gst_structure_new("GstForceKeyUnit", "running-time", GST_TYPE_CLOCK_TIME, GST_CLOCK_TIME_NONE, "all-headers",
                        G_TYPE_BOOLEAN, TRUE, "count", G_TYPE_UINT, 0u, nullptr));
}

inline bool is_upstream_force_key_unit(GstEvent *event) {
  return GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_UPSTREAM && gst_event_has_name(event, "GstForceKeyUnit");
}

/// The RTP stream that a request is about, where GStreamer's demuxers have said it; else 0.
inline guint32 ssrc_of_request(GstEvent *event) {
  guint ssrc = 0;
  gst_structure_get_uint(gst_event_get_structure(event), "ssrc", &ssrc);
  return ssrc;
}

/// Some elements ask with each packet until they get a key frame (rtph264depay before parameter sets). Thread-safe.
class RequestLimit {
 public:
  /// Whether a request may go to the camera now.
  bool allow() {
    const gint64 now = g_get_monotonic_time();
    gint64 last = last_;
    return (!last || now - last >= kLeastApart) && last_.compare_exchange_strong(last, now);
  }

 private:
  static constexpr gint64 kLeastApart = G_USEC_PER_SEC / 10;  // no key frame comes sooner
  std::atomic<gint64> last_{0};
};

}  // namespace oneadapt
