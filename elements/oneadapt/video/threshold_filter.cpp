// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/threshold_filter.h"

#include <memory>

namespace oneadapt {
namespace {

/// Of a mapped picture whose first plane is luma.
FrameFilter::Frame cells_of(GstVideoFrame *frame) {
  return std::make_shared<Cells>(luma_cells(static_cast<const std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(frame, 0)),
                                            std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(frame, 0)),
                                            unsigned(GST_VIDEO_FRAME_WIDTH(frame)),
                                            unsigned(GST_VIDEO_FRAME_HEIGHT(frame))));
}

/// The luma of an input picture.
FrameFilter::Frame cells_of(const GstVideoInfo &info, GstBuffer *buffer) {
  MappedFrame frame(info, buffer, GST_MAP_READ);
  if (is_planar_luma(GST_VIDEO_INFO_FORMAT(&info))) return cells_of(frame.get());
  const GstVideoInfo gray = resized(info, size_of(info), GST_VIDEO_FORMAT_GRAY8);
  BufferRef luma = take_buffer(gst_buffer_new_allocate(nullptr, gray.size, nullptr));
  MappedFrame out(gray, luma.get(), GST_MAP_READWRITE);
  Scaler(info, gray, 1).run(frame.get(), out.get());
  return cells_of(out.get());
}

}  // namespace

/// Tells the filter what the DNN looks at, if that is new.
void ThresholdFilter::update_weights() {
  auto weights = medium_.weights.lock();
  if (!*weights) return;
  filter_.set_gradient((*weights)->map, (*weights)->confident);
  weights->reset();
}

void ThresholdFilter::begin_interval(const Values &applied) {
  active_ = thresholds_of(applied).any() || medium_.thresholds_asked;
  if (!active_) return;
  filter_.begin_interval();
  update_weights();
  medium_.history.lock()->on_filter(filter_, max_skip_);
}

bool ThresholdFilter::passes(const GstVideoInfo &info, GstBuffer *buffer, const Values &applied, bool must, bool last) {
  if (!active_) return true;
  const guint64 start = thread_cpu_ns();
  update_weights();
  const auto cells = cells_of(info, buffer);
  const auto thresholds = thresholds_of(applied);
  must = must || (medium_.feedback && last);
  if (thresholds.pixel > 0 || thresholds.area > 0 || medium_.units_asked) filter_.observe(cells);
  const bool kept = filter_.keep(cells, thresholds, must, max_skip_);
  const guint64 spent = thread_cpu_ns() - start;
  auto history = medium_.history.lock();
  history->on_frame_filtered(cells, must, kept);
  history->counters.coding_ns += spent;
  return kept;
}

}  // namespace oneadapt
