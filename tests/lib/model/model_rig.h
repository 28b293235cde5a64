// SPDX-License-Identifier: LGPL-2.1-or-later
// What the tests of models load and show them.
#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "block_total.h"
#include "model/model.h"

namespace oneadapt_test {

/// Packed RGB of that size.
inline oneadapt::RgbFrame frame_of(const std::vector<std::uint8_t> &pixels, unsigned width = 32, unsigned height = 24) {
  return {pixels.data(), std::size_t(3) * width, width, height};
}

/// Packed RGB in which everything differs.
inline std::vector<std::uint8_t> random_rgb(unsigned width, unsigned height) {
  std::mt19937 random(3);
  std::vector<std::uint8_t> pixels(std::size_t(3) * width * height);
  for (auto &p : pixels) p = std::uint8_t(random());
  return pixels;
}

/// On the CPU.
inline oneadapt::ModelOptions cpu_options(const std::string &path) {
  oneadapt::ModelOptions options;
  options.path = path;
  options.device = "cpu";
  return options;
}

/// The error that `work` must throw: one line, no full stop at its end (the caller adds it).
template <typename Work>
std::string error_of(oneadapt::ModelError::Kind kind, Work work) {
  try {
    work();
  } catch (const oneadapt::ModelError &e) {
    const std::string text = e.what();
    EXPECT_EQ(int(e.kind()), int(kind)) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    EXPECT_TRUE(!text.empty() && text.back() != '.') << text;
    return text;
  }
  ADD_FAILURE() << "no ModelError";
  return "";
}

inline std::string load_error(oneadapt::ModelError::Kind kind, const oneadapt::ModelOptions &options) {
  return error_of(kind, [&] { oneadapt::Model::load(options); });
}

inline bool has(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

}  // namespace oneadapt_test
