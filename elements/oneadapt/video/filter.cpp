// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-oneadaptfilter
 * @title: oneadaptfilter
 *
 * Input filtering at the sensor: frame rate, resolution and QP, adjustable while the stream runs. Puts out H.264 when
 * downstream takes it, else raw pictures (then only `framerate` and `scale` matter).
 *
 * Time is divided into adaptation intervals of stream time (#GstOneadaptFilter:interval). Each is one closed GOP, and a
 * configuration takes effect at an interval's first frame; then the property is notified. Every input frame is either
 * passed on or counted as dropped (#GstOneadaptFilter:stats).
 *
 * A #GstVideoRegionOfInterestMeta with a parameter structure `roi/oneadaptfilter` that has an int `delta-qp` moves the
 * QP of the macroblocks that it covers, in that frame; of overlapping regions the last one counts.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=300 ! oneadaptfilter qp=32 framerate=10 scale=0.5 ! h264parse ! mp4mux !
 * filesink location=small.mp4
 * ]| A small stream.
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=300 ! oneadaptfilter framerate=5 ! video/x-raw ! fakesink
 * ]| Every sixth frame, raw.
 */
#include "config.h"

#include "video/filter.h"

#include <algorithm>
#include <utility>

#include "gstoneadapt.h"
#include "tunable/knob_properties.h"
#include "video/filter_impl.h"

GST_DEBUG_CATEGORY(oneadapt_filter_debug);
#define GST_CAT_DEFAULT oneadapt_filter_debug

using oneadapt::kKnobs;
using oneadapt::KnobRow;
using oneadapt::KnobType;
using oneadapt::video_knobs;

#if HAVE_X264
#define H264_CAPS                                                                                  \
  "video/x-h264, stream-format=(string)byte-stream, alignment=(string)au, width=(int)[16,16384], " \
  "height=(int)[16,16384], framerate=(fraction)[0/1,MAX]; "
#define CODED_FORMATS "I420, NV12"
#else
#define H264_CAPS ""
#endif
#define RAW_FORMATS "{ I420, NV12, YV12, YUY2, UYVY, RGB, BGR, RGBx, BGRx, RGBA, BGRA, GRAY8 }"

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(RAW_FORMATS)));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(H264_CAPS GST_VIDEO_CAPS_MAKE(RAW_FORMATS)));

const char *const kPresets[] = {"ultrafast", "superfast", "veryfast", "faster",  "fast", "medium",
                                "slow",      "slower",    "veryslow", "placebo", nullptr};

