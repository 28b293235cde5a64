// SPDX-License-Identifier: LGPL-2.1-or-later
// What the tables of knobs of our tunables have in common: a row, its properties, its ladder, and how a configuration
// is read by it.
#pragma once
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "gstoneadapt.h"

namespace oneadapt {

/// Map: the property is a map of offsets, and a rung is the QP that a map is laid over.
enum class KnobType { Int, Double, Map };

struct KnobRow {
  const char *name;  ///< of the property; the ladder's property is NAME-ladder
  const char *nick;
  const char *blurb;
  KnobType type;
  double min, max, neutral;  ///< limits; the default, which changes nothing or is what is usual
  bool rises;                ///< whether the ladder's values rise from cheap to expensive
  bool h264_only;            ///< means nothing for raw output of a filter that may code
  unsigned flags;            ///< GstOneadaptKnobFlags
  const char *ladder;        ///< the default ladder; empty: follows from the caps
  const char *ladder_blurb;
  /// What a change of the DNN's input by this knob costs in accuracy, against others of the same size: OutputGrad is
  /// multiplied by it.
  double weight;
};

/// Reads a ladder such as "48,44,40" (commas or spaces, cheap → expensive); empty text gives an empty ladder. False,
/// with a sentence in `error`, for what is no number, out of the knob's range, or not in order.
bool parse_ladder(const KnobRow &row, const std::string &text, std::vector<double> &values, std::string &error);
/// The same for a property of `element`: a ladder that is none leaves `values` as they are, with a warning.
bool take_ladder(const char *element, const KnobRow &row, const char *text, std::vector<double> &values);
/// The rung nearest to a value; the ladder must not be empty.
std::size_t nearest_rung(double value, const std::vector<double> &ladder);

/// The knob's property, live and controllable (a map is not).
GParamSpec *knob_pspec(const KnobRow &row);
/// Its ladder's; `usual` says what an empty one stands for.
GParamSpec *ladder_pspec(const KnobRow &row, const char *usual);

/// The values that a configuration names, one of `rows` each; `values` has `n`. False, with `error`, for an unknown
/// knob or a value out of range.
bool read_configuration(const char *element, const KnobRow *rows, std::size_t n, const GstStructure *configuration,
                        std::optional<double> *values, GError **error);

/// A function by its values at some places (at least one, in order), linear in between and level outside.
double interpolated(const std::vector<std::array<double, 2>> &points, double x);

}  // namespace oneadapt
