// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadaptfilter as a GstOneadaptTunable. Called from any thread.
#include "config.h"

#include <algorithm>
#include <cmath>

#include "core/macroblock/allocation.h"
#include "gstoneadapt.h"
#include "video/filter_impl.h"

#define GST_CAT_DEFAULT oneadapt_filter_debug

using oneadapt::kFramerate;
using oneadapt::kKnobs;
using oneadapt::KnobRow;
using oneadapt::kQp;
using oneadapt::kQpMap;
using oneadapt::Ladders;
using oneadapt::PartialValues;
using oneadapt::thread_cpu_ns;
using oneadapt::video_knobs;

namespace {

GstOneadaptKnob *make_knob(GstOneadaptFilter *self, std::size_t knob, const std::vector<double> &ladder, double value) {
  GstOneadaptKnob *made = gst_oneadapt_knob_new(video_knobs()[knob].name, ladder.data(), guint(ladder.size()),
                                                guint(oneadapt::rung_of(video_knobs()[knob], value, ladder)));
  if (knob != kFramerate || value > 0) made->value = value;
  const oneadapt::PictureFormat format = self->impl->history.lock()->format();
  std::vector<double> accuracy, resource, compute;
  for (double rung : ladder) {
    const oneadapt::Typical t = oneadapt::typical(knob, rung, format.rate(), format.h264);
    accuracy.push_back(t.accuracy);
    resource.push_back(t.resource);
    compute.push_back(t.compute);
  }
  gst_oneadapt_knob_set_typical(made, accuracy.data(), resource.data());
  gst_oneadapt_knob_set_typical_compute(made, compute.data());
  made->flags = GstOneadaptKnobFlags(video_knobs()[knob].flags);
  return made;
}

GPtrArray *list_knobs(GstOneadaptTunable *tunable) {
  auto *self = GST_ONEADAPT_FILTER(tunable);
  GPtrArray *list = g_ptr_array_new_with_free_func(GDestroyNotify(gst_oneadapt_knob_free));
  const Ladders ladders = filter_ladders(self);
  oneadapt::Values values;
  bool begun = false;
  {
    auto history = self->impl->history.lock();
    if (const auto *current = history->current()) {
      values = current->values;
      begun = true;
    }
  }
  if (!begun) {
    GST_OBJECT_LOCK(self);
    values = self->impl->settings.values;
    GST_OBJECT_UNLOCK(self);
  }
  for (std::size_t knob = 0; knob < kKnobs; knob++)
    if (!ladders[knob].empty()) g_ptr_array_add(list, make_knob(self, knob, ladders[knob], values[knob]));
  return list;
}

/// What is remembered of an interval, and kept for more questions when `pinned`; false, with `error`, when nothing is.
bool find_interval(GstOneadaptFilter *self, guint64 interval, bool pinned, oneadapt::PictureRecord &found,
                   GError **error) {
  auto history = self->impl->history.lock();
  if (const oneadapt::PictureRecord *record = pinned ? history->pin(interval) : history->find(interval)) {
    found = *record;
    return true;
  }
  oneadapt::set_unknown_interval(error, GST_OBJECT_NAME(self), interval);
  return false;
}

GstOneadaptProbe *probe(GstOneadaptTunable *tunable, guint64 interval, const GstOneadaptGradient *gradient,
                        const gchar *const *names, GError **error) {
  auto *self = GST_ONEADAPT_FILTER(tunable);
  FilterImpl &impl = *self->impl;
  try {
    oneadapt::ProbeRequest request;
    request.wanted.resize(kKnobs);
    for (std::size_t knob = 0; knob < kKnobs; knob++)
      request.wanted[knob] = gradient && !names && !(video_knobs()[knob].flags & GST_ONEADAPT_KNOB_ON_REQUEST);
    for (const gchar *const *name = names; name && *name; name++) {
      const std::size_t knob = video_knobs().find(*name);
      if (knob == kKnobs) continue;  // another tunable's: a controller asks all of them for the same names
      request.wanted[knob] = gradient != nullptr;
      if (oneadapt::is_threshold(knob)) impl.thresholds_asked = true;
      if (knob == oneadapt::kPixelThreshold || knob == oneadapt::kAreaThreshold) impl.units_asked = true;
    }
    oneadapt::BlockMap map;
    if (gradient) {
      map = oneadapt::map_of(*gradient);
      request.gradient = &map;
    }
    request.ladders = filter_ladders(self);
    GST_OBJECT_LOCK(self);
    const std::string preset = kPresets[impl.settings.preset];
    GST_OBJECT_UNLOCK(self);
    if (gradient) {
      // What the frame filter goes by from now on.
      oneadapt::BlockMap weights = map;
      const auto blurred = oneadapt::box_blur(map);
      std::copy(blurred.begin(), blurred.end(), weights.values.begin());
      impl.feedback = true;
      *impl.weights.lock() = FilterImpl::Weights{std::move(weights), double(gradient->confident)};
    }
    oneadapt::PictureRecord record;
    if (!find_interval(self, interval, false, record, error)) return nullptr;

    oneadapt::ProbeResult result;
    {
      std::lock_guard<std::mutex> guard(impl.probing.lock);
      const guint64 start = thread_cpu_ns();
      if (gradient) {
        impl.probing.gradient = map;
        impl.probing.confident = gradient->confident;
      }
      oneadapt::PictureMeasurement measurement(impl.probing.tools, record, preset, request);
      result = oneadapt::measure_moves(measurement, video_knobs(), request);
      const guint64 spent = thread_cpu_ns() - start;
      auto history = impl.history.lock();
      history->counters.probe_ns += spent;
      history->counters.probes++;
    }

    GstOneadaptProbe *answer = gst_oneadapt_probe_new();
    answer->bytes = record.bytes;
    answer->frames_in = record.frames_in;
    answer->frames_out = record.frames_out;
    answer->resource = result.resource;
    answer->compute = result.compute;
    for (std::size_t knob = 0; knob < kKnobs; knob++) {
      if (request.ladders[knob].empty()) continue;
      const KnobRow &row = video_knobs()[knob];
      if (names ? !g_strv_contains(names, row.name) : row.flags & GST_ONEADAPT_KNOB_ON_REQUEST) continue;
      GstOneadaptKnob *out = make_knob(self, knob, request.ladders[knob], record.values[knob]);
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
  auto *self = GST_ONEADAPT_FILTER(tunable);
  const auto values = video_knobs().read(GST_OBJECT_NAME(self), configuration, error);
  if (!values) return FALSE;
  PendingConfiguration pending;
  pending.interval = interval;
  pending.values = *values;
  if (pending.values[kQpMap]) {
    oneadapt::AllocationSettings settings;
    GST_OBJECT_LOCK(self);
    const double range = self->impl->settings.map_range;
    settings.granularity = self->impl->settings.map_granularity;
    GST_OBJECT_UNLOCK(self);
    std::lock_guard<std::mutex> guard(self->impl->probing.lock);
    const oneadapt::BlockMap &gradient = self->impl->probing.gradient;
    const double base = *pending.values[kQpMap];
    QpMap map;
    if (gradient.values.empty()) {
      // No gradient has come yet: offsets of 0, so that the encoder is one that takes them from the start.
      if (oneadapt::range_over(base, range, 1) > 0) map = {1, 1, {0}};
    } else {
      settings.range = oneadapt::range_over(base, range, self->impl->probing.confident);
      const guint64 start = thread_cpu_ns();
      map.offsets = oneadapt::allocate_qp(gradient, settings);
      const guint64 spent = thread_cpu_ns() - start;
      if (!map.offsets.empty()) {
        map.columns = gradient.columns();
        map.rows = gradient.rows();
      }
      self->impl->history.lock()->counters.probe_ns += spent;
    }
    pending.map = std::move(map);
  }
  GST_OBJECT_LOCK(self);
  self->impl->settings.pending = pending;
  GST_OBJECT_UNLOCK(self);
  return TRUE;
}

GstOneadaptRendering *render(GstOneadaptTunable *tunable, guint64 interval, const GstStructure *configuration,
                             GError **error) {
  auto *self = GST_ONEADAPT_FILTER(tunable);
  FilterImpl &impl = *self->impl;
  const auto asked = video_knobs().read(GST_OBJECT_NAME(self), configuration, error);
  if (!asked) return nullptr;
  const PartialValues &values = *asked;
  try {
    oneadapt::ProbeRequest request;
    request.ladders = filter_ladders(self);
    GST_OBJECT_LOCK(self);
    const std::string preset = kPresets[impl.settings.preset];
    GST_OBJECT_UNLOCK(self);
    oneadapt::PictureRecord record;
    if (!find_interval(self, interval, true, record, error)) return nullptr;
    oneadapt::Values wanted = record.values;
    for (std::size_t knob = 0; knob < kKnobs; knob++) wanted[knob] = values[knob].value_or(wanted[knob]);
    if (values[kQpMap]) wanted[kQp] = *values[kQpMap];  // rendered without its map
    std::lock_guard<std::mutex> guard(impl.probing.lock);
    const guint64 start = thread_cpu_ns();
    GstOneadaptRendering *rendering =
        oneadapt::PictureMeasurement(impl.probing.tools, record, preset, request).render(wanted);
    impl.history.lock()->counters.probe_ns += thread_cpu_ns() - start;
    return rendering;
  } catch (const std::exception &failure) {
    g_set_error(error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_FAILED,
                "%s cannot render interval %" G_GUINT64_FORMAT ": %s", GST_OBJECT_NAME(self), interval, failure.what());
    return nullptr;
  }
}

}  // namespace

Ladders filter_ladders(GstOneadaptFilter *self) {
  Ladders ladders(kKnobs);
  FilterImpl &impl = *self->impl;
  const oneadapt::PictureFormat format = impl.history.lock()->format();
  if (!format.info.width) return ladders;
  GST_OBJECT_LOCK(self);
  ladders = impl.settings.ladders;
  const bool b_frames = impl.settings.b_frames > 0;
  GST_OBJECT_UNLOCK(self);
  for (std::size_t knob = 0; knob < kKnobs; knob++) {
    const KnobRow &row = video_knobs()[knob];
    if (knob == kFramerate)
      ladders[knob] = oneadapt::framerate_ladder(ladders[knob], format.rate());
    else if ((row.h264_only && !format.h264) || (knob == oneadapt::kBBias && !b_frames))
      ladders[knob].clear();
    else if (ladders[knob].empty())
      ladders[knob] = oneadapt::default_ladder(row);
  }
  return ladders;
}

void filter_tunable_init(gpointer iface, gpointer) {
  auto *tunable = static_cast<GstOneadaptTunableInterface *>(iface);
  tunable->list_knobs = list_knobs;
  tunable->probe = probe;
  tunable->apply = apply;
  tunable->render = render;
}
