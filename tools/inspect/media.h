// SPDX-License-Identifier: LGPL-2.1-or-later
// What the model is shown, or hears: a picture, frames of a clip, seconds of sound, or something made here.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/model.h"

namespace oneadapt::inspect {

/// One line: what is wrong with a file, or an option, and what to do.
class InspectError : public std::runtime_error {
 public:
  explicit InspectError(const std::string &what) : std::runtime_error(what) {}
};

struct Picture {
  std::vector<std::uint8_t> rgb;
  std::size_t stride = 0;  ///< bytes a row
  unsigned width = 0, height = 0;
  std::optional<double> seconds;  ///< stream time, of a clip's frame
  RgbFrame frame() const { return {rgb.data(), stride, width, height}; }
};

/// An interval, and what was to be heard before it.
struct Sound {
  std::vector<float> samples;  ///< mono, full scale ±1; the interval's are the last ones
  unsigned rate = 0;
  std::size_t first = 0;  ///< sample that the interval begins with
  double seconds = 0;     ///< stream time at which the interval begins
  std::size_t count() const { return samples.size() - first; }
};

/// Coloured ellipses on grey, the same ones for the same seed. It holds nothing that a detector was trained on.
Picture made_picture(FrameSize size, unsigned seed);
/// Tones in an interval of a second after `context` seconds of silence. It holds no words.
Sound made_sound(unsigned rate, double context);
/// The interval as a wave, light on dark.
Picture wave_of(const Sound &sound);

class Decoder;

/// Frames of a file. Needs gst_init(). One thread.
class Footage {
 public:
  /// Anything that decodebin reads. Throws InspectError: no such file, nothing to see in it, no decoder.
  explicit Footage(const std::string &path);
  ~Footage();

  bool is_clip() const;
  /// The first frame at or after `from` seconds; nothing at the end. `from` may not go back. Throws InspectError when
  /// the file cannot be decoded.
  std::optional<Picture> next(double from);
  /// Of a clip, in seconds; 0: unknown.
  double duration() const;

 private:
  std::unique_ptr<Decoder> decoder_;
  bool sought_ = false;
};

/// Seconds of a file's sound. Needs gst_init(). One thread.
class Recording {
 public:
  /// As Footage; nothing to hear in it.
  Recording(const std::string &path, unsigned rate);
  ~Recording();

  /// A second from `from` on, or what is left of it, and up to `context` seconds before it; nothing when less than a
  /// tenth of a second is left. `from` may not go back by more than the context. Throws InspectError.
  std::optional<Sound> next(double from, double context);
  double duration() const;

 private:
  std::unique_ptr<Decoder> decoder_;
  unsigned rate_;
  std::vector<float> held_;
  std::size_t forgotten_ = 0;  ///< samples before those that are held
  bool ended_ = false;
};

}  // namespace oneadapt::inspect
