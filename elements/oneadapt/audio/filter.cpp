// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-oneadaptaudiofilter
 * @title: oneadaptaudiofilter
 *
 * Input filtering at a microphone: the sample rate, and the bits a sample takes, adjustable while the stream runs.
 * Sound is mixed down to one channel.
 *
 * Time is divided into adaptation intervals of stream time (#GstOneadaptAudioFilter:interval). A configuration takes
 * effect at an interval's first sample, without a gap or a click; then the property is notified.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 audiotestsrc num-buffers=100 ! oneadaptaudiofilter rate=8000 ! wavenc ! filesink location=small.wav
 * ]| Sound for a telephone.
 */
#include "config.h"

#include "audio/filter.h"

#include <algorithm>

#include "audio/filter_impl.h"
#include "gstoneadapt.h"

GST_DEBUG_CATEGORY(oneadapt_audio_filter_debug);
#define GST_CAT_DEFAULT oneadapt_audio_filter_debug

using oneadapt::audio_knobs;
using oneadapt::kAudioKnobs;

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("audio/x-raw, format=(string)" GST_AUDIO_FORMATS_ALL
                    ", rate=(int)[1000,192000], channels=(int)[1,8], layout=(string)interleaved"));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS("audio/x-raw, format=(string){ " GST_AUDIO_NE(F32) ", " GST_AUDIO_NE(
                                S16) " }, rate=(int)[1000,192000], channels=(int)1, layout=(string)interleaved"));

namespace {

enum { PROP_0, PROP_INTERVAL, PROP_LOOK_AHEAD, PROP_QUALITY, PROP_STATS, PROP_KNOB };
constexpr guint kFirstLadder = PROP_KNOB + kAudioKnobs;
constexpr guint kProperties = kFirstLadder + kAudioKnobs;
GParamSpec *properties[kProperties];

GstStructure *make_stats(GstOneadaptAudioFilter *self) {
  AudioFilterImpl &impl = *self->impl;
  oneadapt::SoundCounters c;
  oneadapt::Values values = oneadapt::audio_knobs().neutral();
  {
    auto history = impl.history.lock();
    c = history->counters;
    if (const auto *current = history->current()) values = current->values;
  }
  GstStructure *stats = gst_structure_new(
      "oneadaptaudiofilter-stats", "samples-in", G_TYPE_UINT64, c.samples_in, "samples-out", G_TYPE_UINT64,
      c.samples_out, "dropped", G_TYPE_UINT64, c.dropped, "filled", G_TYPE_UINT64, c.filled, "non-finite",
      G_TYPE_UINT64, c.non_finite, "intervals", G_TYPE_UINT64, c.intervals, "rate-changes", G_TYPE_UINT64,
      c.rate_changes, "voice-time", G_TYPE_UINT64, c.voice_ns, "bytes", G_TYPE_UINT64, c.bytes, "last-interval-bytes",
      G_TYPE_UINT64, c.last_interval_bytes, "convert-time", G_TYPE_UINT64, c.coding_ns, "probe-time", G_TYPE_UINT64,
      c.probe_ns, "probes", G_TYPE_UINT64, c.probes, nullptr);
  for (std::size_t knob = 0; knob < kAudioKnobs; knob++)
    gst_structure_set(stats, audio_knobs()[knob].name, G_TYPE_DOUBLE, values[knob], nullptr);
  return stats;
}

}  // namespace

GParamSpec *audio_knob_pspec(std::size_t knob) { return properties[PROP_KNOB + knob]; }

G_DEFINE_TYPE_WITH_CODE(GstOneadaptAudioFilter, gst_oneadapt_audio_filter, GST_TYPE_ELEMENT,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_ONEADAPT_TUNABLE, GInterfaceInitFunc(audio_tunable_init)))
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(oneadaptaudiofilter, "oneadaptaudiofilter", GST_RANK_NONE,
                                      GST_TYPE_ONEADAPT_AUDIO_FILTER,
                                      GST_DEBUG_CATEGORY_INIT(oneadapt_audio_filter_debug, "oneadaptaudiofilter", 0,
                                                              "input filtering of sound for a DNN"))

