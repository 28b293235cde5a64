// SPDX-License-Identifier: LGPL-2.1-or-later
// Non-maximum suppression.
#pragma once
#include <cstddef>
#include <vector>

#include "core/vision/metrics.h"

namespace oneadapt {

/// Greedy and class-aware: a box is removed when its overlap() with a box of the same label and a higher score is more
/// than `max_iou`. Returns the indices of the other boxes, best score first; equal scores keep their order.
std::vector<std::size_t> nms(const std::vector<ScoredBox> &boxes, double max_iou);

}  // namespace oneadapt
