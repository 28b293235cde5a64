// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/taps.h"

#include <gst/video/video.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "eval/pads.h"
#include "gstoneadapt.h"
#include "mask_param.h"

namespace oneadapt::eval {
namespace {

/// Largest amplitude of a buffer of 16-bit samples, [0, 1].
float loudest(GstBuffer *buffer) {
  GstMapInfo map;
  if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) return 0;
  int most = 0;
  for (gsize i = 0; i + 1 < map.size; i += 2)
    most = std::max(most, std::abs(int(gint16(GST_READ_UINT16_LE(map.data + i)))));
  gst_buffer_unmap(buffer, &map);
  return float(most) / 32768.f;
}

}  // namespace

GstPadProbeReturn on_input(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
  auto *taps = static_cast<Taps *>(data);
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  const GstClockTime time = stream_time(pad, buffer);
  if (taps->interval) {
    const GstClockTime begin = time / taps->interval * taps->interval;
    if (taps->input.empty() || taps->input.back() != begin) taps->input.push_back(begin);
    taps->sound_end = time + (GST_BUFFER_DURATION_IS_VALID(buffer) ? GST_BUFFER_DURATION(buffer) : 0);
    taps->envelope.push_back(loudest(buffer));
    return GST_PAD_PROBE_OK;
  }
  taps->input.push_back(time);
  if (GST_BUFFER_DURATION_IS_VALID(buffer)) taps->frame_duration = GST_BUFFER_DURATION(buffer);
  return GST_PAD_PROBE_OK;
}
GstPadProbeReturn on_bytes(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  auto *taps = static_cast<Taps *>(data);
  std::uint64_t bytes = gst_buffer_get_size(buffer);
  if (taps->filter) {
    gint bits = 16;
    g_object_get(taps->filter, "bits", &bits, nullptr);  // in force: it was notified before the interval's first buffer
    bytes = (bytes / 2 * guint64(bits) + 7) / 8;
  }
  taps->packets.push_back({stream_time(pad, buffer), bytes});
  return GST_PAD_PROBE_OK;
}
GstPadProbeReturn on_feedback(GstPad *, GstPadProbeInfo *info, gpointer data) {
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
  GstOneadaptGradient *gradient = nullptr;
  if (!gst_event_is_oneadapt_gradient(event) || !gst_event_parse_oneadapt_gradient(event, &gradient, nullptr))
    return GST_PAD_PROBE_OK;
  auto *taps = static_cast<Taps *>(data);
  taps->feedback_bytes += g_bytes_get_size(gst_event_get_oneadapt_gradient_message(event));
  if (taps->keep_gradients) {
    GradientMap kept{gradient->stream_time,
                     BlockMap(gradient->frame_width, gradient->frame_height, gradient->block_size)};
    kept.map.values.assign(gradient->values, gradient->values + std::size_t(gradient->columns) * gradient->rows);
    taps->gradient_maps.push_back(std::move(kept));
  }
  gst_oneadapt_gradient_free(gradient);
  return GST_PAD_PROBE_OK;
}
GstPadProbeReturn on_result(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
  auto *taps = static_cast<Taps *>(data);
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
  FrameResult result;
  result.stream_time = stream_time(pad, buffer);
  gpointer state = nullptr;
  while (GstMeta *meta = gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
    auto *roi = reinterpret_cast<GstVideoRegionOfInterestMeta *>(meta);
    const GstStructure *s = gst_video_region_of_interest_meta_get_param(roi, "detection");
    ScoredBox box;
    if (s && gst_structure_get(s, "x_min", G_TYPE_DOUBLE, &box.box.x0, "y_min", G_TYPE_DOUBLE, &box.box.y0, "x_max",
                               G_TYPE_DOUBLE, &box.box.x1, "y_max", G_TYPE_DOUBLE, &box.box.y1, "confidence",
                               G_TYPE_DOUBLE, &box.score, "label_id", G_TYPE_INT, &box.label, nullptr)) {
      const GstStructure *param = gst_video_region_of_interest_meta_get_param(roi, "mask");
      if (const auto grid = param ? read_mask_param(param) : std::nullopt)
        box.mask = mask_of(grid->cut, grid->width, grid->height);
      result.boxes.push_back(std::move(box));
    }
  }
  taps->results.push_back(std::move(result));
  return GST_PAD_PROBE_OK;
}

}  // namespace oneadapt::eval
