// SPDX-License-Identifier: LGPL-2.1-or-later
// Errors on the element's bus, one sentence each: the property at fault, what is wrong with it, and the remedy.
#pragma once
#include <gst/gst.h>

#include <string>

#include "model/loaded_model.h"

namespace oneadapt {

void post_model_error(GstElement *element, ModelError::Kind kind, const char *what);
/// `action`: what cannot be done with the file at `location`; `error`: an errno value.
void post_results_error(GstElement *element, const std::string &location, const char *action, int error);

}  // namespace oneadapt
