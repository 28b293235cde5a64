// SPDX-License-Identifier: LGPL-2.1-or-later
// Gradients that come to the controller, from its own pipeline or across a network. Locks: see ctl.cpp.
#include <utility>

#include "ctl/ctl_impl.h"
#include "ctl/tunable_places.h"
#include "force_key_unit.h"
#include "gradient_convert.h"

#define GST_CAT_DEFAULT oneadaptctl_debug

/// Under the loop's mutex.
static void push_job(CtlLoop &loop, guint64 interval, oneadapt::Gradient gradient, guint64 frames, bool lockstep) {
  // A live loop that lags behind decides on the newest only.
  if (!lockstep) loop.jobs.clear();
  loop.jobs.push_back({interval, loop.epoch, frames, std::move(gradient)});
  loop.wake.notify_all();
}

/// Whether its interval has been decided. Under the loop's mutex.
static bool is_decided(const CtlLoop &loop, guint64 interval) { return loop.done != kNone && interval <= loop.done; }

/// Why a gradient is of no use now; empty: it is. Under the loop's mutex.
static std::string reason_to_ignore(const CtlLoop &loop, const oneadapt::Gradient &g, guint64 dnn) {
  const CtlReached &reached = loop.reached;
  if (!loop.running || loop.flushing) return "no data flows";
  if (reached.current == kNone || g.interval > reached.current) return "its interval has not begun";
  if (loop.feedback.gradients.is_late(dnn, g.interval) || (g.early && loop.feedback.early.is_late(dnn, g.interval)))
    return "it is late or a duplicate";
  if ((g.early ? loop.feedback.early : loop.feedback.gradients).is_other(g))
    return "its blocks are not those of another DNN's gradient of the same interval";
  if (g.early ? g.interval < reached.current : !reached.begun.empty() && g.interval < reached.begun.front())
    return "it is stale";
  return {};
}

/// In lockstep an interval is decided once all that was sent has gone through.
static void warn_of_held_back(GstOneadaptCtl *self, guint64 interval) {
  GST_ELEMENT_WARNING(self, STREAM, FAILED,
                      ("The gradient of interval %" G_GUINT64_FORMAT
                       " came after the interval was decided, and counts for the next one. Something between filter "
                       "and DNN holds back an interval's last frame.",
                       interval),
                      ("said once a run; use avdec_h264 max-threads=1, alignment=au and no reordering between "
                       "oneadaptfilter and oneadaptdnn"));
}

/// Whether a stream is the one that is controlled. Behind a mixer, in front of a tunable, it has another name.
static bool is_own_stream(GstOneadaptCtl *self, guint32 stream, bool network) {
  bool own = false, named = false;
  const auto look = [&](GstPad *pad) {
    const guint32 name = gst_oneadapt_pad_stream(pad);
    named = named || name;
    own = own || (name && name == stream);
  };
  look(self->sinkpad);
  if (own) return true;
  for (GstElement *tunable : ctl_tunables(self->state))
    if (const oneadapt::PadRef pad = sink_pad(tunable)) look(pad.get());
  return own || (!network && (!stream || !named));
}

void ctl_take_gradient(GstOneadaptCtl *self, GBytes *message, guint64 dnn, bool network) {
  CtlState *st = self->state;
  CtlLoop &loop = st->loop;
  std::string why = "a gradient event without its message";
  const CtlSettings s = ctl_settings(self);
  std::optional<oneadapt::Gradient> g;
  if (message) g = oneadapt::parse_gradient_message(message, why);
  if (g) {
    why.clear();
    if (!is_own_stream(self, g->stream, network)) why = "it is another stream's";
    if (g->interval_duration != s.interval)
      why = "its interval is " + std::to_string(g->interval_duration) + " ns, that of oneadaptctl " +
            std::to_string(s.interval) + " ns: set the same \"interval\" on all elements";
  }
  std::unique_lock<std::mutex> lock(loop.mutex);
  if (why.empty()) why = reason_to_ignore(loop, *g, dnn);
  if (!why.empty()) {
    ++loop.counters.ignored;
    GST_WARNING_OBJECT(self, "gradient ignored: %s", why.c_str());
    return;
  }
  ++(g->early ? loop.counters.early : loop.counters.gradients);
  GST_DEBUG_OBJECT(self, "gradient of interval %" G_GUINT64_FORMAT " taken, from %s", guint64(g->interval),
                   network ? "another process" : "this pipeline");
  if (s.feedback_timeout && loop.feedback.silent >= s.feedback_timeout) GST_INFO_OBJECT(self, "feedback is back");
  loop.feedback.heard = loop.feedback.closed = true;
  loop.feedback.safe = false;
  loop.feedback.silent = 0;
  if (g->early) {
    loop.feedback.early.add(dnn, *g);
    if (loop.needs_gradient) push_job(loop, g->interval, loop.feedback.early.sum(), loop.counters.buffers, s.lockstep);
    return;
  }
  oneadapt::GradientJoin &gradients = loop.feedback.gradients;
  const bool first = !gradients.has_any_of(g->interval), decided = s.lockstep && is_decided(loop, g->interval);
  // Another DNN is behind: what came of the interval before is all there will be.
  if (gradients.has_sum() && first && !(s.lockstep && is_decided(loop, gradients.sum().interval)))
    ctl_decide_on_sum(loop, gradients.sum().interval, loop.counters.buffers, s.lockstep);
  gradients.add(dnn, *g);
  if (gradients.complete() && !decided) ctl_decide_on_sum(loop, g->interval, loop.counters.buffers, s.lockstep);
  const bool say = decided && first && !std::exchange(loop.warned_held_back, true);
  lock.unlock();
  if (say) warn_of_held_back(self, g->interval);
}

