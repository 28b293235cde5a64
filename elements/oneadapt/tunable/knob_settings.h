// SPDX-License-Identifier: LGPL-2.1-or-later
// What the user and the controller want of a filter's knobs.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tunable/knob_table.h"

namespace oneadapt {

/// What goes with a configuration besides its values, of a type that only the medium knows: a QP map, say. NULL: none.
using PayloadRef = std::shared_ptr<const void>;

/// A configuration that the controller wants from some interval on.
struct PendingConfiguration {
  std::uint64_t interval = 0;
  PartialValues values;
  PartialValues inactive;  ///< instead of `values`, in intervals in which nothing goes on
  PayloadRef payload;
};

/// Not thread-safe: the filter guards it.
struct KnobSettings {
  explicit KnobSettings(const KnobTable &knobs)
      : asked(knobs.neutral()),
        applied(asked),
        inactive(knobs.size()),
        shown(knobs.size()),
        ladders(knobs.size()),
        ladder_texts(knobs.size()) {}

  Values asked;             ///< by the user, or by the controller since
  Values applied;           ///< in force, as the properties were last notified of it
  PartialValues inactive;   ///< asked for by the controller instead, for intervals in which nothing goes on
  std::vector<bool> shown;  ///< for each knob: its property says `applied`; else `asked`
  Ladders ladders;          ///< the user's; empty: the default
  std::vector<std::string> ladder_texts;  ///< as they were set
  PayloadRef payload;                     ///< asked for, as `asked` is
  std::optional<PendingConfiguration> pending;

  /// The user sets a knob's property.
  void set(std::size_t knob, double value) {
    asked[knob] = value;
    inactive[knob].reset();
    shown[knob] = false;
  }
  /// What it says.
  double get(std::size_t knob) const { return shown[knob] ? applied[knob] : asked[knob]; }
  /// What is asked for, for an interval in which something goes on or nothing does (`idle`).
  Values wanted(bool idle) const {
    Values values = asked;
    for (std::size_t knob = 0; idle && knob < values.size(); knob++)
      values[knob] = inactive[knob].value_or(values[knob]);
    return values;
  }
};

}  // namespace oneadapt
