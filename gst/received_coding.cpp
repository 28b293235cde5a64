// SPDX-License-Identifier: LGPL-2.1-or-later
#include "received_coding.h"

#include <cmath>
#include <memory>

#include "accuracy_request.h"
#include "core/macroblock/allocation.h"
#include "gstoneadapt.h"

namespace oneadapt {

constexpr guint kMacroblock = 16;

void ReceivedCoding::event(GstEvent *event) {
  if (const auto wanted = accuracy_request_of(event)) wanted_ = *wanted;
  if (gst_event_is_oneadapt_configuration(event)) announce(event);
}

void ReceivedCoding::announce(GstEvent *event) {
  GstStructure *knobs = nullptr;
  if (!gst_event_parse_oneadapt_configuration(event, nullptr, &knobs, nullptr, nullptr, nullptr)) return;
  double qp = -1;
  const bool known = gst_structure_get_double(knobs, "qp", &qp);
  gst_structure_free(knobs);
  if (!known) return;
  qp_ = int(std::lround(qp));
  announced_ = true;
  map_.values.clear();
  guint width = 0, height = 0, block = 0;
  gfloat *offsets = nullptr;
  if (!gst_event_parse_oneadapt_qp_map(event, &width, &height, &block, &offsets, nullptr)) return;
  const std::unique_ptr<gfloat, decltype(&g_free)> owner(offsets, g_free);
  if (block != kMacroblock) return;
  const std::size_t blocks = std::size_t((width + block - 1) / block) * ((height + block - 1) / block);
  map_ = {width, height, std::vector<float>(offsets, offsets + blocks)};
}

void ReceivedCoding::mark(const IntervalMark &mark) {
  if (!announced_) wanted_ = mark.measure;
  if (announced_ || mark.qp == kUnknownQp) return;
  qp_ = mark.qp;
  map_.values.clear();
  if (!mark.map_range || !newest_ || newest_->map.block_size != kMacroblock) return;
  AllocationSettings settings;
  settings.range = mark.map_range;
  map_ = {newest_->map.frame_width, newest_->map.frame_height, allocate_qp(newest_->map, settings)};
}

void ReceivedCoding::gradient(const Gradient &gradient) {
  if (gradient.domain == Domain::Grid) newest_ = smoother_.push(gradient);
}

unsigned ReceivedCoding::width() const {
  if (!map_.values.empty()) return map_.width;
  return newest_ ? newest_->map.frame_width : 0;
}

}  // namespace oneadapt
