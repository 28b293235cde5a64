// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gstoneadapt.h"

G_DEFINE_BOXED_TYPE(GstOneadaptRendering, gst_oneadapt_rendering, gst_oneadapt_rendering_copy,
                    gst_oneadapt_rendering_free)

namespace {

constexpr const char *kName = "GstOneadaptProfile";
constexpr const char *kCountField = "renderings", *kRenderField = "render", *kDataField = "user-data",
                     *kAccuraciesField = "accuracies", *kInferencesField = "inferences";

GArray *copy_times(const GArray *times) {
  GArray *copy = g_array_sized_new(FALSE, FALSE, sizeof(GstClockTime), times->len);
  if (times->len) g_array_append_vals(copy, times->data, times->len);
  return copy;
}

void free_sample(gpointer sample) { gst_sample_unref(static_cast<GstSample *>(sample)); }

}  // namespace

/**
 * gst_oneadapt_rendering_new:
 *
 * Returns: (transfer full): a rendering without samples, whose resource is unknown (−1).
 */
GstOneadaptRendering *gst_oneadapt_rendering_new(void) {
  auto *rendering = g_new0(GstOneadaptRendering, 1);
  rendering->samples = g_ptr_array_new_with_free_func(free_sample);
  rendering->times = g_array_new(FALSE, FALSE, sizeof(GstClockTime));
  rendering->wanted = g_array_new(FALSE, FALSE, sizeof(GstClockTime));
  rendering->resource = -1;
  return rendering;
}

/**
 * gst_oneadapt_rendering_add:
 * @sample: (transfer full): raw media with caps
 * @stream_time: in ns, later than that of the sample before
 */
void gst_oneadapt_rendering_add(GstOneadaptRendering *rendering, GstSample *sample, GstClockTime stream_time) {
  g_return_if_fail(rendering != nullptr && GST_IS_SAMPLE(sample));
  g_ptr_array_add(rendering->samples, sample);
  g_array_append_val(rendering->times, stream_time);
}

/**
 * gst_oneadapt_rendering_want:
 * @stream_time: in ns, later than that wanted before
 */
void gst_oneadapt_rendering_want(GstOneadaptRendering *rendering, GstClockTime stream_time) {
  g_return_if_fail(rendering != nullptr);
  g_array_append_val(rendering->wanted, stream_time);
}

GstOneadaptRendering *gst_oneadapt_rendering_copy(const GstOneadaptRendering *rendering) {
  g_return_val_if_fail(rendering != nullptr, nullptr);
  auto *copy = g_new(GstOneadaptRendering, 1);
  *copy = *rendering;
  copy->samples = g_ptr_array_new_with_free_func(free_sample);
  for (guint i = 0; i < rendering->samples->len; ++i)
    g_ptr_array_add(copy->samples, gst_sample_ref(static_cast<GstSample *>(rendering->samples->pdata[i])));
  copy->times = copy_times(rendering->times);
  copy->wanted = copy_times(rendering->wanted);
  return copy;
}

void gst_oneadapt_rendering_free(GstOneadaptRendering *rendering) {
  if (!rendering) return;
  g_ptr_array_unref(rendering->samples);
  g_array_unref(rendering->times);
  g_array_unref(rendering->wanted);
  g_free(rendering);
}

/**
 * gst_query_new_oneadapt_profile:
 * @n_renderings: how many configurations, ≥ 1; the last is the one that the others are compared with
 * @render: (scope call): makes each
 * @user_data: for @render; must outlive the query
 *
 * Returns: (transfer full): a query for gst_pad_peer_query(). It may take as long as its renderings and their
 * inferences.
 */
GstQuery *gst_query_new_oneadapt_profile(guint n_renderings, GstOneadaptRenderFunc render, gpointer user_data) {
  g_return_val_if_fail(n_renderings > 0 && render != nullptr, nullptr);
  return gst_query_new_custom(
      GST_QUERY_CUSTOM,
      gst_structure_new(kName, kCountField, G_TYPE_UINT, n_renderings, kRenderField, G_TYPE_POINTER,
                        reinterpret_cast<gpointer>(render), kDataField, G_TYPE_POINTER, user_data, nullptr));
}

