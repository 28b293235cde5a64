// SPDX-License-Identifier: LGPL-2.1-or-later
// Knobs and their ladders (paper §3.1, §3.5).
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace oneadapt {

/// The discrete values of one knob, ordered cheap → expensive. Immutable, so it may be read from any thread.
/// Values may rise (scale 0.25 … 1) or fall (QP 48 … 20); they are linearly normalised to [0, 1] with the
/// cheapest at 0 and the most expensive at 1 (§3.5, "Running gradient ascent over discrete configuration space").
class Ladder {
 public:
  /// Throws std::invalid_argument when `values` is empty, not strictly monotonic or not finite.
  explicit Ladder(std::vector<double> values);

  std::size_t size() const { return values_.size(); }
  double value(std::size_t rung) const { return values_.at(rung); }
  const std::vector<double> &values() const { return values_; }

  /// Normalised position of a rung in [0, 1]; a ladder of one rung stands at 1.
  double position(std::size_t rung) const;
  /// The rung nearest to a normalised position; a tie goes to the cheaper one. Positions outside [0, 1] are clipped.
  std::size_t nearest(double position) const;
  /// The rung whose value is nearest to `value`.
  std::size_t nearest_value(double value) const;

 private:
  std::vector<double> values_;
};

}  // namespace oneadapt
