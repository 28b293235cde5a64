// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gradient_sender.h"

#include <atomic>
#include <exception>
#include <utility>

#include "cloud_caps.h"
#include "gradient_convert.h"
#include "interval_drain.h"

GST_DEBUG_CATEGORY_EXTERN(oneadaptdnn_debug);
#define GST_CAT_DEFAULT oneadaptdnn_debug

namespace oneadapt {
namespace {

guint64 next_dnn() {
  static std::atomic<guint64> last{0};
  return ++last;
}

}  // namespace

GradientSender::GradientSender(GstElement *element, GstPad *sink, GstPad *src)
    : element_(element), sink_(sink), src_(src), dnn_(next_dnn()) {}

bool GradientSender::open(const std::string &feedback) {
  GError *error = nullptr;
  feedback_.reset(gst_oneadapt_feedback_new_sender(feedback.c_str(), &error));
  if (!feedback_) {
    GST_ELEMENT_ERROR(element_, RESOURCE, OPEN_WRITE,
                      ("Property \"feedback\": gradients cannot go to \"%s\": %s.", feedback.c_str(), error->message),
                      (nullptr));
    g_clear_error(&error);
    return false;
  }
  remote_ = g_str_has_prefix(feedback.c_str(), "udp:") || g_str_has_prefix(feedback.c_str(), "tcp:");
  look_upstream();
  return true;
}

void GradientSender::look_upstream() { gst_oneadapt_feedback_attach(feedback_.get(), sink_); }

/// Without marks a camera in another process cannot know what a gradient is about, and ignores it.
void GradientSender::warn_of_no_marks() {
  if (std::exchange(warned_marks_, true)) return;
  GstCaps *caps = gst_pad_get_current_caps(sink_);
  const bool cloud = caps && gst_structure_has_name(gst_caps_get_structure(caps, 0), ONEADAPT_CLOUD_TYPE);
  if (caps) gst_caps_unref(caps);
  GST_ELEMENT_WARNING(element_, STREAM, FAILED,
                      ("Frames do not say which interval they belong to, so gradients mean nothing to a camera in "
                       "another process; put %s.",
                       cloud ? "oneadaptlidardec in front, so that oneadaptlidarfilter sends coded point clouds"
                             : "h264parse in front of the decoder"),
                      ("marks come with H.264 from oneadaptfilter (interval-marks=auto or on), as user data that "
                       "h264parse attaches to buffers and decoders and converters pass on, and with point clouds that "
                       "oneadaptlidarfilter codes; to silence this: feedback=off"));
}

/// An event to be pushed upstream on `pad`; null, with a warning once a run, for a gradient that cannot be sent.
GstEvent *GradientSender::gradient_event(Gradient gradient, const CameraTime &camera, GstPad *pad) {
  gradient.stream = camera.known() ? camera.mark().stream : gst_oneadapt_pad_stream(pad);
  try {
    GstEvent *event =
        new_gradient_event(GST_EVENT_CUSTOM_UPSTREAM, gradient, camera.known() ? camera.mark().feedback_bytes : 0);
    set_dnn_of(event, dnn_);
    return event;
  } catch (const std::exception &e) {
    GST_WARNING_OBJECT(element_, "interval %" G_GUINT64_FORMAT ": not sent: %s", guint64(gradient.interval), e.what());
    if (!std::exchange(warned_unsent_, true))
      GST_ELEMENT_WARNING(
          element_, STREAM, FAILED,
          ("A gradient cannot be sent: %s. Results go on without it; to silence this: gradient=false.", e.what()),
          ("said once a run"));
    return nullptr;
  }
}

bool GradientSender::send(const Gradient &gradient, const std::vector<PlacedGradient> &placed,
                          const CameraTime &camera) {
  GstEvent *own = gradient_event(gradient, camera, sink_);
  if (!own) return false;
  const bool remote = gst_oneadapt_feedback_attach(feedback_.get(), sink_) > 0 || remote_;
  if (remote && !camera.known()) warn_of_no_marks();
  bool taken = false;
  for (const PlacedGradient &p : placed) {
    const bool same = p.sink.get() == sink_ && !p.moved;
    GstEvent *event = same ? gst_event_ref(own) : gradient_event(p.gradient, camera, p.sink.get());
    if (!event) continue;
    // Cameras behind a mixer cannot be told apart: its pictures carry no marks.
    if (placed.size() == 1)
      taken = gst_oneadapt_feedback_send(feedback_.get(), gst_event_get_oneadapt_gradient_message(event)) || taken;
    taken = gst_pad_push_event(p.sink.get(), event) || taken;
  }
  if (!taken) GST_DEBUG_OBJECT(element_, "nobody upstream took the gradient");
  // Feedback first; then downstream too, for who shows it, in time for the next frame.
  gst_pad_push_event(src_, gst_event_new_oneadapt_gradient_echo(own));
  gst_event_unref(own);
  return taken;
}

std::shared_ptr<GstStructure> GradientSender::feedback_stats() const {
  return std::shared_ptr<GstStructure>(gst_oneadapt_feedback_get_stats(feedback_.get()), gst_structure_free);
}

}  // namespace oneadapt
