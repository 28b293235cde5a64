// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy/oneadapt/gradient_step.h"

#include <algorithm>

namespace oneadapt {
namespace {

// A move must gain this much more than it loses: neighbouring rungs of about equal worth are not worth a flicker.
// Chosen: docs/design-notes.md, The step.
constexpr double kHysteresis = 1.5;

bool worth_going_up(const MoveWorth &m) { return m.accuracy > kHysteresis * m.resource; }
bool worth_going_down(const MoveWorth &m) { return m.resource > kHysteresis * m.accuracy; }

/// How many rungs in a row are worth it, kMaxRungs at most.
std::size_t reach(const std::vector<MoveWorth> &moves, bool (*worth)(const MoveWorth &)) {
  std::size_t n = 0;
  while (n < std::min(moves.size(), kMaxRungs) && worth(moves[n])) ++n;
  return n;
}

/// `wanted`, but at least `one` rung. At most as many times that as kMaxRungs says, and not beyond `most`: on a ladder
/// whose steps shrink towards its end, twice the step would go all the way.
double bounded(double wanted, double one, double most) {
  return std::clamp(wanted, one, std::max(one, std::min(most, double(kMaxRungs) * one)));
}

}  // namespace

Step gradient_step(const Ladder &ladder, std::size_t rung, double position, const std::vector<MoveWorth> &up,
                   const std::vector<MoveWorth> &down, double alpha, int last) {
  const double here = ladder.position(rung);
  std::size_t far_up = reach(up, worth_going_up), far_down = reach(down, worth_going_down);
  const double to_up = far_up ? ladder.position(rung + 1) - here : 1,
               to_down = far_down ? here - ladder.position(rung - 1) : 1;
  const double gain_up = far_up ? (up[0].accuracy - up[0].resource) / to_up : 0,
               gain_down = far_down ? (down[0].resource - down[0].accuracy) / to_down : 0;
  if (far_up && far_down) (gain_up >= gain_down ? far_down : far_up) = 0;
  if (far_up && last < 0) far_up = 1;
  if (far_down && last > 0) far_down = 1;
  double x = position, step = 0;
  if (far_up) {
    step = bounded(alpha * gain_up, to_up, ladder.position(rung + far_up) - here);
  } else if (far_down) {
    step = -bounded(alpha * gain_down, to_down, here - ladder.position(rung - far_down));
  } else {
    x = here;
  }
  x = std::clamp(x + (alpha > 0 ? step : 0.0), 0.0, 1.0);
  const std::size_t farthest_up = rung + std::max<std::size_t>(far_up, 1),
                    farthest_down = rung - std::min(rung, std::max<std::size_t>(far_down, 1));
  const std::size_t to = std::clamp(ladder.nearest(x), farthest_down, farthest_up);
  return {to, ladder.nearest(x) == to ? x : ladder.position(to)};
}

double KnobPositions::at(const std::string &knob, const Ladder &ladder, std::size_t rung) const {
  const auto it = knobs_.find(knob);
  if (it == knobs_.end() || ladder.nearest(it->second.position) != rung) return ladder.position(rung);
  return it->second.position;
}

int KnobPositions::last(const std::string &knob) const {
  const auto it = knobs_.find(knob);
  return it == knobs_.end() ? 0 : it->second.last;
}

void KnobPositions::keep(const std::string &knob, double position, std::size_t from, std::size_t to) {
  Knob &k = knobs_[knob];
  k.position = position;
  if (from != to) k.last = to > from ? 1 : -1;
}

}  // namespace oneadapt
