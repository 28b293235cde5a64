// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/input_size.h"

#include <glib.h>

namespace oneadapt {

bool InputSize::parse(const std::string &text, InputSize &size) {
  if (text == "auto") {
    size = {Mode::Largest, 0, 0};
  } else if (text == "frame") {
    size = {Mode::Frame, 0, 0};
  } else {
    const std::size_t cross = text.find('x');
    if (cross == std::string::npos) return false;
    guint64 width = 0, height = 0;
    if (!g_ascii_string_to_unsigned(text.substr(0, cross).c_str(), 10, 1, 16384, &width, nullptr) ||
        !g_ascii_string_to_unsigned(text.substr(cross + 1).c_str(), 10, 1, 16384, &height, nullptr))
      return false;
    size = {Mode::Fixed, unsigned(width), unsigned(height)};
  }
  return true;
}

}  // namespace oneadapt
