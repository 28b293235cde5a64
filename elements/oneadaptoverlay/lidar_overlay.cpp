// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-oneadaptlidaroverlay
 * @title: oneadaptlidaroverlay
 *
 * Makes video of point clouds, seen from above, with what adaptation does to them: the boxes that oneadaptdnn found,
 * the blocks, how many of each block's points were kept, the block gradient (DNNGrad, paper §4.3) as a heat map, and a
 * line with the knobs in force, the bit rate, z and the number of objects. The sensor is in the middle, ahead is up.
 * What it draws arrives with the data, so it stands behind oneadaptdnn in the same process; what never arrives is not
 * shown.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 multifilesrc location=turns/%06d.bin ! oneadaptlidarparse ! oneadaptctl ! oneadaptlidarfilter !
 * oneadaptlidardec ! oneadaptdnn model=pillars.pt ! oneadaptlidaroverlay ! videoconvert ! autovideosink
 * ]|
 */
// Locks: OBJECT_LOCK guards Settings; a leaf. State belongs to the streaming thread; events that touch it are
// serialized with the data.
#include "lidar_overlay.h"

#include <gst/base/gstbasetransform.h>
#include <gst/video/video.h>

#include <exception>
#include <memory>
#include <vector>

#include "birds_eye.h"
#include "buffer_memory.h"
#include "cloud_caps.h"
#include "cloud_metas.h"
#include "drawing_settings.h"
#include "gstoneadapt.h"
#include "known.h"

GST_DEBUG_CATEGORY_STATIC(oneadaptlidaroverlay_debug);
#define GST_CAT_DEFAULT oneadaptlidaroverlay_debug

// 32 bits a pixel in the order of Cairo's CAIRO_FORMAT_RGB24.
#if G_BYTE_ORDER == G_LITTLE_ENDIAN
#define PIXELS "BGRx"
#else
#define PIXELS "xRGB"
#endif
#define VIDEO_CAPS \
  "video/x-raw, format=(string)" PIXELS ", width=(int)[16,8192], height=(int)[16,8192], framerate=(fraction)[0/1,max]"

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(ONEADAPT_CLOUD_TYPE));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(VIDEO_CAPS));

namespace {

using oneadapt::BirdsEye;
using oneadapt::BirdsEyeBox;
using oneadapt::BirdsEyeScene;

constexpr int kUsualSide = 720;
// Feedback older than this many intervals says nothing about the present; the controller thinks so too.
constexpr guint64 kStaleIntervals = 3;

/// What the user asked for; under OBJECT_LOCK.
struct Settings : oneadapt::DrawingSettings {
  Settings() : DrawingSettings{true, true, true, 0.35, 1} {}
  bool blocks = true, shares = true;
  double range = 40;
};
oneadapt::SettingProperties<Settings> setting_properties;  // made once, with the class

/// One run; streaming thread.
struct State {
  oneadapt::Known known;
  GstVideoInfo info{};
  oneadapt::PolarGrid grid;
  BirdsEye painter;
  oneadapt::Painter status;
};

}  // namespace

struct LidarOverlayImpl {
  Settings settings;
  std::unique_ptr<State> state;
};

