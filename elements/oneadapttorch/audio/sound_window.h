// SPDX-License-Identifier: LGPL-2.1-or-later
// The last seconds of sound, at whatever rates they came, and what of them a model hears at its own rate.
#pragma once
#include <gst/audio/audio.h>

#include <cstdint>
#include <deque>
#include <vector>

namespace oneadapt {

/// Mono samples at `rate` to `out_rate`, aligned with the first one: round(samples·out_rate/rate) of them. Beyond
/// both ends the signal is taken to go on, mirrored, so that nothing clicks there. By GstAudioConverter.
std::vector<float> resample(const std::vector<float> &samples, unsigned rate, unsigned out_rate);

/// Mono samples of a buffer as float, full scale ±1; those that are not finite become 0 and are counted. False when
/// the buffer is not what `info` (F32LE or S16LE, one channel) says.
bool read_samples(GstBuffer *buffer, const GstAudioInfo &info, std::vector<float> &samples, guint64 &not_finite);

/// Not thread-safe. Times are stream time in ns.
class SoundWindow {
 public:
  /// Appends what begins at `time`; what came before and overlaps it is forgotten, and between the two may be a gap,
  /// which is silent. Times may be off by 2 ms, or a sample, from where the last samples ended: then they go on there.
  void append(std::uint64_t time, unsigned rate, const std::vector<float> &samples);
  bool empty() const { return runs_.empty(); }
  /// First and last instant known.
  std::uint64_t begin() const;
  std::uint64_t end() const;
  /// Samples at `rate` from `from` to `to`; silence where nothing is known.
  std::vector<float> read(std::uint64_t from, std::uint64_t to, unsigned rate) const;
  /// Forgets what ended before `time`.
  void forget(std::uint64_t time);
  void clear() { runs_.clear(); }

 private:
  /// What came without a gap at one rate.
  struct Stretch {
    std::uint64_t origin;  ///< ns, of the sample number 0
    std::uint64_t first;   ///< number of the first sample that is still here
    unsigned rate;
    std::vector<float> samples;
    std::uint64_t time_of(std::uint64_t sample) const;
    std::uint64_t begin() const { return time_of(first); }
    std::uint64_t end() const { return time_of(first + samples.size()); }
  };
  std::deque<Stretch> runs_;
};

}  // namespace oneadapt
