// SPDX-License-Identifier: LGPL-2.1-or-later
#include "audio/sound_window.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <stdexcept>

namespace oneadapt {
namespace {

struct FreeConverter {
  void operator()(GstAudioConverter *converter) const { gst_audio_converter_free(converter); }
};

/// How far the resampler looks to each side, input samples; more than it has taps at any quality it takes by itself.
constexpr std::size_t kMargin = 256;

/// `count` samples that go on in front of `x`, mirrored in its first one; x has at least one.
float before(const std::vector<float> &x, std::size_t back) { return 2 * x[0] - x[std::min(back, x.size() - 1)]; }
float after(const std::vector<float> &x, std::size_t on) {
  return 2 * x.back() - x[x.size() - 1 - std::min(on, x.size() - 1)];
}

}  // namespace

std::vector<float> resample(const std::vector<float> &samples, unsigned rate, unsigned out_rate) {
  if (samples.empty() || rate == out_rate) return samples;
  GstAudioInfo in, out;
  gst_audio_info_init(&in);
  gst_audio_info_init(&out);
  gst_audio_info_set_format(&in, GST_AUDIO_FORMAT_F32, gint(rate), 1, nullptr);
  gst_audio_info_set_format(&out, GST_AUDIO_FORMAT_F32, gint(out_rate), 1, nullptr);
  std::unique_ptr<GstAudioConverter, FreeConverter> converter(
      gst_audio_converter_new(GST_AUDIO_CONVERTER_FLAG_NONE, &in, &out, nullptr));
  if (!converter) throw std::runtime_error("GStreamer cannot convert the sampling rate");
  // A whole number of seconds' fraction in front, so that output samples fall where they should: `lead` input samples
  // are `skip` output samples exactly.
  const std::size_t divisor = std::size_t(std::max<guint64>(1, gst_util_greatest_common_divisor_int64(rate, out_rate)));
  const std::size_t in_step = rate / divisor, out_step = out_rate / divisor;
  const std::size_t steps = (kMargin + in_step - 1) / in_step, lead = steps * in_step, skip = steps * out_step;
  std::vector<float> padded;
  padded.reserve(samples.size() + 2 * lead);
  for (std::size_t i = lead; i > 0; --i) padded.push_back(before(samples, i));
  padded.insert(padded.end(), samples.begin(), samples.end());
  for (std::size_t i = 1; i <= lead; ++i) padded.push_back(after(samples, i));
  const gsize frames = gst_audio_converter_get_out_frames(converter.get(), padded.size());
  std::vector<float> converted(frames);
  gpointer from[] = {padded.data()}, to[] = {converted.data()};
  if (!gst_audio_converter_samples(converter.get(), GST_AUDIO_CONVERTER_FLAG_NONE, from, padded.size(), to, frames))
    throw std::runtime_error("GStreamer cannot convert the sampling rate");
  const auto wanted = std::size_t(std::llround(double(samples.size()) * out_rate / rate));
  std::vector<float> result(wanted, 0.f);
  for (std::size_t i = 0; i < wanted && skip + i < frames; ++i) result[i] = converted[skip + i];
  return result;
}

bool read_samples(GstBuffer *buffer, const GstAudioInfo &info, std::vector<float> &samples, guint64 &not_finite) {
  const auto size = std::size_t(GST_AUDIO_INFO_BPF(&info));
  GstMapInfo map;
  if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) return false;
  const bool whole = map.size % size == 0;
  samples.assign(map.size / size, 0.f);
  if (whole && !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_GAP)) {
    for (std::size_t i = 0; i < samples.size(); ++i) {
      samples[i] = GST_AUDIO_INFO_FORMAT(&info) == GST_AUDIO_FORMAT_S16LE
                       ? float(GST_READ_UINT16_LE(map.data + 2 * i) ^ 0x8000) / 32768.f - 1.f
                       : GST_READ_FLOAT_LE(map.data + 4 * i);
      if (std::isfinite(samples[i])) continue;
      samples[i] = 0;
      ++not_finite;
    }
  }
  gst_buffer_unmap(buffer, &map);
  return whole;
}

std::uint64_t SoundWindow::Stretch::time_of(std::uint64_t sample) const {
  return origin + gst_util_uint64_scale_round(sample, GST_SECOND, rate);
}

void SoundWindow::append(std::uint64_t time, unsigned rate, const std::vector<float> &samples) {
  if (samples.empty()) return;
  const std::uint64_t slack = std::max<std::uint64_t>(2 * GST_MSECOND, GST_SECOND / rate);
  const bool near = !runs_.empty() && time + slack >= runs_.back().end() && time <= runs_.back().end() + slack;
  if (near && runs_.back().rate == rate) {
    runs_.back().samples.insert(runs_.back().samples.end(), samples.begin(), samples.end());
    return;
  }
  while (!near && !runs_.empty() && runs_.back().end() > time) runs_.pop_back();  // time went back
  runs_.push_back({time, 0, rate, samples});
}

std::uint64_t SoundWindow::begin() const { return runs_.empty() ? 0 : runs_.front().begin(); }
std::uint64_t SoundWindow::end() const { return runs_.empty() ? 0 : runs_.back().end(); }

std::vector<float> SoundWindow::read(std::uint64_t from, std::uint64_t to, unsigned rate) const {
  const auto place = [&](std::uint64_t time) {
    return std::int64_t(gst_util_uint64_scale_round(time, rate, GST_SECOND));
  };
  const std::int64_t first = place(from);
  std::vector<float> result(std::size_t(std::max<std::int64_t>(0, place(to) - first)), 0.f);
  for (const Stretch &stretch : runs_) {
    if (stretch.end() <= from || stretch.begin() >= to) continue;
    const std::vector<float> part = resample(stretch.samples, stretch.rate, rate);
    const std::int64_t offset = place(stretch.begin()) - first;
    for (std::size_t i = 0; i < part.size(); ++i) {
      const std::int64_t at = offset + std::int64_t(i);
      if (at >= 0 && at < std::int64_t(result.size())) result[std::size_t(at)] = part[i];
    }
  }
  return result;
}

void SoundWindow::forget(std::uint64_t time) {
  while (!runs_.empty() && runs_.front().end() <= time) runs_.pop_front();
  if (runs_.empty() || runs_.front().begin() >= time) return;
  Stretch &front = runs_.front();
  // Whole seconds stay aligned with any rate's samples.
  const std::uint64_t seconds = (time - front.begin()) / GST_SECOND;
  const std::uint64_t count = std::min<std::uint64_t>(seconds * front.rate, front.samples.size());
  front.first += count;
  front.samples.erase(front.samples.begin(), front.samples.begin() + std::ptrdiff_t(count));
  if (front.samples.empty()) runs_.pop_front();
}

}  // namespace oneadapt
