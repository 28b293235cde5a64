// SPDX-License-Identifier: LGPL-2.1-or-later
#include "audio/sound_measurement.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>
#include <utility>

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

/// What goes out of the sound, with its context.
Samples sent(const Sound &sound, const Values &values, unsigned quality) {
  Samples out = resampled(sound.samples, sound.rate, int(values[kRate]), quality);
  quantise(out.data(), out.size(), unsigned(values[kBits]));
  return out;
}

}  // namespace

SoundMeasurement::SoundMeasurement(SoundRecord record, std::uint64_t duration, unsigned quality,
                                   const ProbeRequest &request)
    : record_(std::move(record)), duration_(duration), quality_(quality), ladders_(request.ladders) {
  for (const auto &ladder : ladders_) most_ *= ladder.empty() ? 0 : ladder.back();
  most_ /= 8;
  if (!request.gradient) return;
  gradient_ = request.gradient->map;
  rate_ = int(std::lround(gradient_.frame_width * kSecond / double(duration_)));
  if (rate_ < kLeastRate || rate_ > kMostRate)
    throw std::runtime_error("the gradient's " + std::to_string(gradient_.frame_width) +
                             " samples are not of an interval as long as the filter's: give all elements the same "
                             "property \"interval\"");
  sound_ = aligned(*record_.sound, rate_);
}

double SoundMeasurement::resource_in_force() {
  return record_.seconds > 0 && most_ > 0 ? double(record_.bytes) / (record_.seconds * most_) : -1;
}

double SoundMeasurement::resource(const Values &values) { return most_ > 0 ? audio_bit_rate(values) / 8 / most_ : -1; }

/// What the DNN gets of a configuration.
const Samples &SoundMeasurement::heard(const Values &values) {
  Samples &out = heard_[values];
  if (out.empty())
    out = resampled(sent(sound_, values, quality_), int(values[kRate]), rate_, GST_AUDIO_RESAMPLER_QUALITY_DEFAULT);
  return out;
}

double SoundMeasurement::output_grad(const Move &move) {
  const Samples &a = heard(move.here), &b = heard(move.there);
  BlockMap change(gradient_.frame_width, 1, gradient_.block_size);
  // Where the interval's sound begins in the DNN's frame, and in what is heard.
  const std::uint64_t start = record_.number * duration_;
  const double late = record_.time > start ? double(record_.time - start) / kSecond : 0;
  const auto lead = std::int64_t(std::lround(late * rate_));
  const auto before = std::int64_t(std::lround(double(sound_.before) * rate_ / sound_.rate));
  const auto known = std::int64_t(std::lround(double(sound_.length) * rate_ / sound_.rate));
  const auto most = std::int64_t(std::min(a.size(), b.size()));
  for (unsigned column = 0; column < change.columns(); column++) {
    double sum = 0;
    const auto n = std::int64_t(change.pixels(column, 0));
    for (std::int64_t i = 0; i < n; i++) {
      const std::int64_t into = std::int64_t(column) * change.block_size + i - lead, at = before + into;
      if (into >= 0 && into < known && at < most) sum += std::abs(double(b[std::size_t(at)]) - a[std::size_t(at)]);
    }
    change.at(column, 0) = float(sum / double(n));
  }
  return oneadapt::output_grad(gradient_, change);
}

GstOneadaptRendering *SoundMeasurement::render(const Values &asked) {
  const Values values = audio_values_in_force(asked, ladders_, record_.formats);
  const int rate = int(values[kRate]);
  const Sound sound = aligned(*record_.sound, rate);
  const Samples all = sent(sound, values, quality_);
  // The interval's first sample is the first one.
  const auto at = [&](std::size_t index) {
    return all.begin() +
           std::min<std::ptrdiff_t>(std::ptrdiff_t(all.size()), std::lround(double(index) * rate / sound.rate));
  };
  const Samples samples(at(sound.before), at(sound.before + sound.length));
  if (samples.empty()) throw std::runtime_error("it has no sample at that rate");

  const GstAudioInfo info = mono_info(rate, record_.format);
  GstBuffer *buffer = AudioConverter(mono_info(rate), info).to_buffer(samples);
  GST_BUFFER_PTS(buffer) = record_.time;
  GST_BUFFER_DURATION(buffer) = gst_util_uint64_scale(samples.size(), GST_SECOND, guint64(rate));
  GstCaps *caps = gst_audio_info_to_caps(&info);
  GstOneadaptRendering *rendering = gst_oneadapt_rendering_new();
  gst_oneadapt_rendering_add(rendering, gst_sample_new(buffer, caps, nullptr, nullptr), record_.time);
  gst_oneadapt_rendering_want(rendering, (record_.number + 1) * duration_);
  rendering->resource = resource(values);
  gst_caps_unref(caps);
  gst_buffer_unref(buffer);
  return rendering;
}

}  // namespace oneadapt
