// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-oneadaptoverlay
 * @title: oneadaptoverlay
 *
 * Draws on video what adaptation does: the detected objects, the block gradient (DNNGrad, paper §4.3) as a heat map,
 * the offsets of the macroblocks' QP, and a line with the knobs in force, the bit rate, the interval, z and the number
 * of objects. What it draws arrives with the data, so it stands behind oneadaptdnn in the same process. Scalers and
 * converters may stand between; where an element crops or turns the picture, results are lost: it says so once a stream
 * and draws only the status line. It takes
 *
 * - boxes: #GstVideoRegionOfInterestMeta with the param `detection` that oneadaptdnn and DL Streamer attach;
 * - masks: the param `mask` beside it, which oneadaptdnn attaches where its model segments;
 * - gradient and z: gst_event_new_oneadapt_gradient_downstream(), which oneadaptdnn sends once an interval;
 * - knobs, kbit/s (of the last interval), QP map: gst_event_new_oneadapt_configuration(), which oneadaptfilter sends
 *   at an interval's start.
 *
 * What never arrives is not shown. When there is nothing to draw, buffers pass through untouched.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=clips/vtest.avi ! decodebin ! videoconvert ! oneadaptctl ! oneadaptfilter !
 * h264parse ! avdec_h264 max-threads=1 ! videoconvert ! oneadaptdnn model=models/nanodet.pt classes=person !
 * oneadaptoverlay gradient=true ! videoconvert ! autovideosink sync=false
 * ]|
 */
// Locks: OBJECT_LOCK guards Settings; a leaf: nothing is called under it. State belongs to the streaming thread; events
// that touch it are serialized with the data.
#include "overlay.h"

#include <gst/video/gstvideofilter.h>
#include <gst/video/video.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "allocation_metas.h"
#include "config.h"
#include "drawing_settings.h"
#include "gstoneadapt.h"
#include "known.h"
#include "painter.h"
#include "results_meta.h"
#include "scene.h"

GST_DEBUG_CATEGORY(oneadaptoverlay_debug);
#define GST_CAT_DEFAULT oneadaptoverlay_debug

namespace {

using oneadapt::Carried;
using oneadapt::carried_by;
using oneadapt::Configuration;
using oneadapt::Feedback;
using oneadapt::Known;
using oneadapt::Painter;
using oneadapt::qp_map_in_place;
using oneadapt::Scene;
using oneadapt::take_configuration;
using oneadapt::take_gradient;
using oneadapt::warn_of_loss;

// Feedback older than this many intervals says nothing about the present; the controller thinks so too.
constexpr guint64 kStaleIntervals = 3;
// Cairo's images have no more pixels a side.
constexpr int kMostPixels = 32767;

/// What the user asked for; under OBJECT_LOCK.
struct Settings : oneadapt::DrawingSettings {
  bool masks = true, legend = false, qp_map = false;
};
oneadapt::SettingProperties<Settings> setting_properties;  // made once, with the class

/// One run; streaming thread.
struct State {
  Known known;
  std::unique_ptr<Painter> painter;
  Scene scene;
  GstVideoOverlayComposition *composition = nullptr;  ///< the painter's, for the frame at hand
  bool failed = false;
};

}  // namespace

struct OverlayImpl {
  Settings settings;
  State state;
};

struct _GstOneadaptOverlay {
  GstVideoFilter parent;
  OverlayImpl *impl;
};
#define GST_TYPE_ONEADAPT_OVERLAY (gst_oneadapt_overlay_get_type())
G_DECLARE_FINAL_TYPE(GstOneadaptOverlay, gst_oneadapt_overlay, GST, ONEADAPT_OVERLAY, GstVideoFilter)
G_DEFINE_TYPE(GstOneadaptOverlay, gst_oneadapt_overlay, GST_TYPE_VIDEO_FILTER)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(oneadaptoverlay, "oneadaptoverlay", GST_RANK_NONE, GST_TYPE_ONEADAPT_OVERLAY,
                                      GST_DEBUG_CATEGORY_INIT(oneadaptoverlay_debug, "oneadaptoverlay", 0,
                                                              "what adaptation does, drawn on video"))

