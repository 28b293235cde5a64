// SPDX-License-Identifier: LGPL-2.1-or-later
// Whether there is a voice in sound: by energy and harmonicity. No GStreamer, no clock. Thread-bound.
#pragma once
#include <cstddef>
#include <vector>

namespace oneadapt {

/// Judges frames of a fiftieth of a second. A frame is a voice's where, together with the one before,
///  - it is louder than the noise floor by 6 dB, and than −55 dB of full scale (80 Hz up to 4 to 8 kHz). The floor
///    falls with what is quieter at once, and rises by 3 dB a second;
///  - it is harmonic: shifted by the period of some pitch of 70 to 400 Hz it is like itself (normalised
///    cross-correlation 0.5 and more), and shifted by less it is not, as rumble would be.
/// A voice begins with the third such frame in a row, and ends when there was none for 200 ms.
class VoiceDetector {
 public:
  /// `rate` in Hz, 1000 and more.
  explicit VoiceDetector(int rate);
  /// Samples of a frame.
  std::size_t frame() const { return frame_; }
  /// Takes samples, full scale ±1; judges each frame that they complete.
  std::vector<bool> push(const float *samples, std::size_t n);
  /// What comes next is not the continuation of what came; the noise floor stays.
  void interrupt();
  /// Of the frame that was judged last, for tests: decibels of full scale, noise floor, and likeness in [−1, 1].
  double level() const { return level_; }
  double floor() const { return floor_; }
  double harmonicity() const { return harmonicity_; }

 private:
  bool judge();

  int rate_;
  std::size_t frame_, decimation_;
  std::vector<float> sound_;  // the frame before, and what there is of this one
  double level_ = -100, floor_ = -100, harmonicity_ = 0;
  bool any_ = false;  // a frame has been judged: there is a floor
  unsigned row_ = 0, hangover_ = 0;
};

}  // namespace oneadapt
