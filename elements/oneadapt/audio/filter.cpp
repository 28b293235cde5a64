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

#include "audio/stream.h"
#include "gstoneadapt.h"
#include "tunable/medium_element.h"

GST_DEBUG_CATEGORY(oneadapt_audio_filter_debug);
#define GST_CAT_DEFAULT oneadapt_audio_filter_debug

using oneadapt::AudioMedium;
using oneadapt::AudioSettings;
using Element = oneadapt::MediumElement<AudioMedium, oneadapt::AudioStream>;

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE(
    "sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS("audio/x-raw, format=(string)" GST_AUDIO_FORMATS_ALL
                    ", rate=(int)[1000,192000], channels=(int)[1,8], layout=(string)interleaved"));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS,
                            GST_STATIC_CAPS("audio/x-raw, format=(string){ " GST_AUDIO_NE(F32) ", " GST_AUDIO_NE(
                                S16) " }, rate=(int)[1000,192000], channels=(int)1, layout=(string)interleaved"));

static oneadapt::KnobProperties knob_properties(oneadapt::audio_knobs());

G_BEGIN_DECLS
#define GST_TYPE_ONEADAPT_AUDIO_FILTER (gst_oneadapt_audio_filter_get_type())
G_DECLARE_FINAL_TYPE(GstOneadaptAudioFilter, gst_oneadapt_audio_filter, GST, ONEADAPT_AUDIO_FILTER, GstElement)
struct _GstOneadaptAudioFilter : Element {};
G_END_DECLS

G_DEFINE_TYPE_WITH_CODE(GstOneadaptAudioFilter, gst_oneadapt_audio_filter, GST_TYPE_ELEMENT,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_ONEADAPT_TUNABLE, oneadapt::init_tunable<Element::adaptive_of>))
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(oneadaptaudiofilter, "oneadaptaudiofilter", GST_RANK_NONE,
                                      GST_TYPE_ONEADAPT_AUDIO_FILTER,
                                      GST_DEBUG_CATEGORY_INIT(oneadapt_audio_filter_debug, "oneadaptaudiofilter", 0,
                                                              "input filtering of sound for a DNN"))

static void gst_oneadapt_audio_filter_init(GstOneadaptAudioFilter *self) { self->init(knob_properties); }

static void install_properties(GObjectClass *klass) {
  const auto fixed = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  AudioMedium::setting_properties.add(
      g_param_spec_uint64("interval", "Interval", "Adaptation interval in ns of stream time", GST_MSECOND,
                          3600 * GST_SECOND, GST_SECOND, fixed),
      &AudioSettings::interval);
  AudioMedium::setting_properties.add(
      g_param_spec_uint64("look-ahead", "Look-ahead",
                          "How much of an interval (ns, at most all of it) is held back to hear whether there is a "
                          "voice in it before its configuration is chosen: a controller then sends less for the same "
                          "accuracy, and latency is as much longer",
                          0, 3600 * GST_SECOND, 0, fixed),
      &AudioSettings::look_ahead);
  AudioMedium::setting_properties.add(
      g_param_spec_int("quality", "Quality", "Of the low-pass, as audioresample's: 0 (short) to 10 (steep)", 0, 10,
                       GST_AUDIO_RESAMPLER_QUALITY_DEFAULT, fixed),
      &AudioSettings::quality);
  const guint next = knob_properties.install(
      klass, "",
      "samples-in, samples-out, dropped and filled (input samples that came twice, or never), non-finite, intervals, "
      "rate-changes, voice-time (ns of sound), bytes, last-interval-bytes, probes, convert-time and probe-time (ns of "
      "CPU), and every knob as it is in force");
  AudioMedium::setting_properties.install(klass, next);
}

static void gst_oneadapt_audio_filter_class_init(GstOneadaptAudioFilterClass *klass) {
  auto *element = GST_ELEMENT_CLASS(klass);
  Element::init_class(element, &sink_template, &src_template);
  install_properties(G_OBJECT_CLASS(klass));
  gst_element_class_set_static_metadata(element, "OneAdapt audio input filter", "Filter/Converter/Audio",
                                        "Filters sound for a DNN: sample rate and bits, adapted while the stream runs",
                                        "OneAdapt for GStreamer");
}
