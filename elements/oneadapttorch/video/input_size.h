// SPDX-License-Identifier: LGPL-2.1-or-later
// Property "input-size".
#pragma once
#include <string>

namespace oneadapt {

/// What the DNN's input size follows.
struct InputSize {
  enum class Mode { Largest, Frame, Fixed } mode = Mode::Largest;
  unsigned width = 0, height = 0;  ///< Fixed
  /// "auto", "frame" or "WIDTHxHEIGHT"; false for anything else.
  static bool parse(const std::string &text, InputSize &size);
};

}  // namespace oneadapt
