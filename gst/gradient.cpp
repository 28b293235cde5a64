// SPDX-License-Identifier: LGPL-2.1-or-later
#include <zlib.h>

#include <cstring>
#include <exception>
#include <string>

#include "gradient_convert.h"
#include "gstoneadapt.h"

namespace {

using oneadapt::kGradientEvent;
using oneadapt::kGradientMessage;

std::size_t blocks(const GstOneadaptGradient *g) { return std::size_t(g->columns) * g->rows; }

GstEvent *new_event(GstEventType type, const GstOneadaptGradient *gradient) {
  g_return_val_if_fail(gradient != nullptr, nullptr);
  try {
    return oneadapt::new_gradient_event(type, oneadapt::to_core(*gradient), gradient->max_bytes);
  } catch (const std::exception &e) {
    g_critical("%s", e.what());
    return nullptr;
  }
}

}  // namespace

G_DEFINE_QUARK(gst - oneadapt - error - quark, gst_oneadapt_error)
G_DEFINE_BOXED_TYPE(GstOneadaptGradient, gst_oneadapt_gradient, gst_oneadapt_gradient_copy, gst_oneadapt_gradient_free)

/**
 * gst_oneadapt_gradient_new:
 * @frame_width: pixels, > 0
 * @frame_height: pixels, > 0
 * @block_size: pixels, > 0
 *
 * Returns: (transfer full) (nullable): a gradient whose map is all zero; NULL for a frame or block without pixels.
 */
GstOneadaptGradient *gst_oneadapt_gradient_new(guint frame_width, guint frame_height, guint block_size) {
  g_return_val_if_fail(frame_width > 0 && frame_height > 0 && block_size > 0, nullptr);
  auto *g = g_new0(GstOneadaptGradient, 1);
  oneadapt::copy_numbers(oneadapt::Gradient(), *g);
  g->interval_duration = GST_SECOND;
  g->frame_width = frame_width;
  g->frame_height = frame_height;
  g->block_size = block_size;
  oneadapt::BlockMap grid;
  grid.frame_width = frame_width;
  grid.frame_height = frame_height;
  grid.block_size = block_size;
  g->columns = grid.columns();
  g->rows = grid.rows();
  g->values = g_new0(gfloat, blocks(g));
  return g;
}

GstOneadaptGradient *gst_oneadapt_gradient_copy(const GstOneadaptGradient *gradient) {
  g_return_val_if_fail(gradient != nullptr, nullptr);
  auto *g = g_new(GstOneadaptGradient, 1);
  *g = *gradient;
  g->values = static_cast<gfloat *>(g_memdup2(gradient->values, blocks(gradient) * sizeof(gfloat)));
  g->regions = nullptr;
  gst_oneadapt_gradient_set_regions(g, gradient->regions, gradient->n_regions);
  return g;
}

/**
 * gst_oneadapt_gradient_set_regions:
 * @regions: (array length=n_regions) (nullable): regions, copied
 * @n_regions: how many
 */
void gst_oneadapt_gradient_set_regions(GstOneadaptGradient *gradient, const GstOneadaptRegion *regions,
                                       guint n_regions) {
  g_return_if_fail(gradient != nullptr && (regions != nullptr || n_regions == 0));
  gpointer copy = n_regions ? g_memdup2(regions, n_regions * sizeof(GstOneadaptRegion)) : nullptr;
  g_free(gradient->regions);
  gradient->regions = static_cast<GstOneadaptRegion *>(copy);
  gradient->n_regions = n_regions;
}

void gst_oneadapt_gradient_free(GstOneadaptGradient *gradient) {
  if (!gradient) return;
  g_free(gradient->values);
  g_free(gradient->regions);
  g_free(gradient);
}

GBytes *gst_oneadapt_gradient_to_bytes(const GstOneadaptGradient *gradient, GError **error) {
  g_return_val_if_fail(gradient != nullptr, nullptr);
  try {
    return oneadapt::new_gradient_message(oneadapt::to_core(*gradient), gradient->max_bytes);
  } catch (const std::exception &e) {
    g_set_error_literal(error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_MALFORMED, e.what());
    return nullptr;
  }
}

