// SPDX-License-Identifier: LGPL-2.1-or-later
// What an interval's last turn would have come to with other shares of its points.
#pragma once
#include <optional>

#include "knobs.h"
#include "tunable/measurement.h"
#include "turn.h"

namespace oneadapt {

class CloudMeasurement : public Measurement {
 public:
  /// Throws std::runtime_error for a gradient of other blocks.
  CloudMeasurement(CloudRecord record, std::uint32_t seed, const ProbeRequest &request);
  const IntervalRecord &record() const override { return record_; }
  bool possible() const override { return record_.turn && record_.turn_bytes > 0; }
  double resource_in_force() override { return double(record_.turn_bytes) / whole_; }
  double resource(const Values &values) override { return bytes_.of(counts(), shares(values)) / whole_; }
  /// Σ over blocks of the gradient's mean over its points, times the points that come or go: the presence of each of
  /// them changes by one.
  double output_grad(const Move &move) override;
  double resource_change(const Move &move) override;
  GstOneadaptRendering *render(const Values &values) override;

 private:
  const std::vector<std::uint32_t> &counts() const { return record_.turn->blocked.counts; }
  /// Under the map in force.
  std::vector<float> shares(const Values &values) const;
  /// Of a move: of the map's knob, under the map that it would be given now.
  std::vector<float> shares(const Move &move, const Values &values) const;

  const CloudRecord record_;
  const std::uint32_t seed_;
  PointBytes bytes_{sizeof(Point)};
  double whole_ = 1;             // bytes of k*
  std::vector<float> gradient_;  // empty: none
};

}  // namespace oneadapt
