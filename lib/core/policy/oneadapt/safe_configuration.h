// SPDX-License-Identifier: LGPL-2.1-or-later
// Where knobs go when feedback is lost, and their way back once it is there again.
#pragma once
#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "core/policy/policy.h"

namespace oneadapt {

/// Remembers which rungs the knobs left when feedback was lost. Thread-bound.
class SafeConfiguration {
 public:
  /// Before the knobs of an observation are asked for: a gradient ends the loss, a loss forgets the one before.
  void begin(const Observation &observation);
  /// Feedback is lost: the rung to go to, which is the knob's safe one or else `typical`. Remembers the rung that it
  /// leaves.
  std::size_t leave(const KnobObservation &knob, std::size_t typical);
  /// The rung that the knob left, in the observation that ends the loss. None if it did not leave one, or if somebody
  /// has moved the knob since.
  std::optional<std::size_t> back(const KnobObservation &knob) const;
  void reset();

 private:
  struct Move {
    std::size_t from, to;
  };
  std::map<std::string, Move> left_;       ///< since feedback was lost
  std::map<std::string, Move> returning_;  ///< in the observation that ends the loss
};

}  // namespace oneadapt
