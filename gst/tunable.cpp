// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gstoneadapt.h"

G_DEFINE_INTERFACE(GstOneadaptTunable, gst_oneadapt_tunable, GST_TYPE_ELEMENT)
G_DEFINE_BOXED_TYPE(GstOneadaptKnob, gst_oneadapt_knob, gst_oneadapt_knob_copy, gst_oneadapt_knob_free)
G_DEFINE_BOXED_TYPE(GstOneadaptProbe, gst_oneadapt_probe, gst_oneadapt_probe_copy, gst_oneadapt_probe_free)

static void gst_oneadapt_tunable_default_init(GstOneadaptTunableInterface *) {}

/// Whether the tunable has that function; if not, @error says that it cannot do `what`.
template <class Function>
static bool has(GstOneadaptTunable *tunable, Function function, const char *what, GError **error) {
  if (function) return true;
  g_set_error(error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_FAILED, "%s cannot %s", GST_OBJECT_NAME(tunable), what);
  return false;
}

/**
 * gst_oneadapt_knob_new:
 * @name: the knob's name
 * @ladder: (array length=n_ladder): values, cheap → expensive
 * @n_ladder: how many, ≥ 1
 * @rung: the one in force, < @n_ladder
 *
 * Returns: (transfer full) (nullable): a knob without measured effects.
 */
GstOneadaptKnob *gst_oneadapt_knob_new(const gchar *name, const gdouble *ladder, guint n_ladder, guint rung) {
  g_return_val_if_fail(name != nullptr && ladder != nullptr && rung < n_ladder, nullptr);
  auto *knob = g_new0(GstOneadaptKnob, 1);
  knob->name = g_strdup(name);
  knob->ladder = static_cast<gdouble *>(g_memdup2(ladder, n_ladder * sizeof(gdouble)));
  knob->n_ladder = n_ladder;
  knob->rung = rung;
  knob->value = ladder[rung];
  return knob;
}

GstOneadaptKnob *gst_oneadapt_knob_copy(const GstOneadaptKnob *knob) {
  g_return_val_if_fail(knob != nullptr, nullptr);
  auto *copy = g_new(GstOneadaptKnob, 1);
  *copy = *knob;
  copy->name = g_strdup(knob->name);
  copy->ladder = static_cast<gdouble *>(g_memdup2(knob->ladder, knob->n_ladder * sizeof(gdouble)));
  copy->typical_accuracy = copy->typical_resource = copy->typical_compute = nullptr;
  if (knob->typical_accuracy && knob->typical_resource)
    gst_oneadapt_knob_set_typical(copy, knob->typical_accuracy, knob->typical_resource);
  if (knob->typical_compute) gst_oneadapt_knob_set_typical_compute(copy, knob->typical_compute);
  return copy;
}

/**
 * gst_oneadapt_knob_set_typical:
 * @accuracy: (array): accuracy that each rung usually keeps, in [0, 1]
 * @resource: (array): resource that each rung usually takes, as a fraction of the most expensive configuration's
 */
void gst_oneadapt_knob_set_typical(GstOneadaptKnob *knob, const gdouble *accuracy, const gdouble *resource) {
  g_return_if_fail(knob != nullptr && accuracy != nullptr && resource != nullptr);
  const gsize size = knob->n_ladder * sizeof(gdouble);
  gpointer a = g_memdup2(accuracy, size), r = g_memdup2(resource, size);
  g_free(knob->typical_accuracy);
  g_free(knob->typical_resource);
  knob->typical_accuracy = static_cast<gdouble *>(a);
  knob->typical_resource = static_cast<gdouble *>(r);
}

/**
 * gst_oneadapt_knob_set_typical_compute:
 * @compute: (array): frames that each rung usually leaves to analyse, as a fraction of the most expensive
 *   configuration's; as many as the ladder has values
 */
void gst_oneadapt_knob_set_typical_compute(GstOneadaptKnob *knob, const gdouble *compute) {
  g_return_if_fail(knob != nullptr && compute != nullptr);
  gpointer c = g_memdup2(compute, knob->n_ladder * sizeof(gdouble));
  g_free(knob->typical_compute);
  knob->typical_compute = static_cast<gdouble *>(c);
}

void gst_oneadapt_knob_free(GstOneadaptKnob *knob) {
  if (!knob) return;
  g_free(knob->name);
  g_free(knob->ladder);
  g_free(knob->typical_accuracy);
  g_free(knob->typical_resource);
  g_free(knob->typical_compute);
  g_free(knob);
}

