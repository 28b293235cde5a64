// SPDX-License-Identifier: LGPL-2.1-or-later
// Gradients on their way: upstream as events, by the feedback to a camera in another process, and downstream.
#pragma once
#include <gst/gst.h>

#include <memory>
#include <string>
#include <vector>

#include "camera_time.h"
#include "core/gradient/gradient.h"
#include "gstoneadapt.h"
#include "upstream_pictures.h"

namespace oneadapt {

/// A gradient, and the sink pad on which it is pushed upstream.
struct PlacedGradient {
  PadRef sink;
  Gradient gradient;
  bool moved = false;  ///< it is another one than that of the DNN's input
};

/// Thread-bound, but for feedback_stats().
class GradientSender {
 public:
  GradientSender(GstElement *element, GstPad *sink, GstPad *src);
  /// Which DNN of this process gradients say they are of.
  guint64 dnn() const { return dnn_; }
  /// `feedback`: the property. Posts an error and returns false when there is no such way.
  bool open(const std::string &feedback);
  /// Looks for what pictures come through, so that a key frame can be asked for before any has come. Any thread.
  void look_upstream();
  /// Sends `placed`, which is where the gradient belongs upstream, and `gradient` itself downstream to the elements
  /// that show it. Returns whether anybody upstream took it.
  bool send(const Gradient &gradient, const std::vector<PlacedGradient> &placed, const CameraTime &camera);
  /// Any thread.
  std::shared_ptr<GstStructure> feedback_stats() const;

 private:
  void warn_of_no_marks();
  GstEvent *gradient_event(Gradient gradient, const CameraTime &camera, GstPad *pad);

  struct FreeFeedback {
    void operator()(GstOneadaptFeedback *feedback) const { gst_oneadapt_feedback_free(feedback); }
  };
  GstElement *const element_;
  GstPad *const sink_, *const src_;
  const guint64 dnn_;
  std::unique_ptr<GstOneadaptFeedback, FreeFeedback> feedback_;
  bool remote_ = false;  ///< gradients leave the process
  bool warned_marks_ = false, warned_unsent_ = false;
};

}  // namespace oneadapt
