// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/vision/box3d.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace oneadapt {
namespace {

struct Corner {
  double x, y;
};
using Polygon = std::vector<Corner>;

/// From above, anticlockwise.
Polygon footprint(const Box3d &box) {
  const double c = std::cos(box.yaw), s = std::sin(box.yaw), l = box.length / 2, w = box.width / 2;
  const auto corner = [&](double along, double across) {
    return Corner{box.x + along * c - across * s, box.y + along * s + across * c};
  };
  return {corner(l, w), corner(-l, w), corner(-l, -w), corner(l, -w)};
}

double area(const Polygon &polygon) {
  double sum = 0;
  for (std::size_t i = 0; i < polygon.size(); i++) {
    const Corner &a = polygon[i], &b = polygon[(i + 1) % polygon.size()];
    sum += a.x * b.y - b.x * a.y;
  }
  return sum / 2;
}

/// What of a polygon is to the left of the line from `from` to `to` (Sutherland and Hodgman).
Polygon left_of(const Polygon &polygon, const Corner &from, const Corner &to) {
  const auto side = [&](const Corner &p) {
    return (to.x - from.x) * (p.y - from.y) - (to.y - from.y) * (p.x - from.x);
  };
  Polygon out;
  for (std::size_t i = 0; i < polygon.size(); i++) {
    const Corner &a = polygon[i], &b = polygon[(i + 1) % polygon.size()];
    const double at_a = side(a), at_b = side(b);
    if (at_a >= 0) out.push_back(a);
    if ((at_a > 0 && at_b < 0) || (at_a < 0 && at_b > 0)) {
      const double t = at_a / (at_a - at_b);
      out.push_back({a.x + t * (b.x - a.x), a.y + t * (b.y - a.y)});
    }
  }
  return out;
}

double footprint_overlap(const Box3d &a, const Box3d &b) {
  const double reach = std::hypot(a.length, a.width) + std::hypot(b.length, b.width);
  if (2 * std::hypot(a.x - b.x, a.y - b.y) > reach) return 0;
  Polygon shared = footprint(a);
  const Polygon other = footprint(b);
  for (std::size_t i = 0; i < other.size() && !shared.empty(); i++)
    shared = left_of(shared, other[i], other[(i + 1) % other.size()]);
  return std::max(0.0, area(shared));
}

bool empty(const Box3d &box) { return !(box.length > 0 && box.width > 0 && box.height > 0); }

std::vector<std::size_t> best_first(const std::vector<ScoredBox3d> &boxes) {
  std::vector<std::size_t> order(boxes.size());
  std::iota(order.begin(), order.end(), std::size_t(0));
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return boxes[a].score > boxes[b].score; });
  return order;
}

}  // namespace

double bev_iou(const Box3d &a, const Box3d &b) {
  if (empty(a) || empty(b)) return 0;
  const double shared = footprint_overlap(a, b), both = a.length * a.width + b.length * b.width - shared;
  return both > 0 ? shared / both : 0;
}

double iou(const Box3d &a, const Box3d &b) {
  if (empty(a) || empty(b)) return 0;
  const double top = std::min(a.z + a.height / 2, b.z + b.height / 2),
               bottom = std::max(a.z - a.height / 2, b.z - b.height / 2);
  if (top <= bottom) return 0;
  const double shared = footprint_overlap(a, b) * (top - bottom);
  const double both = a.length * a.width * a.height + b.length * b.width * b.height - shared;
  return both > 0 ? shared / both : 0;
}

std::vector<std::size_t> nms(const std::vector<ScoredBox3d> &boxes, double max_iou) {
  std::vector<std::size_t> kept;
  for (std::size_t i : best_first(boxes)) {
    const bool covered = std::any_of(kept.begin(), kept.end(), [&](std::size_t k) {
      return boxes[k].label == boxes[i].label && bev_iou(boxes[k].box, boxes[i].box) > max_iou;
    });
    if (!covered) kept.push_back(i);
  }
  return kept;
}

std::vector<ScoredBox3d> of_interest(std::vector<ScoredBox3d> boxes) {
  constexpr double kMaxIou = 0.1;  // as a model's description has it unless it says otherwise
  for (ScoredBox3d &box : boxes) box.label = 0;
  std::vector<ScoredBox3d> kept;
  for (const std::size_t i : nms(boxes, kMaxIou)) kept.push_back(boxes[i]);
  return kept;
}

std::vector<bool> matched(const std::vector<ScoredBox3d> &result, const std::vector<ScoredBox3d> &reference,
                          double min_iou) {
  std::vector<bool> taken(reference.size());
  for (std::size_t i : best_first(result)) {
    double best = min_iou;
    std::size_t partner = reference.size();
    for (std::size_t j = 0; j < reference.size(); j++) {
      if (taken[j] || reference[j].label != result[i].label) continue;
      const double overlap = iou(result[i].box, reference[j].box);
      if (overlap < best) continue;
      best = overlap;
      partner = j;
    }
    if (partner < reference.size()) taken[partner] = true;
  }
  return taken;
}

double f1(const std::vector<ScoredBox3d> &result, const std::vector<ScoredBox3d> &reference, double min_iou) {
  if (result.empty() && reference.empty()) return 1;
  const std::vector<bool> pairs = matched(result, reference, min_iou);
  return 2 * double(std::count(pairs.begin(), pairs.end(), true)) / double(result.size() + reference.size());
}

}  // namespace oneadapt
