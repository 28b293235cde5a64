// SPDX-License-Identifier: LGPL-2.1-or-later
#include "augment.h"

#include <algorithm>
#include <cmath>

namespace oneadapt_speech {

namespace {

struct Section {
  double b0, b1, b2, a1, a2;
  void run(Sound &sound) const {
    double z1 = 0, z2 = 0;
    for (float &s : sound) {
      const double x = s, y = b0 * x + z1;
      z1 = b1 * x - a1 * y + z2;
      z2 = b2 * x - a2 * y;
      s = static_cast<float>(y);
    }
  }
};

}  // namespace

void add_at_snr(Sound &sound, std::size_t begin, std::size_t end, const Sound &added, double loudness, double snr) {
  end = std::min(end, sound.size());
  if (added.empty() || begin >= end || loudness <= 0) return;
  double power = 0;
  for (std::size_t i = begin; i < end; ++i) {
    const double a = added[(i - begin) % added.size()];
    power += a * a;
  }
  power /= static_cast<double>(end - begin);
  if (power <= 0) return;
  const auto gain = static_cast<float>(loudness / std::sqrt(power) * factor_of(-snr));
  for (std::size_t i = begin; i < end; ++i) sound[i] += gain * added[(i - begin) % added.size()];
}

Sound stretch_of(const Sound &from, std::size_t count, Random &random) {
  Sound out(count);
  if (from.empty()) return out;
  std::size_t at = random.below(from.size());
  for (float &s : out) {
    s = from[at];
    if (++at == from.size()) at = 0;
  }
  return out;
}

Sound at_speed(const Sound &sound, double speed) {
  // Two hundred steps an octave or so: rates with a common divisor have small filters.
  return resample(sound, std::max(1, static_cast<int>(std::lround(200 * speed))), 200);
}

Sound band_limited(const Sound &sound, int rate, int limited_rate) {
  if (limited_rate >= rate) return sound;
  Sound back = resample(resample(sound, rate, limited_rate), limited_rate, rate);
  back.resize(sound.size());
  return back;
}

void peak_filter(Sound &sound, int rate, double frequency, double gain, double q) {
  const double a = std::pow(10.0, gain / 40), w = 2 * M_PI * frequency / rate, alpha = std::sin(w) / (2 * q);
  const double n = 1 + alpha / a;
  Section{(1 + alpha * a) / n, -2 * std::cos(w) / n, (1 - alpha * a) / n, -2 * std::cos(w) / n, (1 - alpha / a) / n}
      .run(sound);
}

void high_pass(Sound &sound, int rate, double frequency) {
  const double w = 2 * M_PI * frequency / rate, alpha = std::sin(w) / std::sqrt(2.0), c = std::cos(w), n = 1 + alpha;
  Section{(1 + c) / 2 / n, -(1 + c) / n, (1 + c) / 2 / n, -2 * c / n, (1 - alpha) / n}.run(sound);
}

void random_equaliser(Sound &sound, int rate, double most, Random &random) {
  const std::size_t bells = random.below(4);
  for (std::size_t i = 0; i < bells; ++i)
    peak_filter(sound, rate, random.scaled(120, 0.45 * rate), random.between(-most, most), random.scaled(0.4, 2));
  if (random.chance(0.5)) {  // a slope: brighter or duller
    const auto c = static_cast<float>(random.between(-0.8, 0.6));
    float before = 0;
    for (float &s : sound) {
      const float x = s;
      s = x + c * before;
      before = x;
    }
  }
  if (random.chance(0.25)) high_pass(sound, rate, random.scaled(60, 400));
}

void reverberate(Sound &sound, int rate, double seconds, double wet, Random &random) {
  const auto count = static_cast<std::size_t>(std::min(0.15, seconds) * rate);
  const auto first = static_cast<std::size_t>(random.between(0.002, 0.015) * rate);
  if (count <= first) return;
  std::vector<float> echo(count - first);
  double energy = 0;
  for (std::size_t i = 0; i < echo.size(); ++i) {
    echo[i] = static_cast<float>(random.normal() * std::pow(10.0, -3 * static_cast<double>(i) / (seconds * rate)));
    energy += static_cast<double>(echo[i]) * echo[i];
  }
  const auto gain = static_cast<float>(std::sqrt(wet / energy));
  const Sound dry = sound;
  for (std::size_t k = 0; k < echo.size(); ++k) {
    const float e = echo[k] * gain;
    const std::size_t late = first + k;
    for (std::size_t i = late; i < dry.size(); ++i) sound[i] += e * dry[i - late];
  }
}

Sound artificial_noise(std::size_t count, int rate, Random &random) {
  Sound out(count);
  const std::size_t kind = random.below(5);
  if (kind < 3) {  // white to brown
    const double pole = kind == 0 ? 0 : random.between(0.3, 0.99);
    double state = 0;
    for (float &s : out) {
      state = pole * state + random.between(-1, 1);
      s = static_cast<float>(state);
    }
    if (random.chance(0.5)) random_equaliser(out, rate, 15, random);
  } else if (kind == 3) {  // hum with harmonics, slowly louder and softer
    const double frequency = random.scaled(40, 400), sway = random.between(0.2, 6), falls = random.between(0.3, 2);
    const double phase = random.between(0, 2 * M_PI);
    for (std::size_t i = 0; i < count; ++i) {
      const double t = static_cast<double>(i) / rate;
      double s = 0;
      for (int h = 1; h <= 8; ++h) s += std::sin(2 * M_PI * frequency * h * t + h * phase) / std::pow(h, falls);
      out[i] = static_cast<float>(s * (1 + 0.7 * std::sin(2 * M_PI * sway * t + phase)));
    }
  } else {  // bursts and clicks that die away
    const double per_second = random.scaled(1, 20), decay = random.scaled(0.002, 0.1);
    double level = 0, state = 0;
    const double pole = random.between(0, 0.95), fall = std::exp(-1 / (decay * rate));
    for (float &s : out) {
      if (random.chance(per_second / rate)) level = random.between(0.2, 1);
      level *= fall;
      state = pole * state + level * random.between(-1, 1);
      s = static_cast<float>(state + 0.003 * random.between(-1, 1));
    }
  }
  const double loud = rms(out);
  if (loud > 0)
    for (float &s : out) s = static_cast<float>(s / loud);
  return out;
}

}  // namespace oneadapt_speech
