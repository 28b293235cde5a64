// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cloud_measurement.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include "cloud_caps.h"
#include "lidar/thinning.h"

namespace oneadapt {

CloudMeasurement::CloudMeasurement(CloudRecord record, std::uint32_t seed, const ProbeRequest &request)
    : record_(std::move(record)), seed_(seed) {
  if (!possible()) return;
  if (record_.coded) bytes_ = PointBytes(double(record_.turn_bytes), counts(), record_.shares);
  const Values top = most_expensive(record_.values, request.ladders);
  whole_ = std::max(1.0, bytes_.of(counts(), shares_of(record_.map, record_.turn->grid, top[kKeep] / 100)));
  if (!request.gradient) return;
  const PolarGrid &grid = record_.turn->grid;
  const BlockMap &gradient = request.gradient->map;
  if (gradient.columns() != grid.sectors || gradient.rows() != grid.rings)
    throw std::runtime_error("the gradient is of " + std::to_string(gradient.columns()) + " x " +
                             std::to_string(gradient.rows()) + " blocks, not of the filter's " +
                             std::to_string(grid.sectors) + " x " + std::to_string(grid.rings) +
                             ": another element between filter and DNN has changed the caps");
  gradient_ = gradient.values;
}

std::vector<float> CloudMeasurement::shares(const Values &values) const {
  const bool moves_map = values[kKeepMap] != record_.values[kKeepMap];
  return shares_of(record_.map, record_.turn->grid, values[moves_map ? kKeepMap : kKeep] / 100);
}

std::vector<float> CloudMeasurement::shares(const Move &move, const Values &values) const {
  if (move.knob != kKeepMap || gradient_.empty()) return shares(values);
  const double keep = values[kKeepMap] / 100;
  return shares_of(allocate_shares(gradient_, counts(), record_.turn->grid, keep), record_.turn->grid, keep);
}

double CloudMeasurement::resource_change(const Move &move) {
  return (bytes_.of(counts(), shares(move, move.there)) - bytes_.of(counts(), shares(move, move.here))) / whole_;
}

double CloudMeasurement::output_grad(const Move &move) {
  const std::vector<float> here = shares(move, move.here), there = shares(move, move.there);
  double sum = 0;
  for (std::size_t b = 0; b < gradient_.size(); b++)
    sum += std::abs(double(gradient_[b])) * std::abs(double(there[b]) - here[b]) * counts()[b];
  return sum;
}

GstOneadaptRendering *CloudMeasurement::render(const Values &values) {
  if (!possible()) throw std::runtime_error("it has no turn");
  const Turn &turn = *record_.turn;
  GstBuffer *buffer = buffer_of(thin(turn.points(), turn.blocked, shares(values), seed_).points);
  GST_BUFFER_PTS(buffer) = record_.time;
  GstCaps *caps = cloud_caps(turn.grid);
  GstOneadaptRendering *rendering = gst_oneadapt_rendering_new();
  gst_oneadapt_rendering_add(rendering, gst_sample_new(buffer, caps, nullptr, nullptr), record_.time);
  gst_oneadapt_rendering_want(rendering, record_.time);
  rendering->resource = resource(values);
  gst_caps_unref(caps);
  gst_buffer_unref(buffer);
  return rendering;
}

}  // namespace oneadapt
