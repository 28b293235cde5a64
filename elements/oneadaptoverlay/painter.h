// SPDX-License-Identifier: LGPL-2.1-or-later
// Draws scenes with Cairo and Pango.
#pragma once
#include <gst/video/video.h>
#include <pango/pangocairo.h>

#include <memory>
#include <vector>

#include "layer.h"
#include "scene.h"

namespace oneadapt {

struct GObjectDeleter {
  void operator()(gpointer object) const { g_object_unref(object); }
};

/// One a run; for one thread at a time. All that can fail throws std::runtime_error or std::bad_alloc.
class Painter {
 public:
  Painter();
  ~Painter();
  Painter(const Painter &) = delete;
  Painter &operator=(const Painter &) = delete;

  /// What to blend onto a frame of `scene`'s size: (transfer none), valid until the next call; null when the scene is
  /// empty. A scene like the one before costs nothing.
  GstVideoOverlayComposition *paint(const Scene &scene);
  /// How often something was really drawn.
  unsigned drawings() const { return drawings_; }

 private:
  struct Label {
    const SceneBox *box;
    PixelRect outer, text;  ///< box with its halo, and mask; label with its background
    std::string words;
  };
  /// A map as an image with one pixel a block.
  struct MapImage {
    std::shared_ptr<const BlockMap> of;
    double opacity = -1;
    CairoSurface surface;
    double bright = 0, greatest = 0;  ///< of a gradient: where the colours end; the greatest value
  };
  /// Where the legend's parts are; nothing: there is no room, or none is wanted.
  struct Legend {
    PixelRect panel, bar;
    LegendMarkup words;
    double font = 0;
  };

  void draw(const Scene &scene);
  void place_labels(const Scene &scene);
  void draw_map(cairo_t *cr, const Scene &scene, const MapImage &image);
  void draw_mask(cairo_t *cr, const Scene &scene, const Label &label);
  void draw_box(cairo_t *cr, const Scene &scene, const Label &label);
  void draw_words(cairo_t *cr, const Scene &scene, const Label &label);
  void draw_status(cairo_t *cr, const Scene &scene, const PixelRect &strip);
  PixelRect fit_status(const Scene &scene);
  Legend fit_legend(const Scene &scene);
  void draw_legend(cairo_t *cr, const Scene &scene, const Legend &legend);
  PixelRect measure(const std::string &markup, double font);
  void set_font(double pixels, bool bold);

  std::unique_ptr<PangoFontMap, GObjectDeleter> fonts_;
  std::unique_ptr<PangoContext, GObjectDeleter> context_;
  std::unique_ptr<PangoLayout, GObjectDeleter> layout_;

  Scene drawn_;
  GstVideoOverlayComposition *composition_ = nullptr;
  Layer picture_, strip_;
  MapImage gradient_, qp_map_;
  std::vector<Label> labels_;
  int strip_height_ = 0;  ///< of the status line last fitted
  unsigned drawings_ = 0;
};

}  // namespace oneadapt
