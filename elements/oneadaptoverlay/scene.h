// SPDX-License-Identifier: LGPL-2.1-or-later
// What is to be seen on a frame, as plain values that can be compared: equal scenes need no second drawing.
#pragma once
#include <gst/gst.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/gradient/gradient.h"
#include "mask_param.h"

namespace oneadapt {

/// A detected object. Sides are fractions of the frame, 0 ≤ x0 < x1 ≤ 1.
struct SceneBox {
  GQuark label = 0;
  int label_id = 0;        ///< chooses the colour
  double confidence = -1;  ///< < 0: unknown
  double x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  std::optional<GridCut> mask;

  bool operator==(const SceneBox &o) const {
    return label == o.label && label_id == o.label_id && confidence == o.confidence && x0 == o.x0 && y0 == o.y0 &&
           x1 == o.x1 && y1 == o.y1 && mask == o.mask;
  }
};

/// What the status line says; what is not known is not said.
struct SceneStatus {
  std::optional<guint64> interval;
  std::string knobs;           ///< Pango markup, empty: unknown
  std::optional<double> kbps;  ///< of the last interval
  std::optional<double> z;
  std::optional<double> accuracy;  ///< measured in the last interval that had objects
  std::optional<std::size_t> objects;

  bool empty() const { return !interval && knobs.empty() && !kbps && !z && !accuracy && !objects; }
  bool operator==(const SceneStatus &o) const {
    return interval == o.interval && knobs == o.knobs && kbps == o.kbps && z == o.z && accuracy == o.accuracy &&
           objects == o.objects;
  }
};

struct Scene {
  int width = 0, height = 0;  ///< of the frame, in pixels
  double font_scale = 1, gradient_opacity = 0.5;
  bool legend = false;   ///< what the gradient's colours mean
  bool outlines = true;  ///< of boxes, and labels; else masks only
  std::vector<SceneBox> boxes;
  std::shared_ptr<const BlockMap> gradient, qp_map;  ///< null: not shown. Of any frame size
  SceneStatus status;                                ///< empty: not shown

  bool empty() const { return boxes.empty() && !gradient && !qp_map && status.empty(); }
  bool operator==(const Scene &o) const {
    return width == o.width && height == o.height && font_scale == o.font_scale &&
           gradient_opacity == o.gradient_opacity && legend == o.legend && outlines == o.outlines && boxes == o.boxes &&
           gradient == o.gradient && qp_map == o.qp_map && status == o.status;
  }
};

/// Replaces `boxes` by those of the buffer's region-of-interest metas that have a well-formed param `detection`, with
/// their masks if they have a well-formed param `mask`.
/// Returns whether there was any, well-formed or not.
bool read_boxes(GstBuffer *buffer, int width, int height, std::vector<SceneBox> &boxes);

/// Pango markup of a configuration: its knobs' names and values, and the least and greatest offset of its QP map, if it
/// has one.
std::string knobs_markup(const GstStructure *knobs, const BlockMap *map = nullptr);

/// Pango markup of what stands left and right of the bar in the legend: the colours end at `bright`, the map at
/// `greatest`.
struct LegendMarkup {
  std::string left, right;
};
LegendMarkup legend_markup(double bright, double greatest);

/// Pango markup of the whole status line.
std::string status_markup(const SceneStatus &status);

}  // namespace oneadapt
