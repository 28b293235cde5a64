// SPDX-License-Identifier: LGPL-2.1-or-later
// Draws a point cloud from above with Cairo and Pango: the sensor is in the middle, ahead is up, left is left.
#pragma once
#include <pango/pangocairo.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "core/gradient/gradient.h"
#include "core/vision/box3d.h"
#include "lidar/point_cloud.h"
#include "lidar/polar_grid.h"
#include "painter.h"

namespace oneadapt {

struct BirdsEyeBox {
  Box3d box;
  std::string label;
  int label_id = 0;        ///< chooses the colour
  double confidence = -1;  ///< < 0: unknown
};

struct BirdsEyeScene {
  int width = 0, height = 0;  ///< of the picture, in pixels
  double range = 40;          ///< m from the sensor to the nearer edges
  double font_scale = 1, gradient_opacity = 0.35;
  PolarGrid grid;
  bool blocks = true;                        ///< the borders of the blocks
  std::vector<float> shares;                 ///< of each block's points; empty: not shown
  std::shared_ptr<const BlockMap> gradient;  ///< of the same blocks; null: not shown
  std::vector<BirdsEyeBox> boxes;
};

/// One a run; for one thread at a time. All that can fail throws std::runtime_error or std::bad_alloc.
class BirdsEye {
 public:
  BirdsEye();
  /// `data`: the picture, lines of `stride` bytes, 32 bits a pixel in the order of CAIRO_FORMAT_RGB24. Points without a
  /// place are left out.
  void paint(const Point *points, std::size_t n, const BirdsEyeScene &scene, unsigned char *data, int stride);

 private:
  struct View {
    double middle_x, middle_y, scale;  ///< pixels; pixels a metre
  };
  static View view_of(const BirdsEyeScene &scene);
  void draw_points(const Point *points, std::size_t n, const BirdsEyeScene &scene, unsigned char *data, int stride);
  void draw_gradient(cairo_t *cr, const BirdsEyeScene &scene);
  void draw_blocks(cairo_t *cr, const BirdsEyeScene &scene);
  void draw_shares(cairo_t *cr, const BirdsEyeScene &scene);
  void draw_box(cairo_t *cr, const BirdsEyeScene &scene, const BirdsEyeBox &box);
  /// In the middle of (x, y), or, with `beside`, to the right of it.
  void draw_words(cairo_t *cr, const std::string &words, double x, double y, double pixels, bool beside);

  std::unique_ptr<PangoFontMap, GObjectDeleter> fonts_;
  std::unique_ptr<PangoContext, GObjectDeleter> context_;
  std::unique_ptr<PangoLayout, GObjectDeleter> layout_;
};

}  // namespace oneadapt
