// SPDX-License-Identifier: LGPL-2.1-or-later
// Lists and numbers as they are written.
#pragma once
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

namespace oneadapt::eval {

inline std::string joined(const std::vector<std::string> &words, const char *between = ",") {
  std::string out;
  for (const std::string &w : words) out += (out.empty() ? "" : between) + w;
  return out;
}

/// As short as it goes.
inline std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

/// What results.json needs of a number: millionths.
inline double round6(double v) { return std::round(v * 1e6) / 1e6; }

}  // namespace oneadapt::eval
