// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties of oneadaptdnn: what they are called, and what the user set.
#pragma once
#include <gst/gst.h>

#include <string>

#include "run_settings.h"
#include "statistics.h"

namespace oneadapt {

/// What the user set. Not thread-safe: the element keeps it under OBJECT_LOCK.
struct DnnProperties {
  RunSettings settings;
  // As they were set; their meaning is in `settings`.
  std::string classes, operator_libraries, input_size = "auto";
  double threshold = -1;

  /// Of "input-size"; one that is not valid means "auto".
  bool has_valid_input_size() const;
  /// False for a property that is not set by the user.
  bool set(guint id, const GValue *value);
  bool get(guint id, GValue *value) const;
};

/// Installs them with their documentation.
void install_dnn_properties(GObjectClass *object_class);

/// Of a property that tells what a run has done. False for any other.
bool get_run_property(const RunStats &stats, guint id, GValue *value);

}  // namespace oneadapt
