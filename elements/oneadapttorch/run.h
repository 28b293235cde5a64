// SPDX-License-Identifier: LGPL-2.1-or-later
// What oneadaptdnn does with a stream, from PAUSED to READY: pictures (detector.h) and sound (recogniser.h) are two
// kinds of it.
#pragma once
#include <gst/gst.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "camera_time.h"
#include "gstoneadapt.h"
#include "model/model.h"
#include "model_turns.h"
#include "video/gradient_placer.h"
#include "video/input_size.h"
#include "video/results.h"

namespace oneadapt {

/// What the user asked for. The element keeps it under OBJECT_LOCK and hands out copies.
struct RunSettings {
  // Fixed for a run.
  ModelOptions model;
  std::string results_location;
  bool append_results = false;
  std::string feedback = "auto";
  GstClockTime interval = GST_SECOND;
  // May change between any two frames.
  bool gradient = true;
  GradientMethod gradient_method = GradientMethod::Exact;
  GradientMemory gradient_memory = GradientMemory::Exact;
  bool early_gradient = true;
  unsigned gradient_every = 0;  ///< frames; 0: on the interval's last one only
  unsigned inference_interval = 1;
  InputSize input_size;
};

/// What a run has done so far; times in ns.
struct RunStats {
  guint64 frames = 0, inferences = 0, gradients = 0, failed_gradients = 0;  ///< backward passes, not messages
  guint64 inference_time = 0, gradient_time = 0;  ///< sums; a gradient's is what comes after its forward pass
  guint64 latency = 0;                            ///< mean time of the last ten inferences
  double throughput = 0;                          ///< frames a second, from the first frame to the last
  guint objects = 0, elements = 0;                ///< of the last frame; in the last z
  guint64 objects_total = 0;
  guint64 profile_inferences = 0, profile_time = 0;  ///< for a controller's profiles, besides the above
  double z = 0;
  guint64 interval = 0;  ///< of the last gradient that was sent
  std::string device, device_reason;
  double model_threshold = 0;  ///< θ as the model says it, whatever the property does
  guint64 marks = 0;           ///< frames that said of themselves that they begin or end an interval
  std::shared_ptr<GstStructure> feedback;
};

/// Makes one of a profile's renderings; NULL: it cannot, or the profile is called off.
using RenderingSource = std::function<GstOneadaptRendering *(guint index)>;

/// One object a run. Thread-bound to the streaming thread, but for stats(), profile() and call_off(). Locks:
/// `stats_mutex_`, a leaf: nothing is called under it. `turns_` says which thread has the model; it is held through an
/// inference and, where a gradient follows, until that is taken.
class Run {
 public:
  /// Loads the model, chooses the kind of run by its task, and opens the results file. Posts an error on `element` and
  /// returns null when that fails.
  static std::unique_ptr<Run> start(GstElement *element, GstPad *sink, GstPad *src, const RunSettings &settings);
  virtual ~Run() = default;

  /// Of the caps that it takes.
  virtual const char *media_type() const = 0;
  /// False when the model cannot take such input: an error has been posted.
  virtual bool set_caps(const GstCaps *caps) = 0;
  virtual void set_segment(const GstSegment &segment) { segment_ = segment; }
  virtual void new_stream() = 0;
  virtual void flush() = 0;
  /// What was held back goes out: at a gap, and before the end of the stream.
  virtual void drain(const RunSettings &) {}
  /// At the end of a stream and of a run. Posts an error when the results file cannot be completed.
  void finish();
  /// Infers, says the results, pushes, then backpropagates when the interval ends. Takes the buffer.
  virtual GstFlowReturn chain(GstBuffer *buffer, const RunSettings &settings) = 0;

  RunStats stats() const;

  /// Runs `count` renderings through the model, the last one first, which the others are compared with: F1 of the
  /// results at the wanted instants (pictures: IoU 0.5, a mean over them; sound: of words), paper §5.1. False when it
  /// was called off or failed; the debug log says why. Any thread.
  virtual bool profile(guint count, const RenderingSource &source, const RunSettings &settings,
                       std::vector<double> &accuracies, guint64 &inferences) = 0;
  /// Ends the profiles under way, and with `for_good` refuses more. Any thread.
  void call_off(bool for_good) { turns_.call_off(for_good); }

 protected:
  Run(GstElement *element, GstPad *sink, GstPad *src, GstClockTime interval)
      : element_(element), sink_(sink), src_(src), interval_(interval) {
    gst_segment_init(&segment_, GST_FORMAT_UNDEFINED);
  }

  void note_inference(guint64 took);
  /// `why`: of a gradient that failed; empty: it did not. Warns once.
  void note_gradient(guint64 took, const std::string &why, GstClockTime stream_time);
  void note_profile(guint64 took);
  void note_frame(guint objects);
  void warn_of_no_time(const char *what);
  /// Upstream as an event and by feedback_, where it belongs there; downstream as it is, for who shows it.
  void send_gradient(Gradient gradient, guint64 interval, GstClockTime stream_time);
  /// Where a gradient belongs upstream, which is where it is unless somebody knows better.
  virtual std::vector<PlacedGradient> place(const Gradient &gradient);
  /// A gradient that place() had something to say about was taken by somebody.
  virtual void note_placed() {}
  /// Posts an error and returns false when it cannot.
  bool write_line(const std::string &line);

  GstElement *const element_;
  GstPad *const sink_, *const src_;
  GstClockTime interval_;  ///< the camera's, where frames say it
  ModelTurns turns_;
  LineFile results_;
  CameraTime camera_;
  GstSegment segment_{};
  bool failed_ = false;

  mutable std::mutex stats_mutex_;
  RunStats stats_;

 private:
  bool open(const RunSettings &settings);
  GstEvent *gradient_event(const Gradient &gradient, GstPad *pad) const;
  void warn_of_no_marks();

  struct FreeFeedback {
    void operator()(GstOneadaptFeedback *feedback) const { gst_oneadapt_feedback_free(feedback); }
  };
  std::unique_ptr<GstOneadaptFeedback, FreeFeedback> feedback_;
  std::string results_location_;
  bool remote_ = false;  ///< gradients leave the process
  bool warned_gradient_ = false, warned_marks_ = false, warned_time_ = false;
  std::deque<guint64> recent_;  ///< times of the last inferences
  gint64 first_frame_ = -1;     ///< monotonic time in µs
};

void post_model_error(GstElement *element, ModelError::Kind kind, const char *what);
guint64 now_ns();

}  // namespace oneadapt
