// SPDX-License-Identifier: LGPL-2.1-or-later
// What oneadaptaudiofilter does with caps and buffers. Everything here runs under the stream lock.
#include "config.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "audio/filter_impl.h"
#include "core/policy/policy.h"
#include "gstoneadapt.h"
#include "tunable/measurement.h"

#define GST_CAT_DEFAULT oneadapt_audio_filter_debug

using oneadapt::kAudioKnobs;
using oneadapt::kRate;
using oneadapt::RateChanger;
using oneadapt::Samples;
using oneadapt::thread_cpu_ns;
using oneadapt::Values;

namespace {

// Time stamps that are off by more are believed; by less, samples are counted.
constexpr GstClockTime kTolerance = 40 * GST_MSECOND;
// What is missing is filled with silence up to here; more is a new beginning.
constexpr GstClockTime kMostFilled = GST_SECOND;
// A stretch whose samples would be counted from further than this counts from its own beginning.
constexpr guint64 kMostCounted = 1000000000000;

/// Position of sample `index` of the stretch, rounded down as time stamps are.
GstClockTime time_of(const AudioState &state, std::int64_t index) {
  return state.anchor + gst_util_uint64_scale(guint64(index), GST_SECOND, guint64(state.input.rate));
}

guint64 stream_time(const AudioState &state, GstClockTime position) {
  const guint64 time = gst_segment_to_stream_time(&state.segment, GST_FORMAT_TIME, position);
  return GST_CLOCK_TIME_IS_VALID(time) ? time : position;
}

guint64 number_of(const AudioState &state, std::int64_t index) {
  return stream_time(state, time_of(state, index)) / state.interval;
}

/// Index of the first sample after interval `number`, in which `index` is.
std::int64_t cut_after(const AudioState &state, guint64 number, std::int64_t index) {
  guint64 position = 0;
  const guint64 end = (number + 1) * state.interval;
  if (gst_segment_position_from_stream_time_full(&state.segment, GST_FORMAT_TIME, end, &position) != 1) position = end;
  if (position <= state.anchor) return index + 1;
  const auto cut =
      std::int64_t(gst_util_uint64_scale_ceil(position - state.anchor, guint64(state.input.rate), GST_SECOND));
  return std::max(cut, index + 1);
}

/* ---- output -------------------------------------------------------------------------------------------------- */

GstCaps *caps_of(GstAudioFormat format, int rate) {
  const GstAudioInfo info = oneadapt::mono_info(rate, format);
  return gst_audio_info_to_caps(&info);
}

/// Whether downstream takes sound of this kind. True when it cannot be asked.
bool downstream_takes(GstOneadaptAudioFilter *self, GstAudioFormat format, int rate) {
  GstCaps *caps = caps_of(format, rate), *peer = gst_pad_peer_query_caps(self->srcpad, nullptr);
  const bool takes = gst_caps_can_intersect(peer, caps);
  gst_caps_unref(peer);
  gst_caps_unref(caps);
  return takes;
}

/// The rate nearest to `wanted` that downstream takes, at most the input's; 0: there is none.
int nearest_rate(GstOneadaptAudioFilter *self, int wanted) {
  const AudioState &state = *self->impl->state;
  GstCaps *any = gst_caps_new_simple(
      "audio/x-raw", "format", G_TYPE_STRING, gst_audio_format_to_string(state.format), "rate", GST_TYPE_INT_RANGE,
      oneadapt::kLeastRate, std::max(oneadapt::kLeastRate + 1, state.input.rate), "channels", G_TYPE_INT, 1, nullptr);
  GstCaps *possible = gst_pad_peer_query_caps(self->srcpad, any);
  int rate = 0;
  for (guint i = 0; i < gst_caps_get_size(possible); i++) {
    GstStructure *s = gst_structure_copy(gst_caps_get_structure(possible, i));
    int found = 0;
    gst_structure_fixate_field_nearest_int(s, "rate", wanted);
    if (gst_structure_get_int(s, "rate", &found) && (!rate || std::abs(found - wanted) < std::abs(rate - wanted)))
      rate = found;
    gst_structure_free(s);
  }
  gst_caps_unref(possible);
  gst_caps_unref(any);
  return rate;
}

/// Tells of the latency when it has changed: how far the widest filter that may come looks ahead, and how late an
/// interval may begin.
void update_latency(GstOneadaptAudioFilter *self) {
  AudioState &state = *self->impl->state;
  const auto ladders = audio_filter_ladders(self);
  int lowest = state.output_rate ? state.output_rate : state.input.rate;
  if (!ladders[kRate].empty()) lowest = std::min(lowest, int(ladders[kRate].front()));
  if (lowest != state.reach_rate) {
    state.reach_rate = lowest;
    state.reach = oneadapt::Resampler(state.input.rate, lowest, state.quality).reach();
  }
  const GstClockTime latency =
      state.look_ahead + gst_util_uint64_scale_ceil(state.reach + state.longest, GST_SECOND, guint64(state.input.rate));
  GST_OBJECT_LOCK(self);
  const bool changed = std::exchange(self->impl->settings.latency, latency) != latency;
  GST_OBJECT_UNLOCK(self);
  if (changed) gst_element_post_message(GST_ELEMENT(self), gst_message_new_latency(GST_OBJECT(self)));
}

/// FALSE: downstream refuses.
bool set_output(GstOneadaptAudioFilter *self, int rate) {
  AudioState &state = *self->impl->state;
  if (state.output_rate == rate) return true;
  GstCaps *caps = caps_of(state.format, rate);
  const bool taken = gst_pad_push_event(self->srcpad, gst_event_new_caps(caps));
  gst_caps_unref(caps);
  GST_DEBUG_OBJECT(self, "output is at %d Hz", rate);
  state.output_rate = rate;
  return taken;
}

/// Puts out what is known of the stretch up to `until`.
GstFlowReturn emit(GstOneadaptAudioFilter *self, std::int64_t until, RateChanger::Beyond beyond) {
  AudioFilterImpl &impl = *self->impl;
  AudioState &state = *impl.state;
  RateChanger &sound = *state.sound;
  const guint64 start = thread_cpu_ns();
  const auto denominator = guint64(sound.denominator());
  const auto from = guint64(sound.numerator());
  Samples out;
  sound.take(until, beyond, out);
  if (out.empty()) return GST_FLOW_OK;
  // The next sample is due then, or, where the rate changes, no later than `until`.
  const auto to = std::min(guint64(sound.numerator()), guint64(until) * guint64(sound.rate()));
  const auto bits = unsigned(state.applied[oneadapt::kBits]);
  if (bits < state.formats.bits) oneadapt::quantise(out.data(), out.size(), bits);
  GstBuffer *buffer = state.from_mono->to_buffer(out);
  GST_BUFFER_PTS(buffer) = state.anchor + gst_util_uint64_scale(from, GST_SECOND, denominator);
  GST_BUFFER_DURATION(buffer) =
      state.anchor + gst_util_uint64_scale(to, GST_SECOND, denominator) - GST_BUFFER_PTS(buffer);
  if (std::exchange(state.discont, false)) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
  {
    // Before it goes out: its gradient may come back, and ask for a probe, while it is being pushed.
    auto history = impl.history.lock();
    history->counters.coding_ns += thread_cpu_ns() - start;
    history->on_sent(out.size(), sound.rate(), (out.size() * bits + 7) / 8);
  }
  if (GstEvent *event = std::exchange(state.announcement, nullptr)) gst_pad_push_event(self->srcpad, event);
  return gst_pad_push(self->srcpad, buffer);
}

/* ---- intervals ----------------------------------------------------------------------------------------------- */

/// What the settings say of an interval with a voice in it, or of one without (`idle`).
Values asked_for(const AudioSettings &settings, bool idle) {
  Values values = settings.values;
  for (std::size_t knob = 0; idle && knob < kAudioKnobs; knob++)
    values[knob] = settings.idle[knob].value_or(values[knob]);
  return values;
}

/// What the user or the controller wants from interval `number` on. Takes OBJECT_LOCK.
Values take_configuration(GstOneadaptAudioFilter *self, guint64 number, bool idle) {
  GST_OBJECT_LOCK(self);
  AudioSettings &settings = self->impl->settings;
  if (settings.pending && settings.pending->interval <= number) {
    for (std::size_t knob = 0; knob < kAudioKnobs; knob++)
      if (const auto &value = settings.pending->values[knob]) {
        settings.values[knob] = *value;
        settings.idle[knob] = settings.pending->idle[knob];
      }
    settings.pending.reset();
  }
  const Values asked = asked_for(settings, idle);
  GST_OBJECT_UNLOCK(self);
  return asked;
}

/// A rate that downstream takes in place of one that it does not, which the property is then set to. Throws where there
/// is none.
double possible_rate(GstOneadaptAudioFilter *self, Values &asked, int wanted) {
  AudioState &state = *self->impl->state;
  if (downstream_takes(self, state.format, wanted)) return wanted;
  int rate = state.configured ? int(state.applied[kRate]) : 0;
  if (rate <= 0 || rate > state.input.rate || !downstream_takes(self, state.format, rate))
    rate = nearest_rate(self, wanted);
  if (!rate)
    throw std::runtime_error("downstream takes no sound of one channel at " + std::to_string(state.input.rate) +
                             " Hz or less; put audioconvert and audioresample behind");
  if (asked[kRate] > 0)
    GST_ELEMENT_WARNING(self, STREAM, FORMAT,
                        ("Property \"rate\": downstream does not take %d Hz, so %d Hz is in force.", wanted, rate),
                        ("let elements downstream take any rate, or put audioresample behind"));
  GST_OBJECT_LOCK(self);
  AudioSettings &settings = self->impl->settings;
  if (settings.values[kRate] == asked[kRate]) settings.values[kRate] = rate;
  if (settings.idle[kRate] == asked[kRate]) settings.idle[kRate] = rate;
  GST_OBJECT_UNLOCK(self);
  return asked[kRate] = rate;
}

/// The properties say what is in force; unless they have been set to something else meanwhile.
void notify_applied(GstOneadaptAudioFilter *self, const Values &asked, const Values &applied, bool idle) {
  std::array<bool, kAudioKnobs> changed{};
  GST_OBJECT_LOCK(self);
  AudioSettings &settings = self->impl->settings;
  const Values now = asked_for(settings, idle);
  for (std::size_t knob = 0; knob < kAudioKnobs; knob++) {
    if (now[knob] != asked[knob]) continue;
    changed[knob] = !settings.shown[knob] || settings.applied[knob] != applied[knob];
    settings.shown[knob] = true;
    settings.applied[knob] = applied[knob];
  }
  GST_OBJECT_UNLOCK(self);
  for (std::size_t knob = 0; knob < kAudioKnobs; knob++)
    if (changed[knob]) g_object_notify_by_pspec(G_OBJECT(self), audio_knob_pspec(knob));
}

/// What those downstream are told of an interval before its first buffer.
GstEvent *announce(const AudioState &state, guint64 last_bytes) {
  GstStructure *knobs = gst_structure_new_empty("knobs");
  for (std::size_t knob = 0; knob < kAudioKnobs; knob++)
    gst_structure_set(knobs, oneadapt::audio_knobs()[knob].name, G_TYPE_DOUBLE, state.applied[knob], nullptr);
  GstEvent *event = gst_event_new_oneadapt_configuration(state.number, knobs, last_bytes, state.interval);
  gst_structure_free(knobs);
  return event;
}

/// Whether there is a voice in the interval that begins at sample `index`, by what is here of it, [0, 1]; < 0: unknown,
/// or not looked at.
double foresee(GstOneadaptAudioFilter *self, std::int64_t index) {
  if (!self->impl->state->look_ahead) return -1;
  const std::int64_t end = cut_after(*self->impl->state, number_of(*self->impl->state, index), index);
  return self->impl->history.lock()->activity(index, end);
}

/// An interval begins at sample `index`. Throws.
bool begin_interval(GstOneadaptAudioFilter *self, std::int64_t index) {
  AudioFilterImpl &impl = *self->impl;
  AudioState &state = *impl.state;
  state.number = number_of(state, index);
  const double foreseen = foresee(self, index);
  const bool idle = foreseen >= 0 && foreseen < oneadapt::kActive;
  Values asked = take_configuration(self, state.number, idle);
  Values wanted = oneadapt::audio_values_in_force(asked, audio_filter_ladders(self), state.formats);
  wanted[kRate] = possible_rate(self, asked, int(wanted[kRate]));
  const bool rate_changed = state.configured && wanted[kRate] != state.applied[kRate];
  state.applied = wanted;
  state.configured = true;
  state.cut = cut_after(state, state.number, index);
  state.begun = true;
  state.due = false;
  guint64 last_bytes = GST_ONEADAPT_BYTES_UNKNOWN;
  {
    auto history = impl.history.lock();
    history->begin(state.number, wanted, index, stream_time(state, time_of(state, index)), foreseen);
    history->counters.rate_changes += rate_changed;
    last_bytes = history->current()->bytes_before;
  }
  gst_clear_event(&state.announcement);
  state.announcement = announce(state, last_bytes);
  state.sound->begin(index, int(wanted[kRate]));
  if (!set_output(self, int(wanted[kRate]))) return false;
  update_latency(self);
  notify_applied(self, asked, wanted, idle);
  return true;
}

/// A stretch begins at `position`: the first, or what is not the continuation of the one before. Throws.
bool begin_stretch(GstOneadaptAudioFilter *self, GstClockTime position) {
  AudioFilterImpl &impl = *self->impl;
  AudioState &state = *impl.state;
  const auto rate = guint64(state.input.rate);
  // A time stamp that is that of a sample, but for rounding, is taken for it.
  const guint64 counted = gst_util_uint64_scale_round(position, rate, GST_SECOND);
  const bool on_grid = counted < kMostCounted && (gst_util_uint64_scale(counted, GST_SECOND, rate) == position ||
                                                  gst_util_uint64_scale_round(counted, GST_SECOND, rate) == position);
  state.anchor = on_grid ? 0 : position;
  const auto index = std::int64_t(on_grid ? counted : 0);
  const GstClockTime apart = !GST_CLOCK_TIME_IS_VALID(state.position)
                                 ? GST_CLOCK_TIME_NONE
                                 : std::max(position, state.position) - std::min(position, state.position);
  state.discont = state.discont || apart > GST_SECOND / rate;
  state.sound = std::make_unique<RateChanger>(state.input.rate, index, state.quality);
  if (state.detector) state.detector->interrupt();
  state.judged = index;
  const bool goes_on = state.begun && !state.due && number_of(state, index) == state.number;
  if (goes_on) {
    Values stays = state.applied;
    state.applied[kRate] = possible_rate(self, stays, std::min(int(state.applied[kRate]), state.input.rate));
    state.applied[oneadapt::kBits] = std::min(state.applied[oneadapt::kBits], double(state.formats.bits));
  }
  {
    auto history = impl.history.lock();
    history->restart(state.formats, state.format, index);
    if (goes_on) history->go_on(state.applied, stream_time(state, time_of(state, index)));
  }
  if (!goes_on && state.look_ahead) {
    state.cut = index;
    state.due = true;
    return true;
  }
  if (!goes_on) return begin_interval(self, index);
  state.cut = cut_after(state, state.number, index);
  state.sound->begin(index, int(state.applied[kRate]));
  return set_output(self, int(state.applied[kRate]));
}

/// The interval under way is over: the next one begins when enough of it is here.
void close_interval(GstOneadaptAudioFilter *self) {
  self->impl->state->due = true;
  self->impl->history.lock()->end(self->impl->state->cut);
}

/// Whether as much of the interval that is due is here as is to be looked at before it begins.
bool seen_enough(const AudioState &state, bool just_due) {
  const std::int64_t all = cut_after(state, number_of(state, state.cut), state.cut);
  const auto ahead = std::int64_t(gst_util_uint64_scale_ceil(state.look_ahead, guint64(state.input.rate), GST_SECOND));
  return state.sound->end() >= (just_due ? all : std::min(all, state.cut + ahead));
}

/// Puts out what can be put out. An interval that has not come to its end yet begins with the next buffer at the
/// earliest: so what is decided when all of the last one is known can still be for it.
GstFlowReturn advance(GstOneadaptAudioFilter *self) {
  AudioState &state = *self->impl->state;
  for (bool just_due = false;; just_due = true) {
    if (state.due) {
      if (!seen_enough(state, just_due)) return GST_FLOW_OK;
      if (!begin_interval(self, state.cut)) return GST_FLOW_NOT_NEGOTIATED;
    }
    const GstFlowReturn flow = emit(self, state.cut, RateChanger::Beyond::Wait);
    if (flow != GST_FLOW_OK || !state.sound->past(state.cut)) return flow;
    if (state.sound->end() < state.cut) return flow;  // the last output lies before the last sample
    close_interval(self);
  }
}

/// The same, and all that is held back. Throws.
GstFlowReturn finish(GstOneadaptAudioFilter *self) {
  AudioState &state = *self->impl->state;
  if (!state.sound) return GST_FLOW_OK;
  GstFlowReturn flow = GST_FLOW_OK;
  const std::int64_t end = state.sound->end();
  while (flow == GST_FLOW_OK) {
    if (state.due && end <= state.cut) break;
    if (state.due && !begin_interval(self, state.cut)) {
      flow = GST_FLOW_NOT_NEGOTIATED;
      break;
    }
    flow = emit(self, std::min(state.cut, end), RateChanger::Beyond::Silence);
    if (end < state.cut) break;
    close_interval(self);
  }
  state.position = time_of(state, end);
  state.sound.reset();
  return flow;
}

/* ---- input --------------------------------------------------------------------------------------------------- */

/// Whether there is a voice in what has just been appended, of which elements upstream may have said so.
void judge(GstOneadaptAudioFilter *self, const Samples &mono, std::optional<bool> told) {
  AudioFilterImpl &impl = *self->impl;
  AudioState &state = *impl.state;
  const std::int64_t end = state.sound->end();
  if (told) {
    state.detector->interrupt();
    impl.history.lock()->on_judged(std::exchange(state.judged, end), end, *told);
    return;
  }
  const std::vector<bool> frames = state.detector->push(mono.data(), mono.size());
  const auto length = std::int64_t(state.detector->frame());
  auto history = impl.history.lock();
  for (bool voice : frames) {
    history->on_judged(state.judged, state.judged + length, voice);
    state.judged += length;
  }
}

/// What a buffer says of voices. Some elements put the level of the sound on buffers and never say that there is a
/// voice: nobody is believed who has not done so.
std::optional<bool> told_of_voice(AudioState &state, GstBuffer *buffer) {
  const GstAudioLevelMeta *meta = gst_buffer_get_audio_level_meta(buffer);
  if (!meta) return std::nullopt;
  state.told = state.told || meta->voice_activity;
  return state.told ? std::optional<bool>(meta->voice_activity) : std::nullopt;
}

/// Appends `frames` frames of silence (data NULL) or of input.
void append(GstOneadaptAudioFilter *self, const guint8 *data, gsize frames, std::optional<bool> told = std::nullopt) {
  AudioFilterImpl &impl = *self->impl;
  AudioState &state = *impl.state;
  const guint64 start = thread_cpu_ns();
  Samples mono(frames, 0.0f);
  guint64 bad = 0;
  if (data) {
    state.to_mono->run(data, frames, mono.data());
    for (float &sample : mono)
      if (!std::isfinite(sample)) {
        sample = 0;
        bad++;
      }
  }
  if (bad && !std::exchange(state.non_finite_said, true))
    GST_ELEMENT_WARNING(self, STREAM, FORMAT, ("Samples that are no finite numbers are taken for silence."),
                        ("said once a run; stats count them as non-finite"));
  state.sound->append(mono.data(), mono.size());
  judge(self, mono, told);
  auto history = impl.history.lock();
  history->append(mono.data(), mono.size());
  history->counters.non_finite += bad;
  if (!data) {
    history->counters.samples_in -= frames;  // they never came
    history->counters.filled += frames;
  }
  history->counters.coding_ns += thread_cpu_ns() - start;
}

/// How many samples are missing in front of a buffer at `position` (< 0: so many have been there already).
std::int64_t missing(const AudioState &state, GstClockTime position, bool exact) {
  const GstClockTime expected = time_of(state, state.sound->end());
  const GstClockTime apart = std::max(position, expected) - std::min(position, expected);
  if (apart <= GST_SECOND / guint64(state.input.rate) || (!exact && apart <= kTolerance)) return 0;
  const auto samples = std::int64_t(gst_util_uint64_scale_round(apart, guint64(state.input.rate), GST_SECOND));
  return position > expected ? samples : -samples;
}

GstFlowReturn take(GstOneadaptAudioFilter *self, GstBuffer *buffer) {
  AudioFilterImpl &impl = *self->impl;
  AudioState &state = *impl.state;
  const auto bpf = gsize(GST_AUDIO_INFO_BPF(&state.input));
  gsize frames = gst_buffer_get_size(buffer) / bpf, skip = 0;
  if (!frames) return GST_FLOW_OK;
  GstClockTime position = GST_BUFFER_PTS(buffer);
  if (!GST_CLOCK_TIME_IS_VALID(position))
    position = state.sound                               ? time_of(state, state.sound->end())
               : GST_CLOCK_TIME_IS_VALID(state.position) ? state.position
                                                         : state.segment.start;
  gst_object_sync_values(GST_OBJECT(self), stream_time(state, position));

  GstFlowReturn flow = GST_FLOW_OK;
  if (state.sound) {
    const std::int64_t gap =
        missing(state, position, GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT) || state.catching_up);
    const auto most = std::int64_t(gst_util_uint64_scale(kMostFilled, guint64(state.input.rate), GST_SECOND));
    if (state.segment.rate < 0 || std::abs(gap) > most) {
      flow = finish(self);
      if (flow != GST_FLOW_OK) return flow;
    } else if (gap > 0) {
      GST_DEBUG_OBJECT(self, "%" G_GINT64_FORMAT " samples are missing", gap);
      append(self, nullptr, gsize(gap));
    } else if (gap < 0) {
      skip = std::min(frames, gsize(-gap));
      state.catching_up = skip == frames;
      GST_DEBUG_OBJECT(self, "%" G_GSIZE_FORMAT " samples come twice", skip);
      auto history = impl.history.lock();
      history->counters.dropped += skip;
      history->counters.samples_in += skip;
    }
  }
  if (skip == frames) return flow;
  state.catching_up = false;
  if (!state.sound && !begin_stretch(self, position)) return GST_FLOW_NOT_NEGOTIATED;
  GstMapInfo map;
  if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) throw std::runtime_error("a buffer cannot be read");
  const bool silent = GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP);
  try {
    if (silent) {
      const Samples nothing(frames - skip, 0.0f);
      state.sound->append(nothing.data(), nothing.size());
      judge(self, nothing, std::nullopt);
      impl.history.lock()->append(nothing.data(), nothing.size());
    } else {
      append(self, map.data + skip * bpf, frames - skip, told_of_voice(state, buffer));
    }
  } catch (...) {
    gst_buffer_unmap(buffer, &map);
    throw;
  }
  gst_buffer_unmap(buffer, &map);
  const guint64 whole = gst_util_uint64_scale(state.interval, guint64(state.input.rate), GST_SECOND);
  if (std::min<guint64>(frames, whole) > state.longest) {
    state.longest = std::min<guint64>(frames, whole);
    update_latency(self);
  }
  return advance(self);
}

