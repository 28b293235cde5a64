// SPDX-License-Identifier: LGPL-2.1-or-later
// What oneadaptaudiofilter remembers of its last intervals, for probing, and its counters.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "audio/knobs.h"
#include "audio/resampler.h"
#include "tunable/interval_history.h"

namespace oneadapt {

/// The original sound of an interval, mono, with some of what was before and after it.
struct Sound {
  int rate = 0;                        ///< Hz
  Samples samples;                     ///< all of it
  std::size_t before = 0, length = 0;  ///< samples in front of the interval, and of it
};

/// One adaptation interval, finished or so far.
struct AudioRecord {
  std::uint64_t number = 0;
  Values values{};  ///< in force
  AudioFormats formats;
  GstAudioFormat format = GST_AUDIO_FORMAT_UNKNOWN;  ///< of what went out
  std::uint64_t bytes = 0;                           ///< that went out
  double seconds = 0;                                ///< of sound that went out
  std::uint64_t time = 0;                            ///< stream time in ns of the first sample below
  std::int64_t from = 0, to = -1;                    ///< samples, as the ledger counts them; to < 0: still growing
  std::shared_ptr<const Sound> sound;                ///< of an interval that was asked for
  double activity = -1;                              ///< with `sound`: whether there was a voice, [0, 1]; < 0: unknown
  double foreseen = -1;                              ///< the same, as far as it was known when the interval began
};

/// Since the filter was started.
struct AudioCounters {
  std::uint64_t samples_in = 0, samples_out = 0, dropped = 0, filled = 0, non_finite = 0;
  std::uint64_t intervals = 0, bytes = 0, last_interval_bytes = 0, rate_changes = 0;
  std::uint64_t voice_ns = 0;                              ///< of sound in which there was a voice
  std::uint64_t convert_ns = 0, probe_ns = 0, probes = 0;  ///< CPU time of the threads that did it
};

/// Samples are counted by whoever puts them in: the index of each is one more than that of the one before. Not
/// thread-safe: the filter guards it.
class AudioLedger {
 public:
  /// Sound begins anew at index `start`, at another rate perhaps: what was before is not continued.
  void restart(const AudioFormats &formats, GstAudioFormat format, std::int64_t start);
  /// The interval under way goes on with such sound, from stream time `time` on, with `values`; what came of it before
  /// can no longer be compared with what comes.
  void go_on(const Values &values, std::uint64_t time);
  void append(const float *samples, std::size_t n);
  /// Samples from index `from` to `to` were judged: there is a voice in them, or none. In order, each once.
  void judged(std::int64_t from, std::int64_t to, bool voice);
  /// The interval under way ends before sample `to`, whatever has been appended of the next.
  void end(std::int64_t to);
  /// An interval begins at sample `from`, whose stream time is `time`. `foreseen`: AudioRecord::foreseen.
  void begin(std::uint64_t number, const Values &values, std::int64_t from, std::uint64_t time, double foreseen);
  /// `samples` of them, at `rate`, went out as `bytes`.
  void sent(std::uint64_t samples, double rate, std::uint64_t bytes);
  /// Forgets sound and intervals (a flush); counters and formats stay.
  void forget();

  /// A copy with its sound; nothing when the interval is not or no longer known, or its sound is not.
  std::optional<AudioRecord> find(std::uint64_t number);
  /// The same, kept as it is now until another interval is pinned.
  std::optional<AudioRecord> pin(std::uint64_t number);
  /// Whether there was a voice in samples `from` to `to` (< 0: to the last), [0, 1]; < 0: nothing is known.
  double activity(std::int64_t from, std::int64_t to) const;
  const AudioRecord *current() const { return intervals_.current(); }
  const AudioFormats &formats() const { return formats_; }

  AudioCounters counters;

 private:
  /// Puts in its sound, and whether there was a voice; false where the sound is not known any more.
  bool complete(AudioRecord &record) const;
  std::shared_ptr<const Sound> sound_of(const AudioRecord &record) const;
  void trim();

  AudioFormats formats_;
  GstAudioFormat format_ = GST_AUDIO_FORMAT_UNKNOWN;
  Intervals<AudioRecord> intervals_;
  Samples sound_;  // of the stretch under way, from index base_ on
  std::int64_t base_ = 0;
  struct Judged {
    std::int64_t from, to;
    bool voice;
  };
  std::deque<Judged> judged_;  // what has been judged of it; neighbours that are alike are one
};

}  // namespace oneadapt
