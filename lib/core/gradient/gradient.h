// SPDX-License-Identifier: LGPL-2.1-or-later
// The block gradient map and what is computed from it: DNNGrad, OutputGrad (paper §3.3, §4.3, §E).
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/gradient/domain.h"
#include "core/vision/metrics.h"

namespace oneadapt {

/// The utility function f(e) = 2·sigmoid(slope·(score − θ)) − 1 (§E, footnote 10; slope 20 there).
double element_utility(double score, double theta, double slope = 20.0);

/// One number for each block of a frame, row by row. The last column and row of blocks may be cut by the frame's edge;
/// a value is always a mean over the pixels that are inside the frame. Of a signal, a pixel is a sample.
struct BlockMap {
  std::uint32_t frame_width = 0, frame_height = 0;  ///< pixels
  std::uint32_t block_size = 16;                    ///< pixels; H.264's macroblock
  std::vector<float> values;                        ///< columns()·rows() values

  BlockMap() = default;
  BlockMap(std::uint32_t width, std::uint32_t height, std::uint32_t block = 16);
  unsigned columns() const { return blocks(frame_width); }
  unsigned rows() const { return blocks(frame_height); }
  /// Pixels of the block that are inside the frame.
  std::uint64_t pixels(unsigned column, unsigned row) const;
  float &at(unsigned column, unsigned row) { return values[std::size_t(row) * columns() + column]; }
  float at(unsigned column, unsigned row) const { return values[std::size_t(row) * columns() + column]; }

 private:
  unsigned blocks(std::uint32_t side) const { return block_size ? side / block_size + (side % block_size != 0) : 0; }
};

/// Accuracy as it is measured without labels (docs/accuracy.md): F1 of what the DNN finds once a received frame has
/// been coded once more, against what it found in the frame. Some frames of an interval tell it.
struct MeasuredAccuracy {
  unsigned frames = 0;    ///< compared; 0: nobody measures
  unsigned occupied = 0;  ///< of these, those in which either side found something
  double accuracy = 1;    ///< mean F1 of all frames with objects, [0, 1]
  unsigned objects = 0;   ///< found in these frames, of both sides together

  /// Adds what was measured of other frames.
  void add(const MeasuredAccuracy &other);
};

/// How long a result may be reused, in s, where ReuseAccuracy says what that costs.
constexpr std::array<double, 6> kReuseTimes{1 / 30.0, 1 / 15.0, 0.1, 0.2, 0.4, 0.8};

/// Accuracy of results that are reused while frames are dropped, as successive results show it (docs/accuracy.md): F1
/// of what was found in a frame against what there is so much later.
struct ReuseAccuracy {
  unsigned frames = 0;                                                ///< that tell it; 0: nothing is known
  std::array<double, kReuseTimes.size()> accuracy{1, 1, 1, 1, 1, 1};  ///< after kReuseTimes, [0, 1]

  /// Adds what other frames tell.
  void add(const ReuseAccuracy &other);
};

/// What the DNN says about one adaptation interval: DNNGrad of its last frame, and its output utility.
struct Gradient {
  std::uint64_t interval = 0;           ///< number of the adaptation interval: floor(stream time / interval)
  std::uint64_t interval_duration = 0;  ///< ns
  std::uint64_t stream_time = 0;        ///< ns, of the frame the gradient was taken on
  std::uint32_t stream = 0;             ///< CRC-32 of the stream id; 0: unknown
  double z = 0;                         ///< Σ f(e) over elements after NMS (§E, Eq. 4)
  unsigned elements = 0;                ///< elements that entered z (score above the floor)
  unsigned confident = 0;               ///< elements with score ≥ θ
  double theta = 0.5, slope = 20.0;
  bool early = false;  ///< taken at the beginning of its interval; another one follows at the interval's end
  Domain domain = Domain::Grid;
  /// Mean over the pixels of a block of Σ over R, G, B of |∂z/∂y|, for y in [0, 1], on the frame that the DNN received.
  BlockMap map;
  std::vector<Box> regions;  ///< of the confident elements, highest score first; in fractions of the frame
  MeasuredAccuracy measured;
  ReuseAccuracy reuse;