/* ---- what the stream says ------------------------------------------------------------------------------------ */

static gboolean gst_oneadapt_overlay_sink_event(GstBaseTransform *transform, GstEvent *event) {
  auto *self = GST_ONEADAPT_OVERLAY(transform);
  try {
    switch (GST_EVENT_TYPE(event)) {
      case GST_EVENT_CUSTOM_DOWNSTREAM:
        if (gst_event_is_oneadapt_gradient_downstream(event))
          take_gradient(GST_ELEMENT(self), event, self->impl->state.known);
        if (gst_event_is_oneadapt_configuration(event))
          take_configuration(GST_ELEMENT(self), event, self->impl->state.known);
        break;
      case GST_EVENT_STREAM_START:
      case GST_EVENT_FLUSH_STOP:
        self->impl->state.known = Known();  // it was said of what came before
        break;
      default:
        break;
    }
  } catch (const std::exception &e) {
    GST_WARNING_OBJECT(self, "%s ignored: %s", GST_EVENT_TYPE_NAME(event), e.what());
  }
  return GST_BASE_TRANSFORM_CLASS(gst_oneadapt_overlay_parent_class)->sink_event(transform, event);
}

/* ---- frames -------------------------------------------------------------------------------------------------- */

/// Puts together what is to be seen on this frame. Allocates nothing that the last frame had not needed too, but for
/// masks.
static void compose(GstOneadaptOverlay *self, GstBuffer *buffer, GstClockTime time, const Settings &settings) {
  State &state = self->impl->state;
  Known &known = state.known;
  Scene &scene = state.scene;
  const GstVideoInfo &info = GST_VIDEO_FILTER(self)->in_info;
  scene.width = GST_VIDEO_INFO_WIDTH(&info);
  scene.height = GST_VIDEO_INFO_HEIGHT(&info);
  scene.font_scale = settings.font_scale;
  scene.gradient_opacity = settings.gradient_opacity;
  scene.legend = settings.legend;

  if (known.feedback && GST_CLOCK_TIME_IS_VALID(time)) {
    const Feedback &f = *known.feedback;
    if (time > f.stream_time && (time - f.stream_time) / kStaleIntervals > f.interval_duration) known.feedback.reset();
  }
  const bool boxes_came = oneadapt::read_boxes(buffer, scene.width, scene.height, scene.boxes);
  const Carried carried = carried_by(buffer);
  const bool lost = carried == Carried::Lost;
  known.frames = true;
  known.results = known.results || boxes_came || carried != Carried::Nothing;
  known.detections = known.detections || boxes_came || carried == Carried::Results || known.feedback;
  if (lost)
    warn_of_loss(GST_ELEMENT(self), known,
                 "Results of oneadaptdnn are not drawn: it is not known where in this picture they belong");
  const std::size_t objects = scene.boxes.size();
  auto &boxes = scene.boxes;
  scene.outlines = settings.boxes;
  if (!settings.masks)
    for (auto &box : boxes) box.mask.reset();
  if (!settings.boxes)
    boxes.erase(std::remove_if(boxes.begin(), boxes.end(), [](const auto &box) { return !box.mask; }), boxes.end());

  const Feedback *feedback = known.feedback ? &*known.feedback : nullptr;
  const Configuration *configuration = known.configuration ? &*known.configuration : nullptr;
  scene.gradient = settings.gradient && feedback && !lost ? feedback->map : nullptr;
  const bool map_wanted = settings.qp_map && configuration && configuration->qp_map && !lost;
  scene.qp_map = map_wanted && qp_map_in_place(GST_ELEMENT(self), known) ? configuration->qp_map : nullptr;

  auto &status = scene.status;
  status.interval.reset();
  status.kbps.reset();
  status.z.reset();
  status.accuracy.reset();
  status.objects.reset();
  if (!settings.status || !configuration) status.knobs.clear();
  if (!settings.status) return;
  if (configuration) {
    status.interval = configuration->interval;
    status.knobs = configuration->knobs;
    status.kbps = configuration->kbps;
  } else if (feedback) {
    // The gradient is of the interval before.
    status.interval = GST_CLOCK_TIME_IS_VALID(time) && feedback->interval_duration > 0
                          ? oneadapt::interval_of(time, feedback->interval_duration)
                          : feedback->interval;
  }
  if (feedback) {
    status.z = feedback->z;
    status.accuracy = feedback->accuracy;
  }
  if (known.detections && !lost) status.objects = objects;
}