void post_failure(GstOneadaptAudioFilter *self, const std::exception &error) {
  GST_ELEMENT_ERROR(
      self, STREAM, FAILED, ("Sound cannot be filtered: %s.", error.what()),
      ("rate %g Hz, bits %g", self->impl->state->applied[kRate], self->impl->state->applied[oneadapt::kBits]));
}

}  // namespace

gboolean audio_set_caps(GstOneadaptAudioFilter *self, GstCaps *caps) {
  AudioFilterImpl &impl = *self->impl;
  AudioState &state = *impl.state;
  GstAudioInfo info;
  if (!gst_audio_info_from_caps(&info, caps)) {
    GST_ELEMENT_ERROR(self, STREAM, FORMAT, ("Caps that are no raw audio."), ("%" GST_PTR_FORMAT, caps));
    return FALSE;
  }
  if (state.input.rate && gst_audio_info_is_equal(&info, &state.input)) return TRUE;
  audio_finish(self);
  try {
    const GstAudioFormat given = GST_AUDIO_INFO_FORMAT(&info);
    GstAudioFormat format = given == GST_AUDIO_FORMAT_F32 ? GST_AUDIO_FORMAT_F32 : GST_AUDIO_FORMAT_S16;
    GstCaps *peer = gst_pad_peer_query_caps(self->srcpad, nullptr);
    const auto takes = [&](GstAudioFormat which) {
      GstCaps *one = gst_caps_new_simple("audio/x-raw", "format", G_TYPE_STRING, gst_audio_format_to_string(which),
                                         "channels", G_TYPE_INT, 1, nullptr);
      const bool can = gst_caps_can_intersect(peer, one);
      gst_caps_unref(one);
      return can;
    };
    const GstAudioFormat other = format == GST_AUDIO_FORMAT_F32 ? GST_AUDIO_FORMAT_S16 : GST_AUDIO_FORMAT_F32;
    if (!takes(format) && takes(other)) format = other;
    gst_caps_unref(peer);
    auto to_mono = std::make_unique<oneadapt::AudioConverter>(info, oneadapt::mono_info(info.rate));
    auto from_mono = std::make_unique<oneadapt::AudioConverter>(oneadapt::mono_info(info.rate),
                                                                oneadapt::mono_info(info.rate, format));
    state.to_mono = std::move(to_mono);
    state.from_mono = std::move(from_mono);
    if (info.rate != state.input.rate) state.detector.emplace(info.rate);
    state.input = info;
    if (state.format != format) state.output_rate = 0;
    state.format = format;
    state.formats = {info.rate, format == GST_AUDIO_FORMAT_F32 ? 32u : 16u};
    state.reach_rate = 0;
    state.longest = 0;
    impl.history.lock()->restart(state.formats, format, 0);
    // Downstream is to know the caps before segment and buffers come; the first buffer may bring another rate.
    if (!state.configured) {
      GST_OBJECT_LOCK(self);
      Values asked = impl.settings.values;
      GST_OBJECT_UNLOCK(self);
      const Values wanted = oneadapt::audio_values_in_force(asked, audio_filter_ladders(self), state.formats);
      return set_output(self, int(possible_rate(self, asked, int(wanted[kRate]))));
    }
    return TRUE;
  } catch (const std::exception &error) {
    post_failure(self, error);
    return FALSE;
  }
}

