// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties of oneadaptctl: what they are called, and what the user set. Locks: see ctl.cpp.
#include "core/policy/registry.h"
#include "ctl/ctl_impl.h"

namespace {

enum {
  PROP_0,
  PROP_TUNABLES,
  PROP_KNOBS,
  PROP_POLICY,
  PROP_POLICY_FILE,
  PROP_ALPHA,
  PROP_LAMBDA,
  PROP_LAMBDA_BANDWIDTH,
  PROP_LAMBDA_COMPUTE,
  PROP_MAX_BITRATE,
  PROP_MAX_FRAMES,
  PROP_INTERVAL,
  PROP_SMOOTHING,
  PROP_LOCKSTEP,
  PROP_WARM_START,
  PROP_LOCKSTEP_TIMEOUT,
  PROP_PROFILE_INTERVAL,
  PROP_PROFILE_CONFIGURATIONS,
  PROP_PROFILE_TOP,
  PROP_PROFILE_BUDGET,
  PROP_FEEDBACK,
  PROP_FEEDBACK_TIMEOUT,
  PROP_STATS,
};

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  auto *self = GST_ONEADAPT_CTL(object);
  CtlSettings &s = self->state->settings;
  auto text = [&] { return std::string(g_value_get_string(value) ? g_value_get_string(value) : ""); };
  GST_OBJECT_LOCK(self);
  switch (id) {
    case PROP_TUNABLES:
      s.tunables = text();
      break;
    case PROP_KNOBS:
      s.knobs = text();
      break;
    case PROP_FEEDBACK:
      s.feedback = text();
      break;
    case PROP_POLICY:
      s.policy = text();
      break;
    case PROP_POLICY_FILE:
      s.policy_file = text();
      break;
    case PROP_ALPHA:
      s.alpha = g_value_get_double(value);
      break;
    case PROP_LAMBDA:
      s.lambda = g_value_get_double(value);
      break;
    case PROP_LAMBDA_BANDWIDTH:
      s.lambda_bandwidth = g_value_get_double(value);
      break;
    case PROP_LAMBDA_COMPUTE:
      s.lambda_compute = g_value_get_double(value);
      break;
    case PROP_MAX_FRAMES:
      s.max_frames_per_second = g_value_get_double(value);
      break;
    case PROP_MAX_BITRATE:
      s.max_bitrate = g_value_get_uint64(value);
      break;
    case PROP_INTERVAL:
      s.interval = g_value_get_uint64(value);
      break;
    case PROP_SMOOTHING:
      s.smoothing = g_value_get_double(value);
      break;
    case PROP_LOCKSTEP:
      s.lockstep = g_value_get_boolean(value);
      break;
    case PROP_WARM_START:
      s.warm_start = g_value_get_boolean(value);
      break;
    case PROP_LOCKSTEP_TIMEOUT:
      s.lockstep_timeout = g_value_get_uint64(value);
      break;
    case PROP_FEEDBACK_TIMEOUT:
      s.feedback_timeout = g_value_get_uint(value);
      break;
    case PROP_PROFILE_INTERVAL:
      s.profile_interval = g_value_get_uint(value);
      break;
    case PROP_PROFILE_CONFIGURATIONS:
      s.profile_configurations = g_value_get_uint(value);
      break;
    case PROP_PROFILE_TOP:
      s.profile_top = g_value_get_uint(value);
      break;
    case PROP_PROFILE_BUDGET:
      s.profile_budget = g_value_get_double(value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
  GST_OBJECT_UNLOCK(self);
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
      "silent-intervals", G_TYPE_UINT, loop.silent, "feedback-lost", G_TYPE_BOOLEAN, loop.safe, nullptr);
  if (GstStructure *feedback = ctl_feedback_stats(self)) {
    gst_structure_set(s, "feedback", GST_TYPE_STRUCTURE, feedback, nullptr);
    gst_structure_free(feedback);
  }
  if (loop.last) gst_structure_set(s, "last-decision", GST_TYPE_STRUCTURE, loop.last, nullptr);
  return s;
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  auto *self = GST_ONEADAPT_CTL(object);
  if (id == PROP_STATS) {
    g_value_take_boxed(value, stats_of(self));
    return;
  }
  const CtlSettings s = ctl_settings(self);
  switch (id) {
    case PROP_TUNABLES:
      g_value_set_string(value, s.tunables.c_str());
      break;
    case PROP_KNOBS:
      g_value_set_string(value, s.knobs.c_str());
      break;
    case PROP_FEEDBACK:
      g_value_set_string(value, s.feedback.c_str());
      break;
    case PROP_POLICY:
      g_value_set_string(value, s.policy.c_str());
      break;
    case PROP_POLICY_FILE:
      g_value_set_string(value, s.policy_file.c_str());
      break;
    case PROP_ALPHA:
      g_value_set_double(value, s.alpha);
      break;
    case PROP_LAMBDA:
      g_value_set_double(value, s.lambda);
      break;
    case PROP_LAMBDA_BANDWIDTH:
      g_value_set_double(value, s.lambda_bandwidth);
      break;
    case PROP_LAMBDA_COMPUTE:
      g_value_set_double(value, s.lambda_compute);
      break;
    case PROP_MAX_FRAMES:
      g_value_set_double(value, s.max_frames_per_second);
      break;
    case PROP_MAX_BITRATE:
      g_value_set_uint64(value, s.max_bitrate);
      break;
    case PROP_INTERVAL:
      g_value_set_uint64(value, s.interval);
      break;
    case PROP_SMOOTHING:
      g_value_set_double(value, s.smoothing);
      break;
    case PROP_LOCKSTEP:
      g_value_set_boolean(value, s.lockstep);
      break;
    case PROP_WARM_START:
      g_value_set_boolean(value, s.warm_start);
      break;
    case PROP_LOCKSTEP_TIMEOUT:
      g_value_set_uint64(value, s.lockstep_timeout);
      break;
    case PROP_FEEDBACK_TIMEOUT:
      g_value_set_uint(value, s.feedback_timeout);
      break;
    case PROP_PROFILE_INTERVAL:
      g_value_set_uint(value, s.profile_interval);
      break;
    case PROP_PROFILE_CONFIGURATIONS:
      g_value_set_uint(value, s.profile_configurations);
      break;
    case PROP_PROFILE_TOP:
      g_value_set_uint(value, s.profile_top);
      break;
    case PROP_PROFILE_BUDGET:
      g_value_set_double(value, s.profile_budget);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
  }
}

using oneadapt::policies_where;
using oneadapt::PolicyInfo;

const gchar *interned(const std::string &text) { return g_intern_string(text.c_str()); }

/// What the documentation of "policy-file" says: which policies read one, and what writes it.
std::string policy_file_text() {
  std::string writers;
  for (const PolicyInfo &p : oneadapt::policies())
    if (!p.needs.file.empty()) writers += (writers.empty() ? "" : ", ") + p.needs.file;
  return "Trained network of " + policies_where([](const PolicyInfo &p) { return !p.needs.file.empty(); }) + ", as " +
         writers + " writes it; the other policies do not read it";
}

}  // namespace

