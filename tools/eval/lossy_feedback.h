// SPDX-License-Identifier: LGPL-2.1-or-later
// Gradients that get lost on their way, the same ones in each run.
#pragma once
#include <random>

#include "eval/pads.h"
#include "gstoneadapt.h"

namespace oneadapt::eval {

/// Loses a share of the gradients, early ones among them, that go upstream through a pad. Must outlive the pad.
class LossyFeedback {
 public:
  LossyFeedback(double share, unsigned seed) : lost_(share), random_(seed) {}
  void tap(GstBin *bin) {
    if (lost_.p() > 0) eval::tap(bin, "filter", "src", probe, this, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM);
  }

 private:
  static GstPadProbeReturn probe(GstPad *, GstPadProbeInfo *info, gpointer data) {
    auto *self = static_cast<LossyFeedback *>(data);
    if (!gst_event_is_oneadapt_gradient(GST_PAD_PROBE_INFO_EVENT(info))) return GST_PAD_PROBE_OK;
    return self->lost_(self->random_) ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
  }
  std::bernoulli_distribution lost_;
  std::mt19937 random_;
};

}  // namespace oneadapt::eval
