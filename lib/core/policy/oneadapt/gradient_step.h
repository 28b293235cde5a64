// SPDX-License-Identifier: LGPL-2.1-or-later
// One step of gradient ascent on one knob (paper §3.2, Eq. 2), by differences to the rung above and to the one below.
#pragma once
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "core/knobs/knob.h"

namespace oneadapt {

/// Trust region: OutputGrad is a first-order term, good near the probed rungs only. A knob moves by so many rungs in an
/// interval at most.
constexpr std::size_t kMaxRungs = 2;

/// What moving a knob by one rung comes to, in the units of Eq. 1.
struct MoveWorth {
  double accuracy = 0;  ///< that a move up gains, or a move down loses; ≥ 0
  double resource = 0;  ///< that a move up costs, or a move down saves; λ times the change of resource
};

/// Where a step leads.
struct Step {
  std::size_t rung = 0;
  double position = 0;  ///< of the continuous knob behind the rung, [0, 1]
};

/// A step from `rung`, with the continuous knob at `position`. A move is worth taking if it gains 1.5 times what it
/// loses. Its length is `alpha` times the slope of the objective, but at least one rung, at most kMaxRungs, and not
/// over a rung whose own move is not worth taking. `up`, `down`: the moves from rung to rung, nearest first; they end
/// where the ladder does, or where nothing is known. `alpha` 0: nothing moves. `last`: where the knob went last (1, −1;
/// 0: it has not moved). A step the other way is a single rung: what is best lies between.
Step gradient_step(const Ladder &ladder, std::size_t rung, double position, const std::vector<MoveWorth> &up,
                   const std::vector<MoveWorth> &down, double alpha, int last = 0);

/// The continuous knobs behind the rungs, by the knobs' names: what rounding to a rung leaves over counts in the next
/// step, and so does where the knob went last.
class KnobPositions {
 public:
  /// The rung's own position, unless a position that rounds to it was kept. (If it rounds to another rung, somebody
  /// else has moved the knob.)
  double at(const std::string &knob, const Ladder &ladder, std::size_t rung) const;
  /// As gradient_step() takes it.
  int last(const std::string &knob) const;
  /// A decision that leads from `from` to `to`.
  void keep(const std::string &knob, double position, std::size_t from, std::size_t to);
  void reset() { knobs_.clear(); }

 private:
  struct Knob {
    double position;
    int last = 0;
  };
  std::map<std::string, Knob> knobs_;
};

}  // namespace oneadapt
