// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-oneadaptshadow
 * @title: oneadaptshadow
 *
 * Measures accuracy without labels, at the DNN's end, together with #oneadaptdnn behind it. It codes the pictures that
 * arrive once more, as the camera coded them: with the same QPs, macroblock for macroblock, on a grid that is shifted
 * by four pixels. What the DNN finds again in this second generation is about what it finds in the first of what it
 * would have found in the camera's own picture (docs/accuracy.md). oneadaptdnn infers one picture in
 * #oneadaptshadow:every once more, and the result goes to the controller with the gradient; oneadaptctl needs it to
 * keep the accuracy that #oneadaptctl:min-accuracy asks for.
 *
 * It stands directly behind the decoder. The pictures themselves pass through untouched. Within a process, QPs come
 * with the announcements of #oneadaptfilter; across a network, with its marks.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=clips/vtest.avi ! decodebin ! videoconvert ! oneadaptctl min-accuracy=0.9 !
 * oneadaptfilter ! h264parse ! avdec_h264 max-threads=1 ! oneadaptshadow ! videoconvert ! oneadaptdnn
 * model=models/nanodet.pt classes=person ! fakesink
 * ]|
 */
// Locks: OBJECT_LOCK guards Settings and Counters. coding_mutex guards what announcements, marks and gradients say,
// which come from two threads; a leaf.
#include "config.h"

#include "shadow/shadow.h"

#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "frame_mark.h"
#include "gradient_convert.h"
#include "gstoneadapt.h"
#include "received_coding.h"
#include "second_generation.h"
#include "shadow/second_coder.h"

GST_DEBUG_CATEGORY_STATIC(oneadapt_shadow_debug);
#define GST_CAT_DEFAULT oneadapt_shadow_debug

namespace {

// One picture in seven: 15 % of the inferences at most (docs/accuracy.md).
constexpr guint kDefaultEvery = 7;
constexpr int kLeastSide = 32;

struct ShadowSettings {
  guint every = kDefaultEvery;
};
struct ShadowCounters {
  guint64 frames = 0, coded = 0, measured = 0;
};
struct ShadowState {
  ShadowSettings settings;
  ShadowCounters counters;
  std::mutex coding_mutex;
  oneadapt::ReceivedCoding coding;
  // Of the streaming thread.
  GstVideoInfo info{};
  bool possible = false, failed = false;
  std::unique_ptr<oneadapt::SecondCoder> coder;
  guint since = 0;  ///< frames since one was measured
  GstCaps *caps = nullptr;
};

enum { PROP_0, PROP_EVERY, PROP_STATS };

}  // namespace

G_BEGIN_DECLS
#define GST_TYPE_ONEADAPT_SHADOW (gst_oneadapt_shadow_get_type())
G_DECLARE_FINAL_TYPE(GstOneadaptShadow, gst_oneadapt_shadow, GST, ONEADAPT_SHADOW, GstBaseTransform)
struct _GstOneadaptShadow {
  GstBaseTransform parent;
  ShadowState *state;
};
G_END_DECLS

