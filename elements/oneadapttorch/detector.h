// SPDX-License-Identifier: LGPL-2.1-or-later
// What oneadaptdnn does with a stream: one object a run, from PAUSED to READY.
#pragma once
#include <gst/gst.h>

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "camera_time.h"
#include "gradient_mean.h"
#include "gstoneadapt.h"
#include "interval_clock.h"
#include "model/model.h"
#include "model_turns.h"
#include "results.h"
#include "rgb_reader.h"

namespace oneadapt {

/// What the DNN's input size follows.
struct InputSize {
  enum class Mode { Largest, Frame, Fixed } mode = Mode::Largest;
  unsigned width = 0, height = 0;  ///< Fixed
  /// "auto", "frame" or "WIDTHxHEIGHT"; false for anything else.
  static bool parse(const std::string &text, InputSize &size);
};

/// What the user asked for. The element keeps it under OBJECT_LOCK and hands out copies.
struct DetectorSettings {
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
struct DetectorStats {
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

/// Thread-bound to the streaming thread, but for stats(), profile() and call_off(). Locks: `stats_mutex_`, a leaf:
/// nothing is called under it. `turns_` says which thread has the model, and the sizes of `largest_*`; it is held
/// through an inference and, on a frame with a gradient, until that is taken.
class Detector {
 public:
  /// Loads the model and opens the results file. Posts an error on `element` and returns null when that fails.
  static std::unique_ptr<Detector> start(GstElement *element, GstPad *sink, GstPad *src,
                                         const DetectorSettings &settings);

  bool set_caps(const GstCaps *caps);
  void set_segment(const GstSegment &segment) { segment_ = segment; }
  void new_stream();
  void flush();
  /// At the end of a stream and of a run. Posts an error when the results file cannot be completed.
  void finish();
  /// Infers, attaches results, pushes, then backpropagates when the interval ends. Takes the buffer.
  GstFlowReturn chain(GstBuffer *buffer, const DetectorSettings &settings);

  DetectorStats stats() const;

  /// Runs `count` renderings through the model, the last one first, which the others are compared with: F1 (IoU 0.5,
  /// paper §5.1) of the results at the wanted instants, a mean over them. False when it was called off or failed; the
  /// debug log says why. Any thread.
  bool profile(guint count, const RenderingSource &source, const DetectorSettings &settings,
               std::vector<double> &accuracies, guint64 &inferences);
  /// Ends the profiles under way, and with `for_good` refuses more. Any thread.
  void call_off(bool for_good) { turns_.call_off(for_good); }

 private:
  Detector(GstElement *element, GstPad *sink, GstPad *src) : element_(element), sink_(sink), src_(src), clock_(1) {}

  bool infer(GstBuffer *buffer, bool with_gradient);
  void take_gradient(const IntervalClock::Due &due, GstClockTime stream_time);
  void send_mean(guint64 interval, GstClockTime stream_time);
  void send_gradient(const Gradient &gradient, guint64 interval, GstClockTime stream_time);
  bool take_mark(GstBuffer *buffer, GstClockTime stream_time);
  void warn_of_no_marks();
  void choose_input_size(const InputSize &size);
  bool write_line(const std::string &line);

  GstElement *const element_;
  GstPad *const sink_, *const src_;
  std::string results_location_;
  GstClockTime interval_ = GST_SECOND;  ///< the camera's, where frames say it

  struct FreeFeedback {
    void operator()(GstOneadaptFeedback *feedback) const { gst_oneadapt_feedback_free(feedback); }
  };
  std::unique_ptr<GstOneadaptFeedback, FreeFeedback> feedback_;
  bool remote_ = false;  ///< gradients leave the process

  ModelTurns turns_;
  std::unique_ptr<Model> model_;
  RgbReader reader_;
  LineFile results_;
  IntervalClock clock_;
  GradientMean mean_;
  CameraTime camera_;
  GstSegment segment_{};
  unsigned largest_width_ = 0, largest_height_ = 0;
  std::vector<Detection> last_;
  guint64 frame_ = 0, since_inference_ = 0;
  bool inferred_ = false, failed_ = false, warned_gradient_ = false, warned_time_ = false, warned_marks_ = false;

  std::deque<guint64> recent_;  ///< times of the last inferences
  gint64 first_frame_ = -1;     ///< monotonic time in µs

  mutable std::mutex stats_mutex_;
  DetectorStats stats_;
};

}  // namespace oneadapt
