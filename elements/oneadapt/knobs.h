// SPDX-License-Identifier: LGPL-2.1-or-later
// The knobs of oneadaptfilter in one table: properties, ladders, limits and documentation all come from its rows. A new
// knob is one row in knobs.cpp, one enumerator and its meaning in the filter (and, to be adapted, in the prober).
#pragma once
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "core/frame_filter.h"
#include "gstoneadapt.h"

namespace oneadapt {

/// Indices of the table's rows.
enum KnobId : std::size_t {
  kScale,
  kFramerate,
  kQp,
  kQpMap,
  kBBias,
  kPixelThreshold,
  kAreaThreshold,
  kChangeThreshold,
  kKnobs,
};

/// Map: the property is a map of offsets, and a rung is the QP that a map is laid over.
enum class KnobType { Int, Double, Map };

struct KnobRow {
  const char *name;  ///< of the property; the ladder's property is NAME-ladder
  const char *nick;
  const char *blurb;
  KnobType type;
  double min, max, neutral;  ///< limits; the default, which changes nothing or is what encoders usually do
  bool rises;                ///< whether the ladder's values rise from cheap to expensive
  bool h264_only;            ///< means nothing for raw output
  unsigned flags;            ///< GstOneadaptKnobFlags
  const char *ladder;        ///< the default ladder; empty: follows from the caps (default_ladder())
  const char *ladder_blurb;
  /// What a change of the picture by this knob costs in accuracy, against quantisation noise of the same size:
  /// OutputGrad is multiplied by it. Measured with `oneadapt-eval --figure gradient-correlation` (docs/evaluation.md):
  /// scaling takes away detail everywhere, noise does not; and a result that is reused is wrong in its place, of which
  /// the gradient of the scores knows nothing.
  double weight;
};

/// Accuracy and resources that a value usually comes to, the other knobs at their dearest (docs/evaluation.md), as
/// fractions of the most expensive value's. `rate`: the input's frames a second, 0: unknown.
struct Typical {
  double accuracy = 1, resource = 1;
  double compute = 1;  ///< frames that are left to analyse
};
/// `h264`: bytes are what is sent, of which frames that are dropped take less than their share.
Typical typical(std::size_t knob, double value, double rate, bool h264);

const KnobRow &knob_row(std::size_t knob);
/// The row's index, or kKnobs for an unknown name.
std::size_t find_knob(const std::string &name);

/// A threshold of the frame filter.
inline bool is_threshold(std::size_t knob) {
  return knob == kPixelThreshold || knob == kAreaThreshold || knob == kChangeThreshold;
}

/// One value a knob.
using KnobValues = std::array<double, kKnobs>;
FilterThresholds thresholds_of(const KnobValues &values);
KnobValues neutral_values();

/// Reads a ladder such as "48,44,40" (commas or spaces, cheap → expensive); empty text gives an empty ladder. False,
/// with a sentence in `error`, for what is no number, out of the knob's range, or not in order.
bool parse_ladder(const KnobRow &row, const std::string &text, std::vector<double> &values, std::string &error);

/// The ladder of `framerate` for a given input rate: the user's values below it and, unless the user's ladder ends
/// lower, the input rate itself. Without the user's: input rate / 10, 5, 3, 2, 1, as far as that is at least 1 fps.
/// Empty when the input rate is unknown (0) and the user gave none.
std::vector<double> framerate_ladder(const std::vector<double> &user, double input_rate);

}  // namespace oneadapt
