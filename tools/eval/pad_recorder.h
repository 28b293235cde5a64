// SPDX-License-Identifier: LGPL-2.1-or-later
// What goes through the filter's source pad in a run: bytes down, gradients up.
#pragma once
#include <gst/gst.h>

#include <cstdint>
#include <vector>

#include "eval/medium.h"

namespace oneadapt::eval {

/// Must outlive the running pipeline. Each vector belongs to one streaming thread until the pipeline has stopped.
class PadRecorder {
 public:
  PadRecorder(MediumRun &medium, bool keep_gradients) : medium_(medium), keep_gradients_(keep_gradients) {}
  void tap(GstBin *pipeline);
  /// When the pipeline has stopped.
  void finish(RunResult &result);

 private:
  static GstPadProbeReturn on_buffer(GstPad *pad, GstPadProbeInfo *info, gpointer data);
  static GstPadProbeReturn on_feedback(GstPad *pad, GstPadProbeInfo *info, gpointer data);

  MediumRun &medium_;
  bool keep_gradients_;
  std::vector<Packet> packets_;
  std::uint64_t feedback_bytes_ = 0;
  std::vector<GradientMap> gradient_maps_;
};

}  // namespace oneadapt::eval
