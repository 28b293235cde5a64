// SPDX-License-Identifier: LGPL-2.1-or-later
#include "audio/medium.h"

#include "audio/sound_measurement.h"

namespace oneadapt {

SettingProperties<AudioSettings> AudioMedium::setting_properties;

std::optional<Typical> AudioMedium::typical(std::size_t knob, double value, const std::vector<double> &ladder) {
  if (knob != kRate) return std::nullopt;
  return Typical{typical_rate_accuracy(value, ladder.back()), value / ladder.back(), std::nullopt};
}

std::unique_ptr<Measurement> AudioMedium::measure(std::uint64_t interval, bool pinned, const ProbeRequest &request) {
  auto record = find(interval, pinned);
  if (!record) return nullptr;
  const AudioSettings now = *settings.lock();
  return std::make_unique<SoundMeasurement>(std::move(*record), now.interval, unsigned(now.quality), request);
}

GstStructure *AudioMedium::counters() {
  const SoundCounters c = history.lock()->counters;
  return gst_structure_new("oneadaptaudiofilter-stats", "samples-in", G_TYPE_UINT64, c.samples_in, "samples-out",
                           G_TYPE_UINT64, c.samples_out, "dropped", G_TYPE_UINT64, c.dropped, "filled", G_TYPE_UINT64,
                           c.filled, "non-finite", G_TYPE_UINT64, c.non_finite, "intervals", G_TYPE_UINT64, c.intervals,
                           "rate-changes", G_TYPE_UINT64, c.rate_changes, "voice-time", G_TYPE_UINT64, c.voice_ns,
                           "bytes", G_TYPE_UINT64, c.bytes, "last-interval-bytes", G_TYPE_UINT64, c.last_interval_bytes,
                           "convert-time", G_TYPE_UINT64, c.coding_ns, "probe-time", G_TYPE_UINT64, c.probe_ns,
                           "probes", G_TYPE_UINT64, c.probes, nullptr);
}

}  // namespace oneadapt
