// SPDX-License-Identifier: LGPL-2.1-or-later
#include "audio/resampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace oneadapt {
namespace {

/// ⌈a · b / c⌉ for a ≥ 0.
std::int64_t scaled_up(std::int64_t a, std::int64_t b, std::int64_t c) { return (a * b + c - 1) / c; }

/// Every channel counts alike: what the library does for a layout that it knows, for those that it does not.
void average_channels(GstStructure *config, int channels) {
  GValue matrix = G_VALUE_INIT, row = G_VALUE_INIT, share = G_VALUE_INIT;
  gst_value_array_init(&matrix, 1);
  gst_value_array_init(&row, guint(channels));
  g_value_init(&share, G_TYPE_FLOAT);
  g_value_set_float(&share, 1.0f / float(channels));
  for (int i = 0; i < channels; i++) gst_value_array_append_value(&row, &share);
  gst_value_array_append_and_take_value(&matrix, &row);
  gst_structure_take_value(config, GST_AUDIO_CONVERTER_OPT_MIX_MATRIX, &matrix);
  g_value_unset(&share);
}

}  // namespace

AudioConverter::AudioConverter(const GstAudioInfo &in, const GstAudioInfo &out) : out_bpf_(gsize(out.bpf)) {
  GstAudioInfo from = in, to = out;
  GstStructure *config = gst_structure_new("config", GST_AUDIO_CONVERTER_OPT_DITHER_METHOD,
                                           GST_TYPE_AUDIO_DITHER_METHOD, GST_AUDIO_DITHER_NONE, nullptr);
  if (GST_AUDIO_INFO_IS_UNPOSITIONED(&in) && GST_AUDIO_INFO_CHANNELS(&in) > 1)
    average_channels(config, GST_AUDIO_INFO_CHANNELS(&in));
  converter_.reset(gst_audio_converter_new(GST_AUDIO_CONVERTER_FLAG_NONE, &from, &to, config));
  if (!converter_) throw std::runtime_error("the audio library cannot convert this format");
}

void AudioConverter::run(const void *in, std::size_t frames, void *out) {
  gpointer from[] = {const_cast<gpointer>(in)}, to[] = {out};
  if (!gst_audio_converter_samples(converter_.get(), GST_AUDIO_CONVERTER_FLAG_NONE, from, frames, to, frames))
    throw std::runtime_error("the audio library failed to convert samples");
}

GstBuffer *AudioConverter::to_buffer(const Samples &mono) {
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, mono.size() * out_bpf_, nullptr);
  GstMapInfo map;
  if (!buffer || !gst_buffer_map(buffer, &map, GST_MAP_WRITE)) {
    gst_clear_buffer(&buffer);
    throw std::runtime_error("there is no memory for a buffer");
  }
  run(mono.data(), mono.size(), map.data);
  gst_buffer_unmap(buffer, &map);
  return buffer;
}

GstAudioInfo mono_info(int rate, GstAudioFormat format) {
  GstAudioInfo info;
  gst_audio_info_set_format(&info, format, rate, 1, nullptr);
  return info;
}

Resampler::Resampler(int in_rate, int out_rate, unsigned quality) {
  if (in_rate == out_rate) return;
  GstStructure *options = gst_structure_new_empty("options");
  gst_audio_resampler_options_set_quality(GST_AUDIO_RESAMPLER_METHOD_KAISER, quality, in_rate, out_rate, options);
  gst_structure_set(options, GST_AUDIO_RESAMPLER_OPT_FILTER_MODE, GST_TYPE_AUDIO_RESAMPLER_FILTER_MODE,
                    GST_AUDIO_RESAMPLER_FILTER_MODE_FULL, GST_AUDIO_RESAMPLER_OPT_FILTER_INTERPOLATION,
                    GST_TYPE_AUDIO_RESAMPLER_FILTER_INTERPOLATION, GST_AUDIO_RESAMPLER_FILTER_INTERPOLATION_NONE,
                    GST_AUDIO_RESAMPLER_OPT_MAX_PHASE_ERROR, G_TYPE_DOUBLE, 0.0, nullptr);
  resampler_.reset(gst_audio_resampler_new(GST_AUDIO_RESAMPLER_METHOD_KAISER, GST_AUDIO_RESAMPLER_FLAG_NONE,
                                           GST_AUDIO_FORMAT_F32, 1, in_rate, out_rate, options));
  gst_structure_free(options);
  if (!resampler_) throw std::runtime_error("the audio library cannot convert between these rates");
  reach_ = gst_audio_resampler_get_max_latency(resampler_.get());
}