void ctl_decide_on_sum(CtlLoop &loop, guint64 interval, guint64 frames, bool lockstep) {
  oneadapt::Gradient gradient = loop.feedback.gradients.take();
  if (loop.needs_gradient) push_job(loop, interval, std::move(gradient), frames, lockstep);
}

bool ctl_note_silence(CtlLoop &loop) {
  if (std::exchange(loop.feedback.heard, false)) return false;
  if (loop.feedback.silent < G_MAXUINT) ++loop.feedback.silent;
  ++loop.counters.without_feedback;
  return !loop.busy && loop.jobs.empty();  // else feedback has come, and takes its time
}

/// The DNN asks for a key frame: as an RTP session does it, the encoders downstream are told by their source pads.
static void force_key_unit(gpointer ctl) {
  auto *self = GST_ONEADAPT_CTL(ctl);
  GST_DEBUG_OBJECT(self, "a key frame is asked for");
  for (GstElement *tunable : ctl_tunables(self->state))
    if (GstPad *pad = gst_element_get_static_pad(tunable, "src")) {
      gst_pad_send_event(pad, oneadapt::new_upstream_force_key_unit());
      gst_object_unref(pad);
    }
}

bool ctl_open_feedback(GstOneadaptCtl *self) {
  const std::string where = ctl_settings(self).feedback;
  GError *error = nullptr;
  GstOneadaptFeedback *feedback = gst_oneadapt_feedback_new_receiver(
      where.c_str(),
      [](GBytes *message, gpointer ctl) { ctl_take_gradient(static_cast<GstOneadaptCtl *>(ctl), message, 0, true); },
      self, &error);
  if (!feedback) {
    GST_ELEMENT_ERROR(self, RESOURCE, OPEN_READ,
                      ("Property \"feedback\": no gradients can come by \"%s\": %s.", where.c_str(), error->message),
                      (nullptr));
    g_clear_error(&error);
    return false;
  }
  gst_oneadapt_feedback_set_key_frame_func(feedback, force_key_unit, self);
  std::lock_guard<std::mutex> lock(self->state->feedback_mutex);
  self->state->feedback = feedback;
  return true;
}

void ctl_close_feedback(GstOneadaptCtl *self) {
  GstOneadaptFeedback *feedback = nullptr;
  {
    std::lock_guard<std::mutex> lock(self->state->feedback_mutex);
    feedback = std::exchange(self->state->feedback, nullptr);
    if (!feedback) return;
    if (self->state->feedback_stats) gst_structure_free(self->state->feedback_stats);
    self->state->feedback_stats = gst_oneadapt_feedback_get_stats(feedback);
  }
  gst_oneadapt_feedback_free(feedback);  // a gradient under way takes the loop's mutex
}

void ctl_attach_feedback(GstOneadaptCtl *self) {
  // The pointer stays for as long as data flows.
  if (self->state->feedback) gst_oneadapt_feedback_attach(self->state->feedback, self->srcpad);
}

GstStructure *ctl_feedback_stats(GstOneadaptCtl *self) {
  CtlState *st = self->state;
  std::lock_guard<std::mutex> lock(st->feedback_mutex);
  if (st->feedback) return gst_oneadapt_feedback_get_stats(st->feedback);
  return st->feedback_stats ? gst_structure_copy(st->feedback_stats) : nullptr;
}
