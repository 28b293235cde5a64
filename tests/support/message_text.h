// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once
#include <gst/gst.h>

#include <string>

/// What an error or a warning says; empty for other messages.
inline std::string text_of(GstMessage *message) {
  GError *error = nullptr;
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR)
    gst_message_parse_error(message, &error, nullptr);
  else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING)
    gst_message_parse_warning(message, &error, nullptr);
  const std::string text = error ? error->message : "";
  g_clear_error(&error);
  return text;
}
