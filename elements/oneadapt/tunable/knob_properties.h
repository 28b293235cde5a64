// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties of a filter's class that come from the table of its knobs.
#pragma once
#include <gst/gst.h>

#include <optional>
#include <vector>

#include "tunable/knob_table.h"

namespace oneadapt {

/// A property for each knob and each ladder, and "stats". Made once for a class; then immutable.
class KnobProperties {
 public:
  explicit KnobProperties(const KnobTable &knobs) : knobs_(knobs) {}
  /// Installs them with ids from 1 on and returns the first id that is free. `usual_ladder`: what an empty ladder
  /// stands for where the row has no default; `stats`: what "stats" holds, a literal.
  guint install(GObjectClass *klass, const char *usual_ladder, const char *stats);
  /// What a property's id stands for.
  std::optional<std::size_t> knob_of(guint id) const { return index_of(id, 1); }
  std::optional<std::size_t> ladder_of(guint id) const { return index_of(id, 1 + guint(knobs_.size())); }
  bool is_stats(guint id) const { return id == 1 + 2 * knobs_.size(); }
  GParamSpec *pspec(std::size_t knob) const { return pspecs_[knob]; }

 private:
  std::optional<std::size_t> index_of(guint id, guint first) const {
    return id >= first && id - first < knobs_.size() ? std::optional<std::size_t>(id - first) : std::nullopt;
  }

  const KnobTable &knobs_;
  std::vector<GParamSpec *> pspecs_;
};

}  // namespace oneadapt
