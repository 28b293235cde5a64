// SPDX-License-Identifier: LGPL-2.1-or-later
// What one rung up or down would have done to an interval: InputGrad, OutputGrad and resource, at the sensor, without
// the DNN (paper §3.3, §4.2).
#pragma once
#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "core/gradient/gradient.h"
#include "tunable/moves.h"
#include "video/picture_history.h"

namespace oneadapt {

struct ProbeRequest {
  PictureRecord interval;
  Ladders ladders;                     ///< empty: this knob cannot be adapted now
  std::array<bool, kKnobs> wanted{};   ///< knobs whose moves to measure
  const BlockMap *gradient = nullptr;  ///< DNNGrad, on whatever frame size the DNN received; may be NULL
  std::string preset = "veryfast";     ///< the filter's own
};

struct ProbeResult {
  double resource = -1;  ///< r(k); < 0: unknown
  double compute = -1;   ///< frames passed on, as a fraction of those of k*; < 0: unknown
  std::array<ProbedKnob, kKnobs> knobs;
};

struct RenderRequest {
  PictureRecord interval;
  Ladders ladders;  ///< as for a probe
  Values values{};  ///< the configuration to render
  std::string preset = "veryfast";
};

/// What the DNN would have received of the remembered pictures.
struct Rendering {
  struct Picture {
    BufferRef buffer;
    std::uint64_t time = 0;  ///< stream time in ns
  };
  GstVideoInfo info;                  ///< of the pictures
  std::vector<Picture> pictures;      ///< in order of time
  std::vector<std::uint64_t> wanted;  ///< stream times of all remembered pictures, rising
  double resource = -1;               ///< r of the configuration; < 0: unknown
};

/// The rung of a ladder that a knob's value stands for (framerate 0: the top).
std::size_t rung_of(std::size_t knob, double value, const std::vector<double> &ladder);

/// Measures by encoding, with encoders of its own, two pictures a configuration: the last one that was passed on in the
/// interval as a P picture, after an earlier one as an IDR picture.
///
/// y is luma on the source's grid, in [0, 1] (limited range stretched by 255/219 = 1.164); what was scaled is scaled
/// back. r(k) = (I + (n − 1)·P) / the same of k*, with I and P the bytes of the two pictures and n the frames
/// that k would pass on in this interval; k* has every knob on its ladder's top. A frame rate changes n, and P by
/// taking the two pictures as far apart as it would. OutputGrad of the frame rate: the DNN's result is reused for the
/// frames in a gap, so |Δy| is the mean, over the positions in the gap, of the difference between the picture it would
/// have seen and the one it did. Raw output: r = (pixels · frames) / those of k*.
///
/// A rendering holds, of the remembered pictures, those nearest to the ones that the configuration's frame rate would
/// have passed on (at multiples of its gap before the interval's last picture), the oldest coded as an IDR picture and
/// each other one as a P picture after it. A gap longer than the pictures reach back is taken for one that reaches to
/// the oldest. r is as above.
///
/// Thread-bound. Throws std::runtime_error when a picture cannot be read or encoded.
class Prober {
 public:
  Prober();
  ~Prober();
  ProbeResult measure(const ProbeRequest &request);
  /// Throws std::runtime_error also for an interval of which no picture is remembered.
  Rendering render(const RenderRequest &request);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace oneadapt
