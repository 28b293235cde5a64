// SPDX-License-Identifier: LGPL-2.1-or-later
// Non-maximum suppression.
#pragma once
#include <cstddef>
#include <vector>

#include "core/metrics.h"

namespace oneadapt {

/// Greedy, class-aware: best score first, a box goes when its overlap() with a better one of its own label is more
/// than `max_iou`. Returns the indices that stay, best first; equal scores keep their order.
std::vector<std::size_t> nms(const std::vector<ScoredBox> &boxes, double max_iou);

}  // namespace oneadapt
