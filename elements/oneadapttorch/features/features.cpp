// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-oneadaptfeatures
 * @title: oneadaptfeatures
 *
 * The first half of a detector, at the sensor: video in, a mosaic of the detector's features out, as gray video that
 * #oneadaptfilter codes with its knobs. #oneadaptdnn has the second half. `oneadapt-import --split` makes both
 * (docs/features.md).
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=20 ! video/x-raw,width=384,height=224,framerate=10/1 !
 * oneadaptfeatures model=models/features-head.pt ! oneadaptfilter qp=20 ! h264parse ! avdec_h264 max-threads=1 !
 * oneadaptdnn model=models/features-tail.pt ! fakesink
 * ]| Features instead of pixels.
 */
#include "config.h"

#include "features/features.h"

#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#include <memory>
#include <utility>

#include "gray16_properties.h"
#include "messages.h"
#include "model/feature_head.h"
#include "mosaic_caps.h"
#include "setting_properties.h"
#include "video/rgb_reader.h"

GST_DEBUG_CATEGORY_STATIC(oneadapt_features_debug);
#define GST_CAT_DEFAULT oneadapt_features_debug

using oneadapt::FeatureHead;
using oneadapt::ModelError;
using oneadapt::RgbFrame;

namespace {

struct Settings {
  oneadapt::ModelOptions model;
  oneadapt::Gray16Mapping gray16;
};

struct Counters {
  guint64 frames = 0, time = 0;
  std::string device, plan;
};

struct State {
  // Under OBJECT_LOCK.
  Settings settings;
  Counters counters;
  // The streaming thread's, and of changes of state while that is not running.
  std::unique_ptr<FeatureHead> head;
  std::unique_ptr<oneadapt::RgbReader> reader;
};

oneadapt::SettingProperties<Settings> setting_properties;
enum { kPropStats = 1, kFirstSetting };

}  // namespace

G_BEGIN_DECLS
#define GST_TYPE_ONEADAPT_FEATURES (gst_oneadapt_features_get_type())
G_DECLARE_FINAL_TYPE(GstOneadaptFeatures, gst_oneadapt_features, GST, ONEADAPT_FEATURES, GstBaseTransform)
struct _GstOneadaptFeatures {
  GstBaseTransform parent;
  State *state;
};
G_END_DECLS

G_DEFINE_TYPE(GstOneadaptFeatures, gst_oneadapt_features, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(oneadaptfeatures, "oneadaptfeatures", GST_RANK_NONE, GST_TYPE_ONEADAPT_FEATURES,
                                      GST_DEBUG_CATEGORY_INIT(oneadapt_features_debug, "oneadaptfeatures", 0,
                                                              "features of a detector as video"))

#define RAW_FORMATS "{ RGB, BGR, RGBx, BGRx, xRGB, xBGR, RGBA, BGRA, I420, NV12, GRAY8, GRAY16_LE }"
static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(RAW_FORMATS)));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE("GRAY8")));

static State &state_of(gpointer self) { return *GST_ONEADAPT_FEATURES(self)->state; }

/* ---- caps ---------------------------------------------------------------------------------------------------- */

