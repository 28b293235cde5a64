// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/knobs/knob.h"

#include <cmath>
#include <stdexcept>

namespace oneadapt {

Ladder::Ladder(std::vector<double> values) : values_(std::move(values)) {
  if (values_.empty()) throw std::invalid_argument("a ladder needs at least one value");
  for (double v : values_)
    if (!std::isfinite(v)) throw std::invalid_argument("a ladder's values must be finite");
  if (values_.size() < 2) return;
  const bool rises = values_[1] > values_[0];
  for (std::size_t i = 1; i < values_.size(); ++i)
    if (values_[i] == values_[i - 1] || (values_[i] > values_[i - 1]) != rises)
      throw std::invalid_argument("a ladder's values must all rise or all fall, from cheap to expensive");
}

double Ladder::position(std::size_t rung) const {
  const double v = values_.at(rung);
  if (values_.size() == 1) return 1.0;
  return (v - values_.front()) / (values_.back() - values_.front());
}

std::size_t Ladder::nearest(double position) const {
  std::size_t best = 0;
  double distance = std::abs(this->position(0) - position);
  for (std::size_t i = 1; i < values_.size(); ++i) {
    const double d = std::abs(this->position(i) - position);
    if (d < distance) {
      distance = d;
      best = i;
    }
  }
  return best;
}

std::size_t Ladder::nearest_value(double value) const {
  if (values_.size() == 1) return 0;
  return nearest((value - values_.front()) / (values_.back() - values_.front()));
}

}  // namespace oneadapt
