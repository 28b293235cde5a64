// SPDX-License-Identifier: LGPL-2.1-or-later
// Sound in memory: any raw audio to mono and back, and from one sample rate to another with exact times. GStreamer's
// audio library does the work. Errors are std::runtime_error with a sentence. Thread-bound.
#pragma once
#include <gst/audio/audio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace oneadapt {

/// Mono samples, full scale ±1.
using Samples = std::vector<float>;

constexpr int kLeastRate = 1000, kMostRate = 192000;  // Hz

/// Format conversion without a change of rate; channels are mixed down. `in` and `out` are interleaved.
class AudioConverter {
 public:
  AudioConverter(const GstAudioInfo &in, const GstAudioInfo &out);
  /// `frames` frames of `in` become as many of `out`.
  void run(const void *in, std::size_t frames, void *out);
  /// Mono samples as a buffer of `out`. (transfer full)
  GstBuffer *to_buffer(const Samples &mono);

 private:
  struct Free {
    void operator()(GstAudioConverter *converter) const { gst_audio_converter_free(converter); }
  };
  std::unique_ptr<GstAudioConverter, Free> converter_;
  gsize out_bpf_;
};

/// Mono float at `rate`.
GstAudioInfo mono_info(int rate, GstAudioFormat format = GST_AUDIO_FORMAT_F32);

/// A low-pass and the change of rate, by GstAudioResampler with a Kaiser window. Its outputs fall on the instants of
/// the input exactly: output j is at j / out_rate after the first sample (the library's default, taps interpolated from
/// others, is up to a whole input sample late, and by another amount at each rate).
class Resampler {
 public:
  /// `quality` 0…10, as in `audioresample`.
  Resampler(int in_rate, int out_rate, unsigned quality);
  /// Input samples on either side of an instant that its output needs; 0 where the rates are the same.
  std::size_t reach() const { return reach_; }
  /// Feeds `n` samples and appends what they bring to `out`; NULL: silence.
  void run(const float *samples, std::size_t n, Samples &out);

 private:
  struct Free {
    void operator()(GstAudioResampler *resampler) const { gst_audio_resampler_free(resampler); }
  };
  std::unique_ptr<GstAudioResampler, Free> resampler_;  // none: the rates are the same
  std::size_t reach_ = 0;
};

/// All of `in` at another rate, silence before and after it: ⌈size · out_rate / in_rate⌉ samples, the first at the
/// instant of the first.
Samples resampled(const Samples &in, int in_rate, int out_rate, unsigned quality);

/// To a grid of 2^`bits` levels in [−1, 1), clipped; 24 and more: as they are.
void quantise(float *samples, std::size_t n, unsigned bits);

/// Turns a stretch of sound without holes into the same at another rate, which may change at any sample. What comes out
/// is what a converter at that rate, fed with all the sound from the beginning, would have put out from there on: a
/// change of rate begins a new one far enough back. Positions are indices of input samples.
class RateChanger {
 public:
  /// Sound begins at index `start`, with silence before it.
  RateChanger(int in_rate, std::int64_t start, unsigned quality)
      : in_rate_(in_rate), quality_(quality), base_(start), end_(start) {}

  void append(const float *samples, std::size_t n);
  /// Index after the last sample that was appended.
  std::int64_t end() const { return end_; }

  /// From index `at` ≤ end() on, `rate` is put out; nothing from there on may have been taken. The same rate goes on
  /// without a seam.
  void begin(std::int64_t at, int rate);

  /// What to suppose after the end where more is needed.
  enum class Beyond { Wait, Silence, Mirror };
  /// Outputs in [last taken, `until`), as far as they are known, appended to `out`. `until` ≤ end() for any but Wait.
  /// With Silence or Mirror (the sound goes on, and is not here yet) all of them; begin() must follow then.
  void take(std::int64_t until, Beyond beyond, Samples &out);
  /// Whether all outputs before `until` have been taken.
  bool past(std::int64_t until) const;
  /// Time of the next output that take() will give, as a fraction of a second: numerator, and denominator() of it.
  std::int64_t numerator() const { return origin_ * rate_ + taken_ * in_rate_; }
  std::int64_t denominator() const { return std::int64_t(in_rate_) * rate_; }
  int rate() const { return rate_; }

 private:
  const float *at(std::int64_t index) const { return sound_.data() + (index - base_); }
  void feed(const float *samples, std::size_t n);

  int in_rate_, rate_ = 0;
  unsigned quality_;
  Samples sound_;  // [base_, end_)
  std::int64_t base_, end_;
  std::optional<Resampler> resampler_;
  std::int64_t fed_ = 0;     // index after the last sample that the resampler has
  std::int64_t origin_ = 0;  // output j is at origin_ / in_rate_ + j / rate_
  std::int64_t made_ = 0;    // j of the next output of the resampler
  std::int64_t taken_ = 0;   // j of the next output that is wanted
  Samples ready_;            // those from taken_ on
};

}  // namespace oneadapt
