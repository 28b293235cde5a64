// SPDX-License-Identifier: LGPL-2.1-or-later
// Point clouds as a medium: what oneadaptlidarfilter supplies to the filter that is the same for all media.
#pragma once
#include <gst/gst.h>

#include <memory>

#include "knobs.h"
#include "lidar/coded_cloud.h"
#include "setting_properties.h"
#include "tunable/medium.h"
#include "turn.h"

namespace oneadapt {

/// What the user asked for.
struct CloudSettings {
  GstClockTime interval = GST_SECOND;
  guint sectors = PolarGrid().sectors, rings = PolarGrid().rings, seed = 0;
  double first_ring = PolarGrid().first_ring, resolution = kDefaultResolution;
  int speed = kDefaultSpeed;
  PolarGrid grid() const { return {sectors, rings, float(first_ring)}; }
};

class CloudMedium : public RememberingMedium<CloudHistory> {
 public:
  Locked<CloudSettings> settings;
  static SettingProperties<CloudSettings> setting_properties;

  const KnobTable &knobs() const override { return cloud_knobs(); }
  Domain domain() const override { return Domain::Space; }
  std::optional<Typical> typical(std::size_t knob, double value, const std::vector<double> &) override {
    return typical_of_cloud(knob, value);
  }
  std::unique_ptr<Measurement> measure(std::uint64_t interval, bool pinned, const ProbeRequest &request) override;
  GstStructure *counters() override;
  void new_run(bool over) override;
  bool set_setting(guint id, const GValue *value) override {
    return setting_properties.set(*settings.lock(), id, value);
  }
  bool get_setting(guint id, GValue *value) override { return setting_properties.get(*settings.lock(), id, value); }
  void merge(Values &values, const PartialValues &named) const override;
  /// A ShareMap, made from the gradient of the last probe.
  PayloadRef payload(const PartialValues &named, const Values &asked) override;
  std::optional<double> announced(std::size_t knob, double value) override {
    return knob == kKeepMap ? std::nullopt : std::optional<double>(value);
  }

 private:
  Locked<std::vector<float>> gradient_;  // of the last probe
};

/// The map of a configuration; empty where it has none.
const ShareMap &share_map_of(const PayloadRef &payload);

}  // namespace oneadapt
