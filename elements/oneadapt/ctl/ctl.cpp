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
#include "ctl/ctl.h"

#include <chrono>
#include <utility>
#include <vector>

#include "accuracy_request.h"
#include "core/gradient/gradient.h"
#include "ctl/ctl_impl.h"
#include "interval_drain.h"
#include "upstream_pictures.h"
#include "walk.h"

GST_DEBUG_CATEGORY(oneadaptctl_debug);
#define GST_CAT_DEFAULT oneadaptctl_debug

G_DEFINE_TYPE(GstOneadaptCtl, gst_oneadapt_ctl, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(oneadaptctl, "oneadaptctl", GST_RANK_NONE, GST_TYPE_ONEADAPT_CTL,
                                      GST_DEBUG_CATEGORY_INIT(oneadaptctl_debug, "oneadaptctl", 0,
                                                              "OneAdapt controller"))

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);

/* ---- the data path ------------------------------------------------------------------------------------------- */

/// Waits (lockstep) until interval `ended` is decided, for as long as it may get what it needs for that: false if it
/// has not. Streaming thread.
static bool wait_for_decision(GstOneadaptCtl *self, guint64 ended, guint64 timeout) {
  CtlLoop &loop = self->state->loop;
  std::unique_lock<std::mutex> lock(loop.mutex);
  const auto over = [&] { return !loop.running || loop.flushing || (loop.done != kNone && loop.done >= ended); };
  const auto idle = [&] { return !loop.busy && loop.jobs.empty(); };
  do {
    if (loop.decided.wait_for(lock, std::chrono::nanoseconds(timeout), over)) return true;
    // It has what it needs, and takes as long as it takes.
    loop.decided.wait(lock, [&] { return over() || idle(); });
  } while (!over() && !idle());
  return over();
}

/// Has interval `ended` decided without a gradient, and waits for that (lockstep). Streaming thread.
static void decide_without(GstOneadaptCtl *self, guint64 ended, bool timed_out) {
  CtlLoop &loop = self->state->loop;
  std::unique_lock<std::mutex> lock(loop.mutex);
  if (timed_out) {
    ++loop.counters.timeouts;
    loop.feedback.heard = false;
    ctl_note_silence(loop);
  } else {
    ++loop.counters.without_feedback;
  }
  loop.jobs.push_back({ended, loop.epoch, loop.counters.buffers - 1, std::nullopt});
  loop.wake.notify_all();
  loop.decided.wait(lock, [&] { return !loop.running || loop.flushing || (loop.done != kNone && loop.done >= ended); });
}

/// No gradient came for interval `ended`: it is decided without one (lockstep). Streaming thread.
static void give_up(GstOneadaptCtl *self, guint64 ended, guint64 timeout) {
  decide_without(self, ended, true);
  if (!timeout) return;
  GST_ELEMENT_WARNING(
      self, STREAM, FAILED,
      ("No gradient came for interval %" G_GUINT64_FORMAT
       "; it is decided without one. Something between filter and DNN holds "
       "back an interval's last frame.",
       ended),
      ("lockstep waited for %" GST_TIME_FORMAT ". Use avdec_h264 max-threads=1, alignment=au and no reordering between "
       "oneadaptfilter and oneadaptdnn, the same \"interval\" in all elements, and gradient=true in oneadaptdnn",
       GST_TIME_ARGS(timeout)));
}

/// The outermost bin that the element is in. (transfer full)
static GstObject *top_of(GstOneadaptCtl *self) {
  GstObject *top = GST_OBJECT(gst_object_ref(self));
  while (GstObject *parent = gst_object_get_parent(top)) {
    gst_object_unref(top);
    top = parent;
  }
  return top;
}

/// Whether several sinks are being given their first buffers (a start, a pause, a seek). A single one holds nothing
/// back before it has its own.
static bool is_prerolling(GstOneadaptCtl *self) {
  GstObject *const top = top_of(self);
  GST_OBJECT_LOCK(top);
  const bool prerolling = GST_STATE_RETURN(top) == GST_STATE_CHANGE_ASYNC && GST_STATE_NEXT(top) == GST_STATE_PAUSED;
  GST_OBJECT_UNLOCK(top);
  gst_object_unref(top);
  unsigned sinks = 0;
  if (prerolling)
    oneadapt::walk_pads(self->srcpad, [&sinks](GstElement *element, GstPad *) {
      sinks += !GST_IS_BIN(element) && GST_OBJECT_FLAG_IS_SET(element, GST_ELEMENT_FLAG_SINK) ? 1 : 0;
      return true;
    });
  return sinks > 1;
}

