// SPDX-License-Identifier: LGPL-2.1-or-later
// Sound's part of probing and rendering: what a configuration would have made of an interval's sound.
#pragma once
#include <cstdint>
#include <map>

#include "audio/sound_history.h"
#include "core/gradient/gradient.h"
#include "tunable/measurement.h"

namespace oneadapt {

/// y is the waveform at the DNN's rate, in [−1, 1]: the remembered original sound brought to the rate and bits of a
/// configuration, as the filter does, and from there to the DNN's rate, which is the gradient's width over the
/// interval's duration. As the original is here, a move up is as exact as one down. r(k) = bits a second of k / the
/// same of k*; that of the configuration in force by the bytes that went out. Thread-bound.
class SoundMeasurement : public Measurement {
 public:
  /// `duration` of an interval in ns; `quality` is the filter's own. Throws std::runtime_error for a gradient that is
  /// not of such an interval.
  SoundMeasurement(SoundRecord record, std::uint64_t duration, unsigned quality, const ProbeRequest &request);

  const IntervalRecord &record() const override { return record_; }
  double resource_in_force() override;
  double resource(const Values &values) override;
  double output_grad(const Move &move) override;
  /// One sample: what would have gone out of the interval.
  GstOneadaptRendering *render(const Values &values) override;

 private:
  const Samples &heard(const Values &values);

  const SoundRecord record_;
  const std::uint64_t duration_;
  const unsigned quality_;
  const Ladders ladders_;
  double most_ = 1;    // bytes a second of k*; 0: unknown
  BlockMap gradient_;  // none without values
  int rate_ = 0;       // the DNN's
  Sound sound_;        // at which the DNN's samples fall on the filter's where that is possible
  std::map<Values, Samples> heard_;
};

}  // namespace oneadapt
