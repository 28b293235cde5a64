// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-oneadaptfilter
 * @title: oneadaptfilter
 *
 * Input filtering at the sensor: frame rate, resolution and QP, adjustable while the stream runs. Puts out H.264 when
 * downstream takes it, else raw pictures (then only `framerate` and `scale` matter).
 *
 * Time is divided into adaptation intervals of stream time (#GstOneadaptFilter:interval). A configuration takes effect
 * at an interval's first frame; then the property is notified. That takes no IDR picture, unless the size changes
 * (#GstOneadaptFilter:key-int-max). Every input frame is either passed on or counted as dropped
 * (#GstOneadaptFilter:stats).
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

#include "accuracy_request.h"
#include "gray16_properties.h"
#include "gstoneadapt.h"
#include "video/stream.h"

GST_DEBUG_CATEGORY(oneadapt_filter_debug);
#define GST_CAT_DEFAULT oneadapt_filter_debug

using oneadapt::AdaptiveFilter;
using oneadapt::KnobProperties;
using oneadapt::kPresets;
using oneadapt::Marks;
using oneadapt::QpMap;
using oneadapt::VideoMedium;
using oneadapt::VideoSettings;
using oneadapt::VideoStream;

#if HAVE_X264
#define H264_CAPS                                                                                  \
  "video/x-h264, stream-format=(string)byte-stream, alignment=(string)au, width=(int)[16,16384], " \
  "height=(int)[16,16384], framerate=(fraction)[0/1,MAX]; "
#define CODED_FORMATS "I420, NV12, GRAY8, GRAY16_LE"
#else
#define H264_CAPS ""
#endif
#define RAW_FORMATS "{ I420, NV12, YV12, YUY2, UYVY, RGB, BGR, RGBx, BGRx, RGBA, BGRA, GRAY8, GRAY16_LE }"

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(GST_VIDEO_CAPS_MAKE(RAW_FORMATS)));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(H264_CAPS GST_VIDEO_CAPS_MAKE(RAW_FORMATS)));

namespace {

// Upstream pools had better hold a few buffers more: the last pictures are remembered for probing.
constexpr guint kExtraBuffers = 4;
// An IDR picture that was damaged on the way is followed by another one soon. What many requests cost is limited in the
// long run (VideoStream).
constexpr GstClockTime kLeastKeyRequestInterval = GST_SECOND / 4;

KnobProperties knob_properties(oneadapt::video_knobs());

GType preset_type() {
  static const GType type = [] {
    static GEnumValue values[11];
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

}  // namespace

/// Locks, outermost first: the encoder's stream lock (VideoStream), AdaptiveFilter's own (a probe under way), then one
/// at a time, for moments, a Locked (the history, settings, …). None is held while anything is pushed or notified.
struct VideoFilter {
  explicit VideoFilter(GstVideoEncoder *element)
      : encoder(element), adaptive(GST_ELEMENT(element), medium, knob_properties) {
    new_run(false);
  }
  /// `over`: a run has ended; its counters can still be read.
  void new_run(bool over) {
    medium.new_run(over);
    stream = std::make_unique<VideoStream>(encoder, medium, adaptive);
  }

  GstVideoEncoder *encoder;
  VideoMedium medium;
  AdaptiveFilter adaptive;
  std::unique_ptr<VideoStream> stream;
};

G_BEGIN_DECLS
#define GST_TYPE_ONEADAPT_FILTER (gst_oneadapt_filter_get_type())
G_DECLARE_FINAL_TYPE(GstOneadaptFilter, gst_oneadapt_filter, GST, ONEADAPT_FILTER, GstVideoEncoder)
struct _GstOneadaptFilter {
  GstVideoEncoder parent;
  VideoFilter *filter;
};
G_END_DECLS

static AdaptiveFilter &adaptive_of(GstOneadaptTunable *tunable) {
  return GST_ONEADAPT_FILTER(tunable)->filter->adaptive;
}
static VideoStream &stream_of(GstVideoEncoder *encoder) { return *GST_ONEADAPT_FILTER(encoder)->filter->stream; }

G_DEFINE_TYPE_WITH_CODE(GstOneadaptFilter, gst_oneadapt_filter, GST_TYPE_VIDEO_ENCODER,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_ONEADAPT_TUNABLE, oneadapt::init_tunable<adaptive_of>))
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(oneadaptfilter, "oneadaptfilter", GST_RANK_NONE, GST_TYPE_ONEADAPT_FILTER,
                                      GST_DEBUG_CATEGORY_INIT(oneadapt_filter_debug, "oneadaptfilter", 0,
                                                              "input filtering for a DNN"))

/* ---- properties ---------------------------------------------------------------------------------------------- */

/// The one knob that is no number.
static bool is_map(guint id) { return knob_properties.knob_of(id) == oneadapt::kQpMap; }

static void set_map(GstOneadaptFilter *self, const GstStructure *structure) {
  auto map = std::make_shared<QpMap>();
  std::string complaint;
  if (!qp_map_parse(structure, *map, complaint)) {
    g_warning(
        "%s: property \"qp-map\" is left as it was: %s; write for instance \"map,columns=2,rows=1,offsets=<0,8>\"",
        GST_OBJECT_NAME(self), complaint.c_str());
    return;
  }
  if (!complaint.empty()) g_warning("%s: property \"qp-map\" is clipped: %s", GST_OBJECT_NAME(self), complaint.c_str());
  self->filter->adaptive.settings().lock()->payload = std::move(map);
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  auto *self = GST_ONEADAPT_FILTER(object);
  if (oneadapt::is_fixed_now(self, pspec)) return;
  if (is_map(id))
    set_map(self, gst_value_get_structure(value));
  else if (!self->filter->adaptive.set_property(id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  VideoFilter &filter = *GST_ONEADAPT_FILTER(object)->filter;
  if (is_map(id))
    g_value_take_boxed(value, qp_map_structure(oneadapt::qp_map_of(filter.adaptive.settings().lock()->payload)));
  else if (!filter.adaptive.get_property(id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
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
  const bool scales = self->filter->adaptive.settings().lock()->asked[oneadapt::kScale] < 1;
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
  if (filter) {
    GstCaps *filtered = gst_caps_intersect_full(filter, caps, GST_CAPS_INTERSECT_FIRST);
    gst_caps_unref(caps);
    caps = filtered;
    // Where nothing that upstream can give is possible, it may come: set_format() says what is wrong with it and what
    // helps, and the source would not.
    if (gst_caps_is_empty(caps)) gst_caps_take(&caps, gst_caps_intersect_full(filter, templ, GST_CAPS_INTERSECT_FIRST));
  }
  gst_caps_unref(templ);
  return caps;
}

static gboolean propose_allocation(GstVideoEncoder *encoder, GstQuery *query) {
  GstCaps *caps = nullptr;
  GstVideoInfo info;
  gst_query_parse_allocation(query, &caps, nullptr);
  if (!caps || !gst_video_info_from_caps(&info, caps)) return FALSE;
  bool video_meta = true;
  if (!stream_of(encoder).h264()) {
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
  GST_ONEADAPT_FILTER(encoder)->filter->new_run(false);
  return TRUE;
}

static gboolean stop(GstVideoEncoder *encoder) {
  VideoFilter &filter = *GST_ONEADAPT_FILTER(encoder)->filter;
  filter.stream->forget();
  filter.new_run(true);
  filter.adaptive.stop();
  return TRUE;
}

static gboolean set_format(GstVideoEncoder *encoder, GstVideoCodecState *state) {
  return stream_of(encoder).set_format(state);
}

static gboolean flush(GstVideoEncoder *encoder) {
  stream_of(encoder).forget();
  return TRUE;
}

static GstFlowReturn handle_frame(GstVideoEncoder *encoder, GstVideoCodecFrame *frame) {
  return stream_of(encoder).handle_frame(frame);
}

static GstFlowReturn finish(GstVideoEncoder *encoder) { return stream_of(encoder).finish(); }

static gboolean sink_event(GstVideoEncoder *encoder, GstEvent *event) {
  if (const auto wanted = oneadapt::accuracy_request_of(event))
    GST_ONEADAPT_FILTER(encoder)->filter->medium.accuracy_wanted = *wanted;
  return GST_VIDEO_ENCODER_CLASS(gst_oneadapt_filter_parent_class)->sink_event(encoder, event);
}

static gboolean sink_query(GstVideoEncoder *encoder, GstQuery *query) {
  if (GST_QUERY_TYPE(query) == GST_QUERY_DRAIN) stream_of(encoder).drain();
  if (GST_QUERY_TYPE(query) == GST_QUERY_ACCEPT_CAPS) {
    // Caps that get_caps() does not offer come in all the same: set_format() says what is wrong with them and what
    // helps, and the source would not.
    GstCaps *caps = nullptr, *all = gst_pad_get_pad_template_caps(GST_VIDEO_ENCODER_SINK_PAD(encoder));
    gst_query_parse_accept_caps(query, &caps);
    gst_query_set_accept_caps_result(query, gst_caps_is_subset(caps, all));
    gst_caps_unref(all);
    return TRUE;
  }
  return GST_VIDEO_ENCODER_CLASS(gst_oneadapt_filter_parent_class)->sink_query(encoder, query);
}

static GstFlowReturn pre_push(GstVideoEncoder *encoder, GstVideoCodecFrame *frame) {
  stream_of(encoder).pre_push(frame);
  return GST_FLOW_OK;
}

/// Scaling a region loses its parameters: gives them to the scaled one, which is the last without any.
static void copy_params(GstVideoRegionOfInterestMeta *from, GstBuffer *buffer) {
  GstVideoRegionOfInterestMeta *scaled = nullptr;
  gpointer state = nullptr;
  while (GstMeta *meta = gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
    auto *region = reinterpret_cast<GstVideoRegionOfInterestMeta *>(meta);
    if (region->id == from->id && region->roi_type == from->roi_type && !region->params) scaled = region;
  }
  for (GList *l = from->params; scaled && l; l = l->next)
    gst_video_region_of_interest_meta_add_param(scaled, gst_structure_copy(static_cast<const GstStructure *>(l->data)));
}

static gboolean transform_meta(GstVideoEncoder *encoder, GstVideoCodecFrame *frame, GstMeta *meta) {
  const VideoStream &stream = stream_of(encoder);
  const GstVideoInfo &input = stream.input()->info;
  const bool resized = stream.output() != oneadapt::size_of(input);
  if (!stream.h264() && !resized) return FALSE;  // the output is a copy and has them all
  if (resized && meta->info->api == GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE) {
    GstVideoInfo in = input, out = oneadapt::resized(input, stream.output());
    GstVideoMetaTransform transform{&in, &out};
    meta->info->transform_func(frame->output_buffer, meta, frame->input_buffer,
                               gst_video_meta_transform_scale_get_quark(), &transform);
    copy_params(reinterpret_cast<GstVideoRegionOfInterestMeta *>(meta), frame->output_buffer);
    return FALSE;
  }
  return GST_VIDEO_ENCODER_CLASS(gst_oneadapt_filter_parent_class)->transform_meta(encoder, frame, meta);
}

/// Frames that are dropped on purpose are no sign of lateness: no QoS messages for them.
static gboolean post_message(GstElement *element, GstMessage *message) {
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_QOS && GST_ONEADAPT_FILTER(element)->filter->medium.dropping) {
    gst_message_unref(message);
    return TRUE;
  }
  return GST_ELEMENT_CLASS(gst_oneadapt_filter_parent_class)->post_message(element, message);
}

/* ---- class --------------------------------------------------------------------------------------------------- */

static void finalize(GObject *object) {
  delete GST_ONEADAPT_FILTER(object)->filter;
  G_OBJECT_CLASS(gst_oneadapt_filter_parent_class)->finalize(object);
}

static void gst_oneadapt_filter_init(GstOneadaptFilter *self) {
  self->filter = new VideoFilter(GST_VIDEO_ENCODER(self));
  gst_video_encoder_set_min_force_key_unit_interval(GST_VIDEO_ENCODER(self), kLeastKeyRequestInterval);
}

static void install_properties(GObjectClass *klass) {
  const auto fixed = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  VideoMedium::setting_properties.add(
      g_param_spec_uint64("interval", "Interval", "Adaptation interval in ns of stream time", GST_MSECOND,
                          3600 * GST_SECOND, GST_SECOND, fixed),
      &VideoSettings::interval);
  VideoMedium::setting_properties.add(g_param_spec_enum("speed-preset", "Speed preset", "x264's preset; H.264 only",
                                                        preset_type(), oneadapt::kDefaultPreset, fixed),
                                      &VideoSettings::preset);
  VideoMedium::setting_properties.add(
      g_param_spec_uint("threads", "Threads",
                        "Slices that are encoded at once, without delay; 0 = as many as x264 likes", 0, 64, 1, fixed),
      &VideoSettings::threads);
  VideoMedium::setting_properties.add(
      g_param_spec_uint("max-skip", "Max skip", "Most frames in a row that thresholds drop (0 = any number)", 0,
                        1000000, 0, fixed),
      &VideoSettings::max_skip);
  VideoMedium::setting_properties.add(
      g_param_spec_uint("b-frames", "B-frames",
                        "Most B pictures in a row; more than 0 makes \"b-bias\" a knob and delays "
                        "pictures by as many frames, but never "
                        "beyond an interval's end; H.264 only",
                        0, 16, 0, fixed),
      &VideoSettings::b_frames);
  /**
   * oneadaptfilter:key-int-max:
   *
   * IDR pictures also come at the stream's start, with another size, and on request (GstForceKeyUnit, at most one in
   * #GstVideoEncoder:min-force-key-unit-interval, and no more than a quarter of that in the long run; a request that
   * comes too early is answered later). A frame that is to be one is never dropped. One that would be due within an
   * adaptation interval comes at the interval's beginning. With as many pictures as an interval has, every interval is
   * one closed GOP.
   */
  VideoMedium::setting_properties.add(
      g_param_spec_uint("key-int-max", "Key-frame maximal interval",
                        "Most pictures from one IDR picture to the next (0 = automatic: 250); H.264 only", 0, G_MAXINT,
                        0, fixed),
      &VideoSettings::key_int_max);
  /**
   * oneadaptfilter:interval-marks:
   *
   * An interval's first and last frame say so themselves, in some 49 bytes of H.264 user data, so that a DNN on the
   * other side of a network counts the same intervals (docs/network.md). Auto: where a payloader or an element of
   * class "Network" is downstream.
   */
  VideoMedium::setting_properties.add(
      g_param_spec_enum("interval-marks", "Interval marks", "Frames say where an interval begins and ends; H.264 only",
                        marks_type(), int(Marks::Auto), fixed),
      &VideoSettings::marks);
  /**
   * oneadaptfilter:feedback-share:
   *
   * Of a stream with interval marks, feedback may take that share of the bytes: the mark says how many, and oneadaptdnn
   * makes the gradient's map as coarse as it must be, down to 96 bytes a gradient.
   */
  VideoMedium::setting_properties.add(
      g_param_spec_double(
          "feedback-share", "Feedback share",
          "Most that gradients take, as a share of the bytes of a stream with interval marks; 0 = no such limit", 0, 1,
          oneadapt::kDefaultFeedbackShare, fixed),
      &VideoSettings::feedback_share);
  /**
   * oneadaptfilter:blocks:
   *
   * Of a mosaic from #oneadaptfeatures. A controller's map ("qp-map") then has one QP for each block of the picture,
   * the same in the tiles of all channels.
   */
  VideoMedium::setting_properties.add(
      g_param_spec_uint("blocks", "Blocks",
                        "Blocks of the picture whose QP is the same in all tiles of a mosaic of features, in a map "
                        "that a controller chooses (0 = each macroblock has its own)",
                        0, 4096, 16, fixed),
      &VideoSettings::blocks);
  oneadapt::add_gray16(
      VideoMedium::setting_properties, fixed, [](auto &s) -> auto & { return s.gray16; });
  const auto playing = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
  VideoMedium::setting_properties.add(
      g_param_spec_uint("map-granularity", "Map granularity",
                        "Side, in macroblocks, of the squares that share one QP in a map that a controller chooses", 1,
                        1024, 1, playing),
      &VideoSettings::map_granularity);
  const guint next = knob_properties.install(
      klass, "the input's rate / 10, 5, 3, 2, 1",
      "frames-in (= frames-out + dropped), filtered (dropped by thresholds), intervals, bytes, last-interval-bytes, "
      "probes, encode-time and probe-time (ns of CPU), and every knob as it is in force");
  VideoMedium::setting_properties.install(klass, next);
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
  encoder->sink_event = sink_event;
  encoder->sink_query = sink_query;
  encoder->pre_push = pre_push;
  encoder->propose_allocation = propose_allocation;
  encoder->transform_meta = transform_meta;
}