/// What comes out for input of these caps, at their rate; before a model is loaded, of any size.
static void add_output(GstCaps *result, const GstStructure *in, const FeatureHead *head) {
  GstStructure *out = gst_structure_new("video/x-raw", "format", G_TYPE_STRING, "GRAY8", nullptr);
  const GValue *rate = gst_structure_get_value(in, "framerate");
  if (rate) gst_structure_set_value(out, "framerate", rate);
  GstCaps *caps = gst_caps_new_full(out, nullptr);
  if (head) {
    const oneadapt::ModelDescription::Features &f = head->description().features;
    gst_caps_set_simple(caps, "width", G_TYPE_INT, int(f.mosaic.width()), "height", G_TYPE_INT, int(f.mosaic.height()),
                        "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1, nullptr);
    oneadapt::set_mosaic(caps, f.mosaic, f.pair, f.picture);
  }
  gst_caps_append(result, caps);
}

static GstCaps *transform_caps(GstBaseTransform *trans, GstPadDirection direction, GstCaps *caps, GstCaps *filter) {
  GstCaps *result = gst_caps_new_empty();
  for (guint i = 0; i < gst_caps_get_size(caps); i++) {
    const GstStructure *s = gst_caps_get_structure(caps, i);
    if (direction == GST_PAD_SINK) {
      add_output(result, s, state_of(trans).head.get());
      continue;
    }
    GstCaps *in = gst_static_pad_template_get_caps(&sink_template);
    in = gst_caps_make_writable(in);
    const GValue *rate = gst_structure_get_value(s, "framerate");
    if (rate) gst_caps_set_value(in, "framerate", rate);
    gst_caps_append(result, in);
  }
  result = gst_caps_simplify(result);
  if (!filter) return result;
  GstCaps *filtered = gst_caps_intersect_full(filter, result, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref(result);
  return filtered;
}

static gboolean set_caps(GstBaseTransform *trans, GstCaps *in, GstCaps *) {
  return state_of(trans).reader->set_caps(in);
}

static gboolean get_unit_size(GstBaseTransform *, GstCaps *caps, gsize *size) {
  GstVideoInfo info;
  if (!gst_video_info_from_caps(&info, caps)) return FALSE;
  *size = info.size;
  return TRUE;
}

/// One picture becomes one mosaic, whatever memory it lies in: rows and planes of a decoder are padded.
static gboolean transform_size(GstBaseTransform *trans, GstPadDirection, GstCaps *, gsize, GstCaps *other_caps,
                               gsize *size) {
  return get_unit_size(trans, other_caps, size);
}

static gboolean propose_allocation(GstBaseTransform *trans, GstQuery *decide, GstQuery *query) {
  gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr);
  gst_query_add_allocation_meta(query, GST_VIDEO_CROP_META_API_TYPE, nullptr);
  return GST_BASE_TRANSFORM_CLASS(gst_oneadapt_features_parent_class)->propose_allocation(trans, decide, query);
}

/* ---- a run --------------------------------------------------------------------------------------------------- */

static gboolean start(GstBaseTransform *trans) {
  State &state = state_of(trans);
  GST_OBJECT_LOCK(trans);
  const Settings settings = state.settings;
  state.counters = {};
  GST_OBJECT_UNLOCK(trans);
  try {
    state.head = FeatureHead::load(settings.model);
  } catch (const ModelError &e) {
    oneadapt::post_model_error(GST_ELEMENT(trans), e.kind(), e.what());
    return FALSE;
  } catch (const std::exception &e) {
    GST_ELEMENT_ERROR(trans, LIBRARY, INIT, ("Property \"model\": it cannot be loaded: %s.", e.what()), (nullptr));
    return FALSE;
  }
  state.reader = std::make_unique<oneadapt::RgbReader>(settings.gray16);
  GST_OBJECT_LOCK(trans);
  state.counters.device = state.head->device();
  state.counters.plan = state.head->plan().results;
  GST_OBJECT_UNLOCK(trans);
  return TRUE;
}

static gboolean stop(GstBaseTransform *trans) {
  State &state = state_of(trans);
  state.head.reset();
  state.reader.reset();
  return TRUE;
}

/// Writes the mosaic of a frame. Throws ModelError.
static void write(State &state, const RgbFrame &frame, GstVideoFrame *out) {
  state.head->run(frame, static_cast<guint8 *>(GST_VIDEO_FRAME_PLANE_DATA(out, 0)),
                  std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(out, 0)));
}

static GstFlowReturn transform(GstBaseTransform *trans, GstBuffer *input, GstBuffer *output) {
  State &state = state_of(trans);
  const oneadapt::MosaicLayout &layout = state.head->description().features.mosaic;
  GstVideoInfo info;
  GstVideoFrame out;
  gst_video_info_set_format(&info, GST_VIDEO_FORMAT_GRAY8, layout.width(), layout.height());
  if (!gst_video_frame_map(&out, &info, output, GST_MAP_WRITE)) {
    GST_ELEMENT_ERROR(trans, RESOURCE, WRITE, ("The memory for a mosaic cannot be written."), (nullptr));
    return GST_FLOW_ERROR;
  }
  const gint64 begun = g_get_monotonic_time();
  GstFlowReturn flow = GST_FLOW_OK;
  try {
    if (!state.reader->read(input, [&](const RgbFrame &frame) { write(state, frame, &out); })) {
      GST_ELEMENT_ERROR(trans, STREAM, FORMAT,
                        ("A video frame cannot be read as its caps say; put videoconvert in front of this element."),
                        ("buffer of %" G_GSIZE_FORMAT " bytes", gst_buffer_get_size(input)));
      flow = GST_FLOW_ERROR;
    }
  } catch (const ModelError &e) {
    oneadapt::post_model_error(GST_ELEMENT(trans), e.kind(), e.what());
    flow = GST_FLOW_ERROR;
  }
  gst_video_frame_unmap(&out);
  GST_OBJECT_LOCK(trans);
  state.counters.frames++;
  state.counters.time += guint64(g_get_monotonic_time() - begun) * GST_USECOND;
  GST_OBJECT_UNLOCK(trans);
  return flow;
}

