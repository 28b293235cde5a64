// SPDX-License-Identifier: LGPL-2.1-or-later
// The knobs of oneadaptaudiofilter in one table, as knobs.h has those of oneadaptfilter.
#pragma once
#include <cstddef>

#include "tunable/knob_table.h"

namespace oneadapt {

/// Indices of the table's rows.
enum AudioKnobId : std::size_t { kRate, kBits, kAudioKnobs };

const KnobTable &audio_knobs();

/// Input and output formats, as far as the knobs' values depend on them.
struct AudioFormats {
  int in_rate = 0;     ///< Hz; 0: unknown
  unsigned bits = 16;  ///< of an output sample: 16, or 32 for floating point
};

/// The ladders in force, from the users' (empty ones: the default): rates up to the input's, which stands at the top
/// where it is lower; bits up to those of the output format. Empty while the input is unknown.
Ladders audio_ladders(const Ladders &users, const AudioFormats &formats);

/// The values that those asked for come to: a rate of 0 is the ladder's top, others are multiples of 25 Hz from 1000 Hz
/// to the input's rate (whose filters are small enough to be computed exactly), or the input's rate itself; bits of 0,
/// or more than the format has, are the format's, and at least 2.
Values audio_values_in_force(const Values &asked, const Ladders &ladders, const AudioFormats &formats);

/// What `rate` usually comes to in F1 of words, as a share of what `most` does.
double typical_rate_accuracy(double rate, double most);

/// Bits a second of sound with these values.
double audio_bit_rate(const Values &in_force);

}  // namespace oneadapt
