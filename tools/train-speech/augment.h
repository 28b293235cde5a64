// SPDX-License-Identifier: LGPL-2.1-or-later
// What happens to sound between a mouth and a file. Each function is the same for the same Random.
#pragma once
#include <vector>

#include "random.h"
#include "sound.h"

namespace oneadapt_speech {

/// Adds `added` (repeated from its start where it is shorter) to [begin, end) so that the root mean square of `sound`
/// over that stretch, `loudness`, is `snr` dB above that of what is added. Silence in either adds nothing.
void add_at_snr(Sound &sound, std::size_t begin, std::size_t end, const Sound &added, double loudness, double snr);
/// `count` samples out of `from`, from a random place on, round and round.
Sound stretch_of(const Sound &from, std::size_t count, Random &random);
/// Faster (above 1) and higher, as a record played faster.
Sound at_speed(const Sound &sound, double speed);
/// As a recording at the sampling rate `rate` sounds: down to it and back.
Sound band_limited(const Sound &sound, int rate, int limited_rate);
/// One second-order section: `gain` dB around `frequency` Hz, `q` wide.
void peak_filter(Sound &sound, int rate, double frequency, double gain, double q);
/// What is below `frequency` goes, 12 dB an octave.
void high_pass(Sound &sound, int rate, double frequency);
/// Some bells and slopes, at most `most` dB each.
void random_equaliser(Sound &sound, int rate, double most, Random &random);
/// A room: echoes that fall by 60 dB within `seconds`, `wet` of the direct sound's energy.
void reverberate(Sound &sound, int rate, double seconds, double wet, Random &random);
/// Noise of a random colour, hum, or clicks: surroundings that no recording has. Root mean square 1.
Sound artificial_noise(std::size_t count, int rate, Random &random);

}  // namespace oneadapt_speech
