// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/pad_recorder.h"

#include <utility>

#include "eval/pads.h"
#include "gstoneadapt.h"

namespace oneadapt::eval {

void PadRecorder::tap(GstBin *pipeline) {
  eval::tap(pipeline, "filter", "src", on_buffer, this);
  eval::tap(pipeline, "filter", "src", on_feedback, this, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM);
}

GstPadProbeReturn PadRecorder::on_buffer(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  auto *self = static_cast<PadRecorder *>(data);
  self->packets_.push_back({stream_time(pad, buffer), self->medium_.sent_bytes(buffer)});
  return GST_PAD_PROBE_OK;
}

GstPadProbeReturn PadRecorder::on_feedback(GstPad *, GstPadProbeInfo *info, gpointer data) {
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
  GstOneadaptGradient *gradient = nullptr;
  if (!gst_event_is_oneadapt_gradient(event) || !gst_event_parse_oneadapt_gradient(event, &gradient, nullptr))
    return GST_PAD_PROBE_OK;
  auto *self = static_cast<PadRecorder *>(data);
  self->feedback_bytes_ += g_bytes_get_size(gst_event_get_oneadapt_gradient_message(event));
  if (self->keep_gradients_) {
    GradientMap kept{gradient->stream_time,
                     BlockMap(gradient->frame_width, gradient->frame_height, gradient->block_size)};
    kept.map.values.assign(gradient->values, gradient->values + std::size_t(gradient->columns) * gradient->rows);
    self->gradient_maps_.push_back(std::move(kept));
  }
  gst_oneadapt_gradient_free(gradient);
  return GST_PAD_PROBE_OK;
}

void PadRecorder::finish(RunResult &result) {
  result.packets = std::move(packets_);
  for (const Packet &packet : result.packets) result.bytes += packet.bytes;
  result.feedback_bytes = feedback_bytes_;
  result.gradient_maps = std::move(gradient_maps_);
}

}  // namespace oneadapt::eval