/// Before the base class decides whether it needs a buffer of its own: with nothing to draw it passes this one on.
static void gst_oneadapt_overlay_before_transform(GstBaseTransform *transform, GstBuffer *buffer) {
  auto *self = GST_ONEADAPT_OVERLAY(transform);
  State &state = self->impl->state;
  state.composition = nullptr;
  if (!GST_VIDEO_FILTER(self)->negotiated || state.failed) return;
  GstClockTime time = GST_CLOCK_TIME_NONE;
  if (transform->segment.format == GST_FORMAT_TIME && GST_BUFFER_PTS_IS_VALID(buffer))
    time = gst_segment_to_stream_time(&transform->segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  if (GST_CLOCK_TIME_IS_VALID(time)) gst_object_sync_values(GST_OBJECT(self), time);
  try {
    compose(self, buffer, time, oneadapt::locked_copy(self, self->impl->settings));
    if (!state.painter && !state.scene.empty()) state.painter = std::make_unique<Painter>();
    if (state.painter) state.composition = state.painter->paint(state.scene);
  } catch (const std::exception &e) {
    GST_ELEMENT_ERROR(
        self, LIBRARY, FAILED, ("The overlay cannot be drawn: %s.", e.what()),
        ("set boxes=false masks=false gradient=false qp-map=false status=false, or take the element out"));
    state.failed = true;  // the flow error follows in transform_frame_ip()
  }
  gst_base_transform_set_passthrough(transform, !state.composition && !state.failed);
}

static GstFlowReturn gst_oneadapt_overlay_transform_frame_ip(GstVideoFilter *filter, GstVideoFrame *frame) {
  auto *self = GST_ONEADAPT_OVERLAY(filter);
  const State &state = self->impl->state;
  if (state.failed) return GST_FLOW_ERROR;
  if (state.composition && !oneadapt::blend(state.composition, frame)) {
    GST_ELEMENT_ERROR(self, STREAM, FORMAT,
                      ("Nothing can be drawn on video of format %s; put videoconvert in front of this element.",
                       GST_VIDEO_FRAME_FORMAT(frame) ? gst_video_format_to_string(GST_VIDEO_FRAME_FORMAT(frame)) : "?"),
                      (nullptr));
    return GST_FLOW_ERROR;
  }
  return GST_FLOW_OK;
}

/// The base class passes on all that downstream offers while there is nothing to draw. What is drawn is drawn on the
/// pixels as they come.
static gboolean gst_oneadapt_overlay_query(GstBaseTransform *transform, GstPadDirection direction, GstQuery *query) {
  const gboolean done = GST_BASE_TRANSFORM_CLASS(gst_oneadapt_overlay_parent_class)->query(transform, direction, query);
  if (done && GST_QUERY_TYPE(query) == GST_QUERY_ALLOCATION)
    oneadapt::withhold_metas(query, {GST_VIDEO_CROP_META_API_TYPE, GST_VIDEO_AFFINE_TRANSFORMATION_META_API_TYPE});
  return done;
}

static gboolean gst_oneadapt_overlay_start(GstBaseTransform *transform) {
  GST_ONEADAPT_OVERLAY(transform)->impl->state = State();
  return TRUE;
}

static gboolean gst_oneadapt_overlay_stop(GstBaseTransform *transform) {
  GST_ONEADAPT_OVERLAY(transform)->impl->state = State();
  return TRUE;
}

/// All formats that gst_video_overlay_composition_blend() draws on, but those with a palette: it would replace the
/// palette and leave the lines that nothing is drawn on as they are. (transfer full).
static GstCaps *drawable_caps() {
  guint n = 0;
  const GstVideoFormat *all = gst_video_formats_raw(&n);
  std::vector<GstVideoFormat> formats;
  for (guint i = 0; i < n; ++i)
    if (!GST_VIDEO_FORMAT_INFO_HAS_PALETTE(gst_video_format_get_info(all[i]))) formats.push_back(all[i]);
  GstCaps *caps = gst_video_make_raw_caps(formats.data(), guint(formats.size()));
  gst_caps_set_simple(caps, "width", GST_TYPE_INT_RANGE, 1, kMostPixels, "height", GST_TYPE_INT_RANGE, 1, kMostPixels,
                      nullptr);
  return caps;
}

/* ---- the object ---------------------------------------------------------------------------------------------- */

static void gst_oneadapt_overlay_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  oneadapt::set_property(object, setting_properties, GST_ONEADAPT_OVERLAY(object)->impl->settings, id, value, pspec);
}

