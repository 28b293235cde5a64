// SPDX-License-Identifier: LGPL-2.1-or-later
#include "medium.h"

#include "cloud_measurement.h"

namespace oneadapt {

SettingProperties<CloudSettings> CloudMedium::setting_properties;

const ShareMap &share_map_of(const PayloadRef &payload) {
  static const ShareMap none;
  return payload ? *static_cast<const ShareMap *>(payload.get()) : none;
}

void CloudMedium::new_run(bool over) {
  gradient_.lock()->clear();
  RememberingMedium::new_run(over);
}

std::unique_ptr<Measurement> CloudMedium::measure(std::uint64_t interval, bool pinned, const ProbeRequest &request) {
  auto record = find(interval, pinned);
  if (!record) return nullptr;
  auto measurement = std::make_unique<CloudMeasurement>(std::move(*record), settings.lock()->seed, request);
  if (request.gradient) *gradient_.lock() = request.gradient->map.values;
  return measurement;
}

void CloudMedium::merge(Values &values, const PartialValues &named) const {
  Medium::merge(values, named);
  // The share that a map is laid over has one home.
  if (named[kKeepMap]) values[kKeep] = *named[kKeepMap];
  values[kKeepMap] = values[kKeep];
}

PayloadRef CloudMedium::payload(const PartialValues &named, const Values &) {
  if (!named[kKeepMap]) return nullptr;
  const std::vector<float> gradient = *gradient_.lock();
  const auto record = history.lock()->under_way();
  if (gradient.empty() || !record.turn) return std::make_shared<ShareMap>();
  return std::make_shared<ShareMap>(
      allocate_shares(gradient, record.turn->blocked.counts, record.turn->grid, *named[kKeepMap] / 100));
}

GstStructure *CloudMedium::counters() {
  const CloudCounters c = history.lock()->counters;
  return gst_structure_new("oneadaptlidarfilter-stats", "turns", G_TYPE_UINT64, c.turns, "points-in", G_TYPE_UINT64,
                           c.points_in, "points-out", G_TYPE_UINT64, c.points_out, "without-place", G_TYPE_UINT64,
                           c.without_place, "intervals", G_TYPE_UINT64, c.intervals, "bytes", G_TYPE_UINT64, c.bytes,
                           "last-interval-bytes", G_TYPE_UINT64, c.last_interval_bytes, "code-time", G_TYPE_UINT64,
                           c.coding_ns, "probe-time", G_TYPE_UINT64, c.probe_ns, "probes", G_TYPE_UINT64, c.probes,
                           nullptr);
}

}  // namespace oneadapt
