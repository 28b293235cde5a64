// SPDX-License-Identifier: LGPL-2.1-or-later
// Frame filtering (paper §5.1, pipeline c): which frames need not be sent, because the last result still holds.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/gradient/gradient.h"

namespace oneadapt {

/// A picture's luma, reduced to the means of cells: blurred, and small enough to be compared with every frame. Cells
/// are squares of 4 pixels, or of 8 in pictures more than 1280 wide. An incomplete cell at the right or at the bottom
/// is ignored.
struct Cells {
  unsigned cell = 4;  ///< pixels a side; divides 16
  unsigned columns = 0, rows = 0;
  unsigned frame_width = 0, frame_height = 0;
  std::vector<std::uint8_t> values;
  bool comparable(const Cells &other) const {
    return frame_width == other.frame_width && frame_height == other.frame_height && !values.empty();
  }
};
Cells luma_cells(const std::uint8_t *luma, std::size_t stride, unsigned width, unsigned height);

/// Reducto's features (SIGCOMM '20, §4.1) of two pictures of one size.
struct FrameDifference {
  double pixel = 0;  ///< share of cells whose luma differs by more than 10 of 255
  double area = 0;   ///< share of the frame that the largest connected region of such cells covers
};
FrameDifference frame_difference(const Cells &a, const Cells &b);

/// Mean |Δy| a block of 16 pixels, y in [0, 1]; for `output_grad`.
BlockMap cell_change(const Cells &a, const Cells &b, double luma_range);

/// A frame is dropped when any of these thresholds says so; a threshold of 0 drops no frame.
struct FilterThresholds {
  /// Thresholds on FrameDifference to the last frame sent, in units of the usual difference of two consecutive frames:
  /// the mean plus one standard deviation over the last interval.
  double pixel = 0, area = 0;
  /// Threshold on the estimated accuracy that reusing the last result has cost, added up over the frames dropped since:
  /// the sum over frames of 1 − F1. When the loss grows by ρ with each frame, accuracy − λ · frames is best at a gap of
  /// √(2λ/ρ) frames. At that gap the sum is λ for every ρ, so the threshold *is* λ. (A threshold on the difference
  /// itself sends too many frames where things move fast.)
  double change = 0;
  bool any() const { return pixel > 0 || area > 0 || change > 0; }
};

/// Decides frame by frame. A copy is cheap and continues from the state of the original, so that other thresholds can
/// be tried on an interval's frames. Not thread-safe.
class FrameFilter {
 public:
  using Frame = std::shared_ptr<const Cells>;

  /// Begins an adaptation interval; its units are those of the interval before. When no frame was observed in that
  /// interval there are no units, and `pixel` and `area` keep every frame.
  void begin_interval();
  /// What the DNN looks at: DNNGrad on any frame size, and how many confident elements are behind it. Until this is
  /// called every pixel counts alike.
  void set_gradient(const BlockMap &gradient, double confident);
  /// Measures the difference to the frame before, for the units of the next interval. Needed only when `pixel` or
  /// `area` may be used; call it for every frame, before keep().
  void observe(const Frame &frame);
  /// Whether to send the frame. With `must` it is sent in any case. With `max_skip` > 0, at most that many frames are
  /// dropped in a row.
  bool keep(const Frame &frame, const FilterThresholds &thresholds, bool must, unsigned max_skip = 0);
  /// The last frame that was sent; NULL before the first.
  const Frame &sent() const { return sent_; }
  /// Estimated 1 − F1 at `frame` if the result of the last frame sent is reused.
  double loss(const Cells &frame);
  /// Forgets frames and units, keeps the gradient.
  void reset();

 private:
  struct Sums {
    double pixel = 0, pixel2 = 0, area = 0, area2 = 0;
    unsigned n = 0;
  };
  Frame sent_, previous_;
  std::shared_ptr<const BlockMap> gradient_;
  double confident_ = 0;
  double unit_pixel_ = -1, unit_area_ = -1;  // not known yet: nothing is below them
  Sums sums_;
  double lost_ = 0;
  unsigned skipped_ = 0;
};

/// Frames of an interval, as they came to the filter, and the state of the filter at the interval's beginning.
struct FilterRecord {
  FrameFilter filter;
  std::vector<FrameFilter::Frame> frames;
  std::vector<bool> must;
};

/// What thresholds would have done to an interval.
struct FilterOutcome {
  unsigned kept = 0;
  /// Mean over the interval's frames of |frame − the frame whose result it reuses|, on the scale of `luma_range`.
  BlockMap change;
};
FilterOutcome replay(const FilterRecord &record, const FilterThresholds &thresholds, unsigned max_skip,
                     double luma_range);

}  // namespace oneadapt
