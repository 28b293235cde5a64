// SPDX-License-Identifier: LGPL-2.1-or-later
// How deep JSON of a stranger nests: what works on it calls itself once a level.
#pragma once
#include <cstddef>
#include <string_view>

namespace oneadapt {

/// Deeper than any file of ours, or a framework's.
constexpr unsigned kMostJsonDepth = 64;

/// Whether objects and arrays are within each other more than kMostJsonDepth times. Of text that is no JSON, any
/// answer.
inline bool nests_too_deep(std::string_view text) {
  unsigned depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '{' || c == '[')) {
      if (++depth > kMostJsonDepth) return true;
    } else if (!quoted && (c == '}' || c == ']') && depth) {
      --depth;
    }
  }
  return false;
}

}  // namespace oneadapt
