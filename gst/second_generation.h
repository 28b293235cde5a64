// SPDX-License-Identifier: LGPL-2.1-or-later
// A received picture that was coded once more, on its way from oneadaptshadow to oneadaptdnn: who writes and who reads,
// side by side. Internal.
//
// A custom meta without tags, so that elements copy it whatever they do to the picture that it hangs on. It holds the
// second generation as a sample: a picture like the one that oneadaptshadow passed on, not like what elements behind
// made of it.
#pragma once
#include <gst/gst.h>

#include <optional>

namespace oneadapt {

constexpr const char *kSecondGenerationMeta = "oneadapt-second-generation";

namespace second_generation {

/// For the whole process, once.
inline void register_meta() {
  static const bool done = [] {
    const gchar *none[] = {nullptr};
    if (!gst_meta_get_info(kSecondGenerationMeta))
      gst_meta_register_custom(kSecondGenerationMeta, none, nullptr, nullptr, nullptr);
    return true;
  }();
  (void)done;
}

}  // namespace second_generation

/// `buffer` must be writable, `sample` holds a picture with its caps.
inline void attach_second_generation(GstBuffer *buffer, GstSample *sample) {
  second_generation::register_meta();
  GstCustomMeta *meta = gst_buffer_add_custom_meta(buffer, kSecondGenerationMeta);
  gst_structure_set(gst_custom_meta_get_structure(meta), "sample", GST_TYPE_SAMPLE, sample, nullptr);
}

/// NULL: there is none. Lives as long as the buffer's meta.
inline GstSample *second_generation_of(GstBuffer *buffer) {
  const GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, kSecondGenerationMeta);
  if (!meta) return nullptr;
  const GValue *sample =
      gst_structure_get_value(gst_custom_meta_get_structure(const_cast<GstCustomMeta *>(meta)), "sample");
  return sample && G_VALUE_HOLDS(sample, GST_TYPE_SAMPLE) ? gst_value_get_sample(sample) : nullptr;
}

/// Takes it off, so that it does not stay with the picture for longer than it is needed.
inline void detach_second_generation(GstBuffer *buffer) {
  if (GstCustomMeta *meta = gst_buffer_get_custom_meta(buffer, kSecondGenerationMeta))
    gst_buffer_remove_meta(buffer, &meta->meta);
}

/// Said downstream by who hands second generations on, and whether it can (caps). Sticky. (transfer full)
inline GstEvent *new_second_generations(bool possible) {
  return gst_event_new_custom(
      GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
      gst_structure_new("oneadapt-second-generations", "possible", G_TYPE_BOOLEAN, gboolean(possible), nullptr));
}
/// None: it is another event.
inline std::optional<bool> second_generations_of(GstEvent *event) {
  gboolean possible = FALSE;
  if (!gst_event_has_name(event, "oneadapt-second-generations")) return std::nullopt;
  if (!gst_structure_get_boolean(gst_event_get_structure(event), "possible", &possible)) return std::nullopt;
  return possible;
}

}  // namespace oneadapt
