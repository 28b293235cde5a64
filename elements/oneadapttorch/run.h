// SPDX-License-Identifier: LGPL-2.1-or-later
// What oneadaptdnn does with a stream of any medium, from PAUSED to READY.
#pragma once
#include <gst/gst.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/vision/reuse.h"
#include "dnn_medium.h"
#include "gradient_mean.h"
#include "gradient_sender.h"
#include "model_turns.h"
#include "profile.h"
#include "results_file.h"
#include "run_settings.h"
#include "statistics.h"
#include "stream_time.h"

namespace oneadapt {

/// One object a run. Thread-bound to the streaming thread, but for stats(), profile() and call_off(). `turns_` says
/// which thread has the model; it is held through an inference and, where a gradient follows, until that is taken.
class Run {
 public:
  /// Loads the model, chooses the medium among `media` by its task, and opens the results file. Posts an error on
  /// `element` and returns null when that fails. `media` must outlive the run.
  static std::unique_ptr<Run> start(GstElement *element, GstPad *sink, GstPad *src, const RunSettings &settings,
                                    const DnnMedia &media);
  /// A run of this row of `media`. Throws ModelError. open() must follow.
  Run(GstElement *element, GstPad *sink, GstPad *src, const RunSettings &settings, const DnnMedia &media,
      const DnnMediumRow &row);
  /// Posts an error and returns false when the feedback or the results file cannot be opened.
  bool open(const RunSettings &settings);

  /// Of the caps that it takes.
  const char *media_type() const { return row_.media_type; }
  bool analyses_frames() const { return row_.frames; }
  /// A buffer is not analysed because newer ones have come: counts it, and tells on the bus. The pushing thread.
  void skip(GstBuffer *buffer, const GstSegment &segment);
  /// False when the model cannot take such input: an error has been posted.
  bool set_caps(const GstCaps *caps);
  void set_segment(const GstSegment &segment) { time_.set_segment(segment); }
  void new_stream() {
    sender_.look_upstream();
    reset(false);
  }
  void flush() { reset(true); }
  void on_event(GstEvent *event) { medium_->on_event(event); }
  /// Before the end of the stream: infers and reports what was held back.
  void drain(const RunSettings &settings);
  /// A controller asks whether the gradient of an interval that is over has been sent. It is taken now where it was not
  /// known which buffer is the interval's last. Streaming thread.
  bool end_interval(guint64 interval, GstClockTime duration, const RunSettings &settings);
  /// Lets go of the stream's buffers. Streaming thread.
  void let_go() { medium_->let_go(); }
  guint64 dnn() const { return sender_.dnn(); }
  /// At the end of a stream and of a run. Posts an error when the results file cannot be completed.
  void finish();
  /// Infers, reports the results, pushes the buffer, then backpropagates when the interval ends. (transfer full)
  GstFlowReturn chain(GstBuffer *buffer, const RunSettings &settings);

  RunStats stats() const;

  /// Runs `count` renderings through the model, the last one first, which the others are compared with (Profile). False
  /// when it was called off or failed; the debug log says why. Any thread.
  bool profile(guint count, const RenderingSource &source, const RunSettings &settings, std::vector<double> &accuracies,
               guint64 &inferences);
  /// Ends the profiles under way, and with `for_good` refuses more. Any thread.
  void call_off(bool for_good) { turns_.call_off(for_good); }

 private:
  /// A buffer until it is pushed, and then what downstream returned.
  struct Passage {
    BufferRef buffer;
    std::optional<GstFlowReturn> flow;
  };

  void report_plan(const std::string &wanted);
  void reset(bool flushed);
  void post_wrong_type(const GstCaps *caps);
  bool take_in(GstBuffer *buffer, const RunSettings &settings);
  void warn_of_no_time();
  void warn_of_slowness(guint64 analysed, guint64 skipped);
  bool run(const Pass &pass, Passage &passage, const RunSettings &settings);
  bool infer(GstBuffer *buffer, bool with_gradient, const RunSettings &settings);
  bool report(Passage &passage);
  void push(Passage &passage);
  void backward(const Pass &pass, const RunSettings &settings);
  void measure(const Pass &pass, const RunSettings &settings);
  void count_objects(const Pass &pass);
  void send_due(const Pass &pass);
  /// Elements, but a map of zeros.
  void warn_of_zero_gradient(const Gradient &gradient);
  void warn_of_results();
  void warn_of_no_gradient(const std::string &why, GstClockTime time);
  void send_mean(guint64 interval, GstClockTime time);
  void send(Gradient gradient, guint64 interval, GstClockTime time);

  GstElement *const element_;
  GstPad *const sink_, *const src_;
  const DnnMedia &media_;
  const DnnMediumRow &row_;
  StreamTime time_;
  ModelTurns turns_;
  const std::unique_ptr<DnnMedium> medium_;
  GradientMean mean_;
  std::optional<Gradient> taken_;  ///< of the pass under way
  AccuracyEstimate accuracy_;
  ReuseEstimate reuse_;
  GradientSender sender_;
  ResultsFile results_;
  Statistics statistics_;
  std::optional<guint64> sent_;  ///< the newest interval whose gradient was sent
  bool failed_ = false;          ///< an error has been posted; one is enough
  bool warned_gradient_ = false, warned_no_path_ = false, warned_plan_ = false, warned_results_ = false,
       warned_time_ = false;
  unsigned zeros_ = 0;        ///< gradients in a row that were 0 everywhere
  bool warned_slow_ = false;  ///< the pushing thread's
};

}  // namespace oneadapt
