// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether somebody wants to know the accuracy of a stream: said by the controller, heard by whoever measures, side by
// side. Internal. Across a network the interval marks say it (wire/mark.h).
#pragma once
#include <gst/gst.h>

#include <optional>

namespace oneadapt {

constexpr const char *kAccuracyRequest = "oneadapt-accuracy-request";

/// Sticky, so that it holds until the next one. (transfer full)
inline GstEvent *new_accuracy_request(bool wanted) {
  return gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
                              gst_structure_new(kAccuracyRequest, "wanted", G_TYPE_BOOLEAN, gboolean(wanted), nullptr));
}

/// None: it is another event.
inline std::optional<bool> accuracy_request_of(GstEvent *event) {
  gboolean wanted = FALSE;
  if (!gst_event_has_name(event, kAccuracyRequest)) return std::nullopt;
  if (!gst_structure_get_boolean(gst_event_get_structure(event), "wanted", &wanted)) return std::nullopt;
  return wanted;
}

}  // namespace oneadapt
