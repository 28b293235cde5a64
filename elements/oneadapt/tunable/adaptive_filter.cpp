// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tunable/adaptive_filter.h"

#include <exception>
#include <stdexcept>
#include <string>

#include "gradient_convert.h"

namespace oneadapt {

/// Does what may throw or not find the interval, and counts its CPU time; says in `error` what went wrong.
template <class Answer, class Work>
Answer *AdaptiveFilter::attempt(const char *what, guint64 interval, GError **error, Work work) {
  const guint64 start = thread_cpu_ns();
  try {
    if (Answer *answer = work()) {
      medium_.count_probe(thread_cpu_ns() - start, std::is_same_v<Answer, GstOneadaptProbe>);
      return answer;
    }
    g_set_error(error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_INTERVAL,
                "%s does not (or no longer) remember interval %" G_GUINT64_FORMAT, GST_OBJECT_NAME(element_), interval);
  } catch (const std::exception &failure) {
    g_set_error(error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_FAILED, "%s cannot %s interval %" G_GUINT64_FORMAT ": %s",
                GST_OBJECT_NAME(element_), what, interval, failure.what());
  }
  return nullptr;
}

/* ---- the interface ------------------------------------------------------------------------------------------- */

Ladders AdaptiveFilter::ladders() {
  const Ladders users = settings_.lock()->ladders;
  return medium_.ladders(users);
}

GstOneadaptKnob *AdaptiveFilter::make_knob(std::size_t knob, const std::vector<double> &ladder, double value) {
  const KnobRow &row = medium_.knobs()[knob];
  GstOneadaptKnob *made =
      gst_oneadapt_knob_new(row.name, ladder.data(), guint(ladder.size()), guint(rung_of(row, value, ladder)));
  if (!row.zero_is_top || value > 0) made->value = value;
  std::vector<double> accuracy, resource, compute;
  for (double rung : ladder)
    if (const auto typical = medium_.typical(knob, rung, ladder)) {
      accuracy.push_back(typical->accuracy);
      resource.push_back(typical->resource);
      if (typical->compute) compute.push_back(*typical->compute);
    }
  if (accuracy.size() == ladder.size()) gst_oneadapt_knob_set_typical(made, accuracy.data(), resource.data());
  if (compute.size() == ladder.size()) gst_oneadapt_knob_set_typical_compute(made, compute.data());
  made->flags = GstOneadaptKnobFlags(row.flags);
  return made;
}

GPtrArray *AdaptiveFilter::list_knobs() {
  GPtrArray *list = g_ptr_array_new_with_free_func(GDestroyNotify(gst_oneadapt_knob_free));
  const Ladders in_force = ladders();
  std::optional<Values> values = medium_.current_values();
  if (!values) {
    const Values asked = settings_.lock()->asked;
    values = medium_.in_force(asked, in_force);
  }
  for (std::size_t knob = 0; knob < in_force.size(); knob++)
    if (!in_force[knob].empty()) g_ptr_array_add(list, make_knob(knob, in_force[knob], (*values)[knob]));
  return list;
}

GstOneadaptProbe *AdaptiveFilter::probe(guint64 interval, const GstOneadaptGradient *gradient,
                                        const gchar *const *names, GError **error) {
  return attempt<GstOneadaptProbe>("probe", interval, error, [&]() -> GstOneadaptProbe * {
    const KnobTable &knobs = medium_.knobs();
    ProbeRequest request;
    std::vector<bool> asked;  // names of no knob are another tunable's: a controller asks all for the same ones
    for (std::size_t knob = 0; knob < knobs.size(); knob++) {
      request.named.push_back(names && g_strv_contains(names, knobs[knob].name));
      asked.push_back(names ? request.named[knob] : !(knobs[knob].flags & GST_ONEADAPT_KNOB_ON_REQUEST));
      request.wanted.push_back(gradient && asked[knob]);
    }
    Gradient core;
    if (gradient) {
      core = to_core(*gradient);
      if (core.domain != medium_.domain())
        throw std::runtime_error(std::string("the gradient is of a ") + traits(core.domain).name + ", not of a " +
                                 traits(medium_.domain()).name);
      request.gradient = &core;
    }
    request.ladders = ladders();
    medium_.on_probe(request);

    std::lock_guard<std::mutex> lock(probing_);
    const auto measurement = medium_.measure(interval, false, request);
    if (!measurement) return nullptr;
    const ProbeResult result = measure_moves(*measurement, knobs, request);
    const IntervalRecord &record = measurement->record();
    GstOneadaptProbe *answer = gst_oneadapt_probe_new();
    answer->bytes = record.bytes;
    answer->next_bytes = measurement->next_bytes();
    answer->frames_in = record.frames_in;
    answer->frames_out = record.frames_out;
    answer->resource = result.resource;
    answer->compute = result.compute;
    // What a decision can depend on is what was known when the interval began.
    answer->has_lookahead = medium_.has_lookahead();
    answer->activity = answer->has_lookahead ? record.expected_activity : record.activity;
    for (std::size_t knob = 0; knob < knobs.size(); knob++) {
      if (request.ladders[knob].empty() || !asked[knob]) continue;
      GstOneadaptKnob *made = make_knob(knob, request.ladders[knob], record.values[knob]);
      report_moves(result.knobs[knob], made);
      g_ptr_array_add(answer->knobs, made);
    }
    return answer;
  });
}

gboolean AdaptiveFilter::apply(guint64 interval, const GstStructure *configuration, GError **error) {
  const KnobTable &knobs = medium_.knobs();
  GstStructure *usual = gst_structure_copy(configuration), *idle = nullptr;
  if (medium_.has_activity() && gst_structure_get(usual, "idle", GST_TYPE_STRUCTURE, &idle, nullptr))
    gst_structure_remove_field(usual, "idle");
  const auto values = knobs.read(GST_OBJECT_NAME(element_), usual, error);
  auto inactive = std::make_optional<PartialValues>(knobs.size());
  if (values && idle) inactive = knobs.read(GST_OBJECT_NAME(element_), idle, error);
  gst_structure_free(usual);
  if (idle) gst_structure_free(idle);
  if (!values || !inactive) return FALSE;
  // A map is made from what was probed last: a probe under way is waited for.
  std::unique_lock<std::mutex> lock(probing_, std::defer_lock);
  for (std::size_t knob = 0; knob < knobs.size() && !lock; knob++)
    if ((knobs[knob].flags & GST_ONEADAPT_KNOB_FOLLOWS_GRADIENT) && (*values)[knob]) lock.lock();
  const Values asked = settings_.lock()->asked;
  PayloadRef payload = medium_.payload(*values, asked);
  settings_.lock()->pending = PendingConfiguration{interval, *values, *inactive, std::move(payload)};
  return TRUE;
}

GstOneadaptRendering *AdaptiveFilter::render(guint64 interval, const GstStructure *configuration, GError **error) {
  const auto named = medium_.knobs().read(GST_OBJECT_NAME(element_), configuration, error);
  if (!named) return nullptr;
  return attempt<GstOneadaptRendering>("render", interval, error, [&]() -> GstOneadaptRendering * {
    ProbeRequest request;
    request.ladders = ladders();
    std::lock_guard<std::mutex> lock(probing_);
    const auto measurement = medium_.measure(interval, true, request);
    if (!measurement) return nullptr;
    Values values = measurement->record().values;
    medium_.merge(values, *named);
    return measurement->render(values);
  });
}

/* ---- properties ---------------------------------------------------------------------------------------------- */

bool AdaptiveFilter::set_property(guint id, const GValue *value) {
  const KnobTable &knobs = medium_.knobs();
  if (const auto knob = properties_.knob_of(id)) {
    if (knobs[*knob].type == KnobType::Map) return false;
    settings_.lock()->set(*knob, G_VALUE_HOLDS_INT(value) ? double(g_value_get_int(value)) : g_value_get_double(value));
    return true;
  }
  const auto ladder = properties_.ladder_of(id);
  if (!ladder) return medium_.set_setting(id, value);
  const gchar *text = g_value_get_string(value);
  std::vector<double> values;
  if (!parse_ladder_property(GST_OBJECT_NAME(element_), knobs[*ladder], text, values)) return true;
  auto settings = settings_.lock();
  settings->ladders[*ladder] = std::move(values);
  settings->ladder_texts[*ladder] = text ? text : "";
  return true;
}

bool AdaptiveFilter::get_property(guint id, GValue *value) {
  const KnobTable &knobs = medium_.knobs();
  if (properties_.is_stats(id)) {
    GstStructure *stats = medium_.counters();
    const Values values = medium_.current_values().value_or(knobs.neutral());
    for (std::size_t knob = 0; knob < knobs.size(); knob++)
      if (knobs[knob].type != KnobType::Map)
        gst_structure_set(stats, knobs[knob].name, G_TYPE_DOUBLE, values[knob], nullptr);
    g_value_take_boxed(value, stats);
  } else if (const auto ladder = properties_.ladder_of(id)) {
    g_value_set_string(value, settings_.lock()->ladder_texts[*ladder].c_str());
  } else if (const auto knob = properties_.knob_of(id); knob && knobs[*knob].type != KnobType::Map) {
    const double says = settings_.lock()->get(*knob);
    if (G_VALUE_HOLDS_INT(value))
      g_value_set_int(value, int(says));
    else
      g_value_set_double(value, says);
  } else {
    return medium_.get_setting(id, value);
  }
  return true;
}

void AdaptiveFilter::stop() {
  auto settings = settings_.lock();
  settings->pending.reset();
  settings->shown.assign(settings->shown.size(), false);
}

}  // namespace oneadapt
