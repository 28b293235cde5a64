// SPDX-License-Identifier: LGPL-2.1-or-later
// A rectangle of a frame that Cairo draws on and GStreamer blends.
#pragma once
#include <cairo.h>
#include <gst/video/video.h>

#include <functional>
#include <memory>

namespace oneadapt {

/// Whole pixels; empty when w or h is not positive.
struct PixelRect {
  int x = 0, y = 0, w = 0, h = 0;
  bool empty() const { return w <= 0 || h <= 0; }
  int right() const { return x + w; }
  int bottom() const { return y + h; }
  PixelRect united(const PixelRect &o) const;
  PixelRect intersected(const PixelRect &o) const;
};

struct CairoDeleter {
  void operator()(cairo_t *cr) const { cairo_destroy(cr); }
  void operator()(cairo_surface_t *surface) const { cairo_surface_destroy(surface); }
};
using CairoContext = std::unique_ptr<cairo_t, CairoDeleter>;
using CairoSurface = std::unique_ptr<cairo_surface_t, CairoDeleter>;

/// Throws std::runtime_error when Cairo ran into trouble.
void check(cairo_status_t status);

/// Keeps its memory from one drawing to the next. Not thread-safe.
class Layer {
 public:
  Layer() = default;
  ~Layer() { gst_clear_buffer(&buffer_); }
  Layer(const Layer &) = delete;
  Layer &operator=(const Layer &) = delete;

  /// Draws afresh: `paint` gets a transparent surface whose coordinates are the frame's. (transfer full).
  /// Throws std::runtime_error, std::bad_alloc.
  GstVideoOverlayRectangle *draw(const PixelRect &where, const std::function<void(cairo_t *)> &paint);

 private:
  void reserve(const PixelRect &where);
  GstBuffer *buffer_ = nullptr;
};

/// Blends. gst_video_overlay_composition_blend() takes the unused byte of RGBx, BGRx, xRGB and xBGR for alpha, and it
/// may hold anything: it is made opaque first. False when the frame cannot be drawn on.
bool blend(GstVideoOverlayComposition *composition, GstVideoFrame *frame);

}  // namespace oneadapt
