// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadaptdnn on sound: words of a CTC model.
#pragma once
#include <gst/audio/audio.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "audio/sound_window.h"
#include "dnn_medium.h"
#include "model/sequence_model.h"

namespace oneadapt {

/// Infers once an interval, at its end, on the interval and the context in front of it. Words are reported once the
/// model's lookahead has passed, so a word at the end of an interval comes with the next one's.
class Recogniser final : public DnnMedium {
 public:
  /// Loads the model. Throws ModelError.
  Recogniser(const MediumPlace &place, const RunSettings &settings);

  LoadedModel &model() override { return *model_; }
  bool set_caps(const GstCaps *caps) override;
  bool ready() const override { return ready_; }
  void reset(bool flushed) override;
  const char *without_time() const override { return "Sound without stream time gives words but no gradient"; }
  bool take_in(GstBuffer *buffer, const Stamp &stamp, const RunSettings &settings) override;
  std::optional<Pass> next() override;
  std::optional<Pass> rest() override;
  std::optional<Pass> end(guint64 interval) override;
  bool infer(GstBuffer *buffer, bool with_gradient, const RunSettings &settings) override;
  Report report(BufferRef &buffer, bool line) override;
  std::unique_ptr<Profile> profile(const RunSettings &settings) override;

 private:
  /// Samples of one buffer.
  struct Piece {
    GstClockTime time;
    unsigned rate;
    std::vector<float> samples;
  };
  /// What the model hears for one interval.
  struct Hearing {
    guint64 interval = 0;
    bool last = false;                 ///< of the stream
    GstClockTime from = 0, until = 0;  ///< of the samples
    std::vector<float> samples;        ///< at the model's rate
    std::size_t first = 0, count = 0;  ///< those of the interval
    std::vector<Word> words;           ///< what it recognised
  };
  /// Which words have been reported.
  struct Reported {
    GstClockTime until = 0;
    std::string last_word;
    GstClockTime last_peak = GST_CLOCK_TIME_NONE;
    bool has_last() const { return GST_CLOCK_TIME_IS_VALID(last_peak); }
  };

  void append(const Piece &piece);
  Pass hear_next();
  void prepare(guint64 interval, GstClockTime until, bool last);
  std::vector<Word> new_words(GstClockTime before);

  const std::unique_ptr<SequenceModel> model_;
  GstAudioInfo info_;
  bool ready_ = false, warned_samples_ = false;
  bool gradient_ = false;         ///< the sound taken in may have one
  std::optional<Piece> waiting_;  ///< taken in after a jump, until what was before is over
  SoundWindow sound_;
  std::optional<guint64> interval_now_;  ///< the one that has not been heard to its end
  GstClockTime next_ = 0;                ///< where buffers without time go on
  Hearing hearing_;
  Reported reported_;
};

}  // namespace oneadapt
