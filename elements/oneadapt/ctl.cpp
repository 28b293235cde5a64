// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-oneadaptctl
 * @title: oneadaptctl
 *
 * Steers the knobs of the tunable elements downstream of it (such as oneadaptfilter): once an adaptation interval it
 * takes the gradient that oneadaptdnn sends upstream, asks each tunable what one rung of each knob would change, and
 * takes one step of gradient ascent on accuracy − λ · resource (paper §3.2, Eq. 2). Data passes through untouched.
 * Other policies (#GstOneadaptCtl:policy) decide without gradients, at each interval's end; those that profile have
 * configurations of a tunable run through the oneadaptdnn downstream, in the same process.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=clips/vtest.avi ! decodebin ! videoconvert ! oneadaptctl lockstep=true !
 * oneadaptfilter ! h264parse ! avdec_h264 max-threads=1 ! videoconvert ! oneadaptdnn model=models/nanodet.pt
 * classes=person ! fakesink
 * ]|
 */
// Locks, in the order in which they may be taken: the feedback's own, CtlLoop::mutex, then OBJECT_LOCK (settings only)
// or feedback_mutex (a leaf but for the feedback's counters). None is held while pushing, probing, posting or applying.
#include "ctl.h"

#include <algorithm>
#include <chrono>

#include "core/gradient.h"
#include "core/policy.h"
#include "ctlimpl.h"

GST_DEBUG_CATEGORY(oneadaptctl_debug);
#define GST_CAT_DEFAULT oneadaptctl_debug

namespace {

enum {
  PROP_0,
  PROP_TUNABLES,
  PROP_KNOBS,
  PROP_POLICY,
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
  PROP_STATS,
};

}  // namespace

