// SPDX-License-Identifier: LGPL-2.1-or-later
// What elements say of a run: decisions, errors, counts.
#pragma once
#include <gst/gst.h>

#include <string>

#include "eval/run.h"

namespace oneadapt::eval {

/// A controller's message `oneadapt-decision`.
IntervalRow row_of(const GstStructure *decision, double interval_seconds);

/// What an error or a warning says.
std::string text_of(GstMessage *message);
/// "ELEMENT: what it says" of an error or a warning.
std::string complaint_of(GstMessage *message);

/// The times and ladders of a pipeline's filter, to the result.
void read_filter(GstElement *pipeline, RunResult &result);
/// The counts and times of its DNN. Returns the model's own threshold.
double read_dnn(GstElement *pipeline, RunResult &result);

}  // namespace oneadapt::eval
