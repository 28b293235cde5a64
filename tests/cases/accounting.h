// SPDX-License-Identifier: LGPL-2.1-or-later
// A camera in front of the whole loop (controller, filter, decoder, DNN), and what became of each of its frames.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace oneadapt_test {

/// How the frames of a camera come.
enum class Arrival {
  Regular,
  Jitter,     ///< each up to half a frame's time early or late
  Gaps,       ///< none for 2.5 s, twice
  StepsBack,  ///< the camera's clock is put back by 0.3 s, and later by 2.5 s
};

/// What the caps promise, as a multiple of the real rate.
enum class Promise { Kept, Half, Double, Nothing };

/// One camera, and the filter's property `framerate`.
struct Cell {
  double real = 25;  ///< frames per second that really come
  Promise promise = Promise::Kept;
  Arrival arrival = Arrival::Regular;
  double framerate = 0;  ///< 0: all frames are passed on

  std::string name() const;
};

/// All that the matrix is made of: real rates from a frame every five seconds to 240 a second, with each promise, each
/// kind of arrival and each `framerate`.
std::vector<Cell> whole_matrix();
/// A part of it that takes seconds: each real rate with each kind of arrival and each `framerate`, and each promise
/// with every value of the others. The fastest cameras are left out where all their frames would be coded.
std::vector<Cell> covering_part();

/// Plays one cell, in lockstep, and checks with Google Test's expectations:
/// - in every ten seconds, the frames that are passed on are within one of what real time allows;
/// - every frame is counted: in = out + dropped;
/// - of the intervals that had a frame at the DNN, at least 95 % got a gradient;
/// - the controller never waited for its time-out.
/// `model`: a file of save_brightest().
void expect_accounted(const Cell &cell, const std::string &model);

}  // namespace oneadapt_test