G_DEFINE_TYPE(GstOneadaptCtl, gst_oneadapt_ctl, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(oneadaptctl, "oneadaptctl", GST_RANK_NONE, GST_TYPE_ONEADAPT_CTL,
                                      GST_DEBUG_CATEGORY_INIT(oneadaptctl_debug, "oneadaptctl", 0,
                                                              "OneAdapt controller"))

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

/* ---- the data path ------------------------------------------------------------------------------------------- */

/// Waits (lockstep) until interval `ended` is decided. Streaming thread.
static void wait_for_decision(GstOneadaptCtl *self, guint64 ended, guint64 timeout) {
  CtlLoop &loop = self->state->loop;
  std::unique_lock<std::mutex> lock(loop.mutex);
  const auto over = [&] { return !loop.running || loop.flushing || (loop.done != kNone && loop.done >= ended); };
  do {
    if (loop.decided.wait_for(lock, std::chrono::nanoseconds(timeout), over)) return;
  } while (loop.busy || !loop.jobs.empty());  // it has what it needs, and takes as long as it takes
  ++loop.counters.timeouts;
  lock.unlock();
  GST_ELEMENT_WARNING(
      self, STREAM, FAILED,
      ("No gradient came for interval %" G_GUINT64_FORMAT "; it stays as it is. Something between filter and DNN holds "
       "back an interval's last frame.",
       ended),
      ("lockstep waited for %" GST_TIME_FORMAT ". Use avdec_h264 max-threads=1, alignment=au and no reordering between "
       "oneadaptfilter and oneadaptdnn, the same \"interval\" in all elements, and gradient=true in oneadaptdnn",
       GST_TIME_ARGS(timeout)));
}

/// Has everything downstream take what it has been sent. Queues may hold it back. Streaming thread.
static void drain(GstOneadaptCtl *self) {
  GstQuery *query = gst_query_new_drain();
  gst_pad_peer_query(self->srcpad, query);
  gst_query_unref(query);
}

/// Waits (lockstep) until the first frame's gradient, if it has one, is seen to. Streaming thread.
static void wait_for_early(GstOneadaptCtl *self) {
  drain(self);
  CtlLoop &loop = self->state->loop;
  std::unique_lock<std::mutex> lock(loop.mutex);
  loop.decided.wait(lock, [&] { return !loop.running || loop.flushing || (loop.jobs.empty() && !loop.busy); });
}

/// Asks for the decision on interval `ended`, of a policy that decides without a gradient. Streaming thread.
static void decide_without_gradient(GstOneadaptCtl *self, guint64 ended, bool lockstep) {
  CtlLoop &loop = self->state->loop;
  if (lockstep) drain(self);  // whoever is probed must have seen the interval's last frames
  std::lock_guard<std::mutex> lock(loop.mutex);
  if (!lockstep) ctl_free_jobs(loop);  // a live loop that lags behind decides on the newest only
  loop.jobs.push_back({ended, loop.epoch, loop.counters.buffers - 1, nullptr});
  loop.wake.notify_all();
}

static GstFlowReturn gst_oneadapt_ctl_chain(GstPad *, GstObject *parent, GstBuffer *buffer) {
  auto *self = GST_ONEADAPT_CTL(parent);
  CtlState *st = self->state;
  CtlLoop &loop = st->loop;
  if (!st->looked) {
    if (!ctl_find_tunables(self)) {
      gst_buffer_unref(buffer);
      return GST_FLOW_ERROR;
    }
    st->looked = true;
  }
  const CtlSettings s = ctl_settings(self);
  GstClockTime time = GST_CLOCK_TIME_NONE;
  if (GST_BUFFER_PTS_IS_VALID(buffer) && st->segment.format == GST_FORMAT_TIME)
    time = gst_segment_to_stream_time(&st->segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer));
  if (GST_CLOCK_TIME_IS_VALID(time)) gst_object_sync_values(GST_OBJECT(self), time);

  guint64 ended = kNone, interval = kNone;
  bool needs_gradient = true, second = false;
  {
    std::lock_guard<std::mutex> lock(loop.mutex);
    ++loop.counters.buffers;
    if (loop.profiling) loop.paced.notify_all();
    needs_gradient = loop.needs_gradient;
    if (GST_CLOCK_TIME_IS_VALID(time)) {
      interval = oneadapt::interval_of(time, s.interval);
      loop.now = time;
      second = ++loop.frames == 2;
      if (loop.current != kNone && interval != loop.current) ended = loop.current;
      // Until the interval that ended is decided, its gradient must not be taken for one from the past.
      if (loop.current == kNone || interval > loop.current) loop.current = interval;
    }
  }
  // RTP sessions may be there from some frame on only, and others may take their place later.
  st->settled = st->settled || ended != kNone;
  if (!st->settled || ended != kNone) ctl_attach_feedback(self);
  if (interval != kNone && !st->begun) {
    st->begun = true;
    if (s.warm_start) ctl_warm_start(self, interval);
  }
  if (ended != kNone) {
    if (ctl_tunables(st).empty()) st->looked = false;  // they may have been linked by now
    if (!needs_gradient) decide_without_gradient(self, ended, s.lockstep);
    if (s.lockstep) wait_for_decision(self, ended, s.lockstep_timeout);
    std::lock_guard<std::mutex> lock(loop.mutex);
    if (loop.current != kNone &&
        interval < loop.current) {  // a new segment (a clip that starts again, say): time went back
      ctl_forget(loop);
      loop.current = interval;
      loop.now = time;
    }
  }
  if (second && ended == kNone && needs_gradient && s.lockstep) wait_for_early(self);
  return gst_pad_push(self->srcpad, buffer);
}

static gboolean gst_oneadapt_ctl_sink_event(GstPad *pad, GstObject *parent, GstEvent *event) {
  auto *self = GST_ONEADAPT_CTL(parent);
  CtlState *st = self->state;
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_FLUSH_START: {
      std::lock_guard<std::mutex> lock(st->loop.mutex);
      st->loop.flushing = true;
      st->loop.decided.notify_all();
      st->loop.paced.notify_all();
      break;
    }
    case GST_EVENT_FLUSH_STOP: {
      std::lock_guard<std::mutex> lock(st->loop.mutex);
      st->loop.flushing = false;
      ctl_forget(st->loop);
      gst_segment_init(&st->segment, GST_FORMAT_UNDEFINED);
      break;
    }
    case GST_EVENT_EOS: {
      // A gradient that has come is still answered, so that the last interval has its decision too.
      std::unique_lock<std::mutex> lock(st->loop.mutex);
      if (ctl_settings(self).lockstep)
        st->loop.decided.wait(
            lock, [&] { return !st->loop.running || st->loop.flushing || (st->loop.jobs.empty() && !st->loop.busy); });
      break;
    }
    case GST_EVENT_SEGMENT:
      gst_event_copy_segment(event, &st->segment);
      break;
    case GST_EVENT_STREAM_START: {
      std::lock_guard<std::mutex> lock(st->loop.mutex);
      ctl_forget(st->loop);
      break;
    }
    default:
      break;
  }
  return gst_pad_event_default(pad, parent, event);
}

