// SPDX-License-Identifier: LGPL-2.1-or-later
// How one picture lies in another one that was made of it by scaling, cropping, borders, flips and quarter turns.
#pragma once
#include <vector>

#include "core/gradient/gradient.h"

namespace oneadapt {

/// The ways to turn a picture without tilting it.
enum class Orientation {
  Identity,
  Rotate90,  ///< clockwise
  Rotate180,
  Rotate270,       ///< clockwise
  FlipHorizontal,  ///< left becomes right
  FlipVertical,    ///< top becomes bottom
  Transpose,       ///< columns become rows: mirrored at the line from the upper left to the lower right
  AntiTranspose    ///< mirrored at the line from the upper right to the lower left
};

/// Whether width and height change places.
bool swaps_sides(Orientation orientation);

/// Maps places in a source picture to places in the picture that was made of it, and back. Coordinates are fractions of
/// each picture's width and height, with the origin at the upper left.
class FrameTransform {
 public:
  /// The same picture, at any size.
  FrameTransform() = default;
  /// The part `part` of the source lies at `place`, which may reach beyond the picture. Neither may be empty.
  static FrameTransform placed(const Box &part, const Box &place);
  static FrameTransform turned(Orientation orientation);

  /// The transform from this one's source to what `next` makes of this one's picture.
  FrameTransform then(const FrameTransform &next) const;
  /// Something else was drawn over this part of the picture.
  void hide(const Box &part);

  /// Whether the whole source is the whole picture, neither turned nor covered.
  bool is_whole() const;
  bool is_transposed() const { return transposed_; }
  /// The part of the picture in which the source is seen; empty (x1 ≤ x0 or y1 ≤ y0) when there is none.
  const Box &shown() const { return shown_; }
  /// Parts of the picture in which the source would be seen, were it not for something else there.
  const std::vector<Box> &hidden() const { return hidden_; }

  /// A rectangle of the source in the picture; may reach beyond it.
  Box to_picture(const Box &source) const;
  /// A rectangle of the picture in the source; may reach beyond it.
  Box to_source(const Box &picture) const;

 private:
  /// One coordinate of the picture: scale · (a coordinate of the source) + offset.
  struct Axis {
    double scale = 1, offset = 0;
    double operator()(double source) const { return scale * source + offset; }
    double inverse(double picture) const { return (picture - offset) / scale; }
    Axis then(const Axis &next) const { return {next.scale * scale, next(offset)}; }
  };
  Axis across_, down_;  ///< x and y of the picture; of the source's x and y, or of y and x when transposed
  bool transposed_ = false;
  Box shown_{0, 0, 1, 1};
  std::vector<Box> hidden_;
};

/// What two rectangles have in common; may be empty.
Box intersection(const Box &a, const Box &b);
bool is_empty(const Box &box);

/// The map of a source picture, `source_width` × `source_height` pixels, from that of the picture that was made of it:
/// 0 where nothing of the source is seen. Keeps Σ value·pixels of the part in which the source is seen.
BlockMap resample(const BlockMap &map, const FrameTransform &transform, unsigned source_width, unsigned source_height);

}  // namespace oneadapt
