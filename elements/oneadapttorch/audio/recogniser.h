// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadaptdnn on sound: words of a CTC model.
#pragma once
#include <gst/audio/audio.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "audio/sound_window.h"
#include "model/sequence_model.h"
#include "run.h"

namespace oneadapt {

/// Infers once an interval, at its end, on the interval and the context in front of it. Words are reported once the
/// model's lookahead has passed, so a word at the end of an interval comes with the next one's.
class Recogniser final : public Run {
 public:
  /// Loads the model. Throws ModelError.
  Recogniser(GstElement *element, GstPad *sink, GstPad *src, const RunSettings &settings);

  const char *media_type() const override { return "audio/x-raw"; }
  bool set_caps(const GstCaps *caps) override;
  void new_stream() override { reset(); }
  void flush() override;
  void drain(const RunSettings &settings) override;
  GstFlowReturn chain(GstBuffer *buffer, const RunSettings &settings) override;
  bool profile(guint count, const RenderingSource &source, const RunSettings &settings, std::vector<double> &accuracies,
               guint64 &inferences) override;

 private:
  void reset();
  GstClockTime time_of(GstBuffer *buffer);
  bool infer(guint64 interval, GstClockTime until, bool with_gradient, bool last);
  void backward(guint64 interval);
  bool report(const std::vector<Word> &words, GstClockTime from, guint64 interval, GstClockTime until, bool last);

  std::unique_ptr<SequenceModel> model_;
  GstAudioInfo info_;
  bool ready_ = false, warned_samples_ = false;
  SoundWindow sound_;
  std::optional<guint64> interval_now_;  ///< the one that has not been heard to its end
  GstClockTime next_ = 0;                ///< where buffers without time go on
  GstClockTime reported_ = 0;            ///< words before it have been
  std::string last_word_;
  GstClockTime last_peak_ = GST_CLOCK_TIME_NONE;
};

}  // namespace oneadapt
