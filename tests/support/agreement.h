// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once
#include <cmath>

namespace oneadapt_test {

/// How well a gradient agrees with central differences: sums over the places that are looked at.
struct Agreement {
  double error = 0, norm = 0, dot = 0, own = 0;

  void add(double numeric, double analytic) {
    error += (numeric - analytic) * (numeric - analytic);
    norm += numeric * numeric;
    dot += numeric * analytic;
    own += analytic * analytic;
  }
  double relative_error() const { return std::sqrt(error / norm); }
  double cosine() const { return dot / std::sqrt(norm * own); }
};

}  // namespace oneadapt_test
