// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/vision/regions.h"

#include <algorithm>

namespace oneadapt {
namespace {

/// Union-find with path halving. A set's root is its smallest member, so that roots come in the cells' order.
class Sets {
 public:
  std::int32_t add() {
    parent_.push_back(std::int32_t(parent_.size()));
    return parent_.back();
  }
  std::int32_t find(std::int32_t i) {
    while (parent_[std::size_t(i)] != i) {
      std::int32_t &up = parent_[std::size_t(i)];
      i = up = parent_[std::size_t(up)];
    }
    return i;
  }
  std::int32_t unite(std::int32_t a, std::int32_t b) {
    a = find(a);
    b = find(b);
    return parent_[std::size_t(std::max(a, b))] = std::min(a, b);
  }
  std::size_t size() const { return parent_.size(); }

 private:
  std::vector<std::int32_t> parent_;
};

}  // namespace

Regions connected_regions(const std::int32_t *labels, unsigned width, unsigned height, std::size_t smallest) {
  Regions result{width, height, {}, std::vector<std::int32_t>(std::size_t(width) * height, -1)};
  Sets sets;
  for (unsigned y = 0; y < height; ++y)
    for (unsigned x = 0; x < width; ++x) {
      const std::size_t at = std::size_t(y) * width + x;
      if (labels[at] < 0) continue;
      const bool left = x > 0 && labels[at - 1] == labels[at], above = y > 0 && labels[at - width] == labels[at];
      std::int32_t &set = result.of[at];
      if (left && above)
        set = sets.unite(result.of[at - 1], result.of[at - width]);
      else if (left)
        set = result.of[at - 1];
      else
        set = above ? result.of[at - width] : sets.add();
    }

  std::vector<Region> found(sets.size());
  for (unsigned y = 0; y < height; ++y)
    for (unsigned x = 0; x < width; ++x) {
      const std::size_t at = std::size_t(y) * width + x;
      if (result.of[at] < 0) continue;
      result.of[at] = sets.find(result.of[at]);
      Region &region = found[std::size_t(result.of[at])];
      if (!region.cells++) region = {labels[at], 1, x, y, x, y};
      region.x0 = std::min(region.x0, x);
      region.x1 = std::max(region.x1, x + 1);
      region.y1 = y + 1;
    }

  std::vector<std::int32_t> number(sets.size(), -1);
  for (std::size_t i = 0; i < found.size(); ++i)
    if (found[i].cells && found[i].cells >= smallest) {
      number[i] = std::int32_t(result.all.size());
      result.all.push_back(found[i]);
    }
  for (std::int32_t &of : result.of)
    if (of >= 0) of = number[std::size_t(of)];
  return result;
}

std::vector<Mask> region_masks(const Regions &regions) {
  std::vector<Mask> masks(regions.all.size(), Mask{regions.width, regions.height, {}});
  std::vector<std::uint32_t> counted(masks.size(), 0);  // cells that the counts so far stand for
  for (unsigned x = 0; x < regions.width; ++x)
    for (unsigned y = 0; y < regions.height; ++y) {
      const std::int32_t of = regions.of[std::size_t(y) * regions.width + x];
      if (of < 0) continue;
      const std::uint32_t at = x * regions.height + y;
      auto &counts = masks[std::size_t(of)].counts;
      auto &so_far = counted[std::size_t(of)];
      if (counts.empty() || so_far != at) {
        counts.push_back(at - so_far);
        counts.push_back(0);
      }
      ++counts.back();
      so_far = at + 1;
    }
  const std::uint32_t all = regions.width * regions.height;
  for (std::size_t i = 0; i < masks.size(); ++i)
    if (counted[i] < all) masks[i].counts.push_back(all - counted[i]);
  return masks;
}

}  // namespace oneadapt
