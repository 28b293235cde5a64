// SPDX-License-Identifier: LGPL-2.1-or-later
// Gradients that come to the controller, from its own pipeline or across a network. Locks: see ctl.cpp.
#include <utility>

#include "ctl/ctl_impl.h"
#include "ctl/tunable_places.h"
#include "gradient_convert.h"

#define GST_CAT_DEFAULT oneadaptctl_debug

/// Whether a stream is the one that is controlled. Behind a mixer, in front of a tunable, it has another name.
static bool is_own_stream(GstOneadaptCtl *self, guint32 stream, bool network) {
  bool own = false, named = false;
  const auto look = [&](GstPad *pad) {
    const guint32 name = gst_oneadapt_pad_stream(pad);
    named = named || name;
    own = own || (name && name == stream);
  };
  look(self->sinkpad);
  for (GstElement *tunable : tunables_downstream(self->srcpad))
    if (const oneadapt::PadRef pad = sink_pad(tunable)) look(pad.get());
  return own || (!network && (!stream || !named));
}

void ctl_take_gradient(GstOneadaptCtl *self, GBytes *message, bool network) {
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
  std::lock_guard<std::mutex> lock(loop.mutex);
  if (why.empty()) {
    if (!loop.running || loop.flushing)
      why = "no data flows";
    else if (loop.reached.current == kNone || g->interval > loop.reached.current)
      why = "its interval has not begun";
    else if ((loop.feedback.newest != kNone && g->interval <= loop.feedback.newest) ||
             (g->early && loop.feedback.newest_early != kNone && g->interval <= loop.feedback.newest_early))
      why = "it is late or a duplicate";
    else if (g->early ? g->interval < loop.reached.current
                      : !loop.reached.begun.empty() && g->interval < loop.reached.begun.front())
      why = "it is stale";
  }
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
  (g->early ? loop.feedback.newest_early : loop.feedback.newest) = g->interval;
  if (!loop.needs_gradient) return;
  // A live loop that lags behind decides on the newest only.
  if (!s.lockstep) loop.jobs.clear();
  loop.jobs.push_back({g->interval, loop.epoch, loop.counters.buffers, std::move(g)});
  loop.wake.notify_all();
}

bool ctl_note_silence(CtlLoop &loop) {
  if (std::exchange(loop.feedback.heard, false)) return false;
  if (loop.feedback.silent < G_MAXUINT) ++loop.feedback.silent;
  ++loop.counters.without_feedback;
  return !loop.busy && loop.jobs.empty();  // else feedback has come, and takes its time
}

bool ctl_open_feedback(GstOneadaptCtl *self) {
  const std::string where = ctl_settings(self).feedback;
  GError *error = nullptr;
  GstOneadaptFeedback *feedback = gst_oneadapt_feedback_new_receiver(
      where.c_str(),
      [](GBytes *message, gpointer ctl) { ctl_take_gradient(static_cast<GstOneadaptCtl *>(ctl), message, true); }, self,
      &error);
  if (!feedback) {
    GST_ELEMENT_ERROR(self, RESOURCE, OPEN_READ,
                      ("Property \"feedback\": no gradients can come by \"%s\": %s.", where.c_str(), error->message),
                      (nullptr));
    g_clear_error(&error);
    return false;
  }
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
