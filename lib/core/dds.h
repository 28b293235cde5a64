// SPDX-License-Identifier: LGPL-2.1-or-later
// Two passes: what of a coarse pass's result is looked at again in better quality, and what the two make together
// (DDS, SIGCOMM '20; a baseline of the paper, §5.1). Boxes are in fractions of the frame.
#pragma once
#include <vector>

#include "core/gradient.h"
#include "core/metrics.h"

namespace oneadapt {

struct DdsSettings {
  double hint = 0.5;      ///< share of θ below which a score is no hint of an object, [0, 1]
  double overlap = 0;     ///< IoU with a confident box above which an uncertain one is the same object, [0, 1]
  double largest = 0.04;  ///< share of the frame above which an uncertain box is left alone, [0, 1]
  double enlarge = 0.1;   ///< of a region's width and height, on each side, ≥ 0
  double inside = 0.5;    ///< share of a box of the second pass that must have been sent for it to count, [0, 1]
  double max_iou = 0.5;   ///< of NMS over both passes
};

/// The boxes of `uncertain` (below `theta`) that are to be looked at again: with a score that is a hint, neither an
/// object that is known already nor large, as a large one would have been found; empty boxes never.
std::vector<Box> dds_regions(const std::vector<ScoredBox> &confident, const std::vector<ScoredBox> &uncertain,
                             double theta, const DdsSettings &settings = {});

/// 1 in every macroblock of a frame that is sent again: that a region touches, enlarged; else 0.
BlockMap dds_blocks(const std::vector<Box> &regions, unsigned frame_width, unsigned frame_height,
                    const DdsSettings &settings = {});

/// Share of a box's area that lies in blocks above 0, [0, 1]; 0 for an empty box.
double covered(const Box &box, const BlockMap &blocks);

/// What is known after both passes: all of the first one's confident boxes, and those of the second that lie in
/// `blocks`, each object once (NMS within a label), best score first.
std::vector<ScoredBox> dds_merge(const std::vector<ScoredBox> &first, const std::vector<ScoredBox> &second,
                                 const BlockMap &blocks, const DdsSettings &settings = {});

}  // namespace oneadapt
