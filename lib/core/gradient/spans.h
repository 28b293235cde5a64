// SPDX-License-Identifier: LGPL-2.1-or-later
// Blocks of one axis of a map; for liboneadapt's own files.
#pragma once
#include <algorithm>
#include <vector>

namespace oneadapt {

/// A block that lies under an interval of one axis, and how many pixels of it do.
struct Span {
  unsigned block;
  double pixels;
};

/// The blocks of a row or column of `length` pixels that lie between `from` and `to`, which are in its pixels.
inline std::vector<Span> spans(double from, double to, unsigned length, unsigned block) {
  std::vector<Span> result;
  from = std::max(from, 0.0);
  for (unsigned j = unsigned(from / block); double(j) * block < std::min<double>(to, length); ++j) {
    const double lo = std::max<double>(from, double(j) * block);
    const double hi = std::min({to, (double(j) + 1) * block, double(length)});
    if (hi > lo) result.push_back({j, hi - lo});
  }
  return result;
}

}  // namespace oneadapt