GstOneadaptGradient *gst_oneadapt_gradient_from_bytes(GBytes *bytes, GError **error) {
  g_return_val_if_fail(bytes != nullptr, nullptr);
  std::string why;
  const auto gradient = oneadapt::parse_gradient_message(bytes, why);
  if (!gradient) {
    g_set_error_literal(error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_MALFORMED, why.c_str());
    return nullptr;
  }
  return oneadapt::to_c(*gradient).release();
}

/**
 * gst_event_new_oneadapt_gradient:
 * @gradient: (transfer none): a gradient
 *
 * Returns: (transfer full) (nullable): an upstream event, or NULL (with a critical) for a gradient that is none.
 */
GstEvent *gst_event_new_oneadapt_gradient(const GstOneadaptGradient *gradient) {
  return new_event(GST_EVENT_CUSTOM_UPSTREAM, gradient);
}

/**
 * gst_event_new_oneadapt_gradient_downstream:
 * @gradient: (transfer none): a gradient
 *
 * Returns: (transfer full) (nullable): a serialized downstream event, or NULL (with a critical) for a gradient that is
 * none.
 */
GstEvent *gst_event_new_oneadapt_gradient_downstream(const GstOneadaptGradient *gradient) {
  return new_event(GST_EVENT_CUSTOM_DOWNSTREAM, gradient);
}

/**
 * gst_event_new_oneadapt_gradient_echo:
 * @event: (transfer none): an event of gst_event_new_oneadapt_gradient()
 *
 * Returns: (transfer full): a serialized downstream event with the same message.
 */
GstEvent *gst_event_new_oneadapt_gradient_echo(GstEvent *event) {
  g_return_val_if_fail(gst_event_is_oneadapt_gradient(event), nullptr);
  return gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, gst_structure_copy(gst_event_get_structure(event)));
}

gboolean gst_event_is_oneadapt_gradient(GstEvent *event) {
  g_return_val_if_fail(GST_IS_EVENT(event), FALSE);
  return GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_UPSTREAM && gst_event_has_name(event, kGradientEvent);
}

gboolean gst_event_is_oneadapt_gradient_downstream(GstEvent *event) {
  g_return_val_if_fail(GST_IS_EVENT(event), FALSE);
  return GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_DOWNSTREAM && gst_event_has_name(event, kGradientEvent);
}

GBytes *gst_event_get_oneadapt_gradient_message(GstEvent *event) {
  g_return_val_if_fail(gst_event_is_oneadapt_gradient(event) || gst_event_is_oneadapt_gradient_downstream(event),
                       nullptr);
  const GValue *value = gst_structure_get_value(gst_event_get_structure(event), kGradientMessage);
  return value && G_VALUE_HOLDS(value, G_TYPE_BYTES) ? static_cast<GBytes *>(g_value_get_boxed(value)) : nullptr;
}

gboolean gst_event_parse_oneadapt_gradient(GstEvent *event, GstOneadaptGradient **gradient, GError **error) {
  g_return_val_if_fail(gst_event_is_oneadapt_gradient(event) || gst_event_is_oneadapt_gradient_downstream(event),
                       FALSE);
  std::string why;
  const auto parsed = oneadapt::parse_gradient_event(event, why);
  if (!parsed) {
    g_set_error_literal(error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_MALFORMED, why.c_str());
    return FALSE;
  }
  if (gradient) *gradient = oneadapt::to_c(*parsed).release();
  return TRUE;
}

guint32 gst_oneadapt_pad_stream(GstPad *pad) {
  g_return_val_if_fail(GST_IS_PAD(pad), 0);
  gchar *id = gst_pad_get_stream_id(pad);
  if (!id) return 0;
  const auto crc = guint32(crc32(0, reinterpret_cast<const Bytef *>(id), uInt(std::strlen(id))));
  g_free(id);
  return crc;
}
