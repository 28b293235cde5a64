// SPDX-License-Identifier: LGPL-2.1-or-later
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/gradient/gradient.h"
#include "gstoneadapt.h"
#include "wire/message.h"

namespace {

constexpr const char *kEventName = "GstOneadaptGradient";
constexpr const char *kMessageField = "message";

std::size_t blocks(const GstOneadaptGradient *g) { return std::size_t(g->columns) * g->rows; }

oneadapt::Gradient to_core(const GstOneadaptGradient *g) {
  oneadapt::Gradient c;
  oneadapt::copy_numbers(*g, c);
  const auto domain = oneadapt::domain_of(unsigned(g->domain));
  if (!domain) throw std::invalid_argument("a gradient's domain must be one of GstOneadaptDomain");
  c.domain = *domain;
  c.map.frame_width = g->frame_width;
  c.map.frame_height = g->frame_height;
  c.map.block_size = g->block_size;
  if (g->columns != c.map.columns() || g->rows != c.map.rows())
    throw std::invalid_argument("a gradient's columns and rows must be those of its frame and block size");
  if (g->values) c.map.values.assign(g->values, g->values + blocks(g));
  for (guint i = 0; g->regions && i < g->n_regions; ++i)
    c.regions.push_back({g->regions[i].x_min, g->regions[i].y_min, g->regions[i].x_max, g->regions[i].y_max});
  return c;
}

GstOneadaptGradient *from_core(const oneadapt::Gradient &c) {
  GstOneadaptGradient *g = gst_oneadapt_gradient_new(c.map.frame_width, c.map.frame_height, c.map.block_size);
  oneadapt::copy_numbers(c, *g);
  g->domain = GstOneadaptDomain(c.domain);
  std::memcpy(g->values, c.map.values.data(), blocks(g) * sizeof(gfloat));
  std::vector<GstOneadaptRegion> regions;
  for (const oneadapt::Box &box : c.regions) regions.push_back({box.x0, box.y0, box.x1, box.y1});
  gst_oneadapt_gradient_set_regions(g, regions.data(), guint(regions.size()));
  return g;
}

GstEvent *new_event(GstEventType type, const GstOneadaptGradient *gradient) {
  GError *error = nullptr;
  GBytes *bytes = gst_oneadapt_gradient_to_bytes(gradient, &error);
  if (!bytes) {
    g_critical("%s", error ? error->message : "no gradient");
    g_clear_error(&error);
    return nullptr;
  }
  // The plain numbers are for people who read a debug log; the message is what counts.
  GstStructure *s =
      gst_structure_new(kEventName, "interval", G_TYPE_UINT64, gradient->interval, "stream-time", GST_TYPE_CLOCK_TIME,
                        gradient->stream_time, "z", G_TYPE_DOUBLE, gradient->z, "confident", G_TYPE_UINT,
                        gradient->confident, kMessageField, G_TYPE_BYTES, bytes, nullptr);
  g_bytes_unref(bytes);
  return gst_event_new_custom(type, s);
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
  g->theta = 0.5;
  g->slope = 20.0;
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
    const std::size_t wanted = gradient->max_bytes ? gradient->max_bytes : oneadapt::kMessageBudget;
    const auto message = oneadapt::encode_gradient(
        to_core(gradient), std::clamp(wanted, oneadapt::kLeastMessageBudget, oneadapt::kMessageBudget));
    return g_bytes_new(message.data(), message.size());
  } catch (const std::exception &e) {
    g_set_error_literal(error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_MALFORMED, e.what());
    return nullptr;
  }
}

GstOneadaptGradient *gst_oneadapt_gradient_from_bytes(GBytes *bytes, GError **error) {
  g_return_val_if_fail(bytes != nullptr, nullptr);
  gsize size = 0;
  const auto *data = static_cast<const std::uint8_t *>(g_bytes_get_data(bytes, &size));
  oneadapt::Gradient gradient;
  std::string why;
  if (!oneadapt::decode_gradient(data, size, gradient, why)) {
    g_set_error_literal(error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_MALFORMED, why.c_str());
    return nullptr;
  }
  return from_core(gradient);
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
  return GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_UPSTREAM && gst_event_has_name(event, kEventName);
}

gboolean gst_event_is_oneadapt_gradient_downstream(GstEvent *event) {
  g_return_val_if_fail(GST_IS_EVENT(event), FALSE);
  return GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_DOWNSTREAM && gst_event_has_name(event, kEventName);
}

GBytes *gst_event_get_oneadapt_gradient_message(GstEvent *event) {
  g_return_val_if_fail(gst_event_is_oneadapt_gradient(event) || gst_event_is_oneadapt_gradient_downstream(event),
                       nullptr);
  const GValue *value = gst_structure_get_value(gst_event_get_structure(event), kMessageField);
  return value && G_VALUE_HOLDS(value, G_TYPE_BYTES) ? static_cast<GBytes *>(g_value_get_boxed(value)) : nullptr;
}

gboolean gst_event_parse_oneadapt_gradient(GstEvent *event, GstOneadaptGradient **gradient, GError **error) {
  g_return_val_if_fail(gst_event_is_oneadapt_gradient(event) || gst_event_is_oneadapt_gradient_downstream(event),
                       FALSE);
  GBytes *message = gst_event_get_oneadapt_gradient_message(event);
  if (!message) {
    g_set_error_literal(error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_MALFORMED,
                        "a gradient event without its message");
    return FALSE;
  }
  GstOneadaptGradient *g = gst_oneadapt_gradient_from_bytes(message, error);
  if (!g) return FALSE;
  if (gradient) {
    *gradient = g;
  } else {
    gst_oneadapt_gradient_free(g);
  }
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
