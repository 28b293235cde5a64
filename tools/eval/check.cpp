// SPDX-License-Identifier: LGPL-2.1-or-later
// What cannot be run is said before anything is.
#include <gst/gst.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include "common/output.h"
#include "eval/evaluated_policies.h"
#include "eval/evaluation.h"
#include "eval/figures.h"
#include "eval/medium.h"
#include "eval/messages.h"
#include "eval/pads.h"
#include "eval/text.h"

namespace oneadapt::eval {
namespace {

bool among(const std::string &word, const std::vector<std::string> &words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

using Element = Ref<GstElement>;

Element make(const std::string &name) {
  GstElement *element = gst_element_factory_make(name.c_str(), nullptr);
  if (!element)
    throw RunError("there is no element " + name +
                   "; install OneAdapt's plugins, or set GST_PLUGIN_PATH to where they are");
  gst_object_ref_sink(element);
  return Element(element);
}

/// A knob is a property that a ladder goes with.
std::vector<std::string> knob_names(GstElement *filter) {
  std::vector<std::string> names;
  guint count = 0;
  GParamSpec **specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(filter), &count);
  for (guint i = 0; i < count; ++i)
    if (g_object_class_find_property(G_OBJECT_GET_CLASS(filter), (std::string(specs[i]->name) + "-ladder").c_str()))
      names.push_back(specs[i]->name);
  g_free(specs);
  std::sort(names.begin(), names.end());
  return names;
}

void check_property(const std::string &name, const std::string &text, const EvalOptions &options,
                    const Medium &medium) {
  const std::string element = name.substr(0, name.find('.')), property = name.substr(name.find('.') + 1);
  if (!among(element, {"ctl", "filter", "dnn"}))
    throw RunError("--set: there is no element \"" + element + "\"; there are ctl, filter, dnn");
  const std::string kind = element == "filter" ? medium.traits().filter : "oneadapt" + element;
  const Element made = make(kind);
  GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(made.get()), property.c_str());
  if (!spec || !(spec->flags & G_PARAM_WRITABLE) || property == "name" || property == "parent")
    throw RunError("--set: " + kind + " has no property \"" + property + "\" that can be set; gst-inspect-1.0 " + kind +
                   " lists them");
  if (among(name, {"ctl.interval", "filter.interval", "filter.key-int-max", "filter.look-ahead", "dnn.interval",
                   "ctl.lockstep", "ctl.policy", "ctl.policy-file", "ctl.lambda", "ctl.min-accuracy", "ctl.knobs",
                   "dnn.model", "dnn.classes", "dnn.device", "dnn.gradient", "dnn.results-location"}))
    throw RunError("--set: " + name + " is set by oneadapt-eval itself; leave it to its own options (--help)");
  std::vector<std::string> adapted;
  for (const std::string &knob : options.knobs) adapted.push_back(start_property(knob));
  if (element == "filter" && among(property, adapted))
    throw RunError("--set: filter." + property +
                   " is set by a knob that is adapted; leave that out of --knobs, or limit it with filter.KNOB-ladder");
  if (G_PARAM_SPEC_VALUE_TYPE(spec) == G_TYPE_STRING) {
    std::string complaint;
    const GLogFunc before = g_log_set_default_handler(
        [](const gchar *, GLogLevelFlags, const gchar *what, gpointer to) { *static_cast<std::string *>(to) = what; },
        &complaint);
    g_object_set(made.get(), property.c_str(), text.c_str(), nullptr);
    g_log_set_default_handler(before, nullptr);
    if (!complaint.empty()) throw RunError("--set: " + complaint);
    return;
  }
  GValue value = G_VALUE_INIT;
  g_value_init(&value, G_PARAM_SPEC_VALUE_TYPE(spec));
  const bool good = gst_value_deserialize(&value, text.c_str()) && !g_param_value_validate(spec, &value);
  g_value_unset(&value);
  if (!good)
    throw RunError("--set: \"" + text + "\" is no value of " + name + "; gst-inspect-1.0 " + kind + " tells its range");
}

/// What the controller says of the file; then, whether it is of any use for the knobs.
void check_policy_file(const EvalOptions &options, const PolicyInfo &policy) {
  const Element ctl = make("oneadaptctl");
  g_object_set(ctl.get(), "policy", policy.name.c_str(), "policy-file", options.policy_file.c_str(), nullptr);
  GstBus *bus = gst_bus_new();
  gst_element_set_bus(ctl.get(), bus);
  gst_element_set_state(ctl.get(), GST_STATE_PAUSED);
  std::string problem;
  if (GstMessage *m = gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR)) {
    problem = text_of(m);
    gst_message_unref(m);
  }
  gst_element_set_state(ctl.get(), GST_STATE_NULL);
  gst_object_unref(bus);
  if (!problem.empty()) throw RunError("--policy-file: " + problem);
  std::ifstream file(options.policy_file);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto known = make_policy(policy.name, text)->known_knobs();
  for (const std::string &knob : policy.needs.gradient ? options.knobs : without_maps(options.knobs))
    if (known.empty() || among(knob, known)) return;
  throw RunError("--policy-file: \"" + options.policy_file + "\" was trained for " + joined(known, ", ") +
                 ", none of which is adapted; name one in --knobs, or train another");
}

