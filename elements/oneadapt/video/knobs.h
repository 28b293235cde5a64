// SPDX-License-Identifier: LGPL-2.1-or-later
// The knobs of oneadaptfilter in one table: properties, ladders, limits and documentation all come from its rows. A new
// knob is one row in knobs.cpp, one enumerator and its meaning in the filter (and, to be adapted, in the prober).
#pragma once
#include <cstddef>
#include <vector>

#include "core/frames/frame_filter.h"
#include "tunable/knob_table.h"

namespace oneadapt {

/// Indices of the table's rows.
enum KnobId : std::size_t {
  kScale,
  kFramerate,
  kQp,
  kQpMap,
  kMapRange,
  kBBias,
  kPixelThreshold,
  kAreaThreshold,
  kChangeThreshold,
  kKnobs,
};

/// What a value usually comes to (docs/results/video.md). `rate`: the input's frames a second, 0: unknown. `h264`:
/// bytes are what is sent, of which frames that are dropped take less than their share.
Typical typical_of_video(std::size_t knob, double value, double rate, bool h264);

/// `weight` is measured with `oneadapt-eval --figure gradient-correlation` (docs/results/paper.md), against
/// quantisation noise: scaling takes away detail everywhere, noise does not; and a result that is reused is wrong in
/// its place, of which the gradient of the scores knows nothing.
const KnobTable &video_knobs();

/// A threshold of the frame filter.
inline bool is_threshold(std::size_t knob) {
  return knob == kPixelThreshold || knob == kAreaThreshold || knob == kChangeThreshold;
}

FilterThresholds thresholds_of(const Values &values);

/// The ladder of `framerate` for a given input rate: the user's values below it and, unless the user's ladder ends
/// lower, the input rate itself. Without the user's: input rate / 10, 5, 3, 2, 1, as far as that is at least 1 fps.
/// Empty when the input rate is unknown (0) and the user gave none.
std::vector<double> framerate_ladder(const std::vector<double> &user, double input_rate);

}  // namespace oneadapt
