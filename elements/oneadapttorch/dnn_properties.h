// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties of oneadaptdnn: what they are called, and what the user set.
#pragma once
#include <gst/gst.h>

#include <string>

#include "run.h"

namespace oneadapt {

enum {
  PROP_0,
  PROP_MODEL,
  PROP_DEVICE,
  PROP_THRESHOLD,
  PROP_CLASSES,
  PROP_LABELS_FILE,
  PROP_OPERATOR_LIBRARIES,
  PROP_THREADS,
  PROP_INTERVAL,
  PROP_GRADIENT,
  PROP_GRADIENT_METHOD,
  PROP_GRADIENT_MEMORY,
  PROP_GRADIENT_EVERY,
  PROP_EARLY_GRADIENT,
  PROP_INPUT_SIZE,
  PROP_INFERENCE_INTERVAL,
  PROP_RESULTS_LOCATION,
  PROP_APPEND_RESULTS,
  PROP_FEEDBACK,
  PROP_LATENCY,
  PROP_THROUGHPUT,
  PROP_STATS,
};

/// What the user set. Not thread-safe: the element keeps it under OBJECT_LOCK.
struct DnnProperties {
  RunSettings settings;
  std::string classes, operator_libraries, input_size = "auto";
  double threshold = -1;

  /// Takes what can be written; `size` is what an input size means.
  void set(guint id, const GValue *value, const InputSize &size);
  /// False for a property that is not set by the user.
  bool get(guint id, GValue *value) const;
};

/// Installs them with their documentation.
void install_dnn_properties(GObjectClass *object_class);

/// Of property "stats".
GstStructure *stats_structure(const RunStats &stats);

}  // namespace oneadapt
