// SPDX-License-Identifier: LGPL-2.1-or-later
// What one rung up or down would have done to an interval of sound: InputGrad, OutputGrad and resource, at the sensor,
// without the DNN (paper §3.3).
#pragma once
#include <array>
#include <cstdint>

#include "audio/sound_history.h"
#include "core/gradient/gradient.h"
#include "tunable/moves.h"

namespace oneadapt {

struct AudioProbeRequest {
  SoundRecord interval;                    ///< with its sound
  Ladders ladders;                         ///< empty: this knob cannot be adapted now
  std::array<bool, kAudioKnobs> wanted{};  ///< knobs whose moves to measure
  const BlockMap *gradient = nullptr;  ///< DNNGrad of the interval, one pixel high: a sample of the DNN's each; or NULL
  std::uint64_t duration = 0;          ///< of the interval, in ns
  unsigned quality = 4;                ///< the filter's own
};

struct AudioProbeResult {
  double resource = -1;  ///< r(k); < 0: unknown
  std::array<ProbedKnob, kAudioKnobs> knobs;
};

/// y is the waveform at the DNN's rate, in [−1, 1]: the remembered original sound brought to the rate and bits of a
/// configuration, as the filter does, and from there to the DNN's rate, which is the gradient's width over `duration`.
/// As the original is here, a move up is as exact as one down. r(k) = bits a second of k / the same of k*, which has
/// every knob on its ladder's top; that of the configuration in force by the bytes that went out. Throws
/// std::runtime_error for a gradient that is not of such an interval.
AudioProbeResult measure_audio(const AudioProbeRequest &request);

/// r of a configuration (values in force). < 0: nobody knows.
double audio_resource(const Values &in_force, const Ladders &ladders);

/// What would have gone out of the interval: its first sample is at the interval's first.
Samples render_audio(const SoundRecord &interval, const Values &in_force, unsigned quality);

}  // namespace oneadapt