/* ---- the gradient -------------------------------------------------------------------------------------------- */

static gboolean gst_oneadapt_ctl_src_event(GstPad *pad, GstObject *parent, GstEvent *event) {
  if (gst_event_is_oneadapt_gradient(event)) {
    ctl_take_gradient(GST_ONEADAPT_CTL(parent), gst_event_get_oneadapt_gradient_message(event), false);
    gst_event_unref(event);
    return TRUE;
  }
  return gst_pad_event_default(pad, parent, event);
}

/* ---- the object ---------------------------------------------------------------------------------------------- */

static GstStateChangeReturn gst_oneadapt_ctl_change_state(GstElement *element, GstStateChange transition) {
  auto *self = GST_ONEADAPT_CTL(element);
  CtlState *st = self->state;
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    gst_segment_init(&st->segment, GST_FORMAT_UNDEFINED);
    st->looked = st->warned = st->begun = st->settled = false;
    if (!ctl_start_worker(self)) return GST_STATE_CHANGE_FAILURE;
    if (!ctl_open_feedback(self)) {
      ctl_stop_worker(self);
      return GST_STATE_CHANGE_FAILURE;
    }
  }
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    std::lock_guard<std::mutex> lock(st->loop.mutex);
    st->loop.flushing = true;  // lets go a streaming thread that waits, and a profile
    st->loop.decided.notify_all();
    st->loop.paced.notify_all();
  }
  const GstStateChangeReturn ret = GST_ELEMENT_CLASS(gst_oneadapt_ctl_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY ||
      (transition == GST_STATE_CHANGE_READY_TO_PAUSED && ret == GST_STATE_CHANGE_FAILURE)) {
    ctl_close_feedback(self);
    ctl_stop_worker(self);
    std::lock_guard<std::mutex> lock(st->tunables_mutex);
    st->tunables.clear();
  }
  return ret;
}

static void gst_oneadapt_ctl_set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
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

static GstStructure *stats_of(GstOneadaptCtl *self) {
  CtlLoop &loop = self->state->loop;
  std::lock_guard<std::mutex> lock(loop.mutex);
  const CtlCounters &c = loop.counters;
  GstStructure *s =
      gst_structure_new("oneadaptctl-stats", "buffers", G_TYPE_UINT64, c.buffers, "decisions", G_TYPE_UINT64,
                        c.decisions, "gradients", G_TYPE_UINT64, c.gradients, "early-gradients", G_TYPE_UINT64, c.early,
                        "gradients-ignored", G_TYPE_UINT64, c.ignored, "intervals-without-feedback", G_TYPE_UINT64,
                        c.without_feedback, "lockstep-timeouts", G_TYPE_UINT64, c.timeouts, "profiles", G_TYPE_UINT64,
                        c.profiles, "extra-inferences", G_TYPE_UINT64, c.extra_inferences, nullptr);
  if (GstStructure *feedback = ctl_feedback_stats(self)) {
    gst_structure_set(s, "feedback", GST_TYPE_STRUCTURE, feedback, nullptr);
    gst_structure_free(feedback);
  }
  if (loop.last) gst_structure_set(s, "last-decision", GST_TYPE_STRUCTURE, loop.last, nullptr);
  return s;
}

static void gst_oneadapt_ctl_get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
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

static void gst_oneadapt_ctl_finalize(GObject *object) {
  auto *self = GST_ONEADAPT_CTL(object);
  if (self->state->loop.last) gst_structure_free(self->state->loop.last);
  if (self->state->feedback_stats) gst_structure_free(self->state->feedback_stats);
  delete self->state;
  G_OBJECT_CLASS(gst_oneadapt_ctl_parent_class)->finalize(object);
}