G_DEFINE_TYPE(GstOneadaptShadow, gst_oneadapt_shadow, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(oneadaptshadow, "oneadaptshadow", GST_RANK_NONE, GST_TYPE_ONEADAPT_SHADOW,
                                      GST_DEBUG_CATEGORY_INIT(oneadapt_shadow_debug, "oneadaptshadow", 0,
                                                              "accuracy without labels"))

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw(ANY)"));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS("video/x-raw(ANY)"));

static void forget_coder(ShadowState *st) {
  st->coder.reset();
  st->failed = false;
  st->since = 0;
  gst_clear_caps(&st->caps);
}

static gboolean set_caps(GstBaseTransform *trans, GstCaps *in, GstCaps *) {
  ShadowState *st = GST_ONEADAPT_SHADOW(trans)->state;
  forget_coder(st);
  const GstCapsFeatures *features = gst_caps_get_features(in, 0);
  const bool system = gst_caps_features_is_equal(features, GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY);
  st->possible = gst_video_info_from_caps(&st->info, in) && system && st->info.width >= kLeastSide &&
                 st->info.height >= kLeastSide &&
                 (GST_VIDEO_INFO_FORMAT(&st->info) == GST_VIDEO_FORMAT_I420 ||
                  GST_VIDEO_INFO_FORMAT(&st->info) == GST_VIDEO_FORMAT_NV12);
  if (!st->possible)
    GST_ELEMENT_WARNING(trans, STREAM, FORMAT,
                        ("Accuracy cannot be measured on these pictures; put this element directly behind the decoder, "
                         "where they are I420 or NV12 of at least %d pixels a side.",
                         kLeastSide),
                        ("caps are %" GST_PTR_FORMAT, in));
  return TRUE;
}

/// Codes the picture, and hangs its second generation on it where one is due. Throws.
static void code(GstOneadaptShadow *self, GstBuffer *buffer) {
  ShadowState *st = self->state;
  std::optional<int> qp;
  std::vector<float> offsets;
  {
    std::lock_guard<std::mutex> lock(st->coding_mutex);
    if (const auto mark = oneadapt::mark_of(buffer)) st->coding.mark(*mark);
    if (st->coding.wanted().value_or(true)) qp = st->coding.qp();
    offsets = st->coding.map().of(unsigned(st->info.width) & ~1u, unsigned(st->info.height) & ~1u);
  }
  if (!qp) {
    st->coder.reset();  // what it would predict from is old when it is wanted again
    return;
  }
  GST_OBJECT_LOCK(self);
  const guint every = st->settings.every;
  GST_OBJECT_UNLOCK(self);
  if (!st->coder) {
    st->coder = std::make_unique<oneadapt::SecondCoder>(st->info, "veryfast");
    st->caps = gst_video_info_to_caps(&st->coder->output());
  }
  const bool due = ++st->since >= every;
  const oneadapt::BufferRef second = st->coder->code(buffer, *qp, offsets, due);
  if (due) {
    st->since = 0;
    GstSample *sample = gst_sample_new(second.get(), st->caps, nullptr, nullptr);
    oneadapt::attach_second_generation(buffer, sample);
    gst_sample_unref(sample);
  }
  GST_OBJECT_LOCK(self);
  ++st->counters.coded;
  st->counters.measured += due;
  GST_OBJECT_UNLOCK(self);
}

static GstFlowReturn transform_ip(GstBaseTransform *trans, GstBuffer *buffer) {
  GstOneadaptShadow *self = GST_ONEADAPT_SHADOW(trans);
  ShadowState *st = self->state;
  GST_OBJECT_LOCK(self);
  ++st->counters.frames;
  GST_OBJECT_UNLOCK(self);
  if (!st->possible || st->failed) return GST_FLOW_OK;
  try {
    code(self, buffer);
  } catch (const std::exception &e) {
    st->failed = true;
    GST_ELEMENT_WARNING(self, LIBRARY, ENCODE, ("Accuracy is no longer measured: %s.", e.what()),
                        ("pictures pass through as before"));
  }
  return GST_FLOW_OK;
}

static gboolean sink_event(GstBaseTransform *trans, GstEvent *event) {
  ShadowState *st = GST_ONEADAPT_SHADOW(trans)->state;
  if (GST_EVENT_IS_SERIALIZED(event)) {
    std::lock_guard<std::mutex> lock(st->coding_mutex);
    st->coding.event(event);
  }
  const bool caps = GST_EVENT_TYPE(event) == GST_EVENT_CAPS;
  const gboolean done = GST_BASE_TRANSFORM_CLASS(gst_oneadapt_shadow_parent_class)->sink_event(trans, event);
  // So that oneadaptdnn does not estimate what is measured here.
  if (done && caps)
    gst_pad_push_event(GST_BASE_TRANSFORM_SRC_PAD(trans), oneadapt::new_second_generations(st->possible));
  return done;
}

static gboolean src_event(GstBaseTransform *trans, GstEvent *event) {
  ShadowState *st = GST_ONEADAPT_SHADOW(trans)->state;
  if (gst_event_is_oneadapt_gradient(event)) {
    std::string why;
    if (const auto gradient = oneadapt::parse_gradient_event(event, why)) {
      std::lock_guard<std::mutex> lock(st->coding_mutex);
      st->coding.gradient(*gradient);
    }
  }
  return GST_BASE_TRANSFORM_CLASS(gst_oneadapt_shadow_parent_class)->src_event(trans, event);
}

static gboolean start(GstBaseTransform *trans) {
  GstOneadaptShadow *self = GST_ONEADAPT_SHADOW(trans);
  ShadowState *st = self->state;
  forget_coder(st);
  st->possible = false;
  GST_OBJECT_LOCK(self);
  st->counters = {};
  GST_OBJECT_UNLOCK(self);
  std::lock_guard<std::mutex> lock(st->coding_mutex);
  st->coding.reset();
  return TRUE;
}

static gboolean stop(GstBaseTransform *trans) {
  forget_coder(GST_ONEADAPT_SHADOW(trans)->state);
  return TRUE;
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  ShadowState *st = GST_ONEADAPT_SHADOW(object)->state;
  if (id != PROP_EVERY) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    return;
  }
  GST_OBJECT_LOCK(object);
  st->settings.every = g_value_get_uint(value);
  GST_OBJECT_UNLOCK(object);
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  ShadowState *st = GST_ONEADAPT_SHADOW(object)->state;
  GST_OBJECT_LOCK(object);
  const ShadowSettings settings = st->settings;
  const ShadowCounters c = st->counters;
  GST_OBJECT_UNLOCK(object);
  switch (id) {
    case PROP_EVERY:
      g_value_set_uint(value, settings.every);
      break;
    case PROP_STATS:
      g_value_take_boxed(
          value, gst_structure_new("oneadaptshadow-stats", "frames", G_TYPE_UINT64, c.frames, "coded", G_TYPE_UINT64,
                                   c.coded, "measured", G_TYPE_UINT64, c.measured, nullptr));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
}

static void finalize(GObject *object) {
  forget_coder(GST_ONEADAPT_SHADOW(object)->state);
  delete GST_ONEADAPT_SHADOW(object)->state;
  G_OBJECT_CLASS(gst_oneadapt_shadow_parent_class)->finalize(object);
}

static void gst_oneadapt_shadow_init(GstOneadaptShadow *self) {
  self->state = new ShadowState;
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
}

static void gst_oneadapt_shadow_class_init(GstOneadaptShadowClass *klass) {
  GObjectClass *object = G_OBJECT_CLASS(klass);
  object->set_property = set_property;
  object->get_property = get_property;
  object->finalize = finalize;
  g_object_class_install_property(
      object, PROP_EVERY,
      g_param_spec_uint("every", "Every",
                        "One picture in so many is handed on with its second generation, for oneadaptdnn to infer once "
                        "more; evidence against inferences",
                        1, 10000, kDefaultEvery,
                        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING)));
  g_object_class_install_property(
      object, PROP_STATS,
      g_param_spec_boxed("stats", "Statistics",
                         "frames that came, coded (once more), measured (handed on with their second generation)",
                         GST_TYPE_STRUCTURE, GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
  GstElementClass *element = GST_ELEMENT_CLASS(klass);
  gst_element_class_add_static_pad_template(element, &sink_template);
  gst_element_class_add_static_pad_template(element, &src_template);
  gst_element_class_set_static_metadata(element, "OneAdapt shadow encoder", "Filter/Analyzer/Video",
                                        "Codes received pictures once more, so that oneadaptdnn can measure accuracy "
                                        "without labels",
                                        "OneAdapt for GStreamer");
  GstBaseTransformClass *trans = GST_BASE_TRANSFORM_CLASS(klass);
  trans->set_caps = set_caps;
  trans->transform_ip = transform_ip;
  trans->sink_event = sink_event;
  trans->src_event = src_event;
  trans->start = start;
  trans->stop = stop;
}
