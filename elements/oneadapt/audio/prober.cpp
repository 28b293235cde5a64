// SPDX-License-Identifier: LGPL-2.1-or-later
#include "audio/prober.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <stdexcept>

namespace oneadapt {
namespace {

constexpr double kSecond = 1e9;

/// Sound that begins so far before the interval that the interval's first sample falls on one at `rate`, where that is
/// possible.
Sound aligned(const Sound &sound, int rate) {
  const std::size_t step = std::size_t(sound.rate / std::gcd(sound.rate, rate));
  const std::size_t off = sound.before >= step ? sound.before % step : 0;
  if (!off) return sound;
  Sound cut = sound;
  cut.samples.erase(cut.samples.begin(), cut.samples.begin() + std::ptrdiff_t(off));
  cut.before -= off;
  return cut;
}

/// What goes out of the sound, context and all.
Samples sent(const Sound &sound, const Values &values, unsigned quality) {
  Samples out = resampled(sound.samples, sound.rate, int(values[kRate]), quality);
  quantise(out.data(), out.size(), unsigned(values[kBits]));
  return out;
}

class Measurement {
 public:
  explicit Measurement(const AudioProbeRequest &request) : r_(request), gradient_(*request.gradient) {
    if (gradient_.frame_height != 1)
      throw std::runtime_error("the gradient is not of sound: it is more than one sample high");
    rate_ = int(std::lround(gradient_.frame_width * kSecond / double(r_.duration)));
    if (rate_ < kLeastRate || rate_ > kMostRate)
      throw std::runtime_error("the gradient's " + std::to_string(gradient_.frame_width) +
                               " samples are not of an interval as long as the filter's: give all elements the same "
                               "property \"interval\"");
    sound_ = aligned(*r_.interval.sound, rate_);
  }

  /// Σ |DNNGrad| · |y(there) − y(here)|.
  double output_grad(const Values &here, const Values &there) {
    const Samples &a = heard(here), &b = heard(there);
    BlockMap change(gradient_.frame_width, 1, gradient_.block_size);
    // Where the interval's sound begins in the DNN's frame, and in what is heard.
    const std::uint64_t start = r_.interval.number * r_.duration;
    const double late = r_.interval.time > start ? double(r_.interval.time - start) / kSecond : 0;
    const auto lead = std::int64_t(std::lround(late * rate_));
    const auto before = std::int64_t(std::lround(double(sound_.before) * rate_ / sound_.rate));
    const auto known = std::int64_t(std::lround(double(sound_.length) * rate_ / sound_.rate));
    const auto most = std::int64_t(std::min(a.size(), b.size()));
    for (unsigned column = 0; column < change.columns(); column++) {
      double sum = 0;
      const unsigned n = change.pixels(column, 0);
      for (unsigned i = 0; i < n; i++) {
        const std::int64_t into = std::int64_t(column) * change.block_size + i - lead, at = before + into;
        if (into >= 0 && into < known && at < most) sum += std::abs(double(b[std::size_t(at)]) - a[std::size_t(at)]);
      }
      change.at(column, 0) = float(sum / n);
    }
    return oneadapt::output_grad(gradient_, change);
  }

 private:
  /// What the DNN gets of a configuration.
  const Samples &heard(const Values &values) {
    Samples &out = heard_[values];
    if (out.empty())
      out = resampled(sent(sound_, values, r_.quality), int(values[kRate]), rate_, GST_AUDIO_RESAMPLER_QUALITY_DEFAULT);
    return out;
  }

  const AudioProbeRequest &r_;
  const BlockMap &gradient_;
  int rate_ = 0;  // the DNN's
  Sound sound_;
  std::map<Values, Samples> heard_;
};

/// Bytes a second of the configuration that has every knob on its ladder's top.
double most_expensive(const Ladders &ladders) {
  double bits = 1;
  for (const auto &ladder : ladders) bits *= ladder.empty() ? 0 : ladder.back();
  return bits / 8;
}

}  // namespace

double audio_resource(const Values &in_force, const Ladders &ladders) {
  const double most = most_expensive(ladders);
  return most > 0 ? audio_bit_rate(in_force) / 8 / most : -1;
}

AudioProbeResult measure_audio(const AudioProbeRequest &request) {
  AudioProbeResult result;
  const SoundRecord &interval = request.interval;
  const Values &here = interval.values;
  const double most = most_expensive(request.ladders);
  if (interval.seconds > 0 && most > 0) result.resource = double(interval.bytes) / (interval.seconds * most);
  std::optional<Measurement> measurement;
  if (request.gradient) measurement.emplace(request);
  for (std::size_t knob = 0; knob < kAudioKnobs; knob++) {
    const auto &ladder = request.ladders[knob];
    if (ladder.empty()) continue;
    ProbedKnob &probed = result.knobs[knob];
    probed.rung = nearest_rung(here[knob], ladder);
    if (!request.wanted[knob]) continue;
    auto step = [&](std::size_t rung) {
      Values there = here;
      there[knob] = ladder[rung];
      ProbedStep s;
      s.resource_change = audio_resource(there, request.ladders) - audio_resource(here, request.ladders);
      if (measurement) s.output_grad = audio_knobs()[knob].weight * measurement->output_grad(here, there);
      return s;
    };
    if (probed.rung + 1 < ladder.size()) probed.up = step(probed.rung + 1);
    if (probed.rung > 0) probed.down = step(probed.rung - 1);
  }
  return result;
}

Samples render_audio(const SoundRecord &interval, const Values &in_force, unsigned quality) {
  const int rate = int(in_force[kRate]);
  const Sound sound = aligned(*interval.sound, rate);
  const Samples all = sent(sound, in_force, quality);
  const auto at = [&](std::size_t index) {
    return all.begin() +
           std::min<std::ptrdiff_t>(std::ptrdiff_t(all.size()), std::lround(double(index) * rate / sound.rate));
  };
  return Samples(at(sound.before), at(sound.before + sound.length));
}

}  // namespace oneadapt