/// Waits until all sinks have their first buffers, as long as lockstep waits for anything. False: they have not, some
/// want more than has been sent (`videorate` in one branch of a tee). The others hold back what they were sent until
/// then, and to wait for that would be for ever. Streaming thread.
static bool wait_for_preroll(GstOneadaptCtl *self) {
  CtlState *st = self->state;
  const gint64 end = g_get_monotonic_time() + gint64(ctl_settings(self).lockstep_timeout / 1000);
  while (is_prerolling(self)) {
    {
      std::lock_guard<std::mutex> lock(st->loop.mutex);
      if (st->wants_more || !st->loop.running || st->loop.flushing) return false;
    }
    st->wants_more = g_get_monotonic_time() >= end;
    g_usleep(1000);
  }
  st->wants_more = false;
  return true;
}

/// Keeps a question that is asked on `data` from a branch.
static GstPadProbeReturn pass_by(GstPad *, GstPadProbeInfo *info, gpointer data) {
  return GST_PAD_PROBE_INFO_QUERY(info) == data ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
}

/// Has everything downstream take what it has been sent, queues too, and DNNs the gradient of an interval that is over.
/// What DNNs of this process say to that. Streaming thread.
static oneadapt::DrainAnswers drain(GstOneadaptCtl *self, const oneadapt::IntervalOver &over = {}) {
  if (!wait_for_preroll(self)) return {};
  struct Branch {
    oneadapt::PadRef pad;
    gulong passed_by = 0;
  };
  std::vector<Branch> branches;
  GstQuery *query = oneadapt::new_interval_drain(over);
  // A tee passes a query to its first branch that answers: the others are asked one by one. Where there are DNNs, none
  // without one is asked: in a pause, its sink may hold the question back until others have what this thread would
  // have to send.
  const bool dnns = oneadapt::leads_to_dnn(self->srcpad);
  oneadapt::walk_pads(self->srcpad, [&](GstElement *element, GstPad *) {
    std::vector<oneadapt::PadRef> pads;
    GST_OBJECT_LOCK(element);
    for (GList *l = element->srcpads; l && element->numsrcpads > 1; l = l->next)
      pads.emplace_back(GST_PAD(gst_object_ref(l->data)));
    GST_OBJECT_UNLOCK(element);
    for (oneadapt::PadRef &pad : pads) {
      Branch branch{std::move(pad)};
      if (dnns && !oneadapt::leads_to_dnn(branch.pad.get()))
        branch.passed_by = gst_pad_add_probe(
            branch.pad.get(), GstPadProbeType(GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM | GST_PAD_PROBE_TYPE_PUSH), pass_by,
            query, nullptr);
      branches.push_back(std::move(branch));
    }
    return true;
  });
  gst_pad_peer_query(self->srcpad, query);
  for (const Branch &branch : branches) {
    if (branch.passed_by)
      gst_pad_remove_probe(branch.pad.get(), branch.passed_by);
    else
      gst_pad_peer_query(branch.pad.get(), query);
  }
  const oneadapt::DrainAnswers answers = oneadapt::answers_of(query);
  gst_query_unref(query);
  std::lock_guard<std::mutex> lock(self->state->loop.mutex);
  self->state->loop.feedback.gradients.expect(answers.dnns);
  return answers;
}

/// Has the gradient of an interval that is over taken, and begins the decision on what came. Whether there is something
/// to wait for (lockstep). Streaming thread.
static bool ask_for_gradient(GstOneadaptCtl *self, guint64 ended, guint64 duration) {
  const oneadapt::DrainAnswers answers = drain(self, {ended, duration});
  CtlLoop &loop = self->state->loop;
  std::lock_guard<std::mutex> lock(loop.mutex);
  // One that came after its own interval was decided is better than none.
  if (loop.feedback.gradients.has_sum() && loop.feedback.gradients.sum().interval <= ended) {
    ctl_decide_on_sum(loop, ended, loop.counters.buffers - 1, true);
    return true;
  }
  if (!answers.dnns) return !self->state->wants_more;
  return answers.sent;  // without any nothing of the interval got as far as they are
}

