// SPDX-License-Identifier: LGPL-2.1-or-later
// Which knobs of a tunable a controller adapts: those that the user names, or those that save.
#pragma once
#include <gst/gst.h>

#include <string>
#include <vector>

#include "gstoneadapt.h"

struct KnobSelection {
  std::vector<std::string> names;  ///< the user's, KNOB or TUNABLE.KNOB; empty: the defaults
  bool gradient = false;           ///< the policy uses the gradient
  bool frames = false;             ///< how many frames are analysed is limited
};

/// Of `knobs`, all that the tunable has (GstOneadaptKnob), the adapted ones. By default these are the knobs that are
/// not on request. A policy without a gradient cannot use those that follow it; with one, those that they supersede are
/// left out, but for the ones that choose frames where that is limited.
std::vector<const GstOneadaptKnob *> adapted_knobs(GstElement *tunable, const GPtrArray *knobs,
                                                   const KnobSelection &selection);
