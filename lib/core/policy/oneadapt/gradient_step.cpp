// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy/oneadapt/gradient_step.h"

#include <algorithm>

namespace oneadapt {
namespace {

// A move must gain this much more than it loses: neighbouring rungs of about equal worth are not worth a flicker.
// Chosen: docs/design-notes.md, The step.
constexpr double kHysteresis = 1.5;

/// `wanted`, but at least `one` rung. At most as many times that as kMaxRungs says, and not beyond `most`: on a ladder
/// whose steps shrink towards its end, twice the step would go all the way.
double bounded(double wanted, double one, double most) {
  return std::clamp(wanted, one, std::max(one, std::min(most, double(kMaxRungs) * one)));
}

}  // namespace

Step gradient_step(const Ladder &ladder, std::size_t rung, double position, const std::optional<MoveWorth> &up,
                   const std::optional<MoveWorth> &down, double alpha) {
  const double here = ladder.position(rung);
  double to_up = 0, to_down = 0, gain_up = 0, gain_down = 0;
  bool go_up = false, go_down = false;
  if (up) {
    to_up = ladder.position(rung + 1) - here;
    gain_up = (up->accuracy - up->resource) / to_up;
    go_up = up->accuracy > kHysteresis * up->resource;
  }
  if (down) {
    to_down = here - ladder.position(rung - 1);
    gain_down = (down->resource - down->accuracy) / to_down;
    go_down = down->resource > kHysteresis * down->accuracy;
  }
  if (go_up && go_down) (gain_up >= gain_down ? go_down : go_up) = false;
  double x = position, step = 0;
  if (go_up) {
    const double most = ladder.position(std::min(rung + kMaxRungs, ladder.size() - 1)) - here;
    step = bounded(alpha * gain_up, to_up, most);
  } else if (go_down) {
    const double most = here - ladder.position(rung - std::min(rung, kMaxRungs));
    step = -bounded(alpha * gain_down, to_down, most);
  } else {
    x = here;
  }
  x = std::clamp(x + (alpha > 0 ? step : 0.0), 0.0, 1.0);
  return {ladder.nearest(x), x};
}

double KnobPositions::at(const std::string &knob, const Ladder &ladder, std::size_t rung) const {
  const auto it = positions_.find(knob);
  if (it == positions_.end() || ladder.nearest(it->second) != rung) return ladder.position(rung);
  return it->second;
}

}  // namespace oneadapt
