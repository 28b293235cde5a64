// SPDX-License-Identifier: LGPL-2.1-or-later
// What a run's pad probes gather.
#pragma once
#include <gst/gst.h>

#include <cstdint>
#include <vector>

#include "eval/run.h"

namespace oneadapt::eval {

/// Each vector belongs to one streaming thread until the pipeline has stopped.
struct Taps {
  std::vector<std::uint64_t> input;
  GstClockTime interval = 0;  ///< of sound: input is counted by intervals; 0: by buffers
  std::vector<float> envelope;
  GstElement *filter = nullptr;  ///< of sound: its samples count as if they were packed
  std::vector<FrameResult> results;
  std::vector<Packet> packets;
  std::uint64_t feedback_bytes = 0;
  bool keep_gradients = false;
  std::vector<GradientMap> gradient_maps;
  GstClockTime frame_duration = 0, sound_end = 0;
};

// Callbacks for gst_pad_add_probe(), with a Taps as data.
GstPadProbeReturn on_input(GstPad *pad, GstPadProbeInfo *info, gpointer data);     ///< what comes into the controller
GstPadProbeReturn on_bytes(GstPad *pad, GstPadProbeInfo *info, gpointer data);     ///< what leaves the filter
GstPadProbeReturn on_feedback(GstPad *pad, GstPadProbeInfo *info, gpointer data);  ///< events that come back to it
GstPadProbeReturn on_result(GstPad *pad, GstPadProbeInfo *info, gpointer data);    ///< pictures behind the DNN

}  // namespace oneadapt::eval
