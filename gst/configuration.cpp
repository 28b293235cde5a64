// SPDX-License-Identifier: LGPL-2.1-or-later
#include <cmath>

#include "gstoneadapt.h"

namespace {

constexpr const char *kEventName = "GstOneadaptConfiguration";
constexpr const char *kIntervalField = "interval", *kDurationField = "interval-duration", *kBytesField = "bytes",
                     *kKnobsField = "knobs", *kQpMapField = "qp-map";
constexpr guint64 kMaxBlocks = 1u << 20;  // as in the gradient message
constexpr float kMaxOffset = 51;          // H.264's QPs are 0…51

gboolean is_number(GQuark, const GValue *value, gpointer) {
  GValue number = G_VALUE_INIT;
  g_value_init(&number, G_TYPE_DOUBLE);
  const GType type = G_VALUE_TYPE(value);
  // GLib would turn a boolean or an enumeration into a number too; neither is a knob's value.
  const bool numeric = type == G_TYPE_INT || type == G_TYPE_UINT || type == G_TYPE_INT64 || type == G_TYPE_UINT64 ||
                       type == G_TYPE_FLOAT || type == G_TYPE_DOUBLE;
  return numeric && g_value_transform(value, &number) && std::isfinite(g_value_get_double(&number));
}

bool are_knobs(const GstStructure *knobs) { return gst_structure_foreach(knobs, is_number, nullptr); }

/// Number of blocks of such a frame, 0 when it is none or has too many.
guint64 blocks(guint width, guint height, guint block) {
  if (!width || !height || !block) return 0;
  const guint64 n = (guint64(width) + block - 1) / block * ((guint64(height) + block - 1) / block);
  return n <= kMaxBlocks ? n : 0;
}

bool are_offsets(const gfloat *offsets, guint64 n) {
  for (guint64 i = 0; i < n; ++i)
    if (!(std::fabs(offsets[i]) <= kMaxOffset)) return false;  // NaN is none either
  return true;
}

gboolean malformed(GError **error, const char *why) {
  g_set_error_literal(error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_MALFORMED, why);
  return FALSE;
}

}  // namespace

/**
 * gst_event_new_oneadapt_configuration:
 * @interval: number of the interval that begins, floor(stream time / @interval_duration)
 * @knobs: (transfer none): the values in force from its first frame on, one number field a knob; other names are the
 *   reader's to ignore
 * @bytes_of_last_interval: bytes that left the filter during the interval before, #GST_ONEADAPT_BYTES_UNKNOWN at first
 * @interval_duration: in ns, > 0
 *
 * Returns: (transfer full) (nullable): a serialized downstream event; NULL (with a critical) when a knob is no finite
 * number or the interval has no duration.
 */
GstEvent *gst_event_new_oneadapt_configuration(guint64 interval, const GstStructure *knobs,
                                               guint64 bytes_of_last_interval, GstClockTime interval_duration) {
  g_return_val_if_fail(knobs != nullptr && are_knobs(knobs), nullptr);
  g_return_val_if_fail(GST_CLOCK_TIME_IS_VALID(interval_duration) && interval_duration > 0, nullptr);
  return gst_event_new_custom(
      GST_EVENT_CUSTOM_DOWNSTREAM,
      gst_structure_new(kEventName, kIntervalField, G_TYPE_UINT64, interval, kDurationField, GST_TYPE_CLOCK_TIME,
                        interval_duration, kBytesField, G_TYPE_UINT64, bytes_of_last_interval, kKnobsField,
                        GST_TYPE_STRUCTURE, knobs, nullptr));
}

gboolean gst_event_is_oneadapt_configuration(GstEvent *event) {
  g_return_val_if_fail(GST_IS_EVENT(event), FALSE);
  return GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_DOWNSTREAM && gst_event_has_name(event, kEventName);
}

/**
 * gst_event_parse_oneadapt_configuration:
 * @event: an event for which gst_event_is_oneadapt_configuration() is TRUE
 * @interval: (out) (optional): number of the interval that begins
 * @knobs: (out) (optional) (transfer full): one number field a knob
 * @bytes_of_last_interval: (out) (optional): #GST_ONEADAPT_BYTES_UNKNOWN when unknown
 * @interval_duration: (out) (optional): in ns, > 0
 *
 * Returns: FALSE with @error set, and nothing handed out, for a malformed event.
 */
