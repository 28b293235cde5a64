// SPDX-License-Identifier: LGPL-2.1-or-later
#include "audio/knobs.h"

#include <algorithm>
#include <cmath>

#include "audio/resampler.h"

namespace oneadapt {
namespace {

constexpr double kRateStep = 25;    // Hz
constexpr unsigned kLeastBits = 2;  // with fewer there is one level, and silence

// Weights: what makes κ·OutputGrad/N the loss of F1 that was measured with a recogniser of digits
// (docs/results/sound.md).
const KnobRow kTable[kAudioKnobs] = {
    {"rate", "Rate", "Sample rate of the output in Hz, at most the input's (0 = the highest of \"rate-ladder\")",
     KnobType::Int, 0, kMostRate, 0, true, true, false, 0, "1000,2000,3000,4000,6000,8000,12000,16000",
     "sample rates in Hz; those above the input's are left out", 70.0},
    {"bits", "Bits",
     "Bits that a sample takes: values are rounded to as many levels, and bytes are counted as if they were packed (0 "
     "= "
     "all that the output format has)",
     KnobType::Int, 0, 32, 0, true, true, false, GST_ONEADAPT_KNOB_ON_REQUEST, "4,6,8,10,12,16",
     "bits; those beyond the output format's are left out", 70.0},
};

double rate_in_force(double asked, double in_rate) {
  if (in_rate <= 0) return asked;
  if (asked >= in_rate) return in_rate;
  return std::min(in_rate, std::max(double(kLeastRate), std::round(asked / kRateStep) * kRateStep));
}

}  // namespace

const KnobTable &audio_knobs() {
  static const KnobTable table(kTable);
  return table;
}

Ladders audio_ladders(const Ladders &users, const AudioFormats &formats) {
  Ladders ladders(kAudioKnobs);
  if (formats.in_rate <= 0) return ladders;
  for (std::size_t knob = 0; knob < kAudioKnobs; knob++) {
    const double most = knob == kRate ? formats.in_rate : formats.bits;
    std::vector<double> all = users[knob];
    if (all.empty()) {
      all = default_ladder(kTable[knob]);
      // Floating point has a rung of its own above the integers'.
      if (knob == kBits && most > all.back()) all.push_back(most);
    }
    for (double value : ladder_up_to(all, most)) {
      if (knob == kRate) value = rate_in_force(value, most);
      if (knob == kBits) value = std::max(value, double(kLeastBits));
      if (ladders[knob].empty() || value > ladders[knob].back()) ladders[knob].push_back(value);
    }
  }
  return ladders;
}

Values audio_values_in_force(const Values &asked, const Ladders &ladders, const AudioFormats &formats) {
  Values values = asked;
  if (values[kRate] <= 0 && !ladders[kRate].empty()) values[kRate] = ladders[kRate].back();
  values[kRate] = rate_in_force(values[kRate], formats.in_rate);
  values[kBits] =
      values[kBits] <= 0 ? formats.bits : std::clamp(values[kBits], double(kLeastBits), double(formats.bits));
  return values;
}

double typical_rate_accuracy(double rate, double most) {
  // A recogniser of digits at 8 kHz, trained on narrow bands too: between what it makes of speakers that it has heard
  // and of one that it has not (docs/results/sound.md); by octaves.
  const auto accuracy = [](double hz) {
    return interpolated({{std::log2(1000.), .44},
                         {std::log2(2000.), .82},
                         {std::log2(3000.), .885},
                         {std::log2(4000.), .92},
                         {std::log2(6000.), .97},
                         {std::log2(8000.), .992},
                         {std::log2(12000.), .999},
                         {std::log2(16000.), 1}},
                        std::log2(hz));
  };
  return accuracy(rate) / accuracy(most);
}

double audio_bit_rate(const Values &in_force) { return in_force[kRate] * in_force[kBits]; }

}  // namespace oneadapt