namespace {

constexpr int kDefaultPreset = 2;
// Upstream pools had better hold a few buffers more: the last pictures are remembered for probing.
constexpr guint kExtraBuffers = 4;

enum {
  PROP_0,
  PROP_INTERVAL,
  PROP_PRESET,
  PROP_THREADS,
  PROP_STATS,
  PROP_MAP_RANGE,
  PROP_MAP_GRANULARITY,
  PROP_MAX_SKIP,
  PROP_B_FRAMES,
  PROP_MARKS,
  PROP_FEEDBACK_SHARE,
  PROP_KNOB
};
constexpr guint kFirstLadder = PROP_KNOB + kKnobs;
constexpr guint kProperties = kFirstLadder + kKnobs;
GParamSpec *properties[kProperties];

GType preset_type() {
  static const GType type = [] {
    static GEnumValue values[G_N_ELEMENTS(kPresets)];
    for (int i = 0; kPresets[i]; i++) values[i] = {i, kPresets[i], kPresets[i]};
    return g_enum_register_static("GstOneadaptFilterPreset", values);
  }();
  return type;
}

GType marks_type() {
  static const GEnumValue values[] = {{int(Marks::Auto), "Where pictures go to a network", "auto"},
                                      {int(Marks::Off), "Never", "off"},
                                      {int(Marks::On), "Always", "on"},
                                      {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("GstOneadaptFilterMarks", values);
  return type;
}

GstStructure *make_stats(GstOneadaptFilter *self) {
  FilterImpl &impl = *self->impl;
  oneadapt::PictureCounters c;
  oneadapt::Values values;
  {
    auto history = impl.history.lock();
    c = history->counters;
    const auto *current = history->current();
    values = current ? current->values : oneadapt::video_knobs().neutral();
  }
  GstStructure *stats =
      gst_structure_new("oneadaptfilter-stats", "frames-in", G_TYPE_UINT64, c.frames_in, "frames-out", G_TYPE_UINT64,
                        c.frames_out, "dropped", G_TYPE_UINT64, c.dropped, "filtered", G_TYPE_UINT64, c.filtered,
                        "intervals", G_TYPE_UINT64, c.intervals, "bytes", G_TYPE_UINT64, c.bytes, "last-interval-bytes",
                        G_TYPE_UINT64, c.last_interval_bytes, "encode-time", G_TYPE_UINT64, c.coding_ns, "probe-time",
                        G_TYPE_UINT64, c.probe_ns, "probes", G_TYPE_UINT64, c.probes, nullptr);
  for (std::size_t knob = 0; knob < kKnobs; knob++)
    if (video_knobs()[knob].type != KnobType::Map)
      gst_structure_set(stats, video_knobs()[knob].name, G_TYPE_DOUBLE, values[knob], nullptr);
  return stats;
}

}  // namespace

GParamSpec *filter_knob_pspec(std::size_t knob) { return properties[PROP_KNOB + knob]; }

G_DEFINE_TYPE_WITH_CODE(GstOneadaptFilter, gst_oneadapt_filter, GST_TYPE_VIDEO_ENCODER,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_ONEADAPT_TUNABLE, GInterfaceInitFunc(filter_tunable_init)))
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(oneadaptfilter, "oneadaptfilter", GST_RANK_NONE, GST_TYPE_ONEADAPT_FILTER,
                                      GST_DEBUG_CATEGORY_INIT(oneadapt_filter_debug, "oneadaptfilter", 0,
                                                              "input filtering for a DNN"))

/* ---- properties ---------------------------------------------------------------------------------------------- */

static void set_ladder(GstOneadaptFilter *self, std::size_t knob, const gchar *text) {
  std::vector<double> values;
  if (!oneadapt::parse_ladder_property(GST_OBJECT_NAME(self), video_knobs()[knob], text, values)) return;
  GST_OBJECT_LOCK(self);
  self->impl->settings.ladders[knob] = values;
  self->impl->settings.ladder_texts[knob] = text ? text : "";
  GST_OBJECT_UNLOCK(self);
}

static void set_map(GstOneadaptFilter *self, const GstStructure *structure) {
  QpMap map;
  std::string complaint;
  if (!qp_map_parse(structure, map, complaint)) {
    g_warning(
        "%s: property \"qp-map\" is left as it was: %s; write for instance \"map,columns=2,rows=1,offsets=<0,8>\"",
        GST_OBJECT_NAME(self), complaint.c_str());
    return;
  }
  if (!complaint.empty()) g_warning("%s: property \"qp-map\" is clipped: %s", GST_OBJECT_NAME(self), complaint.c_str());
  GST_OBJECT_LOCK(self);
  self->impl->settings.map = std::move(map);
  GST_OBJECT_UNLOCK(self);
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  auto *self = GST_ONEADAPT_FILTER(object);
  FilterSettings &settings = self->impl->settings;
  if (id >= kFirstLadder && id < kProperties) {
    set_ladder(self, id - kFirstLadder, g_value_get_string(value));
    return;
  }
  if (id == PROP_KNOB + oneadapt::kQpMap) {
    set_map(self, gst_value_get_structure(value));
    return;
  }
  GST_OBJECT_LOCK(self);
  if (id >= PROP_KNOB && id < kFirstLadder) {
    settings.values[id - PROP_KNOB] =
        G_IS_PARAM_SPEC_INT(pspec) ? double(g_value_get_int(value)) : g_value_get_double(value);
  } else {
    switch (id) {
      case PROP_INTERVAL:
        settings.interval = g_value_get_uint64(value);
        break;
      case PROP_PRESET:
        settings.preset = g_value_get_enum(value);
        break;
      case PROP_THREADS:
        settings.threads = g_value_get_uint(value);
        break;
      case PROP_MAP_RANGE:
        settings.map_range = g_value_get_int(value);
        break;
      case PROP_MAP_GRANULARITY:
        settings.map_granularity = g_value_get_uint(value);
        break;
      case PROP_MAX_SKIP:
        settings.max_skip = g_value_get_uint(value);
        break;
      case PROP_B_FRAMES:
        settings.b_frames = g_value_get_uint(value);
        break;
      case PROP_MARKS:
        settings.marks = Marks(g_value_get_enum(value));
        break;
      case PROP_FEEDBACK_SHARE:
        settings.feedback_share = g_value_get_double(value);
        break;
      default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
  }
  GST_OBJECT_UNLOCK(self);
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  auto *self = GST_ONEADAPT_FILTER(object);
  FilterSettings &settings = self->impl->settings;
  if (id == PROP_STATS) {
    g_value_take_boxed(value, make_stats(self));
    return;
  }
  GST_OBJECT_LOCK(self);
  if (id >= kFirstLadder && id < kProperties) {
    g_value_set_string(value, settings.ladder_texts[id - kFirstLadder].c_str());
  } else if (id == PROP_KNOB + oneadapt::kQpMap) {
    g_value_take_boxed(value, qp_map_structure(settings.map));
  } else if (id >= PROP_KNOB && id < kFirstLadder) {
    const double knob = settings.values[id - PROP_KNOB];
    if (G_IS_PARAM_SPEC_INT(pspec))
      g_value_set_int(value, int(knob));
    else
      g_value_set_double(value, knob);
  } else {
    switch (id) {
      case PROP_INTERVAL:
        g_value_set_uint64(value, settings.interval);
        break;
      case PROP_PRESET:
        g_value_set_enum(value, settings.preset);
        break;
      case PROP_THREADS:
        g_value_set_uint(value, settings.threads);
        break;
      case PROP_MAP_RANGE:
        g_value_set_int(value, settings.map_range);
        break;
      case PROP_MAP_GRANULARITY:
        g_value_set_uint(value, settings.map_granularity);
        break;
      case PROP_MAX_SKIP:
        g_value_set_uint(value, settings.max_skip);
        break;
      case PROP_B_FRAMES:
        g_value_set_uint(value, settings.b_frames);
        break;
      case PROP_MARKS:
        g_value_set_enum(value, int(settings.marks));
        break;
      case PROP_FEEDBACK_SHARE:
        g_value_set_double(value, settings.feedback_share);
        break;
      default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
  }
  GST_OBJECT_UNLOCK(self);
}

/* ---- caps, allocation ---------------------------------------------------------------------------------------- */

/// A coded picture's side is even and at least 16, and an odd column or row of the input is cut off.
static void widen_side(GstStructure *s, const char *side) {
  const GValue *value = gst_structure_get_value(s, side);
  int least = 16, most = 16384;
  if (value && GST_VALUE_HOLDS_INT_RANGE(value)) {
    least = std::max(least, gst_value_get_int_range_min(value));
    most = std::min(most, gst_value_get_int_range_max(value));
  } else if (value && G_VALUE_HOLDS_INT(value)) {
    least = most = g_value_get_int(value);
  }
  if (most >= least) gst_structure_set(s, side, GST_TYPE_INT_RANGE, least, most + 1, nullptr);
}

/// What downstream takes, as raw pictures. H.264 comes first, so it is preferred. A scale makes sizes downstream's
/// business no more than upstream's: they are then left open.
static GstCaps *get_caps(GstVideoEncoder *encoder, GstCaps *filter) {
  auto *self = GST_ONEADAPT_FILTER(encoder);
  GST_OBJECT_LOCK(self);
  const bool scales = self->impl->settings.values[oneadapt::kScale] < 1;
  GST_OBJECT_UNLOCK(self);
  GstCaps *allowed = gst_pad_get_allowed_caps(GST_VIDEO_ENCODER_SRC_PAD(encoder));
  if (!allowed) allowed = gst_pad_get_pad_template_caps(GST_VIDEO_ENCODER_SRC_PAD(encoder));
  GstCaps *wanted = gst_caps_new_empty(), *raw = gst_caps_new_empty();
  for (guint i = 0; i < gst_caps_get_size(allowed); i++) {
    const GstStructure *s = gst_caps_get_structure(allowed, i);
    const bool coded = gst_structure_has_name(s, "video/x-h264");
    GstStructure *out = gst_structure_new_empty("video/x-raw");
    for (const char *field : {"format", "width", "height", "framerate", "pixel-aspect-ratio"}) {
      const GValue *value = gst_structure_get_value(s, field);
      if (value && !(scales && (*field == 'w' || *field == 'h'))) gst_structure_set_value(out, field, value);
    }
    if (coded) {
      widen_side(out, "width");
      widen_side(out, "height");
#ifdef CODED_FORMATS
      GstCaps *formats = gst_caps_from_string(GST_VIDEO_CAPS_MAKE("{" CODED_FORMATS "}"));
      gst_structure_set_value(out, "format", gst_structure_get_value(gst_caps_get_structure(formats, 0), "format"));
      gst_caps_unref(formats);
#endif
    }
    gst_caps_append_structure(coded ? wanted : raw, out);
  }
  gst_caps_unref(allowed);
  gst_caps_append(wanted, raw);
  GstCaps *templ = gst_pad_get_pad_template_caps(GST_VIDEO_ENCODER_SINK_PAD(encoder));
  GstCaps *caps = gst_caps_intersect_full(wanted, templ, GST_CAPS_INTERSECT_FIRST);
  gst_caps_unref(wanted);
  gst_caps_unref(templ);
  if (filter) {
    GstCaps *filtered = gst_caps_intersect_full(filter, caps, GST_CAPS_INTERSECT_FIRST);
    gst_caps_unref(caps);
    caps = filtered;
  }
  return caps;
}

static gboolean set_format(GstVideoEncoder *encoder, GstVideoCodecState *state) {
  return filter_set_format(GST_ONEADAPT_FILTER(encoder), state);
}

static gboolean propose_allocation(GstVideoEncoder *encoder, GstQuery *query) {
  auto *self = GST_ONEADAPT_FILTER(encoder);
  GstCaps *caps = nullptr;
  GstVideoInfo info;
  gst_query_parse_allocation(query, &caps, nullptr);
  if (!caps || !gst_video_info_from_caps(&info, caps)) return FALSE;
  bool video_meta = true;
  if (!self->impl->state->h264) {
    // Untouched buffers go through: their layout must be one that downstream understands.
    GstQuery *downstream = gst_query_new_allocation(caps, FALSE);
    video_meta = gst_pad_peer_query(GST_VIDEO_ENCODER_SRC_PAD(encoder), downstream) &&
                 gst_query_find_allocation_meta(downstream, GST_VIDEO_META_API_TYPE, nullptr);
    gst_query_unref(downstream);
  }
  if (video_meta) gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, nullptr);
  gst_query_add_allocation_pool(query, nullptr, guint(info.size), kExtraBuffers, 0);
  return GST_VIDEO_ENCODER_CLASS(gst_oneadapt_filter_parent_class)->propose_allocation(encoder, query);
}

/* ---- streaming ----------------------------------------------------------------------------------------------- */

static gboolean start(GstVideoEncoder *encoder) {
  auto *self = GST_ONEADAPT_FILTER(encoder);
  FilterImpl &impl = *self->impl;
  impl.state.reset(new FilterState);
  GST_OBJECT_LOCK(self);
  impl.state->fixed = impl.settings;
  GST_OBJECT_UNLOCK(self);
  impl.state->clock = std::make_unique<oneadapt::FrameClock>(impl.state->fixed.interval, 0);
  {
    // What a DNN said of another run's pictures is no reason for a map.
    std::lock_guard<std::mutex> guard(impl.probing.lock);
    impl.probing.gradient = oneadapt::BlockMap();
  }
  impl.feedback = impl.thresholds_asked = impl.units_asked = false;
  impl.weights.lock()->reset();
  oneadapt::restart(*impl.history.lock(), false);
  return TRUE;
}

static gboolean stop(GstVideoEncoder *encoder) {
  auto *self = GST_ONEADAPT_FILTER(encoder);
  FilterImpl &impl = *self->impl;
  filter_forget(self);
  impl.state.reset(new FilterState);
  oneadapt::restart(*impl.history.lock(), true);
  GST_OBJECT_LOCK(self);
  impl.settings.pending.reset();
  GST_OBJECT_UNLOCK(self);
  return TRUE;
}

static gboolean flush(GstVideoEncoder *encoder) {
  filter_forget(GST_ONEADAPT_FILTER(encoder));
  return TRUE;
}

static GstFlowReturn handle_frame(GstVideoEncoder *encoder, GstVideoCodecFrame *frame) {
  return filter_handle_frame(GST_ONEADAPT_FILTER(encoder), frame);
}

static GstFlowReturn finish(GstVideoEncoder *encoder) { return filter_finish(GST_ONEADAPT_FILTER(encoder)); }

static gboolean sink_query(GstVideoEncoder *encoder, GstQuery *query) {
  if (GST_QUERY_TYPE(query) == GST_QUERY_DRAIN) filter_drain(GST_ONEADAPT_FILTER(encoder));
  return GST_VIDEO_ENCODER_CLASS(gst_oneadapt_filter_parent_class)->sink_query(encoder, query);
}

static GstFlowReturn pre_push(GstVideoEncoder *encoder, GstVideoCodecFrame *frame) {
  FilterState &state = *GST_ONEADAPT_FILTER(encoder)->impl->state;
  // The base class knows coded streams only; raw pictures have no decoding order.
  if (!state.h264) GST_BUFFER_DTS(frame->output_buffer) = GST_CLOCK_TIME_NONE;
  // Here, because caps and segment have gone before.
  if (GstEvent *event = std::exchange(state.announcement, nullptr))
    gst_pad_push_event(GST_VIDEO_ENCODER_SRC_PAD(encoder), event);
  return GST_FLOW_OK;
}

static gboolean transform_meta(GstVideoEncoder *encoder, GstVideoCodecFrame *frame, GstMeta *meta) {
  const FilterState &state = *GST_ONEADAPT_FILTER(encoder)->impl->state;
  const GstVideoInfo &input = state.input->info;
  const bool resized = state.output != oneadapt::Size{unsigned(input.width), unsigned(input.height)};
  if (!state.h264 && !resized) return FALSE;  // the output is a copy and has them all
  if (resized && meta->info->api == GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE) {
    GstVideoInfo in = input, out = oneadapt::resized(input, state.output);
    GstVideoMetaTransform transform{&in, &out};
    meta->info->transform_func(frame->output_buffer, meta, frame->input_buffer,
                               gst_video_meta_transform_scale_get_quark(), &transform);
    return FALSE;
  }
  return GST_VIDEO_ENCODER_CLASS(gst_oneadapt_filter_parent_class)->transform_meta(encoder, frame, meta);
}

/// Frames that the knob `framerate` drops are no sign of lateness: no QoS messages for them.
static gboolean post_message(GstElement *element, GstMessage *message) {
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_QOS && GST_ONEADAPT_FILTER(element)->impl->dropping) {
    gst_message_unref(message);
    return TRUE;
  }
  return GST_ELEMENT_CLASS(gst_oneadapt_filter_parent_class)->post_message(element, message);
}

/* ---- class --------------------------------------------------------------------------------------------------- */

static void finalize(GObject *object) {
  delete GST_ONEADAPT_FILTER(object)->impl;
  G_OBJECT_CLASS(gst_oneadapt_filter_parent_class)->finalize(object);
}

static void gst_oneadapt_filter_init(GstOneadaptFilter *self) {
  self->impl = new FilterImpl;
  self->impl->settings.preset = kDefaultPreset;
}

static void install_properties(GObjectClass *klass) {
  const auto fixed = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  properties[PROP_INTERVAL] =
      g_param_spec_uint64("interval", "Interval", "Adaptation interval in ns of stream time; each is one closed GOP",
                          GST_MSECOND, 3600 * GST_SECOND, GST_SECOND, fixed);
  properties[PROP_PRESET] = g_param_spec_enum("speed-preset", "Speed preset", "x264's preset; H.264 only",
                                              preset_type(), kDefaultPreset, fixed);
  properties[PROP_THREADS] =
      g_param_spec_uint("threads", "Threads",
                        "Slices that are encoded at once, without delay; 0 = as many as x264 likes", 0, 64, 1, fixed);
  properties[PROP_MAX_SKIP] = g_param_spec_uint(
      "max-skip", "Max skip", "Most frames in a row that thresholds drop (0 = any number)", 0, 1000000, 0, fixed);
  properties[PROP_B_FRAMES] = g_param_spec_uint(
      "b-frames", "B-frames",
      "Most B pictures in a row; more than 0 makes \"b-bias\" a knob and delays pictures by as many frames, but never "
      "beyond an interval's end; H.264 only",
      0, 16, 0, fixed);
  /**
   * oneadaptfilter:interval-marks:
   *
   * An interval's first and last frame say so themselves, in some 47 bytes of H.264 user data, so that a DNN on the
   * other side of a network counts the same intervals (docs/network.md). Auto: where a payloader or an element of
   * class "Network" is downstream.
   */
  properties[PROP_MARKS] =
      g_param_spec_enum("interval-marks", "Interval marks", "Frames say where an interval begins and ends; H.264 only",
                        marks_type(), int(Marks::Auto), fixed);
  /**
   * oneadaptfilter:feedback-share:
   *
   * Of a stream with interval marks, feedback may take that share of the bytes: the mark says how many, and oneadaptdnn
   * makes the gradient's map as coarse as it must be, down to 96 bytes a gradient.
   */
  properties[PROP_FEEDBACK_SHARE] = g_param_spec_double(
      "feedback-share", "Feedback share",
      "Most that gradients take, as a share of the bytes of a stream with interval marks; 0 = no such limit", 0, 1,
      kDefaultFeedbackShare, fixed);
  properties[PROP_STATS] =
      g_param_spec_boxed("stats", "Statistics",
                         "frames-in (= frames-out + dropped), filtered (dropped by thresholds), intervals, bytes, "
                         "last-interval-bytes, probes, "
                         "encode-time and probe-time (ns of "
                         "CPU), and every knob as it is in force",
                         GST_TYPE_STRUCTURE, GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  const auto playing = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
  properties[PROP_MAP_RANGE] = g_param_spec_int(
      "map-range", "Map range", "Greatest difference of two macroblocks' QPs in a map that a controller chooses", 0, 51,
      18, playing);
  properties[PROP_MAP_GRANULARITY] = g_param_spec_uint(
      "map-granularity", "Map granularity",
      "Side, in macroblocks, of the squares that share one QP in a map that a controller chooses", 1, 1024, 1, playing);
  for (std::size_t knob = 0; knob < kKnobs; knob++) {
    const KnobRow &row = video_knobs()[knob];
    properties[PROP_KNOB + knob] = oneadapt::knob_pspec(row);
    properties[kFirstLadder + knob] =
        oneadapt::ladder_pspec(row, *row.ladder ? row.ladder : "the input's rate / 10, 5, 3, 2, 1");
  }
  g_object_class_install_properties(klass, kProperties, properties);
}

static void gst_oneadapt_filter_class_init(GstOneadaptFilterClass *klass) {
  auto *object = G_OBJECT_CLASS(klass);
  auto *element = GST_ELEMENT_CLASS(klass);
  auto *encoder = GST_VIDEO_ENCODER_CLASS(klass);
  object->set_property = set_property;
  object->get_property = get_property;
  object->finalize = finalize;
  install_properties(object);

  gst_element_class_set_static_metadata(
      element, "OneAdapt input filter", "Codec/Encoder/Filter/Video",
      "Filters video for a DNN: frame rate, resolution and QP, adapted while the stream runs",
      "OneAdapt for GStreamer");
  gst_element_class_add_static_pad_template(element, &sink_template);
  gst_element_class_add_static_pad_template(element, &src_template);
  gst_type_mark_as_plugin_api(preset_type(), GstPluginAPIFlags(0));
  element->post_message = post_message;

  encoder->start = start;
  encoder->stop = stop;
  encoder->set_format = set_format;
  encoder->getcaps = get_caps;
  encoder->handle_frame = handle_frame;
  encoder->flush = flush;
  encoder->finish = finish;
  encoder->sink_query = sink_query;
  encoder->pre_push = pre_push;
  encoder->propose_allocation = propose_allocation;
  encoder->transform_meta = transform_meta;
}