/// Waits (lockstep) until a gradient of what has been sent, if there is one, is seen to. Streaming thread.
static void wait_for_gradient(GstOneadaptCtl *self) {
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
  if (!lockstep) loop.jobs.clear();  // a live loop that lags behind decides on the newest only
  loop.jobs.push_back({ended, loop.epoch, loop.counters.buffers - 1, std::nullopt});
  loop.wake.notify_all();
}

/// An interval is over, of a policy that goes by gradients, in a live loop. Streaming thread.
static void decide_if_silent(GstOneadaptCtl *self, guint64 ended) {
  CtlLoop &loop = self->state->loop;
  std::lock_guard<std::mutex> lock(loop.mutex);
  // Another DNN has had a whole interval for its own.
  const oneadapt::GradientJoin &gradients = loop.feedback.gradients;
  if (gradients.has_sum() && gradients.sum().interval < ended)
    ctl_decide_on_sum(loop, gradients.sum().interval, loop.counters.buffers - 1, false);
  if (!ctl_note_silence(loop)) return;
  loop.jobs.push_back({ended, loop.epoch, loop.counters.buffers - 1, std::nullopt});
  loop.wake.notify_all();
}

/// Data has reached another interval. Under the loop's mutex.
static void note_interval(CtlLoop &loop, guint64 interval) {
  // A gradient of an older one says nothing about the present. Only intervals that had data count: a camera may be
  // slow.
  constexpr std::size_t kFresh = 4;
  loop.reached.current = interval;
  loop.reached.begun.push_back(interval);
  if (loop.reached.begun.size() > kFresh) loop.reached.begun.pop_front();
}

/// Looks for the tunables anew if one of them has left the pipeline, or there was none. Streaming thread.
static void check_tunables(GstOneadaptCtl *self) {
  CtlState *st = self->state;
  const TunableList tunables = ctl_tunables(st);
  GstObject *const top = top_of(self);
  bool left = false;
  for (GstElement *e : tunables) left = left || !gst_object_has_as_ancestor(GST_OBJECT(e), top);
  gst_object_unref(top);
  // They may have been linked by now, and another one begins anew.
  if (tunables.empty() || left) st->looked = false;
  if (left) st->begun = st->warned = false;
}

/// Says once why nothing is adapted. Streaming thread.
static void warn_of_time(GstOneadaptCtl *self, const char *what) {
  if (std::exchange(self->state->warned_time, true)) return;
  GST_ELEMENT_WARNING(self, STREAM, FAILED, ("Nothing is adapted: %s.", what), ("said once a run"));
}

/// What becomes due with a buffer.
struct Step {
  guint64 interval = kNone;    // the buffer's
  guint64 ended = kNone;       // the one that it ends, if it does
  bool needs_gradient = true;  // the policy's
  bool second = false;         // it is the second buffer of all
};

static Step step_to(CtlLoop &loop, GstClockTime time, guint64 duration) {
  Step step;
  std::lock_guard<std::mutex> lock(loop.mutex);
  ++loop.counters.buffers;
  if (loop.profile.under_way) loop.paced.notify_all();
  step.needs_gradient = loop.needs_gradient;
  if (!GST_CLOCK_TIME_IS_VALID(time)) return step;
  step.interval = oneadapt::interval_of(time, duration);
  loop.reached.now = time;
  step.second = ++loop.reached.frames == 2;
  if (loop.reached.current != kNone && step.interval != loop.reached.current) step.ended = loop.reached.current;
  // Until the interval that ended is decided, its gradient must not be taken for one from the past.
  if (loop.reached.current == kNone || step.interval > loop.reached.current) note_interval(loop, step.interval);
  return step;
}

/// An interval is over: it is decided, or that is asked for. Streaming thread.
static void end_interval(GstOneadaptCtl *self, const Step &step, const CtlSettings &s, GstClockTime time) {
  check_tunables(self);
  if (!step.needs_gradient) decide_without_gradient(self, step.ended, s.lockstep);
  if (s.lockstep) {
    if (step.needs_gradient && !ask_for_gradient(self, step.ended, s.interval))
      decide_without(self, step.ended, false);
    else if (!wait_for_decision(self, step.ended, s.lockstep_timeout))
      give_up(self, step.ended, s.lockstep_timeout);
  } else if (step.needs_gradient) {
    decide_if_silent(self, step.ended);
  }
  CtlLoop &loop = self->state->loop;
  std::lock_guard<std::mutex> lock(loop.mutex);
  if (loop.reached.current == kNone || step.interval >= loop.reached.current) return;
  // A new segment (a clip that starts again, say): time went back.
  ctl_forget(loop);
  note_interval(loop, step.interval);
  loop.reached.now = time;
}

