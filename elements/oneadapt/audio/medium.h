// SPDX-License-Identifier: LGPL-2.1-or-later
// Sound as a medium: what oneadaptaudiofilter supplies to the filter that is the same for all media.
#pragma once
#include <gst/audio/audio.h>

#include <memory>

#include "audio/knobs.h"
#include "audio/sound_history.h"
#include "setting_properties.h"
#include "tunable/knob_properties.h"
#include "tunable/medium.h"

namespace oneadapt {

/// What the user asked for.
struct AudioSettings {
  GstClockTime interval = GST_SECOND, look_ahead = 0;
  int quality = GST_AUDIO_RESAMPLER_QUALITY_DEFAULT;
};

class AudioMedium : public RememberingMedium<SoundHistory> {
 public:
  Locked<AudioSettings> settings;
  static SettingProperties<AudioSettings> setting_properties;

  const KnobTable &knobs() const override { return audio_knobs(); }
  Domain domain() const override { return Domain::Signal; }
  Ladders ladders(const Ladders &users) override { return audio_ladders(users, history.lock()->formats()); }
  Values in_force(const Values &asked, const Ladders &ladders) override {
    return audio_values_in_force(asked, ladders, history.lock()->formats());
  }
  std::optional<Typical> typical(std::size_t knob, double value, const std::vector<double> &ladder) override;
  std::unique_ptr<Measurement> measure(std::uint64_t interval, bool pinned, const ProbeRequest &request) override;
  GstStructure *counters() override;
  bool set_setting(guint id, const GValue *value) override {
    return setting_properties.set(*settings.lock(), id, value);
  }
  bool get_setting(guint id, GValue *value) override { return setting_properties.get(*settings.lock(), id, value); }
  bool has_activity() const override { return true; }
  bool has_lookahead() override { return settings.lock()->look_ahead > 0; }
  bool shows_in_force() const override { return true; }
};

}  // namespace oneadapt