/// Of policies that have a file.
void check_policy_files(const EvalOptions &options) {
  std::vector<std::string> readers;
  bool read = false;
  for (const EvaluatedPolicy &p : evaluated_policies()) {
    if (!p.policy || p.policy->needs.file.empty()) continue;
    readers.push_back(p.curve.name);
    if (!options.figures.empty() || !options.train_casva.empty() || !among(p.curve.name, options.policies)) continue;
    if (options.policy_file.empty())
      throw RunError("--policies: " + p.curve.name + " needs a trained network; add --policy-file FILE (" +
                     p.policy->needs.file + " makes one), or leave it out");
    check_policy_file(options, *p.policy);
    read = true;
  }
  const std::string names = joined(readers, " or ");
  if (!read && !options.policy_file.empty())
    throw RunError("--policy-file: only policy " + names + " reads it; add " + names +
                   " to --policies, or leave it out");
}

void check_training(const EvalOptions &options) {
  if (options.train_casva.empty()) return;
  if (!options.figures.empty()) throw RunError("--train-casva: it trains and does nothing else; leave --figure out");
  if (options.frames) throw RunError("--train-casva: casva goes by bytes; leave --resource frames out");
  if (options.interval != 1) throw RunError("--train-casva: it goes by seconds; leave --interval out");
  tools::check_output(options.train_casva, "--train-casva");
}

/// Whether the policy can be had of the clips' medium.
void check_policy_medium(const EvaluatedPolicy &policy, const EvalOptions &options, const Medium &medium) {
  if (!policy.curve.media.empty() && !among(medium.name(), policy.curve.media))
    throw only_for("--policies: " + policy.curve.name, joined(policy.curve.media, " and "), medium.name());
  if (policy.curve.lookahead == CurveLookahead::Always && options.look_ahead == 0.0)
    throw RunError("--look-ahead: policy " + policy.curve.name + " wants one above 0; leave one of the two out");
}

/// Whether the other options leave the policy what it needs. Not of checks of the paper, which choose their policies.
void check_needs(const EvaluatedPolicy &policy, const EvalOptions &options) {
  const std::string &name = policy.curve.name;
  if (!policy.quality_for.empty() && std::none_of(options.knobs.begin(), options.knobs.end(), has_map))
    throw RunError("--policies: " + name + " " + policy.quality_for +
                   "; add --knobs qp or qp-map (point clouds: keep-map), or leave it out");
  if (!policy.encoder.empty() && options.frames)
    throw RunError("--policies: " + name + " codes pictures; leave --resource frames out, or " + name);
  if (const Ref<GstElementFactory> factory{policy.encoder.empty() ? nullptr
                                                                  : gst_element_factory_find(policy.encoder.c_str())};
      !policy.encoder.empty() && !factory)
    throw RunError("--policies: " + name + " needs GStreamer's element " + policy.encoder +
                   ", which is not installed; install " + policy.package + ", or leave " + name + " out");
  if (policy.curve.sweep == CurveSweep::MinAccuracies && options.frames)
    throw RunError("--policies: " + name +
                   " is measured by coding pictures once more; leave --resource frames out, or " + name);
  if (policy.policy && policy.policy->needs.bytes && options.frames)
    throw RunError("--policies: " + name + " goes by bytes; leave --resource frames out, or " + name);
}

/// Of policies that choose frames, and of those that go by seconds.
void check_resource(const EvaluatedPolicy &policy, const EvalOptions &options) {
  const std::string &name = policy.curve.name;
  if (options.frames) return;
  if (!policy.frames_for.empty())
    throw RunError("--policies: " + name + " " + policy.frames_for + "; add --resource frames, or leave it out");
  // It is stepped over recorded seconds.
  if (options.interval != 1 && policy.policy && policy.curve.sweep == CurveSweep::RecordedLambdas)
    throw RunError("--interval: policy " + name + " goes by seconds; leave one of the two out");
}

