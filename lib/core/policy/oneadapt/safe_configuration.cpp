// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy/oneadapt/safe_configuration.h"

#include <utility>

namespace oneadapt {

void SafeConfiguration::begin(const Observation &o) {
  returning_.clear();
  if (o.gradient) returning_ = std::exchange(left_, {});
  if (o.feedback_lost) left_.clear();
}

std::size_t SafeConfiguration::leave(const KnobObservation &k, std::size_t typical) {
  const std::size_t to = k.safe.value_or(typical);
  left_[k.name] = {k.rung, to};
  return to;
}

std::optional<std::size_t> SafeConfiguration::back(const KnobObservation &k) const {
  const auto it = returning_.find(k.name);
  if (it == returning_.end() || it->second.to != k.rung || it->second.from >= k.ladder.size()) return std::nullopt;
  return it->second.from;
}

void SafeConfiguration::reset() {
  left_.clear();
  returning_.clear();
}

}  // namespace oneadapt
