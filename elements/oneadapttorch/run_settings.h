// SPDX-License-Identifier: LGPL-2.1-or-later
// What the user asked for.
#pragma once
#include <gst/gst.h>

#include <string>

#include "core/vision/gray16.h"
#include "model/model.h"
#include "video/input_size.h"

namespace oneadapt {

/// Whether frames that come while the DNN is busy are left out.
enum class KeepUp { Auto, On, Off };  // Auto: in live pipelines

/// The element keeps it under OBJECT_LOCK and hands out copies.
struct RunSettings {
  // Fixed for a run.
  ModelOptions model;
  std::string results_location;
  bool append_results = false;
  std::string feedback = "auto";
  GstClockTime interval = GST_SECOND;
  KeepUp keep_up = KeepUp::Auto;
  // May change between any two frames.
  bool gradient = true;
  GradientMethod gradient_method = GradientMethod::Exact;
  GradientMemory gradient_memory = GradientMemory::Exact;
  bool early_gradient = true, raise_elements = true;
  unsigned gradient_every = 0;  ///< frames; 0: on the interval's last one only
  unsigned inference_interval = 1;
  InputSize input_size;
  Gray16Mapping gray16;  ///< fixed for a run, too
};

}  // namespace oneadapt
