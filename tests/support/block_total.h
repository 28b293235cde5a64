// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once
#include "core/gradient/gradient.h"

namespace oneadapt_test {

/// The sum over the frame's pixels.
inline double total(const oneadapt::BlockMap &map) {
  double sum = 0;
  for (unsigned r = 0; r < map.rows(); ++r)
    for (unsigned c = 0; c < map.columns(); ++c) sum += double(map.at(c, r)) * double(map.pixels(c, r));
  return sum;
}

}  // namespace oneadapt_test
