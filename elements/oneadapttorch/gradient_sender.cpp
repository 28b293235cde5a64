// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gradient_sender.h"

#include <cstring>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(oneadaptdnn_debug);
#define GST_CAT_DEFAULT oneadaptdnn_debug

namespace oneadapt {
namespace {

/// An event to be pushed upstream on `pad`; null (with a critical) for a gradient that is none.
GstEvent *gradient_event(const Gradient &gradient, const CameraTime &camera, GstPad *pad) {
  const BlockMap &map = gradient.map;
  GstOneadaptGradient *message = gst_oneadapt_gradient_new(map.frame_width, map.frame_height, map.block_size);
  message->interval = gradient.interval;
  message->interval_duration = gradient.interval_duration;
  message->stream_time = gradient.stream_time;
  message->stream = camera.known() ? camera.mark().stream : gst_oneadapt_pad_stream(pad);
  message->z = gradient.z;
  message->elements = gradient.elements;
  message->confident = gradient.confident;
  message->theta = gradient.theta;
  message->slope = gradient.slope;
  message->early = gradient.early;
  message->domain = GstOneadaptDomain(gradient.domain);
  if (camera.known()) message->max_bytes = camera.mark().feedback_bytes;
  std::memcpy(message->values, map.values.data(), map.values.size() * sizeof(gfloat));
  std::vector<GstOneadaptRegion> regions;
  for (const Box &box : gradient.regions) regions.push_back({box.x0, box.y0, box.x1, box.y1});
  gst_oneadapt_gradient_set_regions(message, regions.data(), guint(regions.size()));
  GstEvent *event = gst_event_new_oneadapt_gradient(message);
  gst_oneadapt_gradient_free(message);
  return event;
}

}  // namespace

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
  return true;
}

/// Without marks a camera in another process cannot know what a gradient is about, and ignores it.
void GradientSender::warn_of_no_marks() {
  if (std::exchange(warned_marks_, true)) return;
  GST_ELEMENT_WARNING(element_, STREAM, FAILED,
                      ("Frames do not say which interval they belong to, so gradients mean nothing to a camera in "
                       "another process; put h264parse in front of the decoder."),
                      ("marks come with H.264 from oneadaptfilter (interval-marks=auto or on), as user data that "
                       "h264parse attaches to buffers and decoders and converters pass on; to silence this: "
                       "feedback=off"));
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
