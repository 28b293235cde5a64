// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadaptaudiofilter as a GstOneadaptTunable. Called from any thread.
#include "config.h"

#include <stdexcept>

#include "audio/filter_impl.h"
#include "audio/sound_measurement.h"
#include "gstoneadapt.h"

#define GST_CAT_DEFAULT oneadapt_audio_filter_debug

using oneadapt::audio_knobs;
using oneadapt::kAudioKnobs;
using oneadapt::Ladders;
using oneadapt::PartialValues;
using oneadapt::SoundRecord;
using oneadapt::thread_cpu_ns;
using oneadapt::Values;

namespace {

GstOneadaptKnob *make_knob(std::size_t knob, const std::vector<double> &ladder, double value) {
  GstOneadaptKnob *made = gst_oneadapt_knob_new(audio_knobs()[knob].name, ladder.data(), guint(ladder.size()),
                                                guint(oneadapt::rung_of(audio_knobs()[knob], value, ladder)));
  made->value = value;
  if (knob == oneadapt::kRate) {  // of other knobs nobody knows
    std::vector<double> accuracy, resource;
    for (double rate : ladder) {
      accuracy.push_back(oneadapt::typical_rate_accuracy(rate, ladder.back()));
      resource.push_back(rate / ladder.back());
    }
    gst_oneadapt_knob_set_typical(made, accuracy.data(), resource.data());
  }
  made->flags = GstOneadaptKnobFlags(audio_knobs()[knob].flags);
  return made;
}

GPtrArray *list_knobs(GstOneadaptTunable *tunable) {
  auto *self = GST_ONEADAPT_AUDIO_FILTER(tunable);
  GPtrArray *list = g_ptr_array_new_with_free_func(GDestroyNotify(gst_oneadapt_knob_free));
  const Ladders ladders = audio_filter_ladders(self);
  Values values;
  oneadapt::AudioFormats formats;
  bool begun = false;
  {
    auto history = self->impl->history.lock();
    formats = history->formats();
    if (const SoundRecord *current = history->current()) {
      values = current->values;
      begun = true;
    }
  }
  if (!begun) {
    GST_OBJECT_LOCK(self);
    values = self->impl->settings.values;
    GST_OBJECT_UNLOCK(self);
    values = oneadapt::audio_values_in_force(values, ladders, formats);
  }
  for (std::size_t knob = 0; knob < kAudioKnobs; knob++)
    if (!ladders[knob].empty()) g_ptr_array_add(list, make_knob(knob, ladders[knob], values[knob]));
  return list;
}

/// What is remembered of an interval, and kept for more questions when `pinned`; false, with `error`, when nothing is.
bool find_interval(GstOneadaptAudioFilter *self, guint64 interval, bool pinned, SoundRecord &found, GError **error) {
  auto history = self->impl->history.lock();
  if (auto record = pinned ? history->pin(interval) : history->find(interval)) {
    found = std::move(*record);
    return true;
  }
  oneadapt::set_unknown_interval(error, GST_OBJECT_NAME(self), interval);
  return false;
}

/// What a measurement needs of the settings. Takes OBJECT_LOCK.
void take_settings(GstOneadaptAudioFilter *self, unsigned &quality, std::uint64_t &duration) {
  GST_OBJECT_LOCK(self);
  quality = self->impl->settings.quality;
  duration = self->impl->settings.interval;
  GST_OBJECT_UNLOCK(self);
}

/// Takes OBJECT_LOCK.
bool looks_ahead(GstOneadaptAudioFilter *self) {
  GST_OBJECT_LOCK(self);
  const bool ahead = self->impl->settings.look_ahead > 0;
  GST_OBJECT_UNLOCK(self);
  return ahead;
}

void count_probe(AudioFilterImpl &impl, guint64 start, bool probe) {
  const guint64 spent = thread_cpu_ns() - start;
  auto history = impl.history.lock();
  history->counters.probe_ns += spent;
  history->counters.probes += probe;
}

GstOneadaptProbe *probe(GstOneadaptTunable *tunable, guint64 interval, const GstOneadaptGradient *gradient,
                        const gchar *const *names, GError **error) {
  auto *self = GST_ONEADAPT_AUDIO_FILTER(tunable);
  try {
    const guint64 start = thread_cpu_ns();
    oneadapt::ProbeRequest request;
    unsigned quality = 0;
    std::uint64_t duration = 0;
    take_settings(self, quality, duration);
    oneadapt::BlockMap map;
    if (gradient) {
      map = oneadapt::map_of(*gradient);
      request.gradient = &map;
    }
    const auto asked = [&](std::size_t knob) {
      const oneadapt::KnobRow &row = audio_knobs()[knob];
      return names ? bool(g_strv_contains(names, row.name)) : !(row.flags & GST_ONEADAPT_KNOB_ON_REQUEST);
    };
    for (std::size_t knob = 0; knob < kAudioKnobs; knob++) request.wanted.push_back(gradient && asked(knob));
    SoundRecord record;
    if (!find_interval(self, interval, false, record, error)) return nullptr;
    request.ladders = audio_filter_ladders(self);
    oneadapt::SoundMeasurement measurement(record, duration, quality, request);
    const oneadapt::ProbeResult result = oneadapt::measure_moves(measurement, audio_knobs(), request);
    count_probe(*self->impl, start, true);

    GstOneadaptProbe *answer = gst_oneadapt_probe_new();
    answer->bytes = record.bytes;
    answer->frames_in = record.frames_in;
    answer->frames_out = record.frames_out;
    answer->resource = result.resource;
    answer->compute = result.compute;
    // What a decision can depend on is what was known when the interval began.
    answer->has_lookahead = looks_ahead(self);
    answer->activity = answer->has_lookahead ? record.expected_activity : record.activity;
    for (std::size_t knob = 0; knob < kAudioKnobs; knob++) {
      if (request.ladders[knob].empty() || !asked(knob)) continue;
      GstOneadaptKnob *out = make_knob(knob, request.ladders[knob], record.values[knob]);
      oneadapt::report_moves(result.knobs[knob], out);
      g_ptr_array_add(answer->knobs, out);
    }
    return answer;
  } catch (const std::exception &failure) {
    g_set_error(error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_FAILED,
                "%s cannot probe interval %" G_GUINT64_FORMAT ": %s", GST_OBJECT_NAME(self), interval, failure.what());
    return nullptr;
  }
}

gboolean apply(GstOneadaptTunable *tunable, guint64 interval, const GstStructure *configuration, GError **error) {
  auto *self = GST_ONEADAPT_AUDIO_FILTER(tunable);
  PendingAudio pending;
  pending.interval = interval;
  GstStructure *usual = gst_structure_copy(configuration), *idle = nullptr;
  if (gst_structure_get(usual, "idle", GST_TYPE_STRUCTURE, &idle, nullptr)) gst_structure_remove_field(usual, "idle");
  const auto read = [&](const GstStructure *from, PartialValues &values) {
    const auto found = audio_knobs().read(GST_OBJECT_NAME(self), from, error);
    if (found) values = *found;
    return found.has_value();
  };
  const bool good = read(usual, pending.values) && (!idle || read(idle, pending.idle));
  gst_structure_free(usual);
  if (idle) gst_structure_free(idle);
  if (!good) return FALSE;
  GST_OBJECT_LOCK(self);
  self->impl->settings.pending = pending;
  GST_OBJECT_UNLOCK(self);
  return TRUE;
}

GstOneadaptRendering *render(GstOneadaptTunable *tunable, guint64 interval, const GstStructure *configuration,
                             GError **error) {
  auto *self = GST_ONEADAPT_AUDIO_FILTER(tunable);
  const auto asked = audio_knobs().read(GST_OBJECT_NAME(self), configuration, error);
  if (!asked) return nullptr;
  try {
    const guint64 start = thread_cpu_ns();
    unsigned quality = 0;
    std::uint64_t duration = 0;
    take_settings(self, quality, duration);
    SoundRecord record;
    if (!find_interval(self, interval, true, record, error)) return nullptr;
    oneadapt::ProbeRequest request;
    request.ladders = audio_filter_ladders(self);
    Values values = record.values;
    for (std::size_t knob = 0; knob < kAudioKnobs; knob++) values[knob] = (*asked)[knob].value_or(values[knob]);
    GstOneadaptRendering *answer = oneadapt::SoundMeasurement(record, duration, quality, request).render(values);
    count_probe(*self->impl, start, false);
    return answer;
  } catch (const std::exception &failure) {
    g_set_error(error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_FAILED,
                "%s cannot render interval %" G_GUINT64_FORMAT ": %s", GST_OBJECT_NAME(self), interval, failure.what());
    return nullptr;
  }
}

}  // namespace

Ladders audio_filter_ladders(GstOneadaptAudioFilter *self) {
  AudioFilterImpl &impl = *self->impl;
  const oneadapt::AudioFormats formats = impl.history.lock()->formats();
  GST_OBJECT_LOCK(self);
  const Ladders users = impl.settings.ladders;
  GST_OBJECT_UNLOCK(self);
  return oneadapt::audio_ladders(users, formats);
}

void audio_tunable_init(gpointer iface, gpointer) {
  auto *tunable = static_cast<GstOneadaptTunableInterface *>(iface);
  tunable->list_knobs = list_knobs;
  tunable->probe = probe;
  tunable->apply = apply;
  tunable->render = render;
}
