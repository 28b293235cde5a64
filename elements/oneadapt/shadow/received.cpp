// SPDX-License-Identifier: LGPL-2.1-or-later
#include "shadow/received.h"

#include <cmath>
#include <memory>

#include "core/macroblock/allocation.h"
#include "gstoneadapt.h"

namespace oneadapt {

constexpr guint kMacroblock = 16;

bool ReceivedCoding::announce(GstEvent *event) {
  GstStructure *knobs = nullptr;
  if (!gst_event_parse_oneadapt_configuration(event, nullptr, &knobs, nullptr, nullptr, nullptr)) return false;
  double qp = -1;
  const bool known = gst_structure_get_double(knobs, "qp", &qp);
  gst_structure_free(knobs);
  if (!known) return false;
  qp_ = int(std::lround(qp));
  announced_ = true;
  offsets_.clear();
  guint width = 0, height = 0, block = 0;
  gfloat *offsets = nullptr;
  if (!gst_event_parse_oneadapt_qp_map(event, &width, &height, &block, &offsets, nullptr)) return true;
  const std::unique_ptr<gfloat, decltype(&g_free)> owner(offsets, g_free);
  if (block != kMacroblock) return true;
  width_ = width;
  height_ = height;
  const std::size_t blocks = std::size_t((width + block - 1) / block) * ((height + block - 1) / block);
  offsets_.assign(offsets, offsets + blocks);
  return true;
}

void ReceivedCoding::mark(const IntervalMark &mark) {
  if (announced_ || mark.qp == kUnknownQp) return;
  qp_ = mark.qp;
  offsets_.clear();
  if (!mark.map_range || !newest_ || newest_->map.block_size != kMacroblock) return;
  AllocationSettings settings;
  settings.range = mark.map_range;
  width_ = newest_->map.frame_width;
  height_ = newest_->map.frame_height;
  offsets_ = allocate_qp(newest_->map, settings);
}

void ReceivedCoding::gradient(const Gradient &gradient) {
  if (gradient.domain == Domain::Grid) newest_ = smoother_.push(gradient);
}

std::vector<float> ReceivedCoding::offsets(unsigned width, unsigned height) const {
  return width == width_ && height == height_ ? offsets_ : std::vector<float>();
}

}  // namespace oneadapt
