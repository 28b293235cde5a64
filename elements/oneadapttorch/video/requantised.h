// SPDX-License-Identifier: LGPL-2.1-or-later
// What a picture is measured against where nobody hands a second generation on: itself, quantised once more.
#pragma once
#include <gst/gst.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "model/model.h"
#include "received_coding.h"

namespace oneadapt {

/// One picture in seven, where the controller wants to know the accuracy and the QPs are known. Thread-bound.
class Requantised {
 public:
  /// An event of the stream.
  void on_event(GstEvent *event);
  /// A gradient that goes to the camera.
  void gradient(const Gradient &gradient) { coding_.gradient(gradient); }
  /// The next picture that is inferred, with the mark that it carries. Keeps a copy if it is to be measured.
  void take(const RgbFrame &frame, const std::optional<IntervalMark> &mark);
  /// The picture that was taken last is to be measured.
  bool due() const { return due_; }
  void forget() { due_ = false; }
  /// That picture, quantised as it was coded; valid until the next one is taken. `placed`: it is the whole picture that
  /// was coded, so that a QP map lies where it lay; else the map is left out.
  RgbFrame quantised(bool placed);

 private:
  ReceivedCoding coding_;
  bool due_ = false, elsewhere_ = false;  ///< oneadaptshadow does it
  unsigned since_ = 0;
  unsigned width_ = 0, height_ = 0;
  std::vector<std::uint8_t> rgb_;
};

}  // namespace oneadapt
