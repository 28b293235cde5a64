// SPDX-License-Identifier: LGPL-2.1-or-later
// Accuracy: similarity to the result under the most expensive configuration (paper §2.1, §5.1). Never hand labels.
#pragma once
#include <vector>

namespace oneadapt {

/// An axis-aligned box; any unit, as long as both sides of a comparison use the same.
struct Box {
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
};
struct ScoredBox {
  Box box;
  double score = 0;
  int label = 0;
};

/// Intersection over union; 0 when either box is empty.
double iou(const Box &a, const Box &b);

/// F1 of `result` against `reference`: greedy by score, class-aware, a match needs IoU ≥ `min_iou`. Each reference box
/// is matched once. Both empty: 1. One empty: 0.
double f1(const std::vector<ScoredBox> &result, const std::vector<ScoredBox> &reference, double min_iou = 0.5);

/// The same boxes without their classes, each object once (NMS at `max_iou` over all of them): an object is of interest
/// or not (paper §5.1), and one that is seen as a car here and as a truck there has not changed.
std::vector<ScoredBox> of_interest(const std::vector<ScoredBox> &boxes, double max_iou = 0.5);

/// Mean IoU of `result` and `reference` (the paper's metric for human detection, §5.1): matched as by f1(), but from
/// any overlap on; a box that has no partner, on either side, counts as 0. Both empty: 1.
double mean_iou(const std::vector<ScoredBox> &result, const std::vector<ScoredBox> &reference);

}  // namespace oneadapt
