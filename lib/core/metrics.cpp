// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/metrics.h"

#include <algorithm>
#include <numeric>

namespace oneadapt {

namespace {
double area(const Box &b) { return std::max(0.0, b.x1 - b.x0) * std::max(0.0, b.y1 - b.y0); }
}  // namespace

double iou(const Box &a, const Box &b) {
  const double aa = area(a), ab = area(b);
  if (aa <= 0 || ab <= 0) return 0;
  const Box both{std::max(a.x0, b.x0), std::max(a.y0, b.y0), std::min(a.x1, b.x1), std::min(a.y1, b.y1)};
  const double inter = area(both);
  return inter / (aa + ab - inter);
}

double f1(const std::vector<ScoredBox> &result, const std::vector<ScoredBox> &reference, double min_iou) {
  if (result.empty() && reference.empty()) return 1;
  if (result.empty() || reference.empty()) return 0;
  std::vector<std::size_t> order(result.size());
  std::iota(order.begin(), order.end(), std::size_t(0));
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return result[a].score > result[b].score; });
  std::vector<bool> taken(reference.size(), false);
  std::size_t matched = 0;
  for (std::size_t i : order) {
    double best = min_iou;
    std::size_t at = reference.size();
    for (std::size_t j = 0; j < reference.size(); ++j) {
      if (taken[j] || reference[j].label != result[i].label) continue;
      const double v = iou(result[i].box, reference[j].box);
      if (v >= best && (at == reference.size() || v > best)) {
        best = v;
        at = j;
      }
    }
    if (at < reference.size()) {
      taken[at] = true;
      ++matched;
    }
  }
  return 2.0 * double(matched) / double(result.size() + reference.size());
}

}  // namespace oneadapt
