// SPDX-License-Identifier: LGPL-2.1-or-later
// What the tests of models load and show them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "model/model.h"

namespace oneadapt_test {

/// Packed RGB of that size.
inline oneadapt::RgbFrame frame_of(const std::vector<std::uint8_t> &pixels, unsigned width = 32, unsigned height = 24) {
  return {pixels.data(), std::size_t(3) * width, width, height};
}

/// On the CPU.
inline oneadapt::ModelOptions cpu_options(const std::string &path) {
  oneadapt::ModelOptions options;
  options.path = path;
  options.device = "cpu";
  return options;
}

}  // namespace oneadapt_test