void Resampler::run(const float *samples, std::size_t n, Samples &out) {
  if (!n) return;
  const std::size_t before = out.size();
  if (!resampler_) {
    out.resize(before + n, 0.0f);
    if (samples) std::copy_n(samples, n, out.begin() + std::ptrdiff_t(before));
    return;
  }
  const std::size_t more = gst_audio_resampler_get_out_frames(resampler_.get(), n);
  out.resize(before + more);
  gpointer from[] = {const_cast<float *>(samples)}, to[] = {out.data() + before};
  gst_audio_resampler_resample(resampler_.get(), samples ? from : nullptr, n, to, more);
}

Samples resampled(const Samples &in, int in_rate, int out_rate, unsigned quality) {
  Resampler resampler(in_rate, out_rate, quality);
  const auto wanted = std::size_t(scaled_up(std::int64_t(in.size()), out_rate, in_rate));
  Samples out;
  out.reserve(wanted + 16);
  resampler.run(in.data(), in.size(), out);
  while (out.size() < wanted) resampler.run(nullptr, resampler.reach() + 1, out);
  out.resize(wanted);
  return out;
}

void quantise(float *samples, std::size_t n, unsigned bits) {
  if (bits >= 24) return;
  const float levels = std::ldexp(1.0f, int(bits) - 1);
  for (std::size_t i = 0; i < n; i++)
    samples[i] = std::clamp(std::nearbyint(samples[i] * levels), -levels, levels - 1) / levels;
}

void RateChanger::append(const float *samples, std::size_t n) {
  sound_.insert(sound_.end(), samples, samples + n);
  end_ += std::int64_t(n);
}

/// Outputs before `taken_` belong to what came before begin(), or to nobody.
void RateChanger::feed(const float *samples, std::size_t n) {
  const std::size_t before = ready_.size();
  resampler_->run(samples, n, ready_);
  const auto more = std::int64_t(ready_.size() - before);
  const std::int64_t unwanted = std::clamp<std::int64_t>(taken_ - made_, 0, more);
  ready_.erase(ready_.begin() + std::ptrdiff_t(before), ready_.begin() + std::ptrdiff_t(before) + unwanted);
  made_ += more;
}

void RateChanger::begin(std::int64_t at, int rate) {
  if (resampler_ && rate == rate_) return;
  rate_ = rate;
  resampler_.emplace(in_rate_, rate, quality_);
  ready_.clear();
  // Back to where an output falls on `at`, if that is not far; else the outputs lie between the samples.
  const auto reach = std::int64_t(resampler_->reach());
  const std::int64_t step = in_rate_ / std::gcd(in_rate_, rate);
  std::int64_t back = scaled_up(reach, 1, step) * step;
  if (back > reach + in_rate_ / 8) back = reach;
  origin_ = fed_ = at - back;
  made_ = 0;
  taken_ = scaled_up(back, rate, in_rate_);
  if (fed_ < base_) {
    feed(nullptr, std::size_t(base_ - fed_));
    fed_ = base_;
  }
}

bool RateChanger::past(std::int64_t until) const { return numerator() >= until * rate_; }

void RateChanger::take(std::int64_t until, Beyond beyond, Samples &out) {
  if (!resampler_) return;
  if (end_ > fed_) feed(at(fed_), std::size_t(end_ - fed_));
  fed_ = end_;
  const std::size_t reach = resampler_->reach() + 1;
  if (beyond == Beyond::Silence) feed(nullptr, reach);
  if (beyond == Beyond::Mirror && end_ > base_) {
    // Turned about the last sample: value and slope go on.
    Samples more(reach);
    const float last = sound_.back();
    for (std::size_t i = 0; i < reach; i++) {
      const std::int64_t index = end_ - 2 - std::int64_t(i);
      more[i] = 2 * last - (index >= base_ ? *at(index) : 0.0f);
    }
    feed(more.data(), reach);
  }
  // Outputs j with origin / in_rate + j / rate < until / in_rate.
  const std::int64_t count = std::clamp<std::int64_t>(
      scaled_up(std::max<std::int64_t>(0, until - origin_), rate_, in_rate_) - taken_, 0, std::int64_t(ready_.size()));
  out.insert(out.end(), ready_.begin(), ready_.begin() + count);
  ready_.erase(ready_.begin(), ready_.begin() + count);
  taken_ += count;
  if (beyond != Beyond::Wait) {
    resampler_.reset();
    ready_.clear();
  }
  // What another begin() may look back to.
  const std::int64_t keep = origin_ + taken_ * in_rate_ / rate_ - in_rate_ / 2;
  if (keep > base_ + in_rate_) {
    sound_.erase(sound_.begin(), sound_.begin() + (keep - base_));
    base_ = keep;
  }
}

}  // namespace oneadapt
