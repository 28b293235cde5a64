// SPDX-License-Identifier: LGPL-2.1-or-later
// One run of oneadaptaudiofilter: what it does with caps and buffers.
#pragma once
#include <gst/audio/audio.h>

#include <memory>
#include <optional>

#include "audio/medium.h"
#include "audio/resampler.h"
#include "audio/timeline.h"
#include "audio/voice_detector.h"
#include "tunable/interval_stream.h"
#include "tunable/pad_filter.h"

namespace oneadapt {

/// Everything happens under the stream lock of the sink pad. No other lock is held while it pushes, converts, or
/// notifies.
class AudioStream : public PadStream {
 public:
  AudioStream(PadFilter &pads, AudioMedium &medium, AdaptiveFilter &filter);

  bool set_caps(GstCaps *caps) override;
  GstFlowReturn chain(GstBuffer *buffer) override;
  void set_segment(const GstSegment &segment) override;
  /// The next buffer begins a stretch of its own.
  void finish() override;
  /// Where an interval's sound is all here, its rest is put out.
  void drain() override;
  void forget() override;

 private:
  GstFlowReturn take(GstBuffer *buffer);
  std::int64_t close_gap(GstBuffer *buffer, GstClockTime position, gsize frames, GstFlowReturn &flow);
  void append(GstBuffer *buffer, gsize skip);
  void append(const guint8 *data, gsize frames, std::optional<bool> told);
  void append_silence(gsize frames);
  std::optional<bool> told_of_voice(GstBuffer *buffer);
  void judge(const Samples &mono, std::optional<bool> told);

  bool begin_stretch(GstClockTime position);
  bool begin_interval(std::int64_t index);
  double expected_activity(std::int64_t index);
  void close_interval();
  bool seen_enough(bool just_due) const;
  GstFlowReturn advance();
  GstFlowReturn finish_stretch();

  GstAudioFormat choose_format(const GstAudioInfo &info);
  int possible_rate(double asked, int wanted);
  int nearest_rate(int wanted);
  bool set_output(int rate);
  void update_latency();
  GstFlowReturn emit(std::int64_t until, RateChanger::Beyond beyond);
  template <class Work>
  GstFlowReturn attempt(Work work);

  AudioMedium &medium_;
  AdaptiveFilter &filter_;
  const AudioSettings fixed_;  // as they were at the start; look-ahead at most an interval
  IntervalStream intervals_;
  Timeline timeline_;

  GstAudioInfo input_;  // rate 0: no caps yet
  std::unique_ptr<AudioConverter> to_mono_, from_mono_;
  AudioFormats formats_;
  GstAudioFormat format_ = GST_AUDIO_FORMAT_UNKNOWN;  // of the output
  int output_rate_ = 0;                               // of the caps that were sent; 0: none yet

  std::unique_ptr<RateChanger> sound_;           // the stretch under way; none: the next buffer begins one
  GstClockTime position_ = GST_CLOCK_TIME_NONE;  // of the end of the stretch before; none: there was none
  bool discont_ = true;                          // the next output does not continue the one before
  bool catching_up_ = false;                     // a buffer was dropped whole: it came again
  bool non_finite_said_ = false;

  std::optional<VoiceDetector> detector_;
  std::int64_t judged_ = 0;  // index of the first sample that it, or whoever is upstream, has not judged
  bool told_ = false;        // elements upstream say where a voice is: they have said so

  std::int64_t cut_ = 0;  // index at which the interval under way ends
  guint64 number_ = 0;    // of the interval under way
  bool begun_ = false;    // one is under way
  bool due_ = false;      // the next interval begins at the cut, when enough of it is here

  int reach_rate_ = 0;   // the lowest rate that `reach_` was looked up for
  guint64 reach_ = 0;    // input samples that a filter looks ahead at it
  guint64 longest_ = 0;  // input buffer, in samples: so late an interval may begin
};

}  // namespace oneadapt
