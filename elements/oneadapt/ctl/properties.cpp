// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties of oneadaptctl: what they are called, and what the user set. Locks: see ctl.cpp.
#include "core/policy/registry.h"
#include "ctl/ctl_impl.h"
#include "setting_properties.h"

namespace {

using oneadapt::policies_where;
using oneadapt::PolicyInfo;

/// Made once, with the class. The ids begin at 1; "stats" comes behind them.
oneadapt::SettingProperties<CtlSettings> setting_properties;
constexpr guint kFirstSetting = 1;

constexpr auto kReady = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
constexpr auto kLive =
    GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING | GST_PARAM_CONTROLLABLE);

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  auto *self = GST_ONEADAPT_CTL(object);
  if (oneadapt::is_fixed_now(self, pspec)) return;
  GST_OBJECT_LOCK(self);
  const bool known = setting_properties.set(self->state->settings, id, value);
  if (g_str_has_prefix(pspec->name, "lambda")) self->state->settings.weighs = true;
  GST_OBJECT_UNLOCK(self);
  if (!known) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

GstStructure *stats_of(GstOneadaptCtl *self) {
  CtlLoop &loop = self->state->loop;
  std::lock_guard<std::mutex> lock(loop.mutex);
  const CtlCounters &c = loop.counters;
  GstStructure *s = gst_structure_new(
      "oneadaptctl-stats", "buffers", G_TYPE_UINT64, c.buffers, "decisions", G_TYPE_UINT64, c.decisions, "gradients",
      G_TYPE_UINT64, c.gradients, "early-gradients", G_TYPE_UINT64, c.early, "gradients-ignored", G_TYPE_UINT64,
      c.ignored, "intervals-without-feedback", G_TYPE_UINT64, c.without_feedback, "lockstep-timeouts", G_TYPE_UINT64,
      c.timeouts, "profiles", G_TYPE_UINT64, c.profiles, "extra-inferences", G_TYPE_UINT64, c.extra_inferences,
      "silent-intervals", G_TYPE_UINT, loop.feedback.silent, "feedback-lost", G_TYPE_BOOLEAN, loop.feedback.safe,
      nullptr);
  if (GstStructure *feedback = ctl_feedback_stats(self)) {
    gst_structure_set(s, "feedback", GST_TYPE_STRUCTURE, feedback, nullptr);
    gst_structure_free(feedback);
  }
  if (loop.last) gst_structure_set(s, "last-decision", GST_TYPE_STRUCTURE, loop.last, nullptr);
  return s;
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  auto *self = GST_ONEADAPT_CTL(object);
  if (setting_properties.get(ctl_settings(self), id, value)) return;
  if (id == kFirstSetting + setting_properties.size())
    g_value_take_boxed(value, stats_of(self));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

const gchar *interned(const std::string &text) { return g_intern_string(text.c_str()); }

/// What the documentation of "policy-file" says: which policies read one, and what writes it.
std::string policy_file_text() {
  std::string writers;
  for (const PolicyInfo &p : oneadapt::policies())
    if (!p.needs.file.empty()) writers += (writers.empty() ? "" : ", ") + p.needs.file;
  return "Trained network of " + policies_where([](const PolicyInfo &p) { return !p.needs.file.empty(); }) + ", as " +
         writers + " writes it; the other policies do not read it";
}

std::string policy_text() {
  std::string text = "Adaptation logic, one of:";
  for (const PolicyInfo &policy : oneadapt::policies()) text += " " + policy.name;
  return text;
}

std::string max_bitrate_text() {
  return "Most bits a second that the tunables may send, kept interval by interval by " +
         policies_where([](const PolicyInfo &p) { return p.heeds.budgets; }) +
         "; with \"lambda\" 0 it is used up (0 = any number)";
}

/// What is adapted, and by which policy.
void add_selection() {
  auto &p = setting_properties;
  p.add(g_param_spec_string("tunables", "Tunables",
                            "Names of the elements to adapt, separated by commas; empty: all tunables "
                            "downstream",
                            "", kReady),
        &CtlSettings::tunables);
  p.add(g_param_spec_string("knobs", "Knobs",
                            "Names of the knobs to adapt, separated by commas, or TUNABLE.KNOB for one tunable's; "
                            "empty: those that save most for an accuracy (of pictures, QPs by macroblock)",
                            "", kReady),
        &CtlSettings::knobs);
  p.add(
      g_param_spec_string("policy", "Policy", interned(policy_text()), oneadapt::default_policy().name.c_str(), kReady),
      &CtlSettings::policy);
  p.add(g_param_spec_string("policy-file", "Policy file", interned(policy_file_text()), "", kReady),
        &CtlSettings::policy_file);
}

/// What the policy weighs, and what it may not exceed.
void add_objective() {
  auto &p = setting_properties;
  p.add(g_param_spec_double("alpha", "Alpha", "Learning rate of the gradient ascent (Eq. 2); 0: nothing moves", 0, 100,
                            0.5, kLive),
        &CtlSettings::alpha);
  p.add(g_param_spec_double("lambda", "Lambda",
                            "What a resource is worth: accuracy in [0,1] against resource in [0,1] (Eq. 1); "
                            "0: accuracy at any price",
                            0, 1e6, 1.0, kLive),
        &CtlSettings::lambda);
  p.add(g_param_spec_double("min-accuracy", "Minimum accuracy",
                            interned("Accuracy to keep, as cheaply as that can be: F1 against the results on the "
                                     "camera's own pictures; \"lambda\" then counts for nothing. It is measured at the "
                                     "DNN, best with an oneadaptshadow in front of it (0 = none, \"lambda\" decides; "
                                     "-1 = 0.9 where it can be measured, unless a lambda is set); " +
                                     policies_where([](const PolicyInfo &i) { return i.heeds.min_accuracy; })),
                            -1, 1, -1, kLive),
        &CtlSettings::min_accuracy);
  p.add(g_param_spec_double("lambda-bandwidth", "Lambda of bandwidth",
                            "What bytes are worth, where that is not \"lambda\" (-1 = as \"lambda\")", -1, 1e6, -1,
                            kLive),
        &CtlSettings::lambda_bandwidth);
  p.add(g_param_spec_double("lambda-compute", "Lambda of compute",
                            "What frames that are left to analyse are worth, on top: accuracy in [0,1] against frames "
                            "as a share of all",
                            0, 1e6, 0, kLive),
        &CtlSettings::lambda_compute);
  p.add(g_param_spec_uint64("max-bitrate", "Maximum bitrate", interned(max_bitrate_text()), 0, G_MAXUINT64, 0, kLive),
        &CtlSettings::max_bitrate);
  p.add(g_param_spec_double("max-frames-per-second", "Maximum frames per second",
                            "Most frames a second that are left to analyse, kept as \"max-bitrate\" is by the knobs "
                            "that choose frames (0 = any number)",
                            0, 1e6, 0, kLive),
        &CtlSettings::max_frames_per_second);
}

/// When it decides, and on what.
void add_loop() {
  auto &p = setting_properties;
  p.add(
      g_param_spec_uint64("interval", "Interval", "Adaptation interval in ns of stream time; the same in all elements",
                          GST_MSECOND, G_MAXINT64, GST_SECOND, kReady),
      &CtlSettings::interval);
  p.add(
      g_param_spec_double("smoothing", "Smoothing",
                          "Weight of the newest gradient in the moving average; 1: no smoothing", 0.01, 1, 0.5, kReady),
      &CtlSettings::smoothing);
  p.add(g_param_spec_boolean("lockstep", "Lockstep",
                             "Wait at each interval's end for its gradient, so that an offline run is "
                             "deterministic; never for live pipelines",
                             FALSE, kReady),
        &CtlSettings::lockstep);
  p.add(g_param_spec_boolean("warm-start", "Warm start",
                             "Begin where \"lambda\" usually leads to, until the first gradient comes, rather than "
                             "with the knobs as they are set",
                             TRUE, kReady),
        &CtlSettings::warm_start);
  p.add(g_param_spec_uint64("lockstep-timeout", "Lockstep timeout",
                            "How long lockstep waits for a gradient, in ns; 0: what an interval's "
                            "data has not brought by the time it has passed through is taken for lost",
                            0, G_MAXINT64, 30 * GST_SECOND, kReady),
        &CtlSettings::lockstep_timeout);
}

void add_profiling() {
  auto &p = setting_properties;
  const std::string profiling = policies_where([](const PolicyInfo &i) { return i.needs.profiles; });
  p.add(
      g_param_spec_uint("profile-interval", "Profile interval",
                        interned("Intervals from one full profile to the next; " + profiling), 1, G_MAXINT, 10, kLive),
      &CtlSettings::profile_interval);
  p.add(g_param_spec_uint("profile-configurations", "Profile configurations",
                          interned("Most configurations in a full profile, evenly spaced; 0: all; " + profiling), 0,
                          G_MAXINT, 12, kLive),
        &CtlSettings::profile_configurations);
  p.add(g_param_spec_uint("profile-top", "Profile top",
                          interned("Configurations that are profiled between two full profiles; " +
                                   policies_where([](const PolicyInfo &i) { return i.heeds.profile_top; })),
                          1, G_MAXINT, 3, kLive),
        &CtlSettings::profile_top);
  p.add(g_param_spec_double("profile-budget", "Profile budget",
                            interned("Inferences that profiles may take, as a share of the "
                                     "stream's frames: they are spread so, and told as late; " +
                                     profiling),
                            0.01, 1000, 0.5, kLive),
        &CtlSettings::profile_budget);
}

void add_feedback() {
  auto &p = setting_properties;
  p.add(g_param_spec_string("feedback", "Feedback",
                            "Where gradients come from when the DNN is not in this pipeline: auto (the RTP sessions "
                            "and the rtspclientsink downstream), off, or an address to listen on, udp://HOST:PORT or "
                            "tcp://HOST:PORT (no HOST: loopback)",
                            "auto", kReady),
        &CtlSettings::feedback);
  p.add(g_param_spec_uint("feedback-timeout", "Feedback timeout",
                          "Intervals in a row without a gradient after which the knobs go back to where they began: "
                          "where \"lambda\" usually leads, or with warm-start=false as they were set (0 = never)",
                          0, G_MAXINT, 3, kLive),
        &CtlSettings::feedback_timeout);
}

}  // namespace

void ctl_install_properties(GObjectClass *object) {
  object->set_property = set_property;
  object->get_property = get_property;
  add_selection();
  add_objective();
  add_loop();
  add_profiling();
  add_feedback();
  setting_properties.install(object, kFirstSetting);
  g_object_class_install_property(
      object, kFirstSetting + guint(setting_properties.size()),
      g_param_spec_boxed("stats", "Statistics",
                         "Buffers, decisions, gradients taken and ignored, intervals without feedback, profiles "
                         "taken and the inferences they took, and the last decision",
                         GST_TYPE_STRUCTURE, GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}
