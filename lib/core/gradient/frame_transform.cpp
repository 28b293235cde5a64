// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/gradient/frame_transform.h"

#include <algorithm>
#include <cmath>

#include "core/gradient/spans.h"

namespace oneadapt {

namespace {

const Box kAll{0, 0, 1, 1};

/// The map without what belongs to others: of a block that is covered in part, that part.
BlockMap uncovered(const BlockMap &map, const std::vector<Box> &hidden) {
  BlockMap out = map;
  const double width = map.frame_width, height = map.frame_height;
  for (const Box &box : hidden)
    for (const Span &row : spans(box.y0 * height, box.y1 * height, map.frame_height, map.block_size))
      for (const Span &column : spans(box.x0 * width, box.x1 * width, map.frame_width, map.block_size)) {
        float &value = out.at(column.block, row.block);
        const double covered = column.pixels * row.pixels / map.pixels(column.block, row.block);
        value = std::max(0.0f, value - float(covered * map.at(column.block, row.block)));
      }
  return out;
}

}  // namespace

Box intersection(const Box &a, const Box &b) {
  return {std::max(a.x0, b.x0), std::max(a.y0, b.y0), std::min(a.x1, b.x1), std::min(a.y1, b.y1)};
}

bool is_empty(const Box &box) { return !(box.x1 > box.x0 && box.y1 > box.y0); }

bool swaps_sides(Orientation orientation) {
  return orientation == Orientation::Rotate90 || orientation == Orientation::Rotate270 ||
         orientation == Orientation::Transpose || orientation == Orientation::AntiTranspose;
}

FrameTransform FrameTransform::placed(const Box &part, const Box &place) {
  FrameTransform t;
  t.across_.scale = (place.x1 - place.x0) / (part.x1 - part.x0);
  t.across_.offset = place.x0 - t.across_.scale * part.x0;
  t.down_.scale = (place.y1 - place.y0) / (part.y1 - part.y0);
  t.down_.offset = place.y0 - t.down_.scale * part.y0;
  t.shown_ = intersection(intersection(place, kAll), t.to_picture(kAll));
  return t;
}

FrameTransform FrameTransform::turned(Orientation orientation) {
  const Axis same, reversed{-1, 1};
  FrameTransform t;
  t.transposed_ = swaps_sides(orientation);
  const bool x = orientation == Orientation::FlipHorizontal || orientation == Orientation::Rotate180 ||
                 orientation == Orientation::Rotate90 || orientation == Orientation::AntiTranspose;
  const bool y = orientation == Orientation::FlipVertical || orientation == Orientation::Rotate180 ||
                 orientation == Orientation::Rotate270 || orientation == Orientation::AntiTranspose;
  t.across_ = x ? reversed : same;
  t.down_ = y ? reversed : same;
  return t;
}

FrameTransform FrameTransform::then(const FrameTransform &next) const {
  FrameTransform t;
  t.transposed_ = transposed_ != next.transposed_;
  t.across_ = (next.transposed_ ? down_ : across_).then(next.across_);
  t.down_ = (next.transposed_ ? across_ : down_).then(next.down_);
  t.shown_ = intersection(next.to_picture(shown_), next.shown_);
  for (const Box &box : hidden_) t.hide(next.to_picture(box));
  for (const Box &box : next.hidden_) t.hide(box);
  return t;
}

void FrameTransform::hide(const Box &part) {
  const Box covered = intersection(part, shown_);
  if (!is_empty(covered)) hidden_.push_back(covered);
}

bool FrameTransform::is_whole() const {
  // Far below a pixel of the largest picture that caps allow (2^31 a side would not fit in memory; 16384 is the most).
  constexpr double kRounding = 1e-9;
  const auto same = [](double a, double b) { return std::abs(a - b) < kRounding; };
  return !transposed_ && hidden_.empty() && same(across_.scale, 1) && same(across_.offset, 0) && same(down_.scale, 1) &&
         same(down_.offset, 0) && same(shown_.x0, 0) && same(shown_.y0, 0) && same(shown_.x1, 1) && same(shown_.y1, 1);
}

Box FrameTransform::to_picture(const Box &source) const {
  const double x0 = across_(transposed_ ? source.y0 : source.x0), x1 = across_(transposed_ ? source.y1 : source.x1);
  const double y0 = down_(transposed_ ? source.x0 : source.y0), y1 = down_(transposed_ ? source.x1 : source.y1);
  return {std::min(x0, x1), std::min(y0, y1), std::max(x0, x1), std::max(y0, y1)};
}

Box FrameTransform::to_source(const Box &picture) const {
  const double a0 = across_.inverse(picture.x0), a1 = across_.inverse(picture.x1);
  const double d0 = down_.inverse(picture.y0), d1 = down_.inverse(picture.y1);
  const Box box{std::min(a0, a1), std::min(d0, d1), std::max(a0, a1), std::max(d0, d1)};
  return transposed_ ? Box{box.y0, box.x0, box.y1, box.x1} : box;
}

BlockMap resample(const BlockMap &map, const FrameTransform &transform, unsigned source_width, unsigned source_height) {
  BlockMap out(source_width, source_height, map.block_size);
  if (map.values.empty() || out.values.empty()) return out;
  const BlockMap own = uncovered(map, transform.hidden());
  for (unsigned r = 0; r < out.rows(); ++r) {
    for (unsigned c = 0; c < out.columns(); ++c) {
      const double left = double(c) * out.block_size, top = double(r) * out.block_size;
      const Box block{left / source_width, top / source_height,
                      std::min<double>(left + out.block_size, source_width) / source_width,
                      std::min<double>(top + out.block_size, source_height) / source_height};
      const Box at = intersection(transform.to_picture(block), transform.shown());
      double sum = 0;  // of value · the picture's pixels that the block became
      for (const Span &row :
           spans(at.y0 * own.frame_height, at.y1 * own.frame_height, own.frame_height, own.block_size))
        for (const Span &column :
             spans(at.x0 * own.frame_width, at.x1 * own.frame_width, own.frame_width, own.block_size))
          sum += own.at(column.block, row.block) * column.pixels * row.pixels;
      out.at(c, r) = float(sum / out.pixels(c, r));
    }
  }
  return out;
}

}  // namespace oneadapt