GstFlowReturn audio_chain(GstOneadaptAudioFilter *self, GstBuffer *buffer) {
  AudioState &state = *self->impl->state;
  GstFlowReturn flow = GST_FLOW_OK;
  if (!state.input.rate) {
    GST_ELEMENT_ERROR(self, CORE, NEGOTIATION, ("Sound came without caps."),
                      ("raw audio needs them: put audioparse, or audio/x-raw caps, in front"));
    flow = GST_FLOW_NOT_NEGOTIATED;
  } else if (state.segment.format != GST_FORMAT_TIME) {
    GST_ELEMENT_ERROR(self, STREAM, FORMAT, ("Sound came in a segment that is not in time."),
                      ("put a parser (audioparse) in front, or set do-timestamp and format=time of the source"));
    flow = GST_FLOW_ERROR;
  } else if ((buffer = gst_audio_buffer_clip(buffer, &state.segment, state.input.rate, state.input.bpf))) {
    try {
      flow = take(self, buffer);
    } catch (const std::exception &error) {
      post_failure(self, error);
      flow = GST_FLOW_ERROR;
    }
  }
  if (buffer) gst_buffer_unref(buffer);
  return flow;
}

GstFlowReturn audio_finish(GstOneadaptAudioFilter *self) {
  try {
    return finish(self);
  } catch (const std::exception &error) {
    post_failure(self, error);
    return GST_FLOW_ERROR;
  }
}

void audio_drain(GstOneadaptAudioFilter *self) {
  AudioState &state = *self->impl->state;
  if (!state.sound || state.due || state.sound->end() < state.cut) return;
  try {
    emit(self, state.cut, RateChanger::Beyond::Mirror);
    close_interval(self);
  } catch (const std::exception &error) {
    post_failure(self, error);
  }
}

void audio_forget(GstOneadaptAudioFilter *self) {
  AudioFilterImpl &impl = *self->impl;
  AudioState &state = *impl.state;
  state.sound.reset();
  state.begun = state.due = false;
  state.discont = true;
  state.position = GST_CLOCK_TIME_NONE;
  gst_clear_event(&state.announcement);
  impl.history.lock()->forget();
  // The interval that a configuration was meant for may never come: it takes effect with the next buffer.
  GST_OBJECT_LOCK(self);
  if (impl.settings.pending) impl.settings.pending->interval = 0;
  GST_OBJECT_UNLOCK(self);
}