/**
 * gst_oneadapt_probe_new:
 *
 * Returns: (transfer full): a probe without knobs whose resource, compute and activity are unknown (−1).
 */
GstOneadaptProbe *gst_oneadapt_probe_new(void) {
  auto *probe = g_new0(GstOneadaptProbe, 1);
  probe->knobs = g_ptr_array_new_with_free_func(GDestroyNotify(gst_oneadapt_knob_free));
  probe->resource = -1;
  probe->compute = -1;
  probe->activity = -1;
  return probe;
}

GstOneadaptProbe *gst_oneadapt_probe_copy(const GstOneadaptProbe *probe) {
  g_return_val_if_fail(probe != nullptr, nullptr);
  auto *copy = g_new(GstOneadaptProbe, 1);
  *copy = *probe;
  copy->knobs = g_ptr_array_new_with_free_func(GDestroyNotify(gst_oneadapt_knob_free));
  for (guint i = 0; i < probe->knobs->len; ++i)
    g_ptr_array_add(copy->knobs, gst_oneadapt_knob_copy(static_cast<GstOneadaptKnob *>(probe->knobs->pdata[i])));
  return copy;
}

void gst_oneadapt_probe_free(GstOneadaptProbe *probe) {
  if (!probe) return;
  g_ptr_array_unref(probe->knobs);
  g_free(probe);
}

/**
 * gst_oneadapt_tunable_list_knobs:
 *
 * Returns: (transfer full) (element-type GstOneadaptKnob): see GstOneadaptTunableInterface.list_knobs; never NULL.
 */
GPtrArray *gst_oneadapt_tunable_list_knobs(GstOneadaptTunable *tunable) {
  g_return_val_if_fail(GST_IS_ONEADAPT_TUNABLE(tunable), nullptr);
  auto *iface = GST_ONEADAPT_TUNABLE_GET_INTERFACE(tunable);
  GPtrArray *knobs = iface->list_knobs ? iface->list_knobs(tunable) : nullptr;
  return knobs ? knobs : g_ptr_array_new_with_free_func(GDestroyNotify(gst_oneadapt_knob_free));
}

/**
 * gst_oneadapt_tunable_probe:
 * @interval: number of the interval
 * @gradient: (nullable): its gradient
 * @knobs: (nullable) (array zero-terminated=1): names of the knobs to probe, NULL for all
 *
 * Returns: (transfer full) (nullable): see GstOneadaptTunableInterface.probe.
 */
GstOneadaptProbe *gst_oneadapt_tunable_probe(GstOneadaptTunable *tunable, guint64 interval,
                                             const GstOneadaptGradient *gradient, const gchar *const *knobs,
                                             GError **error) {
  g_return_val_if_fail(GST_IS_ONEADAPT_TUNABLE(tunable), nullptr);
  auto *iface = GST_ONEADAPT_TUNABLE_GET_INTERFACE(tunable);
  if (!has(tunable, iface->probe, "probe", error)) return nullptr;
  return iface->probe(tunable, interval, gradient, knobs, error);
}

/**
 * gst_oneadapt_tunable_apply:
 * @interval: first interval that the configuration is meant for
 * @configuration: (transfer none): one number field a knob
 *
 * Returns: FALSE with @error set for an unknown knob or a value outside its range; nothing is applied then.
 */
gboolean gst_oneadapt_tunable_apply(GstOneadaptTunable *tunable, guint64 interval, const GstStructure *configuration,
                                    GError **error) {
  g_return_val_if_fail(GST_IS_ONEADAPT_TUNABLE(tunable) && configuration != nullptr, FALSE);
  auto *iface = GST_ONEADAPT_TUNABLE_GET_INTERFACE(tunable);
  if (!has(tunable, iface->apply, "apply a configuration", error)) return FALSE;
  return iface->apply(tunable, interval, configuration, error);
}

/**
 * gst_oneadapt_tunable_render:
 * @interval: number of the interval
 * @configuration: (transfer none): one number field a knob; knobs that it does not name are as they were
 *
 * Returns: (transfer full) (nullable): see GstOneadaptTunableInterface.render.
 */
GstOneadaptRendering *gst_oneadapt_tunable_render(GstOneadaptTunable *tunable, guint64 interval,
                                                  const GstStructure *configuration, GError **error) {
  g_return_val_if_fail(GST_IS_ONEADAPT_TUNABLE(tunable) && configuration != nullptr, nullptr);
  auto *iface = GST_ONEADAPT_TUNABLE_GET_INTERFACE(tunable);
  if (!has(tunable, iface->render, "render", error)) return nullptr;
  return iface->render(tunable, interval, configuration, error);
}
