// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/pipeline.h"

#include <algorithm>
#include <cmath>
#include <thread>

#include "eval/medium.h"

namespace oneadapt::eval {
namespace {

/// As short as it goes: an integer property does not take "44.000000".
std::string text(double value) {
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];
  return g_ascii_formatd(buffer, sizeof buffer, "%.12g", value);
}

std::string interval_of(const RunOptions &o) { return std::to_string(std::llround(o.interval * GST_SECOND)); }

/// Controller and filter.
void configure_adaptation(GstElement *p, const RunOptions &o) {
  set_property(p, "ctl", "policy", o.policy);
  set_property(p, "ctl", "policy-file", o.policy_file);
  set_property(p, "ctl", "lambda", text(o.lambda));
  set_property(p, "ctl", "min-accuracy", text(o.min_accuracy));
  set_property(p, "ctl", "alpha", text(o.alpha));
  set_property(p, "ctl", "smoothing", text(o.smoothing));
  set_property(p, "ctl", "knobs", o.knobs);
  // What is lost is not waited for: it is there, or not, once the interval's data has been through.
  if (o.feedback_loss > 0) set_property(p, "ctl", "lockstep-timeout", "0");
  if (!o.start.empty()) set_property(p, "ctl", "warm-start", "false");
  for (const char *element : {"ctl", "filter"}) set_property(p, element, "interval", interval_of(o));
}

void configure(GstElement *p, const RunOptions &o) {
  if (o.source.empty()) set_property(p, "source", "location", o.clip);
  set_property(p, "dnn", "model", o.model);
  set_property(p, "dnn", "classes", o.classes);
  set_property(p, "dnn", "device", o.device);
  // One for all frames, those with a gradient too, so that numbers are the same to the last digit.
  set_property(p, "dnn", "plan", "channels-last");
  set_property(p, "dnn", "threads",
               std::to_string(o.threads ? o.threads : std::max(1u, std::thread::hardware_concurrency())));
  set_property(p, "dnn", "gradient", o.gradient ? "true" : "false");
  if (!o.results_location.empty()) set_property(p, "dnn", "results-location", o.results_location);
  if (o.encoder.empty()) configure_adaptation(p, o);
  set_property(p, "dnn", "interval", interval_of(o));
  for (const auto &[name, value] : o.properties) {
    const auto dot = name.find('.');
    if (!o.encoder.empty() && name.compare(0, dot, "dnn") != 0) continue;
    set_property(p, name.substr(0, dot).c_str(), name.substr(dot + 1).c_str(), value);
  }
  if (keeps_uncertain(o))
    set_property(p, "dnn", "threshold", text(std::min(o.uncertain_from, own_threshold(o).value_or(1))));
  for (const auto &[name, value] : o.start) set_start(p, "filter", name, value);
  set_property(p, "caps", "caps", o.medium->caps(o));
  set_property(p, "sink", "sync", "false");
  o.medium->configure(p, o);
}

}  // namespace

void set_property(GstElement *pipeline, const char *element, const char *property, const std::string &value) {
  Ref<GstElement> e(gst_bin_get_by_name(GST_BIN(pipeline), element));
  if (!g_object_class_find_property(G_OBJECT_GET_CLASS(e.get()), property))
    throw RunError(std::string(element) + " has no property \"" + property + "\"");
  gst_util_set_object_arg(G_OBJECT(e.get()), property, value.c_str());
}

void set_start(GstElement *pipeline, const char *element, const std::string &knob, double value) {
  Ref<GstElement> filter(gst_bin_get_by_name(GST_BIN(pipeline), element));
  if (!g_object_class_find_property(G_OBJECT_GET_CLASS(filter.get()), knob.c_str()))
    throw RunError("there is no knob \"" + knob + "\" to start with");
  GValue v = G_VALUE_INIT;
  g_value_init(&v, G_TYPE_DOUBLE);
  g_value_set_double(&v, value);
  g_object_set_property(G_OBJECT(filter.get()), knob.c_str(), &v);  // an integer property takes it rounded
  g_value_unset(&v);
}

bool have_element(const char *kind) {
  const Ref<GstElementFactory> factory(gst_element_factory_find(kind));
  return bool(factory);
}

bool keeps_uncertain(const RunOptions &o) {
  return o.uncertain_from > 0 && !o.gradient && o.medium->traits().scored_results;
}

std::optional<double> own_threshold(const RunOptions &o) {
  const auto set = o.properties.find("dnn.threshold");
  const double value = set == o.properties.end() ? -1 : g_ascii_strtod(set->second.c_str(), nullptr);
  return value >= 0 ? std::optional(value) : std::nullopt;
}

Ref<GstElement> build_pipeline(const RunOptions &o) {
  GError *error = nullptr;
  Ref<GstElement> pipeline(gst_parse_launch(o.medium->launch(o).c_str(), &error));
  if (error) {
    const std::string text = error->message;
    g_clear_error(&error);
    throw RunError("the pipeline cannot be built: " + text + " (is everything installed, and GST_PLUGIN_PATH set?)");
  }
  configure(pipeline.get(), o);
  return pipeline;
}

}  // namespace oneadapt::eval
