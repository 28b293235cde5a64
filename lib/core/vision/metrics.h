// SPDX-License-Identifier: LGPL-2.1-or-later
// Accuracy: similarity to the result under the most expensive configuration (paper §2.1, §5.1), without hand labels.
#pragma once
#include <cstddef>
#include <vector>

#include "core/vision/mask.h"

namespace oneadapt {

/// An axis-aligned box; any unit, as long as both sides of a comparison use the same.
struct Box {
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
};
struct ScoredBox {
  Box box;
  double score = 0;
  int label = 0;
  Mask mask = {};  ///< of segmentation
};

/// Intersection over union; 0 when either box is empty.
double iou(const Box &a, const Box &b);

/// IoU of their masks, where both have one, else of their boxes.
double overlap(const ScoredBox &a, const ScoredBox &b);

struct Matched {
  double overlap = 0;         ///< of the two
  std::size_t reference = 0;  ///< which box of the reference it is
  std::size_t result = 0;     ///< which box of the result
};
/// Boxes of `result` that are boxes of `reference`, greedily by score within a class. A match needs overlap() ≥
/// `min_iou` and > 0, of masks where both have one, else of boxes. Each reference box is matched once.
std::vector<Matched> matched(const std::vector<ScoredBox> &result, const std::vector<ScoredBox> &reference,
                             double min_iou = 0.5);

/// F1 of `result` against `reference`, matched() at `min_iou`. 1 if both are empty, 0 if one is.
double f1(const std::vector<ScoredBox> &result, const std::vector<ScoredBox> &reference, double min_iou = 0.5);

/// The same boxes without their classes, each object once (NMS at `max_iou` over all of them, of masks where there are
/// some). An object is of interest or not (paper §5.1), so a car that is seen as a truck on another frame has not
/// changed.
std::vector<ScoredBox> of_interest(const std::vector<ScoredBox> &boxes, double max_iou = 0.5);

/// Mean IoU of `result` and `reference` (the paper's metric for human detection, §5.1): matched as by f1(), but from
/// any overlap on. A box without a partner, on either side, counts as 0. 1 if both are empty.
double mean_iou(const std::vector<ScoredBox> &result, const std::vector<ScoredBox> &reference);

/// Mean IoU of segmentation: for each class that occurs on either side, the IoU of the areas that its masks cover
/// together, averaged over the classes. 1 if neither side has a mask. Boxes without masks are ignored. Throws
/// std::invalid_argument when one side's masks have different grids; the grids of the two sides may differ.
double class_iou(const std::vector<ScoredBox> &result, const std::vector<ScoredBox> &reference);

/// What a user calls mIoU: class_iou() when either side has a mask, else mean_iou().
double miou(const std::vector<ScoredBox> &result, const std::vector<ScoredBox> &reference);

}  // namespace oneadapt