static void gst_oneadapt_overlay_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  oneadapt::get_property(object, setting_properties, GST_ONEADAPT_OVERLAY(object)->impl->settings, id, value, pspec);
}

static void gst_oneadapt_overlay_finalize(GObject *object) {
  delete GST_ONEADAPT_OVERLAY(object)->impl;
  G_OBJECT_CLASS(gst_oneadapt_overlay_parent_class)->finalize(object);
}

static void gst_oneadapt_overlay_init(GstOneadaptOverlay *self) {
  self->impl = new OverlayImpl();
  gst_base_transform_set_in_place(GST_BASE_TRANSFORM(self), TRUE);
}

static void gst_oneadapt_overlay_install_properties(GObjectClass *object) {
  auto &p = setting_properties;
  oneadapt::add_drawing_properties(p, Settings());
  /**
   * oneadaptoverlay:masks:
   *
   * The masks of segmented objects, translucent, in the colour of their class.
   */
  oneadapt::add_switch(p, "masks", "Masks", "Draw the masks of segmented objects, translucent", &Settings::masks);
  /**
   * oneadaptoverlay:qp-map:
   *
   * Offsets of the macroblocks' QP in force: red is sharper than the frame's QP, blue is coarser, full at ±12.
   */
  oneadapt::add_switch(p, "qp-map", "QP map", "Draw the QP offsets in force: red sharper, blue coarser",
                       &Settings::qp_map);
  /**
   * oneadaptoverlay:legend:
   *
   * What the heat map's colours mean, at the top left: the bar goes from 0 to the 99th percentile, by the root; behind
   * it the greatest value. Left out where the picture has no room for it.
   */
  oneadapt::add_switch(p, "legend", "Legend", "Draw what the colours of the heat map mean", &Settings::legend);
  p.install(object, 1);
}

static void gst_oneadapt_overlay_class_init(GstOneadaptOverlayClass *klass) {
  auto *object = G_OBJECT_CLASS(klass);
  auto *element = GST_ELEMENT_CLASS(klass);
  auto *transform = GST_BASE_TRANSFORM_CLASS(klass);
  object->set_property = gst_oneadapt_overlay_set_property;
  object->get_property = gst_oneadapt_overlay_get_property;
  object->finalize = gst_oneadapt_overlay_finalize;
  transform->start = gst_oneadapt_overlay_start;
  transform->stop = gst_oneadapt_overlay_stop;
  transform->query = gst_oneadapt_overlay_query;
  transform->sink_event = gst_oneadapt_overlay_sink_event;
  transform->before_transform = gst_oneadapt_overlay_before_transform;
  transform->transform_ip_on_passthrough = FALSE;
  GST_VIDEO_FILTER_CLASS(klass)->transform_frame_ip = gst_oneadapt_overlay_transform_frame_ip;

  gst_oneadapt_overlay_install_properties(object);

  GstCaps *caps = drawable_caps();
  gst_element_class_add_pad_template(element, gst_pad_template_new("sink", GST_PAD_SINK, GST_PAD_ALWAYS, caps));
  gst_element_class_add_pad_template(element, gst_pad_template_new("src", GST_PAD_SRC, GST_PAD_ALWAYS, caps));
  gst_caps_unref(caps);
  gst_element_class_set_static_metadata(element, "OneAdapt overlay", "Filter/Effect/Video",
                                        "Draws detected objects, gradient, QP map and knobs",
                                        "OneAdapt for GStreamer developers");
}
