// SPDX-License-Identifier: LGPL-2.1-or-later
// What oneadaptaudiofilter remembers of its last intervals, for probing: sound, and where there was a voice.
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

struct SoundRecord : IntervalRecord {
  AudioFormats formats;
  GstAudioFormat format = GST_AUDIO_FORMAT_UNKNOWN;  ///< of what went out
  double seconds = 0;                                ///< of sound that went out
  std::uint64_t time = 0;                            ///< stream time in ns of the first sample below
  std::int64_t from = 0, to = -1;                    ///< samples, as the history counts them; to < 0: still growing
  std::shared_ptr<const Sound> sound;                ///< of an interval that was asked for; `activity` comes with it
  SoundRecord() { frames_in = frames_out = 1; }      // an interval's sound is analysed as one
};

struct SoundCounters : IntervalCounters {
  std::uint64_t samples_in = 0, samples_out = 0, dropped = 0, filled = 0, non_finite = 0, rate_changes = 0;
  std::uint64_t voice_ns = 0;  ///< of sound in which there was a voice
};

/// Whoever appends samples numbers them: the index of each is one more than that of the one before. `activity` is
/// whether there is a voice. Not thread-safe: the filter guards it.
class SoundHistory : public IntervalHistory<SoundRecord, SoundCounters> {
 public:
  /// Sound begins anew at index `start`, at another rate perhaps: what was before is not continued.
  void restart(const AudioFormats &formats, GstAudioFormat format, std::int64_t start);
  /// The interval under way goes on with such sound, from stream time `time` on, with `values`; what came of it before
  /// can no longer be compared with what comes.
  void go_on(const Values &values, std::uint64_t time);
  void append(const float *samples, std::size_t n);
  /// Samples from index `from` to `to` were judged: there is a voice in them, or none. In order, each once.
  void on_judged(std::int64_t from, std::int64_t to, bool voice);
  /// The interval under way ends before sample `to`, whatever has been appended of the next.
  void end(std::int64_t to);
  /// An interval begins at sample `from`, whose stream time is `time`.
  void begin(std::uint64_t number, const Values &values, std::int64_t from, std::uint64_t time,
             double expected_activity);
  /// `samples` of them, at `rate`, went out as `bytes`.
  void on_sent(std::uint64_t samples, double rate, std::uint64_t bytes);
  /// Forgets sound and intervals (a flush); counters and formats stay.
  void forget();

  /// A copy with its sound; nothing when the interval is not or no longer known, or its sound is not.
  std::optional<SoundRecord> find(std::uint64_t number) const;
  /// The same, kept as it is now until another interval is pinned.
  std::optional<SoundRecord> pin(std::uint64_t number);
  /// Whether there was a voice in samples `from` to `to` (< 0: to the last), [0, 1]; < 0: nothing is known.
  double activity(std::int64_t from, std::int64_t to) const;
  const AudioFormats &formats() const { return formats_; }

 private:
  /// Adds its sound and activity; false where the sound is not known any more.
  bool complete(SoundRecord &record) const;
  std::shared_ptr<const Sound> sound_of(const SoundRecord &record) const;
  void trim();

  AudioFormats formats_;
  GstAudioFormat format_ = GST_AUDIO_FORMAT_UNKNOWN;
  Samples sound_;  // of the stretch under way, from index base_ on
  std::int64_t base_ = 0;
  struct Judged {
    std::int64_t from, to;
    bool voice;
  };
  std::deque<Judged> judged_;  // what has been judged of it; neighbours that are alike are one
};

}  // namespace oneadapt
