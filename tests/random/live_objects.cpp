// SPDX-License-Identifier: LGPL-2.1-or-later
#include "live_objects.h"

#include <gst/gst.h>

#include <utility>

namespace random_pipelines {
namespace {

/// Of kinds that no plugin and no class keeps for good.
bool is_of_a_pipeline(const char *type_name) {
  const GType type = g_type_from_name(type_name);
  for (const GType kind : {GST_TYPE_ELEMENT, GST_TYPE_PAD, GST_TYPE_BUFFER_POOL, GST_TYPE_BUFFER, GST_TYPE_EVENT,
                           GST_TYPE_MESSAGE, GST_TYPE_SAMPLE, GST_TYPE_QUERY, GST_TYPE_MEMORY})
    if (g_type_is_a(type, kind)) return true;
  return false;
}

GstTracer *leaks_tracer() {
  GstTracer *found = nullptr;
  GList *tracers = gst_tracing_get_active_tracers();
  for (GList *l = tracers; l && !found; l = l->next)
    if (g_str_equal(G_OBJECT_TYPE_NAME(l->data), "GstLeaksTracer")) found = GST_TRACER(gst_object_ref(l->data));
  g_list_free_full(tracers, gst_object_unref);
  return found;
}

}  // namespace

LiveObjects::LiveObjects() : tracer_(leaks_tracer()) {
  if (tracer_) g_signal_emit_by_name(tracer_, "activity-start-tracking");
  note();
  alive_.clear();
}

LiveObjects::~LiveObjects() {
  if (!tracer_) return;
  g_signal_emit_by_name(tracer_, "activity-stop-tracking");
  gst_object_unref(tracer_);
}

/// What has been made and what has died since it was called last.
void LiveObjects::note() {
  if (!tracer_) return;
  GstStructure *activity = nullptr;
  g_signal_emit_by_name(tracer_, "activity-get-checkpoint", &activity);
  for (const auto &[name, change] : {std::pair("objects-created-list", 1), std::pair("objects-removed-list", -1)}) {
    const GValue *list = gst_structure_get_value(activity, name);
    for (guint i = 0; i < gst_value_list_get_size(list); ++i) {
      const auto *entry = static_cast<const GstStructure *>(g_value_get_boxed(gst_value_list_get_value(list, i)));
      const char *type = gst_structure_get_string(entry, "type-name");
      gpointer address = nullptr;
      gst_structure_get(entry, "address", G_TYPE_POINTER, &address, nullptr);
      if (type && is_of_a_pipeline(type)) alive_[{type, address}] += change;  // addresses are used again and again
    }
  }
  gst_structure_free(activity);
}

std::string LiveObjects::left_alive() {
  std::string text;
  constexpr int kTries = 100;
  for (int i = 0; i < kTries; ++i) {
    note();
    text.clear();
    for (const auto &[object, times] : alive_)
      if (times > 0) text += "still alive: a " + object.first + "\n";
    if (text.empty()) break;
    g_usleep(20000);  // threads of GStreamer's pools may be ending
  }
  return text;
}

}  // namespace random_pipelines
