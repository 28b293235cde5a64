// SPDX-License-Identifier: LGPL-2.1-or-later
#include "fake_tunable.h"

#include <algorithm>
#include <thread>

static const double kLadder[] = {10, 20, 30, 40, 50};

static GstOneadaptKnob *fake_knob(FakeTunable *f) {
  guint rung = 0;
  while (rung < 4 && kLadder[rung] < f->value) ++rung;
  GstOneadaptKnob *k = gst_oneadapt_knob_new("level", kLadder, 5, rung);
  static const double accuracy[] = {0.5, 0.8, 0.9, 0.97, 1}, resource[] = {0.1, 0.2, 0.4, 0.6, 1};
  if (f->typical) gst_oneadapt_knob_set_typical(k, accuracy, resource);
  k->flags = f->flags;
  return k;
}
static GPtrArray *fake_list(GstOneadaptTunable *t) {
  GPtrArray *a = g_ptr_array_new_with_free_func(GDestroyNotify(gst_oneadapt_knob_free));
  g_ptr_array_add(a, fake_knob(reinterpret_cast<FakeTunable *>(t)));
  return a;
}
static GstOneadaptProbe *fake_probe(GstOneadaptTunable *t, guint64 interval, const GstOneadaptGradient *gradient,
                                    const gchar *const *, GError **error) {
  auto *f = reinterpret_cast<FakeTunable *>(t);
  while (*f->stuck) std::this_thread::yield();
  std::lock_guard<std::mutex> lock(*f->mutex);
  ++f->probes;
  f->probed = interval;
  if (f->fail) {
    g_set_error(error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_INTERVAL, "too late");
    return nullptr;
  }
  GstOneadaptProbe *p = gst_oneadapt_probe_new();
  GstOneadaptKnob *k = fake_knob(f);
  k->has_up = gradient && k->rung < 4;
  k->output_grad_up = f->output_grad;
  k->resource_change_up = f->resource_change;
  k->has_down = gradient && k->rung > 0;
  k->output_grad_down = f->output_grad;
  k->resource_change_down = -f->resource_change;
  g_ptr_array_add(p->knobs, k);
  p->bytes = f->rate > 0 ? guint64(f->rate * (k->typical_resource ? k->typical_resource[k->rung] : 1)) : 1000;
  f->confident = gradient ? int(gradient->confident) : -1;
  if (gradient) {
    const auto range = std::minmax_element(gradient->values, gradient->values + gradient->columns * gradient->rows);
    f->least = *range.first;
    f->most = *range.second;
    if (f->gradient) gst_oneadapt_gradient_free(f->gradient);
    f->gradient = gst_oneadapt_gradient_copy(gradient);
  }
  p->resource = f->value / 50;
  if (f->passes_nothing) p->frames_in = 10;
  p->activity = f->activity;
  p->has_lookahead = f->has_lookahead;
  return p;
}
static gboolean fake_apply(GstOneadaptTunable *t, guint64 interval, const GstStructure *c, GError **) {
  auto *f = reinterpret_cast<FakeTunable *>(t);
  std::lock_guard<std::mutex> lock(*f->mutex);
  f->applied_for = interval;
  ++f->applies;
  f->idle = -1;
  GstStructure *idle = nullptr;
  if (gst_structure_get(c, "idle", GST_TYPE_STRUCTURE, &idle, nullptr)) {
    gst_structure_get_double(idle, "level", &f->idle);
    gst_structure_free(idle);
  }
  return gst_structure_get_double(c, "level", &f->value);
}
/// Two samples, 100 ms apart, whose only byte is the level; results are wanted at both instants.
static GstOneadaptRendering *fake_render(GstOneadaptTunable *t, guint64 interval, const GstStructure *c, GError **) {
  auto *f = reinterpret_cast<FakeTunable *>(t);
  double level = 0;
  gst_structure_get_double(c, "level", &level);
  GstOneadaptRendering *r = gst_oneadapt_rendering_new();
  r->resource = level / 50;
  for (guint64 i = 0; i < 2; ++i) {
    const auto byte = guint8(level);
    GstBuffer *b = gst_buffer_new_memdup(&byte, 1);
    gst_oneadapt_rendering_add(r, gst_sample_new(b, nullptr, nullptr, nullptr), i * 100 * GST_MSECOND);
    gst_buffer_unref(b);
    gst_oneadapt_rendering_want(r, i * 100 * GST_MSECOND);
  }
  std::lock_guard<std::mutex> lock(*f->mutex);
  f->rendered->push_back(interval);
  f->frames_at_render->push_back(f->frames);
  return r;
}
static void fake_iface(gpointer iface, gpointer) {
  auto *i = static_cast<GstOneadaptTunableInterface *>(iface);
  i->list_knobs = fake_list;
  i->probe = fake_probe;
  i->apply = fake_apply;
  i->render = fake_render;
}
G_DEFINE_TYPE_WITH_CODE(FakeTunable, fake_tunable, GST_TYPE_ELEMENT,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_ONEADAPT_TUNABLE, fake_iface))
static GstStaticPadTemplate sink_t = GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_t = GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static GstFlowReturn fake_chain(GstPad *, GstObject *parent, GstBuffer *b) {
  auto *f = reinterpret_cast<FakeTunable *>(parent);
  {
    std::lock_guard<std::mutex> lock(*f->mutex);
    ++f->frames;
  }
  return gst_pad_push(f->src, b);
}
static void fake_tunable_init(FakeTunable *f) {
  f->mutex = new std::mutex;
  f->rendered = new std::vector<guint64>;
  f->frames_at_render = new std::vector<unsigned>;
  f->stuck = new std::atomic<bool>(false);
  f->value = 50;
  f->activity = f->idle = -1;
  f->applied_for = f->probed = G_MAXUINT64;
  f->sink = gst_pad_new_from_static_template(&sink_t, "sink");
  gst_pad_set_chain_function(f->sink, fake_chain);
  GST_PAD_SET_PROXY_CAPS(f->sink);
  gst_element_add_pad(GST_ELEMENT(f), f->sink);
  f->src = gst_pad_new_from_static_template(&src_t, "src");
  gst_element_add_pad(GST_ELEMENT(f), f->src);
}
static void fake_finalize(GObject *o) {
  auto *f = reinterpret_cast<FakeTunable *>(o);
  if (f->gradient) gst_oneadapt_gradient_free(f->gradient);
  delete f->mutex;
  delete f->stuck;
  delete f->rendered;
  delete f->frames_at_render;
  G_OBJECT_CLASS(fake_tunable_parent_class)->finalize(o);
}
static void fake_tunable_class_init(FakeTunableClass *k) {
  G_OBJECT_CLASS(k)->finalize = fake_finalize;
  gst_element_class_add_static_pad_template(GST_ELEMENT_CLASS(k), &sink_t);
  gst_element_class_add_static_pad_template(GST_ELEMENT_CLASS(k), &src_t);
  gst_element_class_set_static_metadata(GST_ELEMENT_CLASS(k), "fake", "Filter", "fake", "test");
}

void register_fake_tunable() {
  static const bool once = gst_element_register(nullptr, "faketunable", GST_RANK_NONE, fake_tunable_get_type());
  (void)once;
}