struct _GstOneadaptLidarOverlay {
  GstBaseTransform parent;
  LidarOverlayImpl *impl;
};
#define GST_TYPE_ONEADAPT_LIDAR_OVERLAY (gst_oneadapt_lidar_overlay_get_type())
G_DECLARE_FINAL_TYPE(GstOneadaptLidarOverlay, gst_oneadapt_lidar_overlay, GST, ONEADAPT_LIDAR_OVERLAY, GstBaseTransform)
G_DEFINE_TYPE(GstOneadaptLidarOverlay, gst_oneadapt_lidar_overlay, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(oneadaptlidaroverlay, "oneadaptlidaroverlay", GST_RANK_NONE,
                                      GST_TYPE_ONEADAPT_LIDAR_OVERLAY,
                                      GST_DEBUG_CATEGORY_INIT(oneadaptlidaroverlay_debug, "oneadaptlidaroverlay", 0,
                                                              "point clouds, seen from above"))

/* ---- what the stream says ------------------------------------------------------------------------------------ */

static gboolean sink_event(GstBaseTransform *transform, GstEvent *event) {
  auto *self = GST_ONEADAPT_LIDAR_OVERLAY(transform);
  State *state = self->impl->state.get();
  if (state && GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_DOWNSTREAM) {
    try {
      if (gst_event_is_oneadapt_gradient_downstream(event)) {
        oneadapt::take_gradient(GST_ELEMENT(self), event, state->known);
        state->known.detections = true;
      }
      if (gst_event_is_oneadapt_configuration(event))
        oneadapt::take_configuration(GST_ELEMENT(self), event, state->known);
    } catch (const std::exception &e) {
      GST_WARNING_OBJECT(self, "%s ignored: %s", GST_EVENT_TYPE_NAME(event), e.what());
    }
  }
  if (state && (GST_EVENT_TYPE(event) == GST_EVENT_STREAM_START || GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP))
    state->known = oneadapt::Known();  // it was said of what came before
  return GST_BASE_TRANSFORM_CLASS(gst_oneadapt_lidar_overlay_parent_class)->sink_event(transform, event);
}

/// The elements of an array in a custom meta's structure; NULL: there is none.
static const GValue *array_of(GstBuffer *buffer, const char *meta_name, const char *field) {
  GstCustomMeta *meta = gst_meta_get_info(meta_name) ? gst_buffer_get_custom_meta(buffer, meta_name) : nullptr;
  const GValue *array = meta ? gst_structure_get_value(gst_custom_meta_get_structure(meta), field) : nullptr;
  return array && GST_VALUE_HOLDS_ARRAY(array) ? array : nullptr;
}

static std::vector<float> read_shares(GstBuffer *buffer) {
  std::vector<float> shares;
  const GValue *array = array_of(buffer, oneadapt::kSharesMeta, "shares");
  for (guint i = 0; array && i < gst_value_array_get_size(array); ++i) {
    const GValue *value = gst_value_array_get_value(array, i);
    if (!G_VALUE_HOLDS_DOUBLE(value)) return {};
    shares.push_back(float(g_value_get_double(value)));
  }
  return shares;
}

/// Whether there were any, found or not.
static bool read_boxes(GstBuffer *buffer, std::vector<BirdsEyeBox> &boxes) {
  const GValue *array = array_of(buffer, oneadapt::kBoxesMeta, "boxes");
  for (guint i = 0; array && i < gst_value_array_get_size(array); ++i) {
    const GValue *value = gst_value_array_get_value(array, i);
    if (!GST_VALUE_HOLDS_STRUCTURE(value)) continue;
    BirdsEyeBox b;
    const GstStructure *s = gst_value_get_structure(value);
    if (!gst_structure_get(s, "x", G_TYPE_DOUBLE, &b.box.x, "y", G_TYPE_DOUBLE, &b.box.y, "l", G_TYPE_DOUBLE,
                           &b.box.length, "w", G_TYPE_DOUBLE, &b.box.width, "yaw", G_TYPE_DOUBLE, &b.box.yaw, nullptr))
      continue;
    gst_structure_get_double(s, "confidence", &b.confidence);
    gst_structure_get_int(s, "label_id", &b.label_id);
    if (const gchar *label = gst_structure_get_string(s, "label")) b.label = label;
    boxes.push_back(b);
  }
  return array;
}

/* ---- turns --------------------------------------------------------------------------------------------------- */

static void draw_status(State &state, GstClockTime time, std::size_t objects, double font_scale, GstVideoFrame *frame) {
  oneadapt::Scene scene;
  scene.width = GST_VIDEO_FRAME_WIDTH(frame);
  scene.height = GST_VIDEO_FRAME_HEIGHT(frame);
  scene.font_scale = font_scale;
  const oneadapt::Known &known = state.known;
  if (known.configuration) {
    scene.status.interval = known.configuration->interval;
    scene.status.knobs = known.configuration->knobs;
    scene.status.kbps = known.configuration->kbps;
  } else if (known.feedback) {
    const bool timed = GST_CLOCK_TIME_IS_VALID(time) && known.feedback->interval_duration > 0;
    scene.status.interval =
        timed ? oneadapt::interval_of(time, known.feedback->interval_duration) : known.feedback->interval;
  }
  if (known.feedback) scene.status.z = known.feedback->z;
  if (known.detections) scene.status.objects = objects;
  if (GstVideoOverlayComposition *composition = state.status.paint(scene)) oneadapt::blend(composition, frame);
}

static void draw(GstOneadaptLidarOverlay *self, GstBuffer *turn, GstClockTime time, GstVideoFrame *frame) {
  State &state = *self->impl->state;
  const Settings settings = oneadapt::locked_copy(self, self->impl->settings);
  const oneadapt::MappedBuffer mapped(turn);
  if (!mapped.ok()) throw std::runtime_error("the turn's memory cannot be read");
  auto &feedback = state.known.feedback;
  if (feedback && GST_CLOCK_TIME_IS_VALID(time) && time > feedback->stream_time &&
      (time - feedback->stream_time) / kStaleIntervals > feedback->interval_duration)
    feedback.reset();
  BirdsEyeScene scene;
  scene.width = GST_VIDEO_FRAME_WIDTH(frame);
  scene.height = GST_VIDEO_FRAME_HEIGHT(frame);
  scene.range = settings.range;
  scene.font_scale = settings.font_scale;
  scene.gradient_opacity = settings.gradient_opacity;
  scene.grid = state.grid;
  scene.blocks = settings.blocks;
  if (settings.shares) scene.shares = read_shares(turn);
  if (settings.gradient && feedback) scene.gradient = feedback->map;
  state.known.detections = read_boxes(turn, scene.boxes) || state.known.detections;
  const std::size_t objects = scene.boxes.size();
  if (!settings.boxes) scene.boxes.clear();
  state.painter.paint(reinterpret_cast<const oneadapt::Point *>(mapped.data()), mapped.size() / sizeof(oneadapt::Point),
                      scene, static_cast<unsigned char *>(GST_VIDEO_FRAME_PLANE_DATA(frame, 0)),
                      GST_VIDEO_FRAME_PLANE_STRIDE(frame, 0));
  if (settings.status) draw_status(state, time, objects, settings.font_scale, frame);
}

static GstFlowReturn transform(GstBaseTransform *base, GstBuffer *turn, GstBuffer *picture) {
  auto *self = GST_ONEADAPT_LIDAR_OVERLAY(base);
  const gsize size = gst_buffer_get_size(turn);
  if (size % sizeof(oneadapt::Point) || size / sizeof(oneadapt::Point) > oneadapt::kMostPoints) {
    GST_ELEMENT_ERROR(self, STREAM, FORMAT,
                      ("A point cloud of %" G_GSIZE_FORMAT " bytes cannot be drawn: a point has 16, and there are at "
                       "most %" G_GSIZE_FORMAT " points.",
                       size, oneadapt::kMostPoints),
                      ("application/x-lidar is float32 x, y, z and intensity of each point"));
    return GST_FLOW_ERROR;
  }
  GstClockTime time = GST_CLOCK_TIME_NONE;
  if (base->segment.format == GST_FORMAT_TIME && GST_BUFFER_PTS_IS_VALID(turn))
    time = gst_segment_to_stream_time(&base->segment, GST_FORMAT_TIME, GST_BUFFER_PTS(turn));
  if (GST_CLOCK_TIME_IS_VALID(time)) gst_object_sync_values(GST_OBJECT(self), time);
  GstVideoFrame frame;
  std::string why = "the picture's memory cannot be written";
  bool done = false;
  if (gst_video_frame_map(&frame, &self->impl->state->info, picture, GST_MAP_READWRITE)) {
    try {
      draw(self, turn, time, &frame);
      done = true;
    } catch (const std::exception &e) {
      why = e.what();
    }
    gst_video_frame_unmap(&frame);
  }
  if (done) return GST_FLOW_OK;
  GST_ELEMENT_ERROR(self, LIBRARY, FAILED, ("The point cloud cannot be drawn: %s.", why.c_str()), (nullptr));
  return GST_FLOW_ERROR;
}

/* ---- caps ---------------------------------------------------------------------------------------------------- */

static GstCaps *transform_caps(GstBaseTransform *, GstPadDirection direction, GstCaps *, GstCaps *filter) {
  GstCaps *other = gst_static_pad_template_get_caps(direction == GST_PAD_SINK ? &src_template : &sink_template);
  if (!filter) return other;
  GstCaps *both = gst_caps_intersect_full(filter, other, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref(other);
  return both;
}

/// A square of 720 pixels, unless downstream wants another size; turns as often as the caps say, ten times a second.
static GstCaps *fixate_caps(GstBaseTransform *base, GstPadDirection direction, GstCaps *caps, GstCaps *other) {
  if (direction == GST_PAD_SINK) {
    gint n = 10, d = 1;
    gst_structure_get_fraction(gst_caps_get_structure(caps, 0), "framerate", &n, &d);
    other = gst_caps_truncate(gst_caps_make_writable(other));
    GstStructure *s = gst_caps_get_structure(other, 0);
    gst_structure_fixate_field_nearest_int(s, "width", kUsualSide);
    gst_structure_fixate_field_nearest_int(s, "height", kUsualSide);
    gst_structure_fixate_field_nearest_fraction(s, "framerate", n, d);
  }
  return GST_BASE_TRANSFORM_CLASS(gst_oneadapt_lidar_overlay_parent_class)->fixate_caps(base, direction, caps, other);
}

static gboolean set_caps(GstBaseTransform *base, GstCaps *in, GstCaps *out) {
  State &state = *GST_ONEADAPT_LIDAR_OVERLAY(base)->impl->state;
  state.grid = oneadapt::grid_of(in).value_or(oneadapt::PolarGrid());
  return gst_video_info_from_caps(&state.info, out);
}

static gboolean transform_size(GstBaseTransform *, GstPadDirection direction, GstCaps *, gsize, GstCaps *other,
                               gsize *other_size) {
  GstVideoInfo info;
  if (direction != GST_PAD_SINK || !gst_video_info_from_caps(&info, other)) return FALSE;
  *other_size = GST_VIDEO_INFO_SIZE(&info);
  return TRUE;
}

static gboolean start(GstBaseTransform *base) {
  GST_ONEADAPT_LIDAR_OVERLAY(base)->impl->state = std::make_unique<State>();
  return TRUE;
}

static gboolean stop(GstBaseTransform *base) {
  GST_ONEADAPT_LIDAR_OVERLAY(base)->impl->state.reset();
  return TRUE;
}

/* ---- the object ---------------------------------------------------------------------------------------------- */

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  oneadapt::set_property(object, setting_properties, GST_ONEADAPT_LIDAR_OVERLAY(object)->impl->settings, id, value,
                         pspec);
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  oneadapt::get_property(object, setting_properties, GST_ONEADAPT_LIDAR_OVERLAY(object)->impl->settings, id, value,
                         pspec);
}

static void gst_oneadapt_lidar_overlay_init(GstOneadaptLidarOverlay *self) { self->impl = new LidarOverlayImpl(); }

static void install_properties(GObjectClass *object) {
  constexpr auto live = oneadapt::kLiveSetting;
  auto &p = setting_properties;
  oneadapt::add_drawing_properties(p, Settings());
  oneadapt::add_switch(p, "blocks", "Blocks", "Draw the borders of the blocks", &Settings::blocks);
  /**
   * oneadaptlidaroverlay:shares:
   *
   * In percent, in the blocks that are wide enough for it.
   */
  oneadapt::add_switch(p, "shares", "Shares", "Write how many of each block's points were kept", &Settings::shares);
  p.add(g_param_spec_double("range", "Range", "Metres from the sensor to the nearer edges of the picture", 1, 1000, 40,
                            live),
        &Settings::range);
  p.install(object, 1);
}

static void gst_oneadapt_lidar_overlay_class_init(GstOneadaptLidarOverlayClass *klass) {
  auto *element = GST_ELEMENT_CLASS(klass);
  gst_element_class_add_static_pad_template(element, &sink_template);
  gst_element_class_add_static_pad_template(element, &src_template);
  gst_element_class_set_static_metadata(element, "OneAdapt point cloud overlay", "Converter/Video",
                                        "Video of point clouds from above, with boxes, gradient, shares and knobs",
                                        "OneAdapt for GStreamer developers");
  auto *object = G_OBJECT_CLASS(klass);
  object->set_property = set_property;
  object->get_property = get_property;
  object->finalize = [](GObject *self) {
    delete GST_ONEADAPT_LIDAR_OVERLAY(self)->impl;
    G_OBJECT_CLASS(gst_oneadapt_lidar_overlay_parent_class)->finalize(self);
  };
  install_properties(object);
  auto *base = GST_BASE_TRANSFORM_CLASS(klass);
  base->start = start;
  base->stop = stop;
  base->sink_event = sink_event;
  base->transform_caps = transform_caps;
  base->fixate_caps = fixate_caps;
  base->set_caps = set_caps;
  base->transform_size = transform_size;
  base->transform = transform;
}
