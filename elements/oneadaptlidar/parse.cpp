// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-oneadaptlidarparse
 * @title: oneadaptlidarparse
 *
 * Point clouds from files: KITTI's .bin, and PCD (ascii, binary, binary_compressed). Each buffer that comes is a whole
 * file, as `multifilesrc` gives them, and becomes one buffer of application/x-lidar: float32 x, y, z and intensity of
 * each point. Points that are not finite are left out.
 *
 * The source pad has a segment in time. Buffers that come with time stamps in time keep them; others are as far apart
 * as #GstOneadaptLidarParse:frame-rate says.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 multifilesrc location=turns/%06d.bin ! oneadaptlidarparse frame-rate=10 ! oneadaptlidarfilter keep=25
 * ! oneadaptlidardec ! fakesink
 * ]| A drive, a quarter of its points.
 */
#include "parse.h"

#include <atomic>
#include <utility>

#include "buffer_memory.h"
#include "cloud_caps.h"
#include "config.h"
#include "lidar/cloud_file.h"

GST_DEBUG_CATEGORY_STATIC(oneadapt_lidar_parse_debug);
#define GST_CAT_DEFAULT oneadapt_lidar_parse_debug

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS("application/octet-stream"));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(ONEADAPT_CLOUD_TYPE));

constexpr double kDefaultRate = 10;  // turns a second of most sensors

G_BEGIN_DECLS
#define GST_TYPE_ONEADAPT_LIDAR_PARSE (gst_oneadapt_lidar_parse_get_type())
G_DECLARE_FINAL_TYPE(GstOneadaptLidarParse, gst_oneadapt_lidar_parse, GST, ONEADAPT_LIDAR_PARSE, GstElement)
G_END_DECLS

/// `rate` belongs to OBJECT_LOCK, all else to the sink pad's stream lock.
struct _GstOneadaptLidarParse {
  GstElement parent;
  GstPad *sink, *src;
  double rate;
  GstSegment segment;  // of the source pad
  bool keeps_times;    // what comes is in time, and has stamps
  bool told;           // caps and segment have been sent
  guint64 turns;       // since the segment began
};

G_DEFINE_TYPE(GstOneadaptLidarParse, gst_oneadapt_lidar_parse, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(oneadaptlidarparse, "oneadaptlidarparse", GST_RANK_NONE,
                                      GST_TYPE_ONEADAPT_LIDAR_PARSE,
                                      GST_DEBUG_CATEGORY_INIT(oneadapt_lidar_parse_debug, "oneadaptlidarparse", 0,
                                                              "point clouds from files"))

enum { PROP_0, PROP_FRAME_RATE };

static void restart(GstOneadaptLidarParse *self) {
  gst_segment_init(&self->segment, GST_FORMAT_TIME);
  self->keeps_times = self->told = false;
  self->turns = 0;
}

/// Caps and segment, ahead of the first buffer. False: downstream refuses.
static bool tell(GstOneadaptLidarParse *self) {
  if (std::exchange(self->told, true)) return true;
  if (!gst_pad_has_current_caps(self->src)) {
    GstCaps *caps = gst_static_pad_template_get_caps(&src_template);
    const bool taken = gst_pad_push_event(self->src, gst_event_new_caps(caps));
    gst_caps_unref(caps);
    if (!taken) return false;
  }
  return gst_pad_push_event(self->src, gst_event_new_segment(&self->segment));
}

/// False, with an error, for a part of a file, as filesrc gives: 4096 bytes may well be points.
static bool is_whole(GstOneadaptLidarParse *self, GstBuffer *input) {
  gint64 whole = -1;
  if (!gst_pad_peer_query_duration(self->sink, GST_FORMAT_BYTES, &whole) || whole <= gint64(gst_buffer_get_size(input)))
    return true;
  GST_ELEMENT_ERROR(self, STREAM, DECODE,
                    ("The point clouds come in pieces: a buffer has %" G_GSIZE_FORMAT " of the %" G_GINT64_FORMAT
                     " bytes of its file. Use multifilesrc instead of filesrc.",
                     gst_buffer_get_size(input), whole),
                    (nullptr));
  return false;
}

static GstBuffer *parse(GstOneadaptLidarParse *self, GstBuffer *input) {
  if (self->turns == 0 && !is_whole(self, input)) return nullptr;
  const oneadapt::MappedBuffer file(input);
  try {
    oneadapt::CloudFile cloud = oneadapt::read_cloud(file.data(), file.size());
    GST_LOG_OBJECT(self, "turn %" G_GUINT64_FORMAT ": %zu points, %zu without a place", self->turns,
                   cloud.points.size(), cloud.without_place);
    return oneadapt::buffer_of(std::move(cloud.points));
  } catch (const oneadapt::CloudError &error) {
    GST_ELEMENT_ERROR(
        self, STREAM, DECODE, ("Point cloud %" G_GUINT64_FORMAT " cannot be read: %s.", self->turns, error.what()),
        ("a buffer of %" G_GSIZE_FORMAT " bytes; each must be a whole file, as multifilesrc (not filesrc) "
         "gives it",
         file.size()));
    return nullptr;
  }
}

static GstFlowReturn chain(GstPad *, GstObject *parent, GstBuffer *input) {
  auto *self = GST_ONEADAPT_LIDAR_PARSE(parent);
  GST_OBJECT_LOCK(self);
  const double rate = self->rate;
  GST_OBJECT_UNLOCK(self);
  GstBuffer *output = parse(self, input);
  const bool stamped = self->keeps_times && GST_BUFFER_PTS_IS_VALID(input);
  if (output) {
    const auto at = [&](guint64 turn) { return GstClockTime(double(turn) / rate * double(GST_SECOND) + 0.5); };
    GST_BUFFER_PTS(output) = stamped ? GST_BUFFER_PTS(input) : at(self->turns);
    GST_BUFFER_DURATION(output) = stamped && GST_BUFFER_DURATION_IS_VALID(input)
                                      ? GST_BUFFER_DURATION(input)
                                      : at(self->turns + 1) - at(self->turns);
    GST_BUFFER_OFFSET(output) = self->turns;
    if (GST_BUFFER_IS_DISCONT(input)) GST_BUFFER_FLAG_SET(output, GST_BUFFER_FLAG_DISCONT);
  }
  gst_buffer_unref(input);
  self->turns++;
  if (!output) return GST_FLOW_ERROR;
  if (!tell(self)) {
    gst_buffer_unref(output);
    return GST_PAD_IS_FLUSHING(self->src) ? GST_FLOW_FLUSHING : GST_FLOW_NOT_NEGOTIATED;
  }
  return gst_pad_push(self->src, output);
}

static gboolean sink_event(GstPad *pad, GstObject *parent, GstEvent *event) {
  auto *self = GST_ONEADAPT_LIDAR_PARSE(parent);
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_CAPS:  // ours are sent with the first buffer
      gst_event_unref(event);
      return TRUE;
    case GST_EVENT_SEGMENT: {
      const GstSegment *segment = nullptr;
      gst_event_parse_segment(event, &segment);
      restart(self);
      if ((self->keeps_times = segment->format == GST_FORMAT_TIME)) self->segment = *segment;
      gst_event_unref(event);
      return TRUE;
    }
    case GST_EVENT_EOS:
    case GST_EVENT_GAP:
      tell(self);
      break;
    case GST_EVENT_FLUSH_STOP:
      restart(self);
      break;
    default:
      break;
  }
  return gst_pad_event_default(pad, parent, event);
}

static GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) {
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) restart(GST_ONEADAPT_LIDAR_PARSE(element));
  return GST_ELEMENT_CLASS(gst_oneadapt_lidar_parse_parent_class)->change_state(element, transition);
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  auto *self = GST_ONEADAPT_LIDAR_PARSE(object);
  if (id != PROP_FRAME_RATE) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    return;
  }
  GST_OBJECT_LOCK(self);
  self->rate = g_value_get_double(value);
  GST_OBJECT_UNLOCK(self);
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  auto *self = GST_ONEADAPT_LIDAR_PARSE(object);
  if (id != PROP_FRAME_RATE) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    return;
  }
  GST_OBJECT_LOCK(self);
  g_value_set_double(value, self->rate);
  GST_OBJECT_UNLOCK(self);
}

static void gst_oneadapt_lidar_parse_init(GstOneadaptLidarParse *self) {
  self->rate = kDefaultRate;
  self->sink = gst_pad_new_from_static_template(&sink_template, "sink");
  gst_pad_set_chain_function(self->sink, chain);
  gst_pad_set_event_function(self->sink, sink_event);
  gst_element_add_pad(GST_ELEMENT(self), self->sink);
  self->src = gst_pad_new_from_static_template(&src_template, "src");
  gst_pad_use_fixed_caps(self->src);
  gst_element_add_pad(GST_ELEMENT(self), self->src);
  restart(self);
}

static void gst_oneadapt_lidar_parse_class_init(GstOneadaptLidarParseClass *klass) {
  auto *object = G_OBJECT_CLASS(klass);
  auto *element = GST_ELEMENT_CLASS(klass);
  object->set_property = set_property;
  object->get_property = get_property;
  element->change_state = change_state;
  g_object_class_install_property(
      object, PROP_FRAME_RATE,
      g_param_spec_double("frame-rate", "Frame rate",
                          "Turns a second of what comes without time stamps; how long a turn lasts that does not say",
                          0.01, 1000, kDefaultRate,
                          GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)));
  gst_element_class_add_static_pad_template(element, &sink_template);
  gst_element_class_add_static_pad_template(element, &src_template);
  gst_element_class_set_static_metadata(element, "OneAdapt point cloud parser", "Codec/Parser",
                                        "Reads point clouds: KITTI .bin and PCD files", "OneAdapt for GStreamer");
}
