// SPDX-License-Identifier: LGPL-2.1-or-later
// Boxes in space, turned about the vertical axis: overlap, non-maximum suppression, F1.
#pragma once
#include <cstddef>
#include <vector>

namespace oneadapt {

/// m; x forward, y left, z up.
struct Box3d {
  double x = 0, y = 0, z = 0;                ///< its centre
  double length = 0, width = 0, height = 0;  ///< along its own axes
  double yaw = 0;                            ///< from x to its length, anticlockwise from above, rad
};
struct ScoredBox3d {
  Box3d box;
  double score = 0;
  int label = 0;
};

/// Intersection over union of what is seen from above; 0 when either is empty.
double bev_iou(const Box3d &a, const Box3d &b);
/// Of their volumes.
double iou(const Box3d &a, const Box3d &b);

/// Greedy and class-aware, as nms() of pictures: a box is removed when its bev_iou() with a box of the same label and a
/// higher score is more than `max_iou`. Returns the indices of the other boxes, best score first; equal scores keep
/// their order.
std::vector<std::size_t> nms(const std::vector<ScoredBox3d> &boxes, double max_iou);

/// The same objects without their classes: of two of different classes in one place, the better one.
std::vector<ScoredBox3d> of_interest(std::vector<ScoredBox3d> boxes);

/// For each box of `reference`, whether one of `result` is it: greedily by score within a class; a match needs iou() ≥
/// `min_iou`, and each box is matched once.
std::vector<bool> matched(const std::vector<ScoredBox3d> &result, const std::vector<ScoredBox3d> &reference,
                          double min_iou = 0.5);

/// F1 of `result` against `reference`, matched(). 1 if both are empty, 0 if one is.
double f1(const std::vector<ScoredBox3d> &result, const std::vector<ScoredBox3d> &reference, double min_iou = 0.5);

}  // namespace oneadapt
