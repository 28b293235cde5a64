// SPDX-License-Identifier: LGPL-2.1-or-later
// What a move of a knob does to accuracy on this content: OutputGrad as a measurement, and what is typical as a prior.
#pragma once
#include <cstddef>
#include <map>
#include <string>

#include "core/policy/policy.h"

namespace oneadapt {

/// Change of accuracy that an OutputGrad stands for, [0, 1]: ΔF1 ≈ κ · Σ|G||Δy| / N, N being the number of confident
/// elements.
double measured_change(double output_grad, double confident);

/// How sensitive the content is to each knob, as a multiple of what is typical. From one interval to the next the
/// OutputGrad of one configuration goes up and down by half (docs/results/paper.md). So a single one is evidence only,
/// and its logarithm is averaged. Thread-bound.
class Sensitivity {
 public:
  /// Learns from what was measured in an interval that had a gradient.
  void learn(const Observation &observation);
  /// 1: as typical, or nothing is known.
  double of(const std::string &knob) const;
  /// How much accuracy differs at the neighbouring `rung`, [0, 1]: the typical change times the sensitivity; where
  /// nothing was learnt, what `output_grad` stands for.
  double accuracy_change(const KnobObservation &knob, std::size_t rung, double output_grad, double confident) const;
  void reset();

 private:
  struct Belief {
    double log = 0;       ///< natural logarithm of the sensitivity
    double evidence = 0;  ///< where accuracy is micro-averaged: how many intervals it is from
  };
  std::map<std::string, Belief> beliefs_;
};

}  // namespace oneadapt
