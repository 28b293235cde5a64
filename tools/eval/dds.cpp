// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/dds.h"

#include <algorithm>

#include "core/vision/nms.h"

namespace oneadapt::eval {

std::vector<Box> dds_regions(const std::vector<ScoredBox> &confident, const std::vector<ScoredBox> &uncertain,
                             double theta, const DdsSettings &settings) {
  std::vector<Box> regions;
  for (const ScoredBox &hint : uncertain) {
    const double area = std::max(0.0, hint.box.x1 - hint.box.x0) * std::max(0.0, hint.box.y1 - hint.box.y0);
    if (hint.score < settings.hint * theta || !(area > 0) || area > settings.largest) continue;
    // Whatever its class: an object that was found is found.
    const bool known = std::any_of(confident.begin(), confident.end(),
                                   [&](const ScoredBox &c) { return iou(c.box, hint.box) > settings.overlap; });
    if (!known) regions.push_back(hint.box);
  }
  return regions;
}

BlockMap dds_blocks(const std::vector<Box> &regions, unsigned frame_width, unsigned frame_height,
                    const DdsSettings &settings) {
  Gradient boxes;
  boxes.map = BlockMap(frame_width, frame_height);
  boxes.regions = regions;
  return region_map(boxes, settings.enlarge);
}

double covered(const Box &box, const BlockMap &blocks) {
  const double x0 = box.x0 * blocks.frame_width, x1 = box.x1 * blocks.frame_width;
  const double y0 = box.y0 * blocks.frame_height, y1 = box.y1 * blocks.frame_height;
  if (!(x1 > x0) || !(y1 > y0)) return 0;
  double sum = 0;
  for (unsigned r = 0; r < blocks.rows(); ++r)
    for (unsigned c = 0; c < blocks.columns(); ++c) {
      if (!(blocks.at(c, r) > 0)) continue;
      const double side = blocks.block_size;
      const double across = std::min(x1, (c + 1) * side) - std::max(x0, c * side);
      const double down = std::min(y1, (r + 1) * side) - std::max(y0, r * side);
      if (across > 0 && down > 0) sum += across * down;
    }
  return std::min(1.0, sum / ((x1 - x0) * (y1 - y0)));
}

std::vector<ScoredBox> dds_merge(const std::vector<ScoredBox> &first, const std::vector<ScoredBox> &second,
                                 const BlockMap &blocks, const DdsSettings &settings) {
  std::vector<ScoredBox> both = first, merged;
  for (const ScoredBox &b : second)
    if (covered(b.box, blocks) >= settings.inside) both.push_back(b);
  for (std::size_t i : nms(both, settings.max_iou)) merged.push_back(both[i]);
  return merged;
}

}  // namespace oneadapt::eval