/* ---- properties ---------------------------------------------------------------------------------------------- */

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  if (oneadapt::is_fixed_now(object, pspec)) return;
  GST_OBJECT_LOCK(object);
  const bool known = setting_properties.set(state_of(object).settings, id, value);
  GST_OBJECT_UNLOCK(object);
  if (!known) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  GST_OBJECT_LOCK(object);
  const Counters counters = state_of(object).counters;
  const bool known = id == kPropStats || setting_properties.get(state_of(object).settings, id, value);
  GST_OBJECT_UNLOCK(object);
  if (!known) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  if (id == kPropStats)
    g_value_take_boxed(
        value, gst_structure_new("oneadaptfeatures-stats", "frames", G_TYPE_UINT64, counters.frames, "inference-time",
                                 G_TYPE_UINT64, counters.time, "device", G_TYPE_STRING, counters.device.c_str(), "plan",
                                 G_TYPE_STRING, counters.plan.c_str(), nullptr));
}

static void install_properties(GObjectClass *klass) {
  const auto ready = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  g_object_class_install_property(
      klass, kPropStats,
      g_param_spec_boxed("stats", "Statistics", "frames, inference-time (ns), device, plan", GST_TYPE_STRUCTURE,
                         GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
  setting_properties.add(
      g_param_spec_string("model", "Model", "First half of a detector, of oneadapt-import --split", nullptr, ready),
      [](auto &s) -> auto & { return s.model.path; });
  setting_properties.add(
      g_param_spec_string("device", "Device", "auto, cpu, cuda or cuda:N", "auto", ready),
      [](auto &s) -> auto & { return s.model.device; });
  setting_properties.add(
      g_param_spec_uint("threads", "Threads", "CPU threads of one inference (0 = LibTorch's choice)", 0, 1024, 0,
                        ready),
      [](auto &s) -> auto & { return s.model.threads; });
  oneadapt::add_gray16(
      setting_properties, ready, [](auto &s) -> auto & { return s.gray16; });
  setting_properties.install(klass, kFirstSetting);
}

/* ---- class --------------------------------------------------------------------------------------------------- */

static void finalize(GObject *object) {
  delete GST_ONEADAPT_FEATURES(object)->state;
  G_OBJECT_CLASS(gst_oneadapt_features_parent_class)->finalize(object);
}

static void gst_oneadapt_features_init(GstOneadaptFeatures *self) { self->state = new State; }

static void gst_oneadapt_features_class_init(GstOneadaptFeaturesClass *klass) {
  auto *object = G_OBJECT_CLASS(klass);
  auto *element = GST_ELEMENT_CLASS(klass);
  auto *trans = GST_BASE_TRANSFORM_CLASS(klass);
  object->set_property = set_property;
  object->get_property = get_property;
  object->finalize = finalize;
  install_properties(object);
  gst_element_class_set_static_metadata(element, "OneAdapt features", "Filter/Effect/Video",
                                        "Runs the first half of a detector and puts its features out as gray video",
                                        "OneAdapt for GStreamer");
  gst_element_class_add_static_pad_template(element, &sink_template);
  gst_element_class_add_static_pad_template(element, &src_template);
  trans->transform_caps = transform_caps;
  trans->set_caps = set_caps;
  trans->get_unit_size = get_unit_size;
  trans->transform_size = transform_size;
  trans->propose_allocation = propose_allocation;
  trans->start = start;
  trans->stop = stop;
  trans->transform = transform;
}