/* ---- properties ---------------------------------------------------------------------------------------------- */

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  auto *self = GST_ONEADAPT_AUDIO_FILTER(object);
  AudioSettings &settings = self->impl->settings;
  if (id >= kFirstLadder && id < kProperties) {
    const std::size_t knob = id - kFirstLadder;
    const gchar *text = g_value_get_string(value);
    std::vector<double> values;
    if (!oneadapt::parse_ladder_property(GST_OBJECT_NAME(self), audio_knobs()[knob], text, values)) return;
    GST_OBJECT_LOCK(self);
    settings.ladders[knob] = std::move(values);
    settings.ladder_texts[knob] = text ? text : "";
    GST_OBJECT_UNLOCK(self);
    return;
  }
  GST_OBJECT_LOCK(self);
  switch (id) {
    case PROP_INTERVAL:
      settings.interval = g_value_get_uint64(value);
      break;
    case PROP_LOOK_AHEAD:
      settings.look_ahead = g_value_get_uint64(value);
      break;
    case PROP_QUALITY:
      settings.quality = guint(g_value_get_int(value));
      break;
    default:
      if (id >= PROP_KNOB && id < kFirstLadder) {
        settings.values[id - PROP_KNOB] = g_value_get_int(value);
        settings.idle[id - PROP_KNOB].reset();
        settings.shown[id - PROP_KNOB] = false;
      } else {
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
      }
  }
  GST_OBJECT_UNLOCK(self);
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  auto *self = GST_ONEADAPT_AUDIO_FILTER(object);
  const AudioSettings &settings = self->impl->settings;
  if (id == PROP_STATS) {
    g_value_take_boxed(value, make_stats(self));
    return;
  }
  GST_OBJECT_LOCK(self);
  if (id >= kFirstLadder && id < kProperties) {
    g_value_set_string(value, settings.ladder_texts[id - kFirstLadder].c_str());
  } else if (id >= PROP_KNOB && id < kFirstLadder) {
    const std::size_t knob = id - PROP_KNOB;
    g_value_set_int(value, int(settings.shown[knob] ? settings.applied[knob] : settings.values[knob]));
  } else if (id == PROP_INTERVAL) {
    g_value_set_uint64(value, settings.interval);
  } else if (id == PROP_LOOK_AHEAD) {
    g_value_set_uint64(value, settings.look_ahead);
  } else if (id == PROP_QUALITY) {
    g_value_set_int(value, int(settings.quality));
  } else {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  GST_OBJECT_UNLOCK(self);
}

/* ---- pads ---------------------------------------------------------------------------------------------------- */

static GstFlowReturn chain(GstPad *, GstObject *parent, GstBuffer *buffer) {
  return audio_chain(GST_ONEADAPT_AUDIO_FILTER(parent), buffer);
}

/// Another segment: times no longer go on as they were, unless it maps them as the one before.
static void take_segment(GstOneadaptAudioFilter *self, GstEvent *event) {
  AudioState &state = *self->impl->state;
  GstSegment next;
  gst_event_copy_segment(event, &next);
  const GstSegment &last = state.segment;
  const bool same = next.format == last.format && next.start == last.start && next.time == last.time &&
                    next.rate == last.rate && next.applied_rate == last.applied_rate;
  if (!same) audio_finish(self);
  state.segment = next;
}

static gboolean sink_event(GstPad *pad, GstObject *parent, GstEvent *event) {
  auto *self = GST_ONEADAPT_AUDIO_FILTER(parent);
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_CAPS: {
      GstCaps *caps = nullptr;
      gst_event_parse_caps(event, &caps);
      const gboolean taken = audio_set_caps(self, caps);
      gst_event_unref(event);
      return taken;
    }
    case GST_EVENT_SEGMENT:
      take_segment(self, event);
      break;
    case GST_EVENT_GAP:
    case GST_EVENT_EOS:
    case GST_EVENT_STREAM_START:
      audio_finish(self);
      break;
    case GST_EVENT_FLUSH_STOP:
      audio_forget(self);
      gst_segment_init(&self->impl->state->segment, GST_FORMAT_UNDEFINED);
      break;
    default:
      break;
  }
  return gst_pad_event_default(pad, parent, event);
}

static gboolean sink_query(GstPad *pad, GstObject *parent, GstQuery *query) {
  if (GST_QUERY_TYPE(query) == GST_QUERY_DRAIN) audio_drain(GST_ONEADAPT_AUDIO_FILTER(parent));
  return gst_pad_query_default(pad, parent, query);
}

static gboolean src_query(GstPad *pad, GstObject *parent, GstQuery *query) {
  auto *self = GST_ONEADAPT_AUDIO_FILTER(parent);
  if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return gst_pad_query_default(pad, parent, query);
  if (!gst_pad_peer_query(self->sinkpad, query)) return FALSE;
  gboolean live = FALSE;
  GstClockTime least = 0, most = 0;
  gst_query_parse_latency(query, &live, &least, &most);
  GST_OBJECT_LOCK(self);
  const GstClockTime own = self->impl->settings.latency;
  GST_OBJECT_UNLOCK(self);
  gst_query_set_latency(query, live, least + own, GST_CLOCK_TIME_IS_VALID(most) ? most + own : most);
  return TRUE;
}

/* ---- the object ---------------------------------------------------------------------------------------------- */