gboolean gst_event_parse_oneadapt_configuration(GstEvent *event, guint64 *interval, GstStructure **knobs,
                                                guint64 *bytes_of_last_interval, GstClockTime *interval_duration,
                                                GError **error) {
  g_return_val_if_fail(gst_event_is_oneadapt_configuration(event), FALSE);
  const GstStructure *s = gst_event_get_structure(event);
  guint64 number = 0, bytes = 0;
  GstClockTime duration = 0;
  if (!gst_structure_get_uint64(s, kIntervalField, &number) || !gst_structure_get_uint64(s, kBytesField, &bytes) ||
      !gst_structure_get_clock_time(s, kDurationField, &duration))
    return malformed(error, "a configuration event without interval, duration or bytes");
  if (!GST_CLOCK_TIME_IS_VALID(duration) || duration == 0)
    return malformed(error, "a configuration event whose interval has no duration");
  const GValue *value = gst_structure_get_value(s, kKnobsField);
  const GstStructure *values = value && GST_VALUE_HOLDS_STRUCTURE(value) ? gst_value_get_structure(value) : nullptr;
  if (!values || !are_knobs(values)) return malformed(error, "a configuration event whose knobs are no numbers");
  if (interval) *interval = number;
  if (knobs) *knobs = gst_structure_copy(values);
  if (bytes_of_last_interval) *bytes_of_last_interval = bytes;
  if (interval_duration) *interval_duration = duration;
  return TRUE;
}

/**
 * gst_event_set_oneadapt_qp_map:
 * @event: a writable configuration event
 * @frame_width: in pixels, of the frame that the map is for
 * @frame_height: in pixels
 * @block_size: side of a block in pixels
 * @offsets: (array): one a block, row by row, ceil(@frame_width / @block_size) a row: what is added to the QP of the
 *   frame there, −51…51; negative is sharper
 *
 * Returns: FALSE (with a critical) for a map that is none.
 */
gboolean gst_event_set_oneadapt_qp_map(GstEvent *event, guint frame_width, guint frame_height, guint block_size,
                                       const gfloat *offsets) {
  g_return_val_if_fail(gst_event_is_oneadapt_configuration(event) && gst_event_is_writable(event), FALSE);
  const guint64 n = blocks(frame_width, frame_height, block_size);
  g_return_val_if_fail(n > 0 && offsets != nullptr && are_offsets(offsets, n), FALSE);
  GBytes *bytes = g_bytes_new(offsets, n * sizeof(gfloat));
  GstStructure *map =
      gst_structure_new("map", "frame-width", G_TYPE_UINT, frame_width, "frame-height", G_TYPE_UINT, frame_height,
                        "block-size", G_TYPE_UINT, block_size, "offsets", G_TYPE_BYTES, bytes, nullptr);
  gst_structure_set(gst_event_writable_structure(event), kQpMapField, GST_TYPE_STRUCTURE, map, nullptr);
  gst_structure_free(map);
  g_bytes_unref(bytes);
  return TRUE;
}

/**
 * gst_event_parse_oneadapt_qp_map:
 * @event: an event for which gst_event_is_oneadapt_configuration() is TRUE
 * @frame_width: (out) (optional): in pixels
 * @frame_height: (out) (optional): in pixels
 * @block_size: (out) (optional): in pixels
 * @offsets: (out) (optional) (transfer full): one a block, as in gst_event_set_oneadapt_qp_map(); free with g_free()
 *
 * Returns: FALSE when the event carries no map, and then without @error; FALSE with @error set for a malformed one.
 */
gboolean gst_event_parse_oneadapt_qp_map(GstEvent *event, guint *frame_width, guint *frame_height, guint *block_size,
                                         gfloat **offsets, GError **error) {
  g_return_val_if_fail(gst_event_is_oneadapt_configuration(event), FALSE);
  const GValue *value = gst_structure_get_value(gst_event_get_structure(event), kQpMapField);
  if (!value) return FALSE;
  const GstStructure *map = GST_VALUE_HOLDS_STRUCTURE(value) ? gst_value_get_structure(value) : nullptr;
  guint width = 0, height = 0, block = 0;
  const GValue *data = map ? gst_structure_get_value(map, "offsets") : nullptr;
  if (!data || !G_VALUE_HOLDS(data, G_TYPE_BYTES) || !g_value_get_boxed(data) ||
      !gst_structure_get_uint(map, "frame-width", &width) || !gst_structure_get_uint(map, "frame-height", &height) ||
      !gst_structure_get_uint(map, "block-size", &block))
    return malformed(error, "a QP map without size or offsets");
  gsize size = 0;
  gconstpointer raw = g_bytes_get_data(static_cast<GBytes *>(g_value_get_boxed(data)), &size);
  const guint64 n = blocks(width, height, block);
  if (n == 0 || size != n * sizeof(gfloat))
    return malformed(error, "a QP map with another number of offsets than blocks");
  auto *copy = static_cast<gfloat *>(g_memdup2(raw, size));
  if (!are_offsets(copy, n)) {
    g_free(copy);
    return malformed(error, "a QP map with offsets outside -51 to 51");
  }
  if (frame_width) *frame_width = width;
  if (frame_height) *frame_height = height;
  if (block_size) *block_size = block;
  if (offsets) {
    *offsets = copy;
  } else {
    g_free(copy);
  }
  return TRUE;
}
