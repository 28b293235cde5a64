// SPDX-License-Identifier: LGPL-2.1-or-later
#include "layer.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

namespace oneadapt {

PixelRect PixelRect::united(const PixelRect &o) const {
  if (empty()) return o;
  if (o.empty()) return *this;
  const int left = std::min(x, o.x), top = std::min(y, o.y);
  return {left, top, std::max(right(), o.right()) - left, std::max(bottom(), o.bottom()) - top};
}

PixelRect PixelRect::intersected(const PixelRect &o) const {
  const int left = std::max(x, o.x), top = std::max(y, o.y);
  return {left, top, std::min(right(), o.right()) - left, std::min(bottom(), o.bottom()) - top};
}

void check(cairo_status_t status) {
  if (status != CAIRO_STATUS_SUCCESS) throw std::runtime_error(std::string("cairo: ") + cairo_status_to_string(status));
}

void Layer::reserve(const PixelRect &where) {
  const gsize size = gsize(where.w) * gsize(where.h) * 4;
  // Somebody may still hold the last drawing: then it is theirs.
  if (!buffer_ || gst_buffer_get_size(buffer_) < size || !gst_buffer_is_writable(buffer_) ||
      !gst_buffer_is_all_memory_writable(buffer_)) {
    gst_clear_buffer(&buffer_);
    buffer_ = gst_buffer_new_allocate(nullptr, size, nullptr);
    if (!buffer_) throw std::bad_alloc();
  }
  if (GstVideoMeta *old = gst_buffer_get_video_meta(buffer_)) gst_buffer_remove_meta(buffer_, &old->meta);
  gst_buffer_add_video_meta(buffer_, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB,
                            guint(where.w), guint(where.h));
}

GstVideoOverlayRectangle *Layer::draw(const PixelRect &where, const std::function<void(cairo_t *)> &paint) {
  reserve(where);
  GstMapInfo map;
  if (!gst_buffer_map(buffer_, &map, GST_MAP_WRITE)) throw std::runtime_error("the overlay's memory cannot be written");
  try {
    const int stride = where.w * 4;  // what cairo_format_stride_for_width() says of ARGB32
    std::memset(map.data, 0, gsize(stride) * gsize(where.h));
    CairoSurface surface(cairo_image_surface_create_for_data(map.data, CAIRO_FORMAT_ARGB32, where.w, where.h, stride));
    check(cairo_surface_status(surface.get()));
    CairoContext cr(cairo_create(surface.get()));
    cairo_translate(cr.get(), -where.x, -where.y);
    paint(cr.get());
    check(cairo_status(cr.get()));
    cr.reset();
    cairo_surface_flush(surface.get());
  } catch (...) {
    gst_buffer_unmap(buffer_, &map);
    throw;
  }
  gst_buffer_unmap(buffer_, &map);
  GstVideoOverlayRectangle *rectangle = gst_video_overlay_rectangle_new_raw(
      buffer_, where.x, where.y, guint(where.w), guint(where.h), GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA);
  if (!rectangle) throw std::runtime_error("the overlay cannot be handed to GStreamer");
  return rectangle;
}

namespace {

bool has_unused_byte(GstVideoFormat format) {
  return format == GST_VIDEO_FORMAT_RGBx || format == GST_VIDEO_FORMAT_BGRx || format == GST_VIDEO_FORMAT_xRGB ||
         format == GST_VIDEO_FORMAT_xBGR;
}

void make_opaque(GstVideoFrame *frame, const PixelRect &where) {
  int unused = 0 + 1 + 2 + 3;
  for (guint c = 0; c < 3; ++c) unused -= GST_VIDEO_FRAME_COMP_POFFSET(frame, c);
  for (int y = where.y; y < where.bottom(); ++y) {
    auto *line = static_cast<guint8 *>(GST_VIDEO_FRAME_PLANE_DATA(frame, 0)) +
                 std::ptrdiff_t(y) * GST_VIDEO_FRAME_PLANE_STRIDE(frame, 0) + unused;
    for (int x = where.x; x < where.right(); ++x) line[std::ptrdiff_t(x) * 4] = 0xff;
  }
}

}  // namespace

bool blend(GstVideoOverlayComposition *composition, GstVideoFrame *frame) {
  if (has_unused_byte(GST_VIDEO_FRAME_FORMAT(frame))) {
    const PixelRect all{0, 0, GST_VIDEO_FRAME_WIDTH(frame), GST_VIDEO_FRAME_HEIGHT(frame)};
    for (guint i = 0; i < gst_video_overlay_composition_n_rectangles(composition); ++i) {
      guint w = 0, h = 0;
      PixelRect r;
      gst_video_overlay_rectangle_get_render_rectangle(gst_video_overlay_composition_get_rectangle(composition, i),
                                                       &r.x, &r.y, &w, &h);
      r.w = int(w);
      r.h = int(h);
      make_opaque(frame, r.intersected(all));
    }
  }
  return gst_video_overlay_composition_blend(composition, frame);
}

}  // namespace oneadapt
