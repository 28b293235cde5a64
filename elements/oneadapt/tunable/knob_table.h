// SPDX-License-Identifier: LGPL-2.1-or-later
// The table of a medium's knobs: properties, ladders, limits and documentation come from its rows, and configurations
// are read by it.
#pragma once
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "gstoneadapt.h"

namespace oneadapt {

/// One value for each knob, in the order of the table's rows.
using Values = std::vector<double>;
/// The same where only some knobs are named.
using PartialValues = std::vector<std::optional<double>>;
/// One ladder for each knob, cheap → expensive. Empty: the knob cannot be adapted now.
using Ladders = std::vector<std::vector<double>>;

/// Map: the property is a map of offsets, and a rung is the QP that a map is laid over.
enum class KnobType { Int, Double, Map };

struct KnobRow {
  const char *name;  ///< of the property; the ladder's property is NAME-ladder
  const char *nick;
  const char *blurb;
  KnobType type;
  double min, max, neutral;  ///< limits; the default, which changes nothing or is what is usual
  bool rises;                ///< whether the ladder's values rise from cheap to expensive
  bool zero_is_top;          ///< 0 stands for the ladder's top
  bool h264_only;            ///< has no meaning while a filter that can encode puts out raw media
  unsigned flags;            ///< GstOneadaptKnobFlags
  const char *ladder;        ///< the default ladder; empty: it follows from the caps
  const char *ladder_blurb;
  /// OutputGrad is multiplied by it: the accuracy that a change of the DNN's input by this knob costs, relative to
  /// other changes of the same size.
  double weight;
};

/// A view of rows that live as long as the program. Immutable, so any thread may use it.
class KnobTable {
 public:
  template <std::size_t N>
  explicit KnobTable(const KnobRow (&rows)[N]) : rows_(rows), size_(N) {}
  std::size_t size() const { return size_; }
  const KnobRow &operator[](std::size_t knob) const { return rows_[knob]; }
  /// The index of a row; size() for an unknown name.
  std::size_t find(const std::string &name) const;
  /// The default of each knob.
  Values neutral() const;
  /// The values that a configuration names. Nothing, with `error`, for an unknown knob or a value out of range;
  /// `element` is named there.
  std::optional<PartialValues> read(const char *element, const GstStructure *configuration, GError **error) const;

 private:
  const KnobRow *rows_;
  std::size_t size_;
};

/// Reads a ladder such as "48,44,40" (commas or spaces, cheap → expensive); empty text gives an empty ladder. False,
/// with a sentence in `error`, where a value is not a number, is out of the knob's range, or is out of order.
bool parse_ladder(const KnobRow &row, const std::string &text, std::vector<double> &values, std::string &error);
/// Reads the ladder property of `element`. False, after a warning, for text that is not a ladder.
bool parse_ladder_property(const char *element, const KnobRow &row, const char *text, std::vector<double> &values);
/// The table's own ladder; empty where it follows from the caps.
std::vector<double> default_ladder(const KnobRow &row);
/// The values of a rising ladder that are below `top`, and `top` itself unless the ladder ends lower. Values of 0 or
/// less stand for the top and are left out. `top` 0: unknown, the ladder has no limit.
std::vector<double> ladder_up_to(const std::vector<double> &ladder, double top);
/// The rung that a knob's value stands for: the nearest. The ladder must not be empty.
std::size_t rung_of(const KnobRow &row, double value, const std::vector<double> &ladder);

/// The accuracy and resources that a value of a knob usually comes to, the other knobs at their most expensive, as
/// fractions of the most expensive value's.
struct Typical {
  double accuracy = 1, resource = 1;
  std::optional<double> compute;  ///< frames that are left to analyse; none: all of them
};

/// A function given by its values at some places (at least one, in order), linear in between and constant outside.
double interpolated(const std::vector<std::array<double, 2>> &points, double x);

}  // namespace oneadapt
