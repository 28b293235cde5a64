// SPDX-License-Identifier: LGPL-2.1-or-later
#include "messages.h"

#include <cerrno>
#include <cstring>

namespace oneadapt {

void post_model_error(GstElement *element, ModelError::Kind kind, const char *what) {
  using Kind = ModelError::Kind;
  // One sentence: the property at fault, then what is wrong with it and the remedy.
  switch (kind) {
    case Kind::File:
      GST_ELEMENT_ERROR(element, RESOURCE, NOT_FOUND, ("Property \"model\": %s.", what), (nullptr));
      break;
    case Kind::Format:
    case Kind::Description:
      GST_ELEMENT_ERROR(element, STREAM, FORMAT, ("Property \"model\": %s.", what), (nullptr));
      break;
    case Kind::Device:
      GST_ELEMENT_ERROR(element, RESOURCE, NOT_FOUND, ("Property \"device\": %s.", what), (nullptr));
      break;
    case Kind::Labels:
      GST_ELEMENT_ERROR(element, RESOURCE, READ, ("Property \"labels-file\": %s.", what), (nullptr));
      break;
    case Kind::Classes:
      GST_ELEMENT_ERROR(element, RESOURCE, SETTINGS, ("Property \"classes\": %s.", what), (nullptr));
      break;
    case Kind::Plan:
      GST_ELEMENT_ERROR(element, LIBRARY, SETTINGS, ("Property \"plan\": %s.", what), (nullptr));
      break;
    case Kind::Input:
      GST_ELEMENT_ERROR(element, STREAM, FORMAT, ("%s.", what), (nullptr));
      break;
    case Kind::Run:
    case Kind::NotFinite:
      GST_ELEMENT_ERROR(element, STREAM, FAILED, ("Property \"model\": %s.", what), (nullptr));
      break;
  }
}

void post_results_error(GstElement *element, const std::string &location, const char *action, int error) {
  const std::string text = "Property \"results-location\": cannot " + std::string(action) + " '" + location +
                           "': " + g_strerror(error) + "; name a file that can be written, on a disk with room.";
  if (error == ENOSPC)
    GST_ELEMENT_ERROR(element, RESOURCE, NO_SPACE_LEFT, ("%s", text.c_str()), (nullptr));
  else if (std::strcmp(action, "open") == 0)
    GST_ELEMENT_ERROR(element, RESOURCE, OPEN_WRITE, ("%s", text.c_str()), (nullptr));
  else
    GST_ELEMENT_ERROR(element, RESOURCE, WRITE, ("%s", text.c_str()), (nullptr));
}

}  // namespace oneadapt
