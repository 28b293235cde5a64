// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy/profile_grid.h"

#include <algorithm>
#include <cmath>

namespace oneadapt {

std::vector<std::vector<std::size_t>> profile_grid(const std::vector<KnobObservation> &knobs, unsigned most) {
  std::vector<std::size_t> counts;
  for (const KnobObservation &k : knobs) counts.push_back(k.ladder.size());
  auto product = [&] {
    double p = 1;
    for (std::size_t n : counts) p *= double(n);
    return p;
  };
  const double limit = most ? std::max(2u, most) : INFINITY;
  // The longest ladder gives a rung at a time; a knob left with one rung stays at its most expensive.
  while (product() > limit) --*std::max_element(counts.begin(), counts.end());
  std::vector<std::vector<std::size_t>> grid{{}};
  for (std::size_t i = 0; i < knobs.size(); ++i) {
    const std::size_t last = knobs[i].ladder.size() - 1;
    std::vector<std::vector<std::size_t>> longer;
    for (const auto &prefix : grid)
      for (std::size_t n = 0; n < counts[i]; ++n) {
        const double share = counts[i] > 1 ? double(n) / double(counts[i] - 1) : 1;
        longer.push_back(prefix);
        longer.back().push_back(std::size_t(std::lround(share * double(last))));
      }
    grid = std::move(longer);
  }
  return grid;
}

}  // namespace oneadapt
