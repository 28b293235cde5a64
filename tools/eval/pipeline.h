// SPDX-License-Identifier: LGPL-2.1-or-later
// The pipeline of a run.
#pragma once
#include <optional>
#include <string>

#include "eval/options.h"
#include "eval/pads.h"

namespace oneadapt::eval {

/// The medium's pipeline with the options set, not yet running. Throws RunError.
Ref<GstElement> build_pipeline(const RunOptions &options);

/// Sets a property of the element of that name. Throws RunError where there is no such property.
void set_property(GstElement *pipeline, const char *element, const char *property, const std::string &value);
/// Where a knob starts, likewise.
void set_start(GstElement *pipeline, const char *element, const std::string &knob, double value);

/// Whether elements of this kind are installed.
bool have_element(const char *kind);

/// Whether results below the DNN's threshold are kept: RunOptions::uncertain_from.
bool keeps_uncertain(const RunOptions &options);
/// The DNN's threshold where the options set it; else the model's holds.
std::optional<double> own_threshold(const RunOptions &options);

}  // namespace oneadapt::eval
