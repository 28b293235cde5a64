// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gradient_convert.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include "wire/message.h"

namespace oneadapt {

static_assert(int(Domain::Grid) == GST_ONEADAPT_DOMAIN_GRID && int(Domain::Signal) == GST_ONEADAPT_DOMAIN_SIGNAL &&
                  int(Domain::Space) == GST_ONEADAPT_DOMAIN_SPACE,
              "the C API has the core's domains");

static_assert(kReuseTimes.size() == GST_ONEADAPT_REUSE_TIMES, "the C API has the core's times");

Gradient to_core(const GstOneadaptGradient &gradient) {
  Gradient core;
  copy_numbers(gradient, core);
  const auto domain = domain_of(unsigned(gradient.domain));
  if (!domain) throw std::invalid_argument("a gradient's domain must be one of GstOneadaptDomain");
  core.domain = *domain;
  core.measured = {gradient.measured_frames, gradient.measured_occupied, gradient.measured_accuracy,
                   gradient.measured_objects};
  core.reuse.frames = gradient.reuse_frames;
  std::copy_n(gradient.reuse_accuracy, kReuseTimes.size(), core.reuse.accuracy.begin());
  core.map.frame_width = gradient.frame_width;
  core.map.frame_height = gradient.frame_height;
  core.map.block_size = gradient.block_size;
  if (!gradient.values || !gradient.columns || !gradient.rows || gradient.columns != core.map.columns() ||
      gradient.rows != core.map.rows())
    throw std::invalid_argument("a gradient's columns and rows must be those of its frame and block size");
  if (!core.fits_domain()) throw std::invalid_argument("the gradient of a signal must be one high");
  core.map.values.assign(gradient.values, gradient.values + std::size_t(gradient.columns) * gradient.rows);
  for (float value : core.map.values)
    if (!std::isfinite(value)) throw std::invalid_argument("a gradient's values must be finite");
  for (guint i = 0; gradient.regions && i < gradient.n_regions; ++i) {
    const GstOneadaptRegion &region = gradient.regions[i];
    core.regions.push_back({region.x_min, region.y_min, region.x_max, region.y_max});
  }
  return core;
}

GradientRef to_c(const Gradient &gradient) {
  const BlockMap &map = gradient.map;
  GradientRef c(gst_oneadapt_gradient_new(map.frame_width, map.frame_height, map.block_size));
  copy_numbers(gradient, *c);
  c->domain = GstOneadaptDomain(gradient.domain);
  c->measured_frames = gradient.measured.frames;
  c->measured_occupied = gradient.measured.occupied;
  c->measured_accuracy = gradient.measured.accuracy;
  c->measured_objects = gradient.measured.objects;
  c->reuse_frames = gradient.reuse.frames;
  std::copy(gradient.reuse.accuracy.begin(), gradient.reuse.accuracy.end(), c->reuse_accuracy);
  std::copy(map.values.begin(), map.values.end(), c->values);
  std::vector<GstOneadaptRegion> regions;
  for (const Box &box : gradient.regions) regions.push_back({box.x0, box.y0, box.x1, box.y1});
  gst_oneadapt_gradient_set_regions(c.get(), regions.data(), guint(regions.size()));
  return c;
}

GBytes *new_gradient_message(const Gradient &gradient, std::size_t max_bytes) {
  const std::size_t budget = max_bytes ? std::clamp(max_bytes, kLeastMessageBudget, kMessageBudget) : kMessageBudget;
  const auto message = encode_gradient(gradient, budget);
  return g_bytes_new(message.data(), message.size());
}

GstEvent *new_gradient_event(GstEventType type, const Gradient &gradient, std::size_t max_bytes) {
  GBytes *message = new_gradient_message(gradient, max_bytes);
  // The plain numbers are for people who read a debug log; the message is what counts.
  GstStructure *s = gst_structure_new(
      kGradientEvent, "interval", G_TYPE_UINT64, guint64(gradient.interval), "stream-time", GST_TYPE_CLOCK_TIME,
      GstClockTime(gradient.stream_time), "z", G_TYPE_DOUBLE, gradient.z, "confident", G_TYPE_UINT, gradient.confident,
      "domain", G_TYPE_STRING, traits(gradient.domain).name, kGradientMessage, G_TYPE_BYTES, message, nullptr);
  g_bytes_unref(message);
  return gst_event_new_custom(type, s);
}

std::optional<Gradient> parse_gradient_message(GBytes *message, std::string &why) {
  gsize size = 0;
  const auto *data = static_cast<const std::uint8_t *>(g_bytes_get_data(message, &size));
  Gradient gradient;
  if (!decode_gradient(data, size, gradient, why)) return std::nullopt;
  return gradient;
}

std::optional<Gradient> parse_gradient_event(GstEvent *event, std::string &why) {
  if (GBytes *message = gst_event_get_oneadapt_gradient_message(event)) return parse_gradient_message(message, why);
  why = "a gradient event without its message";
  return std::nullopt;
}

}  // namespace oneadapt