  bool averages_over_intervals() const { return traits(domain).averages_over_intervals; }
  bool micro_averaged() const { return traits(domain).micro_averaged; }
  /// Whether the map's frame is one that the domain has.
  bool fits_domain() const { return !traits(domain).one_row || map.frame_height == 1; }
};

/// Copies the numbers of a gradient. `From` and `To` are Gradient or the C API's struct, whose fields have the same
/// names. Domain, map and regions differ in form, and are left out.
template <class From, class To>
void copy_numbers(const From &from, To &to) {
  to.interval = from.interval;
  to.interval_duration = from.interval_duration;
  to.stream_time = from.stream_time;
  to.stream = from.stream;
  to.z = from.z;
  to.elements = from.elements;
  to.confident = from.confident;
  to.theta = from.theta;
  to.slope = from.slope;
  to.early = from.early;
}

/// 1 in every block that a region touches after it was enlarged by `enlarge` of its width and height on every side, and
/// 0 elsewhere; on the gradient's grid. A policy that uses boxes (EAAR) takes it instead of the gradient.
BlockMap region_map(const Gradient &gradient, double enlarge);

/// The map on another frame size, for example that of a frame before it was scaled. Σ value·pixels is kept: the weight
/// of a pixel of the small frame is shared by the pixels of the large frame that it covers.
BlockMap resample(const BlockMap &map, unsigned frame_width, unsigned frame_height);

/// Whether two gradients are of the same domain, and of blocks of the same size.
bool can_be_added(const Gradient &a, const Gradient &b);
/// The sum of two gradients, on the newest one's frame size (the other map is resampled where that differs): z,
/// elements, confident elements, measured frames and maps add up; the rest is the newest's. Throws
/// std::invalid_argument where they cannot be added.
Gradient sum_of(const Gradient &before, const Gradient &newest);

/// Raises each value (≥ 0) to the power of `power` > 0 and scales the map so that Σ value·pixels stays the same. A
/// power below 1 flattens peaks. A map of zeros does not change.
void raise_values(BlockMap &map, double power);

/// Mean of each block and its up to eight neighbours. Objects move before the next gradient comes.
std::vector<double> box_blur(const BlockMap &map);

/// OutputGrad for a finite move of a knob (§3.3): Σ over blocks of |DNNGrad| · |Δy| · pixels. `delta` holds the mean
/// absolute change of a pixel, y in [0, 1], on the same frame size and block size as `gradient`.
/// Throws std::invalid_argument when the two grids differ.
double output_grad(const BlockMap &gradient, const BlockMap &delta);

/// Mean absolute difference of two 8-bit planes of the same size, for each block, in [0, 1] (differences / 255).
BlockMap mean_abs_difference(const std::uint8_t *a, std::size_t stride_a, const std::uint8_t *b, std::size_t stride_b,
                             unsigned width, unsigned height, unsigned block_size = 16);

/// Cosine of the angle between two equally long vectors; 0 when either is all zero.
double cosine(const std::vector<double> &a, const std::vector<double> &b);

/// Number of the adaptation interval that a stream time falls in; both in ns.
std::uint64_t interval_of(std::uint64_t stream_time, std::uint64_t interval_duration);

/// Exponential moving average over intervals, because a single second is noisy. When the frame size changes, the old
/// map is resampled. Where the domain does not average over intervals, the map is the newest, and only the numbers are
/// averaged. Not thread-safe.
class GradientSmoother {
 public:
  /// `weight` of the newest gradient in (0, 1]; 1 = no smoothing.
  explicit GradientSmoother(double weight = 0.5);
  /// Adds the newest gradient and returns the smoothed one: map, z and number of confident elements are averaged, the
  /// other fields are those of the newest.
  Gradient push(const Gradient &newest);
  void reset();
  /// Smoothed number of confident elements (fractional).
  double confident() const { return confident_; }

 private:
  double weight_;
  bool any_ = false;
  double z_ = 0, confident_ = 0;
  BlockMap map_;
};

}  // namespace oneadapt