gboolean gst_query_is_oneadapt_profile(GstQuery *query) {
  g_return_val_if_fail(GST_IS_QUERY(query), FALSE);
  return GST_QUERY_TYPE(query) == GST_QUERY_CUSTOM && gst_structure_has_name(gst_query_get_structure(query), kName);
}

/**
 * gst_query_parse_oneadapt_profile:
 * @query: a query for which gst_query_is_oneadapt_profile() is TRUE
 * @n_renderings: (out): how many configurations
 * @render: (out): makes each; the last one is to be asked for first
 * @user_data: (out): for @render
 *
 * Returns: FALSE, and nothing handed out, for a malformed query.
 */
gboolean gst_query_parse_oneadapt_profile(GstQuery *query, guint *n_renderings, GstOneadaptRenderFunc *render,
                                          gpointer *user_data) {
  g_return_val_if_fail(gst_query_is_oneadapt_profile(query) && n_renderings && render && user_data, FALSE);
  guint n = 0;
  gpointer function = nullptr, data = nullptr;
  if (!gst_structure_get(gst_query_get_structure(query), kCountField, G_TYPE_UINT, &n, kRenderField, G_TYPE_POINTER,
                         &function, kDataField, G_TYPE_POINTER, &data, nullptr) ||
      n == 0 || !function)
    return FALSE;
  *n_renderings = n;
  *render = reinterpret_cast<GstOneadaptRenderFunc>(function);
  *user_data = data;
  return TRUE;
}

/**
 * gst_query_set_oneadapt_profile_result:
 * @query: a writable profile query
 * @accuracies: (array length=n_accuracies): one a configuration, in the order of their indices, in [0, 1]
 * @n_accuracies: as many as the query's renderings
 * @inferences: how many were run for it
 *
 * The answer. Who sets it returns TRUE from its query function.
 */
void gst_query_set_oneadapt_profile_result(GstQuery *query, const gdouble *accuracies, guint n_accuracies,
                                           guint64 inferences) {
  g_return_if_fail(gst_query_is_oneadapt_profile(query) && gst_query_is_writable(query) && accuracies != nullptr);
  GBytes *bytes = g_bytes_new(accuracies, n_accuracies * sizeof(gdouble));
  gst_structure_set(gst_query_writable_structure(query), kAccuraciesField, G_TYPE_BYTES, bytes, kInferencesField,
                    G_TYPE_UINT64, inferences, nullptr);
  g_bytes_unref(bytes);
}

/**
 * gst_query_parse_oneadapt_profile_result:
 * @query: an answered profile query
 * @accuracies: (out) (array length=n_accuracies) (transfer full): one a configuration; free with g_free()
 * @n_accuracies: (out): as many as the query's renderings
 * @inferences: (out): how many were run for it
 *
 * Returns: FALSE, and nothing handed out, when there is no answer, or one for another number of configurations.
 */
gboolean gst_query_parse_oneadapt_profile_result(GstQuery *query, gdouble **accuracies, guint *n_accuracies,
                                                 guint64 *inferences) {
  g_return_val_if_fail(gst_query_is_oneadapt_profile(query) && accuracies && n_accuracies && inferences, FALSE);
  const GstStructure *s = gst_query_get_structure(query);
  const GValue *value = gst_structure_get_value(s, kAccuraciesField);
  guint n = 0;
  guint64 count = 0;
  if (!value || !G_VALUE_HOLDS(value, G_TYPE_BYTES) || !gst_structure_get_uint(s, kCountField, &n) ||
      !gst_structure_get_uint64(s, kInferencesField, &count))
    return FALSE;
  gsize size = 0;
  gconstpointer raw = g_bytes_get_data(static_cast<GBytes *>(g_value_get_boxed(value)), &size);
  if (size != n * sizeof(gdouble)) return FALSE;
  *accuracies = static_cast<gdouble *>(g_memdup2(raw, size));
  *n_accuracies = n;
  *inferences = count;
  return TRUE;
}