void check_knobs(const EvalOptions &options, const Medium &medium) {
  const auto knobs = knob_names(make(medium.traits().filter).get());
  for (const std::string &knob : options.knobs)
    if (!among(knob, knobs))
      throw RunError("--knobs: there is no knob \"" + knob + "\"; there are " + joined(knobs, ", "));
  if (among("qp", options.knobs) && among("qp-map", options.knobs))
    throw RunError("--knobs: qp is set with qp-map; name one of the two");
  if (!options.frames) return;
  if (options.key_int_max)
    throw RunError("--key-int-max: with --resource frames no picture is coded; leave one of the two out");
  if (!options.figures.empty()) throw RunError("--resource: frames is compared by policies; leave --figure out");
  for (const std::string &knob : options.knobs)
    if (knob != "pixel-threshold" && knob != "area-threshold" && knob != "change-threshold")
      throw RunError("--knobs: " + knob +
                     " does not say which frames are analysed; with --resource frames name "
                     "pixel-threshold, area-threshold or change-threshold");
}

void check_figures(const EvalOptions &options) {
  if (options.interval != 1 && !options.figures.empty())
    throw RunError("--interval: figures go by seconds; leave it out with --figure");
  if (!among("granularity", options.figures)) return;
  if (!among("qp-map", options.knobs))
    throw RunError("--figure: granularity is that of the macroblock map; add --knobs qp-map");
  if (options.properties.count("filter.map-granularity"))
    throw RunError("--set: filter.map-granularity is what --figure granularity varies; leave it out");
}

/// The medium of all clips.
const Medium &medium_of(const std::vector<std::string> &clips) {
  if (clips.empty()) return video_medium();
  const Medium &first = *open_clip(clips.front()).medium;
  for (const std::string &clip : clips)
    if (const Medium *medium = open_clip(clip).medium; medium != &first)
      throw RunError("--clip: \"" + clip + "\" is " + medium->name() + " and the others are " + first.name() +
                     "; evaluate the two apart");
  return first;
}

/// "sound": the media whose filters look ahead.
std::string looking_ahead() {
  std::vector<std::string> names;
  for (const Medium *medium : media())
    if (medium->traits().looks_ahead) names.push_back(medium->name());
  return joined(names, " and ");
}

}  // namespace

std::map<std::string, double> ladder_ends(const std::map<std::string, std::string> &properties) {
  // As text: a filter knows its ladders only once it has an input.
  static const std::string element = "filter.", suffix = "-ladder", between = ", ";
  std::map<std::string, double> ends;
  for (const auto &[name, text] : properties) {
    if (name.compare(0, element.size(), element) != 0 || name.size() <= element.size() + suffix.size()) continue;
    const auto length = name.size() - element.size() - suffix.size();
    const auto last = text.find_last_not_of(between);
    if (name.compare(element.size() + length, suffix.size(), suffix) != 0 || last == std::string::npos) continue;
    const auto before = text.find_last_of(between, last);
    const std::string number = text.substr(before == std::string::npos ? 0 : before + 1);
    ends[name.substr(element.size(), length)] = g_ascii_strtod(number.c_str(), nullptr);
  }
  return ends;
}

const Medium &check_options(const EvalOptions &options) {
  std::vector<const EvaluatedPolicy *> policies;
  for (const std::string &name : options.policies) {
    policies.push_back(find_evaluated(name));
    if (!policies.back())
      throw RunError("--policies: there is no policy \"" + name + "\"; there are " + joined(evaluated_names(), ", "));
  }
  for (const std::string &figure : options.figures)
    if (!among(figure, figure_names()))
      throw RunError("--figure: there is no figure \"" + figure + "\"; there are " + joined(figure_names(), ", "));
  if (!std::filesystem::is_regular_file(options.model))
    throw RunError("--model: there is no file \"" + options.model + "\"; name a self-describing TorchScript model");
  const Medium &medium = medium_of(options.clips);
  medium.check(options);
  for (const EvaluatedPolicy *policy : policies) check_policy_medium(*policy, options, medium);
  if (options.look_ahead && !medium.traits().looks_ahead)
    throw only_for("--look-ahead", looking_ahead(), medium.name());
  check_knobs(options, medium);
  check_training(options);
  if (options.figures.empty() && options.train_casva.empty())
    for (const EvaluatedPolicy *policy : policies) check_needs(*policy, options);
  for (const EvaluatedPolicy *policy : policies) check_resource(*policy, options);
  check_policy_files(options);
  check_figures(options);
  for (const auto &[name, value] : options.properties) check_property(name, value, options, medium);
  return medium;
}

}  // namespace oneadapt::eval