void ctl_install_properties(GObjectClass *object) {
  object->set_property = set_property;
  object->get_property = get_property;

  const auto rw = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
  const auto ready = GParamFlags(rw | GST_PARAM_MUTABLE_READY);
  const auto live = GParamFlags(rw | GST_PARAM_MUTABLE_PLAYING | GST_PARAM_CONTROLLABLE);
  auto install = [&](guint id, GParamSpec *spec) { g_object_class_install_property(object, id, spec); };
  install(PROP_TUNABLES, g_param_spec_string("tunables", "Tunables",
                                             "Names of the elements to adapt, separated by commas; empty: all tunables "
                                             "downstream",
                                             "", ready));
  install(PROP_KNOBS,
          g_param_spec_string("knobs", "Knobs",
                              "Names of the knobs to adapt, separated by commas, or TUNABLE.KNOB for one tunable's; "
                              "empty: all that the tunables have",
                              "", ready));
  std::string policies = "Adaptation logic, one of:";
  for (const PolicyInfo &policy : oneadapt::policies()) policies += " " + policy.name;
  const std::string profiling = policies_where([](const PolicyInfo &p) { return p.needs.profiles; });
  install(PROP_POLICY,
          g_param_spec_string("policy", "Policy", interned(policies), oneadapt::default_policy().name.c_str(), ready));
  install(PROP_FEEDBACK,
          g_param_spec_string("feedback", "Feedback",
                              "Where gradients come from when the DNN is not in this pipeline: auto (the RTP sessions "
                              "and the rtspclientsink downstream), off, or an address to listen on, udp://HOST:PORT or "
                              "tcp://HOST:PORT (no HOST: loopback)",
                              "auto", ready));
  install(PROP_FEEDBACK_TIMEOUT,
          g_param_spec_uint("feedback-timeout", "Feedback timeout",
                            "Intervals in a row without a gradient after which the knobs go back to where they began: "
                            "where \"lambda\" usually leads, or with warm-start=false as they were set (0 = never)",
                            0, G_MAXINT, 3, live));
  install(PROP_POLICY_FILE, g_param_spec_string("policy-file", "Policy file", interned(policy_file_text()), "", ready));
  install(PROP_ALPHA,
          g_param_spec_double("alpha", "Alpha", "Learning rate of the gradient ascent (Eq. 2); 0: nothing moves", 0,
                              100, 0.5, live));
  install(PROP_LAMBDA_BANDWIDTH,
          g_param_spec_double("lambda-bandwidth", "Lambda of bandwidth",
                              "What bytes are worth, where that is not \"lambda\" (-1 = as \"lambda\")", -1, 1e6, -1,
                              live));
  install(
      PROP_LAMBDA_COMPUTE,
      g_param_spec_double("lambda-compute", "Lambda of compute",
                          "What frames that are left to analyse are worth, on top: accuracy in [0,1] against frames "
                          "as a share of all",
                          0, 1e6, 0, live));
  install(PROP_MAX_FRAMES,
          g_param_spec_double("max-frames-per-second", "Maximum frames per second",
                              "Most frames a second that are left to analyse, kept as \"max-bitrate\" is by the knobs "
                              "that choose frames (0 = any number)",
                              0, 1e6, 0, live));
  install(PROP_MAX_BITRATE,
          g_param_spec_uint64("max-bitrate", "Maximum bitrate",
                              interned("Most bits a second that the tunables may send, kept interval by interval by " +
                                       policies_where([](const PolicyInfo &p) { return p.heeds.budgets; }) +
                                       "; with \"lambda\" 0 it is used up (0 = any number)"),
                              0, G_MAXUINT64, 0, live));
  install(PROP_LAMBDA,
          g_param_spec_double("lambda", "Lambda",
                              "What a resource is worth: accuracy in [0,1] against resource in [0,1] (Eq. 1); "
                              "0: accuracy at any price",
                              0, 1e6, 1.0, live));
  install(PROP_INTERVAL, g_param_spec_uint64("interval", "Interval",
                                             "Adaptation interval in ns of stream time; the same in all elements",
                                             GST_MSECOND, G_MAXINT64, GST_SECOND, ready));
  install(PROP_SMOOTHING, g_param_spec_double("smoothing", "Smoothing",
                                              "Weight of the newest gradient in the moving average; 1: no smoothing",
                                              0.01, 1, 0.5, ready));
  install(PROP_WARM_START,
          g_param_spec_boolean("warm-start", "Warm start",
                               "Begin where \"lambda\" usually leads to, until the first gradient comes, rather than "
                               "with the knobs as they are set",
                               TRUE, ready));
  install(PROP_LOCKSTEP, g_param_spec_boolean("lockstep", "Lockstep",
                                              "Wait at each interval's end for its gradient, so that an offline run is "
                                              "deterministic; never for live pipelines",
                                              FALSE, ready));
  install(PROP_LOCKSTEP_TIMEOUT,
          g_param_spec_uint64("lockstep-timeout", "Lockstep timeout",
                              "How long lockstep waits for a gradient, in ns; 0: what an interval's "
                              "data has not brought by the time it has passed through is taken for lost",
                              0, G_MAXINT64, 30 * GST_SECOND, ready));
  install(
      PROP_PROFILE_INTERVAL,
      g_param_spec_uint("profile-interval", "Profile interval",
                        interned("Intervals from one full profile to the next; " + profiling), 1, G_MAXINT, 10, live));
  install(PROP_PROFILE_CONFIGURATIONS,
          g_param_spec_uint("profile-configurations", "Profile configurations",
                            interned("Most configurations in a full profile, evenly spaced; 0: all; " + profiling), 0,
                            G_MAXINT, 12, live));
  install(PROP_PROFILE_TOP,
          g_param_spec_uint("profile-top", "Profile top",
                            interned("Configurations that are profiled between two full profiles; " +
                                     policies_where([](const PolicyInfo &p) { return p.heeds.profile_top; })),
                            1, G_MAXINT, 3, live));
  install(PROP_PROFILE_BUDGET, g_param_spec_double("profile-budget", "Profile budget",
                                                   interned("Inferences that profiles may take, as a share of the "
                                                            "stream's frames: they are spread so, and told as late; " +
                                                            profiling),
                                                   0.01, 1000, 0.5, live));
  install(PROP_STATS,
          g_param_spec_boxed("stats", "Statistics",
                             "Buffers, decisions, gradients taken and ignored, intervals without feedback, profiles "
                             "taken and the inferences they took, and the last decision",
                             GST_TYPE_STRUCTURE, GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
}
