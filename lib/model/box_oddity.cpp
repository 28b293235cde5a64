// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/box_oddity.h"

#include <algorithm>
#include <cmath>

namespace oneadapt {
namespace {

constexpr std::size_t kFew = 3, kMany = 8;
/// Fractions may exceed 1 by this for objects that the edge cuts.
constexpr double kFraction = 1.5;
/// A picture that is no larger has boxes of such numbers of pixels.
constexpr double kSmallPicture = 16;
/// Both sides of all boxes: nothing is detected at that size.
constexpr double kSpeck = 2;

template <class Rule>
bool all_of(const std::vector<ScoredBox> &boxes, Rule rule) {
  return std::all_of(boxes.begin(), boxes.end(), [&](const ScoredBox &b) { return rule(b.box); });
}

}  // namespace

std::string oddity_of(const std::vector<ScoredBox> &boxes, double width, double height) {
  if (boxes.empty()) return "";
  const auto small = [](double value) { return std::abs(value) <= kFraction; };
  if (std::max(width, height) > kSmallPicture &&
      all_of(boxes, [&](const Box &b) { return small(b.x0) && small(b.y0) && small(b.x1) && small(b.y1); }))
    return "all have coordinates from 0 to 1, so they count in fractions of the picture: \"output.normalised\": true";
  if (boxes.size() < kFew) return "";
  const auto backwards = std::count_if(boxes.begin(), boxes.end(),
                                       [](const ScoredBox &b) { return b.box.x1 <= b.box.x0 || b.box.y1 <= b.box.y0; });
  if (2 * std::size_t(backwards) > boxes.size())
    return "mostly end before they begin, as a centre and a size do that are taken for corners: check \"output.box\"";
  if (all_of(boxes, [&](const Box &b) { return b.x1 <= 0 || b.y1 <= 0 || b.x0 >= width || b.y0 >= height; }))
    return "all lie outside the picture: check \"output.box\" (y may come before x) and input.width and input.height";
  if (all_of(boxes, [](const Box &b) { return b.x1 - b.x0 < kSpeck && b.y1 - b.y0 < kSpeck; }))
    return "are all smaller than two pixels: sizes may be fractions, strides or logarithms; check \"output.layout\" "
           "and "
           "\"output.normalised\"";
  const Box &first = boxes.front().box;
  const auto same = [](double a, double b) { return std::abs(a - b) < 1e-3; };
  if (boxes.size() >= kMany && all_of(boxes, [&](const Box &b) {
        return same(b.x0, first.x0) && same(b.y0, first.y0) && same(b.x1, first.x1) && same(b.y1, first.y1);
      }))
    return "are all the same: check which output \"output.boxes\" names";
  return "";
}

}  // namespace oneadapt