static void start(GstOneadaptAudioFilter *self) {
  AudioFilterImpl &impl = *self->impl;
  impl.state.reset(new AudioState);
  oneadapt::restart(*impl.history.lock(), false);
  GST_OBJECT_LOCK(self);
  impl.state->interval = impl.settings.interval;
  impl.state->look_ahead = std::min(impl.settings.look_ahead, impl.settings.interval);
  impl.state->quality = impl.settings.quality;
  impl.settings.latency = 0;
  GST_OBJECT_UNLOCK(self);
}

static void stop(GstOneadaptAudioFilter *self) {
  AudioFilterImpl &impl = *self->impl;
  impl.state.reset(new AudioState);
  oneadapt::restart(*impl.history.lock(), true);
  GST_OBJECT_LOCK(self);
  impl.settings.pending.reset();
  impl.settings.shown = {};
  GST_OBJECT_UNLOCK(self);
}

static GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) {
  auto *self = GST_ONEADAPT_AUDIO_FILTER(element);
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) start(self);
  const GstStateChangeReturn ret =
      GST_ELEMENT_CLASS(gst_oneadapt_audio_filter_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) stop(self);
  return ret;
}

static void finalize(GObject *object) {
  delete GST_ONEADAPT_AUDIO_FILTER(object)->impl;
  G_OBJECT_CLASS(gst_oneadapt_audio_filter_parent_class)->finalize(object);
}

static void gst_oneadapt_audio_filter_init(GstOneadaptAudioFilter *self) {
  self->impl = new AudioFilterImpl;
  self->sinkpad = gst_pad_new_from_static_template(&sink_template, "sink");
  gst_pad_set_chain_function(self->sinkpad, chain);
  gst_pad_set_event_function(self->sinkpad, sink_event);
  gst_pad_set_query_function(self->sinkpad, sink_query);
  GST_PAD_SET_ACCEPT_TEMPLATE(self->sinkpad);
  gst_element_add_pad(GST_ELEMENT(self), self->sinkpad);
  self->srcpad = gst_pad_new_from_static_template(&src_template, "src");
  gst_pad_set_query_function(self->srcpad, src_query);
  gst_element_add_pad(GST_ELEMENT(self), self->srcpad);
}

static void install_properties(GObjectClass *klass) {
  const auto fixed = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  properties[PROP_INTERVAL] = g_param_spec_uint64("interval", "Interval", "Adaptation interval in ns of stream time",
                                                  GST_MSECOND, 3600 * GST_SECOND, GST_SECOND, fixed);
  properties[PROP_LOOK_AHEAD] = g_param_spec_uint64(
      "look-ahead", "Look-ahead",
      "How much of an interval (ns, at most all of it) is held back to hear whether there is a voice in it before its "
      "configuration is chosen: a controller then sends less for the same accuracy, and latency is as much longer",
      0, 3600 * GST_SECOND, 0, fixed);
  properties[PROP_QUALITY] =
      g_param_spec_int("quality", "Quality", "Of the low-pass, as audioresample's: 0 (short) to 10 (steep)", 0, 10,
                       GST_AUDIO_RESAMPLER_QUALITY_DEFAULT, fixed);
  properties[PROP_STATS] = g_param_spec_boxed(
      "stats", "Statistics",
      "samples-in, samples-out, dropped and filled (input samples that came twice, or never), non-finite, intervals, "
      "rate-changes, voice-time (ns of sound), bytes, last-interval-bytes, probes, convert-time and probe-time (ns of "
      "CPU), and every knob as it "
      "is in force",
      GST_TYPE_STRUCTURE, GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  for (std::size_t knob = 0; knob < kAudioKnobs; knob++) {
    properties[PROP_KNOB + knob] = oneadapt::knob_pspec(audio_knobs()[knob]);
    properties[kFirstLadder + knob] = oneadapt::ladder_pspec(audio_knobs()[knob], audio_knobs()[knob].ladder);
  }
  g_object_class_install_properties(klass, kProperties, properties);
}

static void gst_oneadapt_audio_filter_class_init(GstOneadaptAudioFilterClass *klass) {
  auto *object = G_OBJECT_CLASS(klass);
  auto *element = GST_ELEMENT_CLASS(klass);
  object->set_property = set_property;
  object->get_property = get_property;
  object->finalize = finalize;
  install_properties(object);
  element->change_state = change_state;
  gst_element_class_set_static_metadata(element, "OneAdapt audio input filter", "Filter/Converter/Audio",
                                        "Filters sound for a DNN: sample rate and bits, adapted while the stream runs",
                                        "OneAdapt for GStreamer");
  gst_element_class_add_static_pad_template(element, &sink_template);
  gst_element_class_add_static_pad_template(element, &src_template);
}
