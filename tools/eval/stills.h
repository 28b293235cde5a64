// SPDX-License-Identifier: LGPL-2.1-or-later
// Stills of a run, for the report.
#pragma once
#include <gst/gst.h>

#include <vector>

#include "eval/run.h"

namespace oneadapt::eval {

/// Stills spread over a clip whose length nobody knows: takes frames ever farther apart, and drops every second one
/// whenever it has four times as many as it needs. Both probes run in the thread behind the branch's queue.
class Stills {
 public:
  explicit Stills(std::size_t wanted) : wanted_(wanted) {}
  /// Listens at the elements "stills" and "still-sink"; without them (none asked for, or no overlay) none are taken.
  void tap(GstBin *bin);
  /// Those nearest to the middles of as many equal parts of the clip as stills are wanted. Once, after the run.
  std::vector<Still> chosen();

 private:
  static GstPadProbeReturn on_frame(GstPad *pad, GstPadProbeInfo *info, gpointer data);
  static GstPadProbeReturn on_still(GstPad *pad, GstPadProbeInfo *info, gpointer data);
  void add(Still still);

  std::size_t wanted_;
  GstClockTime apart_ = 0, last_ = GST_CLOCK_TIME_NONE;
  std::vector<Still> taken_;
};

}  // namespace oneadapt::eval
