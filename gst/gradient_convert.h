// SPDX-License-Identifier: LGPL-2.1-or-later
// The one place where the C API's gradient and the core's meet, and events with the core's. For the library and our
// elements; not installed. Thread-safe.
#pragma once
#include <gst/gst.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "core/gradient/gradient.h"
#include "gstoneadapt.h"

namespace oneadapt {

/// Names of the event's structure, and of the field with the message.
inline constexpr const char *kGradientEvent = "GstOneadaptGradient", *kGradientMessage = "message";

struct FreeGradient {
  void operator()(GstOneadaptGradient *gradient) const { gst_oneadapt_gradient_free(gradient); }
};
using GradientRef = std::unique_ptr<GstOneadaptGradient, FreeGradient>;

/// Throws std::invalid_argument, with a sentence, where grid, domain or values are not valid.
Gradient to_core(const GstOneadaptGradient &gradient);
/// The map must not be empty.
GradientRef to_c(const Gradient &gradient);

/// The wire message, of at most `max_bytes` bytes; 0: what one RTCP packet carries. Throws what encode_gradient() does.
/// (transfer full)
GBytes *new_gradient_message(const Gradient &gradient, std::size_t max_bytes);
/// An event that carries this message. Throws what encode_gradient() does. (transfer full)
GstEvent *new_gradient_event(GstEventType type, const Gradient &gradient, std::size_t max_bytes);
/// None, and `why`, for a message that is not intact.
std::optional<Gradient> parse_gradient_message(GBytes *message, std::string &why);
/// The same of an event's message, of either direction.
std::optional<Gradient> parse_gradient_event(GstEvent *event, std::string &why);

}  // namespace oneadapt
