// SPDX-License-Identifier: LGPL-2.1-or-later
// Inside oneadaptaudiofilter.
//
// Locks, outermost first:
//   stream lock (the sink pad's)        AudioState; held by the streaming thread through a buffer
//   AudioFilterImpl::history            held for moments
//   OBJECT_LOCK                         AudioSettings; held for moments
// No other lock is taken under the history's lock or OBJECT_LOCK, and neither is held while pushing, converting or
// notifying.
#pragma once
#include <gst/audio/audio.h>

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "audio/knobs.h"
#include "audio/resampler.h"
#include "audio/sound_history.h"
#include "audio/voice_detector.h"
#include "tunable/locked.h"

/// A configuration that the controller wants from some interval on.
struct PendingAudio {
  guint64 interval = 0;
  oneadapt::PartialValues values, idle = oneadapt::PartialValues(oneadapt::kAudioKnobs);
};

/// What the user asked for. OBJECT_LOCK.
struct AudioSettings {
  oneadapt::Values values = oneadapt::audio_knobs().neutral();  ///< asked for
  /// The same for intervals without a voice, where the controller wants something else then.
  oneadapt::PartialValues idle = oneadapt::PartialValues(oneadapt::kAudioKnobs);
  std::array<bool, oneadapt::kAudioKnobs> shown{};  ///< the property says what was applied of it
  oneadapt::Values applied = oneadapt::audio_knobs().neutral();
  std::array<std::string, oneadapt::kAudioKnobs> ladder_texts;           ///< as they were set; empty: default
  oneadapt::Ladders ladders = oneadapt::Ladders(oneadapt::kAudioKnobs);  ///< the user's; empty: default
  std::optional<PendingAudio> pending;
  GstClockTime interval = GST_SECOND, look_ahead = 0;
  guint quality = GST_AUDIO_RESAMPLER_QUALITY_DEFAULT;
  GstClockTime latency = 0;  ///< of this element, as it is told
};

/// One run. Stream lock.
struct AudioState {
  GstClockTime interval = GST_SECOND, look_ahead = 0;  ///< as they were at the start; at most an interval
  guint quality = GST_AUDIO_RESAMPLER_QUALITY_DEFAULT;
  GstSegment segment;
  GstAudioInfo input;  ///< rate 0: no caps yet
  std::unique_ptr<oneadapt::AudioConverter> to_mono;
  std::unique_ptr<oneadapt::AudioConverter> from_mono;  ///< to the output's format
  oneadapt::AudioFormats formats;
  GstAudioFormat format = GST_AUDIO_FORMAT_UNKNOWN;  ///< of the output
  int output_rate = 0;                               ///< of the caps that were sent; 0: none yet

  /// The stretch of sound under way; none: the next buffer begins one.
  std::unique_ptr<oneadapt::RateChanger> sound;
  /// Sample i of the stretch is at position `anchor` + i / input rate. (Where time stamps are those of a stream that
  /// began at 0, i counts from there and `anchor` is 0: no rounding then.)
  GstClockTime anchor = 0;
  GstClockTime position = GST_CLOCK_TIME_NONE;  ///< of the end of the stretch before; none: there was none
  std::optional<oneadapt::VoiceDetector> detector;
  std::int64_t judged = 0;   ///< index of the first sample that it, or whoever is upstream, has not judged
  bool told = false;         ///< elements upstream say where a voice is: they have said so
  std::int64_t cut = 0;      ///< index at which the interval under way ends
  guint64 number = 0;        ///< of the interval under way
  bool begun = false;        ///< one is under way
  bool due = false;          ///< the next interval begins at `cut`, when enough of it is here
  bool discont = true;       ///< the next output does not continue the one before
  bool catching_up = false;  ///< a buffer was dropped whole: it came again
  bool non_finite_said = false;
  int reach_rate = 0;  ///< the lowest rate that `reach` was looked up for
  guint64 reach = 0;   ///< input samples that a filter looks ahead at it
  oneadapt::Values applied = oneadapt::audio_knobs().neutral();
  bool configured = false;           ///< `applied` is in force
  guint64 longest = 0;               ///< input buffer, in samples: so late an interval may begin
  GstEvent *announcement = nullptr;  ///< the configuration event of the interval whose first buffer is to go out

  AudioState() {
    gst_segment_init(&segment, GST_FORMAT_UNDEFINED);
    gst_audio_info_init(&input);
  }
  ~AudioState() { gst_clear_event(&announcement); }
};

struct AudioFilterImpl {
  AudioSettings settings;
  std::unique_ptr<AudioState> state{new AudioState};
  oneadapt::Locked<oneadapt::SoundHistory> history;
};

G_BEGIN_DECLS
#define GST_TYPE_ONEADAPT_AUDIO_FILTER (gst_oneadapt_audio_filter_get_type())
G_DECLARE_FINAL_TYPE(GstOneadaptAudioFilter, gst_oneadapt_audio_filter, GST, ONEADAPT_AUDIO_FILTER, GstElement)
struct _GstOneadaptAudioFilter {
  GstElement parent;
  GstPad *sinkpad, *srcpad;
  AudioFilterImpl *impl;
};
G_END_DECLS

GST_DEBUG_CATEGORY_EXTERN(oneadapt_audio_filter_debug);

// audiofilter.cpp
GParamSpec *audio_knob_pspec(std::size_t knob);
// audiofilterstream.cpp
/// New input caps. FALSE: an error was posted.
gboolean audio_set_caps(GstOneadaptAudioFilter *self, GstCaps *caps);
GstFlowReturn audio_chain(GstOneadaptAudioFilter *self, GstBuffer *buffer);
/// Puts out all that is held back; the next buffer begins a stretch of its own.
GstFlowReturn audio_finish(GstOneadaptAudioFilter *self);
/// A query that wants everything sent to be taken: where an interval's sound is all here, its rest is put out.
void audio_drain(GstOneadaptAudioFilter *self);
/// Flush: forgets the sound and the interval, keeps the formats.
void audio_forget(GstOneadaptAudioFilter *self);
// audiofiltertunable.cpp
void audio_tunable_init(gpointer iface, gpointer data);
/// The ladders in force; empty before caps. Takes the history's lock, then OBJECT_LOCK.
oneadapt::Ladders audio_filter_ladders(GstOneadaptAudioFilter *self);