static GstFlowReturn gst_oneadapt_ctl_chain(GstPad *, GstObject *parent, GstBuffer *buffer) {
  auto *self = GST_ONEADAPT_CTL(parent);
  CtlState *st = self->state;
  if (!st->looked) {
    if (!ctl_find_tunables(self)) {
      gst_buffer_unref(buffer);
      return GST_FLOW_ERROR;
    }
    st->looked = true;
  }
  const GstClockTime time = st->clock.time_of(buffer);
  if (st->clock.backwards()) {
    warn_of_time(self, "the stream is played backwards");
    return gst_pad_push(self->srcpad, buffer);
  }
  if (!st->clock.in_time())
    warn_of_time(self, "data has no stream time; let the source stamp it in a time segment (appsrc: format=time)");
  if (GST_CLOCK_TIME_IS_VALID(time)) gst_object_sync_values(GST_OBJECT(self), time);
  const CtlSettings s = ctl_settings(self);
  const Step step = step_to(st->loop, time, s.interval);
  // RTP sessions may be there from some frame on only, and others may take their place later.
  st->settled = st->settled || step.ended != kNone;
  if (!st->settled || step.ended != kNone) ctl_attach_feedback(self);
  if (step.interval != kNone && !st->begun) {
    st->begun = true;
    if (s.warm_start) ctl_warm_start(self, step.interval);
  }
  const bool asks = ctl_asked_accuracy(s) != 0;
  if (st->asks != asks) {
    st->asks = asks;
    gst_pad_push_event(self->srcpad, oneadapt::new_accuracy_request(asks));
  }
  if (step.ended != kNone) end_interval(self, step, s, time);
  if (step.second && step.ended == kNone && step.needs_gradient && s.lockstep) wait_for_gradient(self);
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
      st->clock.reset();
      break;
    }
    case GST_EVENT_EOS: {
      // So that the last interval has its decision too.
      if (ctl_settings(self).lockstep) wait_for_gradient(self);
      break;
    }
    case GST_EVENT_SEGMENT: {
      const GstSegment *segment = nullptr;
      gst_event_parse_segment(event, &segment);
      st->clock.set_segment(*segment);
      break;
    }
    case GST_EVENT_CAPS: {
      GstCaps *caps = nullptr;
      gst_event_parse_caps(event, &caps);
      st->clock.set_caps(caps);
      break;
    }
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
    ctl_take_gradient(GST_ONEADAPT_CTL(parent), gst_event_get_oneadapt_gradient_message(event), oneadapt::dnn_of(event),
                      false);
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
    st->clock.reset();
    st->wants_more = st->looked = st->warned = st->warned_time = st->had_tunables = st->begun = st->settled = false;
    st->asks.reset();
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

static void gst_oneadapt_ctl_finalize(GObject *object) {
  auto *self = GST_ONEADAPT_CTL(object);
  if (self->state->loop.last) gst_structure_free(self->state->loop.last);
  if (self->state->feedback_stats) gst_structure_free(self->state->feedback_stats);
  delete self->state;
  G_OBJECT_CLASS(gst_oneadapt_ctl_parent_class)->finalize(object);
}

static void gst_oneadapt_ctl_init(GstOneadaptCtl *self) {
  self->state = new CtlState();
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
  object->finalize = gst_oneadapt_ctl_finalize;
  element->change_state = gst_oneadapt_ctl_change_state;
  ctl_install_properties(object);
  gst_element_class_add_static_pad_template(element, &sink_template);
  gst_element_class_add_static_pad_template(element, &src_template);
  gst_element_class_set_static_metadata(
      element, "OneAdapt controller", "Filter/Analyzer",
      "Adapts the knobs of tunable elements by gradient ascent on accuracy and resource",
      "OneAdapt for GStreamer developers");
}
