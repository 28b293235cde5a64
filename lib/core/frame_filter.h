// SPDX-License-Identifier: LGPL-2.1-or-later
// Frame filtering (paper §5.1, pipeline c): which frames need not be sent, because the last result still holds.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/gradient.h"

namespace oneadapt {

/// A picture's luma, reduced to the means of cells: blurred, and small enough to be compared with every frame. Cells
/// are squares of 4 pixels, of 8 in pictures more than 1280 wide; what is left over at the right and at the bottom is
/// not looked at.
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

/// A frame is dropped when any of these says so; 0 never does.
struct FilterThresholds {
  /// Of FrameDifference against the last frame sent, in units of what is usual between two frames that follow each
  /// other: the mean plus one standard deviation over the last interval.
  double pixel = 0, area = 0;
  /// Of the accuracy that reusing the last result has cost, as estimated, added up over the frames dropped since: the
  /// sum over frames of 1 − F1. With losses that grow with time since the frame sent, at a rate of ρ a frame, accuracy
  /// − λ · frames is best at a gap of √(2λ/ρ) frames, whatever ρ, which is when the sum reaches λ: the threshold *is*
  /// λ. (A threshold on the difference itself spends too much where things move fast.)
  double change = 0;
  bool any() const { return pixel > 0 || area > 0 || change > 0; }
};

/// Decides frame by frame. Copies are cheap, and go on from where the original was: that is how other thresholds are
/// tried on an interval's frames. Not thread-safe.
class FrameFilter {
 public:
  using Frame = std::shared_ptr<const Cells>;

  /// A new adaptation interval: units are those of the interval before. Where nothing was observed there are none, and
  /// `pixel` and `area` keep every frame.
  void begin_interval();
  /// What the DNN looks at: DNNGrad on any frame size, and how many confident elements are behind it. Until this is
  /// called every pixel counts alike.
  void set_gradient(const BlockMap &gradient, double confident);
  /// What is usual from one frame to the next, for the units of the next interval. Wanted only where `pixel` or `area`
  /// may count; of every frame, before keep().
  void observe(const Frame &frame);
  /// Whether to send the frame; `must`: it is sent in any case. `max_skip` > 0: at most so many frames are dropped in
  /// a row.
  bool keep(const Frame &frame, const FilterThresholds &thresholds, bool must, unsigned max_skip = 0);
  /// The last frame that was sent; NULL at the beginning.
  const Frame &sent() const { return sent_; }
  /// Estimated 1 − F1 at `frame`, were the result of the last one sent reused.
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

/// Frames of an interval, as they came to the filter, and where it stood at the interval's beginning.
struct FilterRecord {
  FrameFilter filter;
  std::vector<FrameFilter::Frame> frames;
  std::vector<bool> must;
};

/// What thresholds would have done to an interval.
struct FilterOutcome {
  unsigned kept = 0;
  /// Mean over the interval's frames of |frame − the one whose result stands for it|, on `luma_range`'s scale.
  BlockMap change;
};
FilterOutcome replay(const FilterRecord &record, const FilterThresholds &thresholds, unsigned max_skip,
                     double luma_range);

}  // namespace oneadapt