static void gst_oneadapt_ctl_init(GstOneadaptCtl *self) {
  self->state = new CtlState();
  gst_segment_init(&self->state->segment, GST_FORMAT_UNDEFINED);
  self->sinkpad = gst_pad_new_from_static_template(&sink_template, "sink");
  gst_pad_set_chain_function(self->sinkpad, gst_oneadapt_ctl_chain);
  gst_pad_set_event_function(self->sinkpad, gst_oneadapt_ctl_sink_event);
  GST_PAD_SET_PROXY_CAPS(self->sinkpad);
  GST_PAD_SET_PROXY_ALLOCATION(self->sinkpad);
  GST_PAD_SET_PROXY_SCHEDULING(self->sinkpad);
  gst_element_add_pad(GST_ELEMENT(self), self->sinkpad);
  self->srcpad = gst_pad_new_from_static_template(&src_template, "src");
  gst_pad_set_event_function(self->srcpad, gst_oneadapt_ctl_src_event);
  GST_PAD_SET_PROXY_CAPS(self->srcpad);
  GST_PAD_SET_PROXY_ALLOCATION(self->srcpad);
  GST_PAD_SET_PROXY_SCHEDULING(self->srcpad);
  gst_element_add_pad(GST_ELEMENT(self), self->srcpad);
}

static void gst_oneadapt_ctl_class_init(GstOneadaptCtlClass *klass) {
  auto *object = G_OBJECT_CLASS(klass);
  auto *element = GST_ELEMENT_CLASS(klass);
  object->set_property = gst_oneadapt_ctl_set_property;
  object->get_property = gst_oneadapt_ctl_get_property;
  object->finalize = gst_oneadapt_ctl_finalize;
  element->change_state = gst_oneadapt_ctl_change_state;

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
                              "Names of the knobs to adapt, separated by commas; empty: all that the tunables "
                              "have",
                              "", ready));
  std::string policies = "Adaptation logic, one of:";
  for (const auto &name : oneadapt::policy_names()) policies += " " + name;
  install(PROP_FEEDBACK,
          g_param_spec_string("feedback", "Feedback",
                              "Where gradients come from when the DNN is not in this pipeline: auto (the RTP sessions "
                              "and the rtspclientsink downstream), off, or an address to listen on, udp://HOST:PORT or "
                              "tcp://HOST:PORT (no HOST: loopback)",
                              "auto", ready));
  install(PROP_POLICY, g_param_spec_string("policy", "Policy", g_intern_string(policies.c_str()), "oneadapt", ready));
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
                              "Most bits a second that the tunables may send, kept interval by interval by policy "
                              "\"oneadapt\"; with \"lambda\" 0 it is used up (0 = any number)",
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
          g_param_spec_uint64("lockstep-timeout", "Lockstep timeout", "How long lockstep waits for a gradient, in ns",
                              0, G_MAXINT64, 30 * GST_SECOND, ready));
  install(PROP_PROFILE_INTERVAL,
          g_param_spec_uint("profile-interval", "Profile interval",
                            "Intervals from one full profile to the next; policies profiling and chameleon", 1,
                            G_MAXINT, 10, live));
  install(PROP_PROFILE_CONFIGURATIONS,
          g_param_spec_uint("profile-configurations", "Profile configurations",
                            "Most configurations in a full profile, evenly spaced; 0: all; policies profiling and "
                            "chameleon",
                            0, G_MAXINT, 12, live));
  install(PROP_PROFILE_TOP,
          g_param_spec_uint("profile-top", "Profile top",
                            "Configurations that are profiled between two full profiles; policy chameleon", 1, G_MAXINT,
                            3, live));
  install(PROP_PROFILE_BUDGET,
          g_param_spec_double("profile-budget", "Profile budget",
                              "Inferences that profiles may take, as a share of the stream's frames: they are spread "
                              "so, and told as late; policies profiling and chameleon",
                              0.01, 1000, 0.5, live));
  install(PROP_STATS,
          g_param_spec_boxed("stats", "Statistics",
                             "Buffers, decisions, gradients taken and ignored, intervals without feedback, profiles "
                             "taken and the inferences they took, and the last decision",
                             GST_TYPE_STRUCTURE, GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));

  gst_element_class_add_static_pad_template(element, &sink_template);
  gst_element_class_add_static_pad_template(element, &src_template);
  gst_element_class_set_static_metadata(
      element, "OneAdapt controller", "Filter/Analyzer",
      "Adapts the knobs of tunable elements by gradient ascent on accuracy and resource",
      "OneAdapt for GStreamer developers");
}
