// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/vision/metrics.h"

#include <algorithm>
#include <numeric>
#include <set>

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

double overlap(const ScoredBox &a, const ScoredBox &b) {
  return a.mask.none() || b.mask.none() ? iou(a.box, b.box) : iou(a.mask, b.mask);
}

std::vector<Matched> matched(const std::vector<ScoredBox> &result, const std::vector<ScoredBox> &reference,
                             double min_iou) {
  std::vector<std::size_t> order(result.size());
  std::iota(order.begin(), order.end(), std::size_t(0));
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return result[a].score > result[b].score; });
  std::vector<bool> taken(reference.size(), false);
  std::vector<Matched> pairs;
  for (std::size_t i : order) {
    double best = min_iou;
    std::size_t at = reference.size();
    for (std::size_t j = 0; j < reference.size(); ++j) {
      if (taken[j] || reference[j].label != result[i].label) continue;
      const double v = overlap(result[i], reference[j]);
      if (v >= best && v > 0 && (at == reference.size() || v > best)) {
        best = v;
        at = j;
      }
    }
    if (at == reference.size()) continue;
    taken[at] = true;
    pairs.push_back({best, at, i});
  }
  return pairs;
}

double f1(const std::vector<ScoredBox> &result, const std::vector<ScoredBox> &reference, double min_iou) {
  if (result.empty() && reference.empty()) return 1;
  return 2.0 * double(matched(result, reference, min_iou).size()) / double(result.size() + reference.size());
}

double mean_iou(const std::vector<ScoredBox> &result, const std::vector<ScoredBox> &reference) {
  if (result.empty() && reference.empty()) return 1;
  const std::vector<Matched> pairs = matched(result, reference, 0);
  double sum = 0;
  for (const Matched &pair : pairs) sum += pair.overlap;
  return sum / double(result.size() + reference.size() - pairs.size());
}

namespace {
Mask mask_of_class(const std::vector<ScoredBox> &boxes, int label) {
  std::vector<const Mask *> masks;
  for (const ScoredBox &b : boxes)
    if (b.label == label && !b.mask.none()) masks.push_back(&b.mask);
  return united(masks);
}
}  // namespace

double class_iou(const std::vector<ScoredBox> &result, const std::vector<ScoredBox> &reference) {
  std::set<int> labels;
  for (const auto *side : {&result, &reference})
    for (const ScoredBox &b : *side)
      if (!b.mask.none()) labels.insert(b.label);
  double sum = 0;
  for (const int label : labels) sum += iou(mask_of_class(result, label), mask_of_class(reference, label));
  return labels.empty() ? 1 : sum / double(labels.size());
}

double miou(const std::vector<ScoredBox> &result, const std::vector<ScoredBox> &reference) {
  const auto has_mask = [](const ScoredBox &b) { return !b.mask.none(); };
  const bool masks =
      std::any_of(result.begin(), result.end(), has_mask) || std::any_of(reference.begin(), reference.end(), has_mask);
  return masks ? class_iou(result, reference) : mean_iou(result, reference);
}

}  // namespace oneadapt
