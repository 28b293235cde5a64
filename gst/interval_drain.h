// SPDX-License-Identifier: LGPL-2.1-or-later
// How a controller in lockstep asks the DNNs of its own process whether they have sent an interval's gradient, and how
// a gradient says which DNN it is of. The question is a drain query: it is serialized, so that whoever gets it has had
// everything that was sent before. A DNN that does not know an interval's last frame takes its gradient then. Internal.
#pragma once
#include <gst/gst.h>

#include <optional>
#include <string>

namespace oneadapt {

/// `interval` G_MAXUINT64: none is over.
struct IntervalOver {
  guint64 interval = G_MAXUINT64, duration = 0;  ///< number; ns
};

/// (transfer full)
inline GstQuery *new_interval_drain(const IntervalOver &over) {
  return gst_query_new_custom(
      GST_QUERY_DRAIN, gst_structure_new("oneadapt-interval-over", "interval", G_TYPE_UINT64, over.interval, "duration",
                                         G_TYPE_UINT64, over.duration, nullptr));
}

/// None: it is a drain of somebody else's, or no drain.
inline std::optional<IntervalOver> interval_over_of(GstQuery *query) {
  const GstStructure *s = GST_QUERY_TYPE(query) == GST_QUERY_DRAIN ? gst_query_get_structure(query) : nullptr;
  IntervalOver over;
  if (!s || !gst_structure_has_name(s, "oneadapt-interval-over") ||
      !gst_structure_get(s, "interval", G_TYPE_UINT64, &over.interval, "duration", G_TYPE_UINT64, &over.duration,
                         nullptr))
    return std::nullopt;
  return over;
}

/// DNNs that answered.
struct DrainAnswers {
  unsigned dnns = 0, sent = 0;  ///< all; those that have sent the interval's gradient
};

/// A DNN's answer. It may be asked more than once, by way of several branches.
inline void answer_interval_drain(GstQuery *query, guint64 dnn, bool sent) {
  const std::string name = "dnn-" + std::to_string(dnn);
  gst_structure_set(gst_query_writable_structure(query), name.c_str(), G_TYPE_BOOLEAN, gboolean(sent), nullptr);
}

inline DrainAnswers answers_of(GstQuery *query) {
  DrainAnswers answers;
  gst_structure_foreach(
      gst_query_get_structure(query),
      [](GQuark, const GValue *value, gpointer data) -> gboolean {
        auto &all = *static_cast<DrainAnswers *>(data);
        if (!G_VALUE_HOLDS_BOOLEAN(value)) return TRUE;
        ++all.dnns;
        all.sent += g_value_get_boolean(value) ? 1 : 0;
        return TRUE;
      },
      &answers);
  return answers;
}

/// Which DNN of this process a gradient event is of, > 0. The event must be writable.
inline void set_dnn_of(GstEvent *event, guint64 dnn) {
  gst_structure_set(gst_event_writable_structure(event), "dnn", G_TYPE_UINT64, dnn, nullptr);
}
/// 0: it does not say.
inline guint64 dnn_of(GstEvent *event) {
  guint64 dnn = 0;
  gst_structure_get_uint64(gst_event_get_structure(event), "dnn", &dnn);
  return dnn;
}

}  // namespace oneadapt
