// SPDX-License-Identifier: LGPL-2.1-or-later
// Two passes: which regions of a coarse pass are sent again in better quality, and how both results are merged
// (DDS, SIGCOMM '20; a baseline of the paper, §5.1). Boxes are in fractions of the frame.
#pragma once
#include <vector>

#include "core/gradient/gradient.h"
#include "core/vision/metrics.h"

namespace oneadapt::eval {

struct DdsSettings {
  double hint = 0.5;      ///< share of θ that a score needs to hint at an object, [0, 1]
  double overlap = 0;     ///< IoU with a confident box above which an uncertain one is the same object, [0, 1]
  double largest = 0.04;  ///< share of the frame above which an uncertain box is ignored, [0, 1]
  double enlarge = 0.1;   ///< of a region's width and height, on each side, ≥ 0
  double inside = 0.5;    ///< share of a box of the second pass that must have been sent for it to count, [0, 1]
  double max_iou = 0.5;   ///< of NMS over both passes
};

/// The boxes of `uncertain` (scores below `theta`) that are sent again: their score is high enough for a hint, they are
/// not an object that is already known, and they are small, because a large object would have been found. Empty boxes
/// are never sent again.
std::vector<Box> dds_regions(const std::vector<ScoredBox> &confident, const std::vector<ScoredBox> &uncertain,
                             double theta, const DdsSettings &settings = {});

/// 1 in every macroblock that is sent again, because an enlarged region touches it; 0 elsewhere.
BlockMap dds_blocks(const std::vector<Box> &regions, unsigned frame_width, unsigned frame_height,
                    const DdsSettings &settings = {});

/// Share of a box's area that lies in blocks above 0, [0, 1]; 0 for an empty box.
double covered(const Box &box, const BlockMap &blocks);

/// What is known after both passes: all of the first one's confident boxes, and those of the second that lie in
/// `blocks`, each object once (NMS within a label), best score first.
std::vector<ScoredBox> dds_merge(const std::vector<ScoredBox> &first, const std::vector<ScoredBox> &second,
                                 const BlockMap &blocks, const DdsSettings &settings = {});

}  // namespace oneadapt::eval
