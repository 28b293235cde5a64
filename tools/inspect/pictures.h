// SPDX-License-Identifier: LGPL-2.1-or-later
// What the model is shown: a picture, frames of a clip, or a picture made here.
#pragma once
#include <gst/gst.h>

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

/// Coloured ellipses on grey, the same ones for the same seed. It holds nothing that a detector was trained on.
Picture made_picture(FrameSize size, unsigned seed);

/// Frames of a file. Needs gst_init(). One thread.
class Footage {
 public:
  /// Anything that decodebin reads. Throws InspectError: no such file, nothing to see in it, no decoder.
  explicit Footage(const std::string &path);
  ~Footage();
  Footage(const Footage &) = delete;
  Footage &operator=(const Footage &) = delete;

  bool is_clip() const { return clip_; }
  /// The first frame at or after `from` seconds; nothing at the end. `from` may not go back. Throws InspectError when
  /// the file cannot be decoded.
  std::optional<Picture> next(double from);
  /// Of a clip, in seconds; 0: unknown.
  double duration() const { return duration_; }

 private:
  struct Unref {
    void operator()(gpointer object) const { gst_object_unref(object); }
  };
  void look();
  void open();
  [[noreturn]] void fail(const std::string &why) const;
  void check_bus();

  std::string path_;
  bool clip_ = false;
  double duration_ = 0;
  std::unique_ptr<GstElement, Unref> pipeline_, sink_;
};

}  // namespace oneadapt::inspect
