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

namespace {
/// IoU of each matched pair: greedy by score, class-aware, each reference box once.
std::vector<double> matches(const std::vector<ScoredBox> &result, const std::vector<ScoredBox> &reference,
                            double min_iou) {
  std::vector<std::size_t> order(result.size());
  std::iota(order.begin(), order.end(), std::size_t(0));
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return result[a].score > result[b].score; });
  std::vector<bool> taken(reference.size(), false);
  std::vector<double> pairs;
  for (std::size_t i : order) {
    double best = min_iou;
    std::size_t at = reference.size();
    for (std::size_t j = 0; j < reference.size(); ++j) {
      if (taken[j] || reference[j].label != result[i].label) continue;
      const double v = iou(result[i].box, reference[j].box);
      if (v >= best && v > 0 && (at == reference.size() || v > best)) {
        best = v;
        at = j;
      }
    }
    if (at == reference.size()) continue;
    taken[at] = true;
    pairs.push_back(best);
  }
  return pairs;
}
}  // namespace

double f1(const std::vector<ScoredBox> &result, const std::vector<ScoredBox> &reference, double min_iou) {
  if (result.empty() && reference.empty()) return 1;
  return 2.0 * double(matches(result, reference, min_iou).size()) / double(result.size() + reference.size());
}

double mean_iou(const std::vector<ScoredBox> &result, const std::vector<ScoredBox> &reference) {
  if (result.empty() && reference.empty()) return 1;
  const std::vector<double> pairs = matches(result, reference, 0);
  return std::accumulate(pairs.begin(), pairs.end(), 0.0) / double(result.size() + reference.size() - pairs.size());
}

}  // namespace oneadapt
