// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/vision/nms.h"

#include <algorithm>
#include <numeric>

namespace oneadapt {

std::vector<std::size_t> nms(const std::vector<ScoredBox> &boxes, double max_iou) {
  std::vector<std::size_t> order(boxes.size()), kept;
  std::iota(order.begin(), order.end(), std::size_t(0));
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return boxes[a].score > boxes[b].score; });
  for (std::size_t i : order) {
    const bool overlaps = std::any_of(kept.begin(), kept.end(), [&](std::size_t k) {
      return boxes[k].label == boxes[i].label && overlap(boxes[k], boxes[i]) > max_iou;
    });
    if (!overlaps) kept.push_back(i);
  }
  return kept;
}

std::vector<ScoredBox> of_interest(const std::vector<ScoredBox> &boxes, double max_iou) {
  std::vector<ScoredBox> plain = boxes, kept;
  for (ScoredBox &b : plain) b.label = 0;
  for (std::size_t i : nms(plain, max_iou)) kept.push_back(plain[i]);
  return kept;
}

}  // namespace oneadapt
