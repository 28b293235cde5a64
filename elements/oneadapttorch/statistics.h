// SPDX-License-Identifier: LGPL-2.1-or-later
// What a run has done so far.
#pragma once
#include <gst/gst.h>

#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "core/gradient/gradient.h"

namespace oneadapt {

/// Times in ns, sums unless they say otherwise.
struct RunStats {
  struct Inferences {
    guint64 count = 0, time = 0;
    guint64 latency = 0;  ///< mean of the last ten
  } inferences;
  struct Results {
    guint64 frames = 0;     ///< or intervals of sound
    guint64 skipped = 0;    ///< buffers that were left out because newer ones had come
    double throughput = 0;  ///< a second, from the first frame to the last
    guint objects = 0;      ///< of the last frame
    guint64 objects_total = 0;
  } results;
  struct Gradients {
    guint64 count = 0, failed = 0;  ///< backward passes, not messages
    guint64 time = 0;               ///< what comes after the forward pass
    // Of the last one that was sent.
    double z = 0;
    guint elements = 0;
    guint64 interval = 0;
  } gradients;
  struct Profiles {
    guint64 inferences = 0, time = 0;  ///< besides those of the stream
  } profiles;
  struct Measurements {
    guint64 count = 0, time = 0;  ///< of accuracy, with an inference each, besides those of the stream
    MeasuredAccuracy last;        ///< of the last interval that had any
  } measurements;
  struct Model {
    std::string device, device_reason;
    std::string plan, gradient_plan;
    double threshold = 0;  ///< θ as the model says it, whatever the property does
  } model;
  guint64 marks = 0;  ///< frames that said of themselves that they begin or end an interval
  std::shared_ptr<GstStructure> feedback;
};

/// Counts what a run does. Any thread; nothing is called under its lock.
class Statistics {
 public:
  void set_model(RunStats::Model model);
  void count_inference(guint64 took);
  void count_frame(guint objects);
  void count_gradient(guint64 took, bool failed);
  void count_sent(const Gradient &gradient);
  void count_profile(guint64 took);
  void count_measurement(guint64 took);
  void count_mark();
  void count_skipped();
  RunStats read() const;

 private:
  mutable std::mutex mutex_;
  RunStats stats_;
  std::deque<guint64> recent_;  ///< times of the last inferences
  gint64 first_frame_ = -1;     ///< monotonic time in µs
};

/// The time of a clock that does not jump.
guint64 now_ns();

}  // namespace oneadapt
