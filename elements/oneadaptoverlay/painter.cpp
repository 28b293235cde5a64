// SPDX-License-Identifier: LGPL-2.1-or-later
#include "painter.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>

#include "colours.h"

namespace oneadapt {
namespace {

/// Of Cairo's images.
constexpr unsigned kMostSide = 32767;
/// What is under a mask must still be seen.
constexpr double kMaskOpacity = 0.4;

std::uint32_t premultiplied(const Colour &c, double alpha) {
  const auto byte = [](double v) { return std::uint32_t(std::lround(255 * std::clamp(v, 0.0, 1.0))); };
  return byte(alpha) << 24 | byte(c.r * alpha) << 16 | byte(c.g * alpha) << 8 | byte(c.b * alpha);
}

/// The more heat, the less transparent.
std::uint32_t heat_pixel(double t, double opacity) { return premultiplied(heat_colour(t), opacity * t); }

/// An image with one pixel a block. `colour` makes a premultiplied pixel of a value.
template <class F>
CairoSurface block_image(const BlockMap &map, F colour) {
  const int columns = int(map.columns()), rows = int(map.rows());
  CairoSurface surface(cairo_image_surface_create(CAIRO_FORMAT_ARGB32, columns, rows));
  check(cairo_surface_status(surface.get()));
  cairo_surface_flush(surface.get());
  unsigned char *data = cairo_image_surface_get_data(surface.get());
  const int stride = cairo_image_surface_get_stride(surface.get());
  for (int y = 0; y < rows; ++y) {
    auto *line = reinterpret_cast<std::uint32_t *>(data + std::ptrdiff_t(y) * stride);
    for (int x = 0; x < columns; ++x) line[x] = colour(map.at(unsigned(x), unsigned(y)));
  }
  cairo_surface_mark_dirty(surface.get());
  return surface;
}

CairoSurface gradient_image(const BlockMap &map, double peak, double opacity) {
  return block_image(map, [=](float v) { return heat_pixel(heat(v, peak), opacity); });
}

CairoSurface qp_image(const BlockMap &map) {
  constexpr double kFull = 12, kOpacity = 0.5;  // in QP; a fixed scale, so that intervals can be compared
  return block_image(map, [](float v) {
    const Colour colour = v < 0 ? Colour{1.0, 0.1, 0.1} : Colour{0.1, 0.3, 1.0};
    return premultiplied(colour, kOpacity * std::min(1.0, std::fabs(double(v)) / kFull));
  });
}

/// Text and lines grow with the frame, down to what can still be read.
double font_pixels(const Scene &s) {
  return std::clamp(0.024 * std::min(s.width, s.height), 10.0, 96.0) * s.font_scale;
}
int line_pixels(const Scene &s) { return std::max(2, int(std::lround(std::min(s.width, s.height) / 270.0))); }
int padding(const Scene &s) { return std::max(2, int(std::lround(font_pixels(s) * 0.25))); }

PixelRect frame_of(const Scene &s) { return {0, 0, s.width, s.height}; }

PixelRect pixels_of(const SceneBox &b, const Scene &s) {
  const int x = std::min(int(std::lround(b.x0 * s.width)), s.width - 1);
  const int y = std::min(int(std::lround(b.y0 * s.height)), s.height - 1);
  return {x, y, std::max(1, int(std::lround(b.x1 * s.width)) - x), std::max(1, int(std::lround(b.y1 * s.height)) - y)};
}

/// All pixels that a mask touches.
PixelRect pixels_of(const GridCut &mask, const Scene &s) {
  const double across = double(s.width) / mask.width, down = double(s.height) / mask.height;
  const MaskCut &cut = mask.cut;
  const int x = int(std::floor(cut.x * across)), y = int(std::floor(cut.y * down));
  return {x, y, int(std::ceil((cut.x + cut.columns) * across)) - x, int(std::ceil((cut.y + cut.rows) * down)) - y};
}

PixelRect grown(const PixelRect &r, int by) { return {r.x - by, r.y - by, r.w + 2 * by, r.h + 2 * by}; }

void fill(cairo_t *cr, const PixelRect &r) {
  cairo_rectangle(cr, r.x, r.y, r.w, r.h);
  cairo_fill(cr);
}

/// Between a rectangle and the one that lies `width` inside it.
void ring(cairo_t *cr, const PixelRect &r, int width) {
  const PixelRect inner = grown(r, -width);
  cairo_rectangle(cr, r.x, r.y, r.w, r.h);
  if (!inner.empty()) cairo_rectangle(cr, inner.x, inner.y, inner.w, inner.h);
  cairo_fill(cr);
}

std::string words_of(const SceneBox &box) {
  constexpr glong kMost = 64;
  const gchar *label = box.label ? g_quark_to_string(box.label) : "";
  gchar *valid = g_utf8_make_valid(label, -1);
  gchar *text = g_utf8_strlen(valid, -1) > kMost ? g_utf8_substring(valid, 0, kMost) : g_strdup(valid);
  std::string words = text;
  g_free(text);
  g_free(valid);
  if (box.confidence >= 0) {
    gchar score[G_ASCII_DTOSTR_BUF_SIZE];
    words += (words.empty() ? "" : " ") + std::string(g_ascii_formatd(score, sizeof score, "%.2f", box.confidence));
  }
  return words;
}

}  // namespace

Painter::Painter() {
  fonts_.reset(pango_cairo_font_map_new());
  // Sizes are given in pixels, so the resolution plays no role.
  if (fonts_) context_.reset(pango_font_map_create_context(fonts_.get()));
  if (context_) layout_.reset(pango_layout_new(context_.get()));
  if (!layout_) throw std::runtime_error("Pango has no fonts");
  cairo_font_options_t *options = cairo_font_options_create();
  cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);  // video has no subpixels of known order
  pango_cairo_context_set_font_options(context_.get(), options);
  cairo_font_options_destroy(options);
  pango_layout_set_single_paragraph_mode(layout_.get(), TRUE);
}

Painter::~Painter() {
  if (composition_) gst_video_overlay_composition_unref(composition_);
}

void Painter::set_font(double pixels, bool bold) {
  PangoFontDescription *font = pango_font_description_new();
  pango_font_description_set_family_static(font, "Sans");
  pango_font_description_set_weight(font, bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
  pango_font_description_set_absolute_size(font, std::max(1.0, pixels) * PANGO_SCALE);
  pango_layout_set_font_description(layout_.get(), font);
  pango_font_description_free(font);
  pango_layout_set_attributes(layout_.get(), nullptr);  // of the markup before
  pango_layout_set_width(layout_.get(), -1);
  pango_layout_set_ellipsize(layout_.get(), PANGO_ELLIPSIZE_NONE);
}

GstVideoOverlayComposition *Painter::paint(const Scene &scene) {
  if (scene.empty() || scene.width <= 0 || scene.height <= 0) return nullptr;
  if (composition_ && scene == drawn_) return composition_;
  // Before drawing: the layers' memory can be used again only when nobody else holds it.
  if (composition_) gst_video_overlay_composition_unref(composition_);
  composition_ = nullptr;
  draw(scene);
  drawn_ = scene;
  return composition_;
}

void Painter::draw(const Scene &scene) {
  ++drawings_;
  const auto add = [this](GstVideoOverlayRectangle *rectangle) {
    if (composition_) {
      gst_video_overlay_composition_add_rectangle(composition_, rectangle);
    } else {
      composition_ = gst_video_overlay_composition_new(rectangle);
    }
    gst_video_overlay_rectangle_unref(rectangle);
  };

  const PixelRect strip = scene.status.empty() ? PixelRect{} : fit_status(scene);
  place_labels(scene);
  PixelRect touched = scene.gradient || scene.qp_map ? frame_of(scene) : PixelRect{};
  for (const Label &label : labels_) touched = touched.united(label.outer).united(label.text);
  if (!touched.empty()) {
    if (scene.gradient && (gradient_.of != scene.gradient || gradient_.opacity != scene.gradient_opacity)) {
      const auto &values = scene.gradient->values;
      const double peak = bright(values);
      gradient_ = {scene.gradient, scene.gradient_opacity,
                   gradient_image(*scene.gradient, peak, scene.gradient_opacity), peak,
                   *std::max_element(values.begin(), values.end())};
    }
    if (scene.qp_map && qp_map_.of != scene.qp_map) qp_map_ = {scene.qp_map, 0, qp_image(*scene.qp_map)};
    const Legend legend = scene.gradient && scene.legend ? fit_legend(scene) : Legend{};
    add(picture_.draw(touched, [&](cairo_t *cr) {
      if (scene.qp_map) draw_map(cr, scene, qp_map_);
      if (scene.gradient) draw_map(cr, scene, gradient_);
      for (const Label &label : labels_) draw_mask(cr, scene, label);
      for (const Label &label : labels_)
        if (scene.outlines) draw_box(cr, scene, label);
      for (const Label &label : labels_) draw_words(cr, scene, label);
      draw_legend(cr, scene, legend);
    }));
  }
  if (!strip.empty()) {
    fit_status(scene);  // the layout has served the labels since
    add(strip_.draw(strip, [&](cairo_t *cr) { draw_status(cr, scene, strip); }));
  }
  labels_.clear();  // they point into the scene
}

/* ---- maps ---------------------------------------------------------------------------------------------------- */

void Painter::draw_map(cairo_t *cr, const Scene &scene, const MapImage &image) {
  const BlockMap &map = *image.of;
  cairo_save(cr);
  // A block's place on this frame; the last column and row are cut where the map's own frame ends.
  cairo_scale(cr, double(scene.width) / map.frame_width * map.block_size,
              double(scene.height) / map.frame_height * map.block_size);
  cairo_set_source_surface(cr, image.surface.get(), 0, 0);
  cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_NEAREST);
  cairo_paint(cr);
  cairo_restore(cr);
}

/* ---- masks --------------------------------------------------------------------------------------------------- */

void Painter::draw_mask(cairo_t *cr, const Scene &scene, const Label &label) {
  if (!label.box->mask) return;
  const GridCut &mask = *label.box->mask;
  const MaskCut &cut = mask.cut;
  if (cut.columns > kMostSide || cut.rows > kMostSide) return;
  CairoSurface surface(cairo_image_surface_create(CAIRO_FORMAT_A8, int(cut.columns), int(cut.rows)));
  check(cairo_surface_status(surface.get()));
  cairo_surface_flush(surface.get());
  unsigned char *data = cairo_image_surface_get_data(surface.get());
  const int stride = cairo_image_surface_get_stride(surface.get());
  for (unsigned y = 0; y < cut.rows; ++y)
    std::copy_n(cut.cells.data() + std::size_t(y) * cut.columns, cut.columns, data + std::ptrdiff_t(y) * stride);
  cairo_surface_mark_dirty(surface.get());
  const Colour c = colour_of(label.box->label_id);
  cairo_save(cr);
  cairo_rectangle(cr, label.outer.x, label.outer.y, label.outer.w, label.outer.h);
  cairo_clip(cr);
  cairo_scale(cr, double(scene.width) / mask.width, double(scene.height) / mask.height);
  cairo_set_source_rgba(cr, c.r, c.g, c.b, kMaskOpacity);
  std::unique_ptr<cairo_pattern_t, decltype(&cairo_pattern_destroy)> pattern(
      cairo_pattern_create_for_surface(surface.get()), cairo_pattern_destroy);
  cairo_matrix_t shift;
  cairo_matrix_init_translate(&shift, -double(cut.x), -double(cut.y));
  cairo_pattern_set_matrix(pattern.get(), &shift);
  cairo_mask(cr, pattern.get());
  cairo_restore(cr);
}

/* ---- boxes --------------------------------------------------------------------------------------------------- */

void Painter::place_labels(const Scene &scene) {
  labels_.clear();
  for (const SceneBox &box : scene.boxes) {
    PixelRect outer = scene.outlines ? grown(pixels_of(box, scene), 1) : PixelRect{};
    if (box.mask) outer = outer.united(grown(pixels_of(*box.mask, scene), 1));
    labels_.push_back({&box, outer.intersected(frame_of(scene)), {}, scene.outlines ? words_of(box) : std::string()});
  }
  // The surest object is drawn last, on top, and chooses its label's place first.
  std::stable_sort(labels_.begin(), labels_.end(),
                   [](const Label &a, const Label &b) { return a.box->confidence < b.box->confidence; });
  set_font(font_pixels(scene), true);
  const int pad = padding(scene), bar = line_pixels(scene);
  const int bottom = scene.status.empty() ? scene.height : scene.height - strip_height_;
  for (std::size_t i = labels_.size(); i-- > 0;) {
    Label &label = labels_[i];
    if (label.words.empty()) continue;
    pango_layout_set_text(layout_.get(), label.words.c_str(), int(label.words.size()));
    int w = 0, h = 0;
    pango_layout_get_pixel_size(layout_.get(), &w, &h);
    const PixelRect box = pixels_of(*label.box, scene);
    PixelRect at{0, 0, std::min(w + 2 * pad + bar, scene.width), h};
    at.x = std::clamp(box.x, 0, scene.width - at.w);
    const int highest = std::max(0, bottom - at.h);
    at.y = std::clamp(box.y - at.h, 0, highest);  // if all else fails
    for (const int y : {box.y - at.h, box.y, box.bottom(), box.bottom() - at.h}) {
      if (y < 0 || y > highest) continue;
      const PixelRect here{at.x, y, at.w, at.h};
      const bool taken = std::any_of(labels_.begin() + std::ptrdiff_t(i) + 1, labels_.end(),
                                     [&](const Label &o) { return !o.text.intersected(here).empty(); });
      if (taken) continue;
      at.y = y;
      break;
    }
    label.text = at.intersected(frame_of(scene));
  }
}

void Painter::draw_box(cairo_t *cr, const Scene &scene, const Label &label) {
  const PixelRect box = pixels_of(*label.box, scene);
  const int line = line_pixels(scene);
  const Colour c = colour_of(label.box->label_id);
  cairo_set_fill_rule(cr, CAIRO_FILL_RULE_EVEN_ODD);
  cairo_set_source_rgba(cr, 0, 0, 0, 0.5);  // dark on both sides, so that it shows on bright ground too
  ring(cr, grown(box, 1), line + 2);
  cairo_set_source_rgb(cr, c.r, c.g, c.b);
  ring(cr, box, line);
}

void Painter::draw_words(cairo_t *cr, const Scene &scene, const Label &label) {
  if (label.text.empty()) return;
  const int pad = padding(scene), bar = line_pixels(scene);
  const Colour c = colour_of(label.box->label_id);
  cairo_set_source_rgba(cr, 0.05, 0.07, 0.09, 0.8);
  fill(cr, label.text);
  cairo_set_source_rgb(cr, c.r, c.g, c.b);
  fill(cr, PixelRect{label.text.x, label.text.y, bar, label.text.h}.intersected(label.text));

  pango_layout_set_text(layout_.get(), label.words.c_str(), int(label.words.size()));
  const int room = label.text.w - bar - 2 * pad;
  pango_layout_set_ellipsize(layout_.get(), PANGO_ELLIPSIZE_END);
  pango_layout_set_width(layout_.get(), std::max(1, room) * PANGO_SCALE + PANGO_SCALE / 2);
  cairo_save(cr);
  cairo_rectangle(cr, label.text.x, label.text.y, label.text.w, label.text.h);
  cairo_clip(cr);
  cairo_set_source_rgb(cr, 1, 1, 1);
  cairo_move_to(cr, label.text.x + bar + pad, label.text.y);
  pango_cairo_show_layout(cr, layout_.get());
  cairo_restore(cr);
}

/* ---- legend -------------------------------------------------------------------------------------------------- */

PixelRect Painter::measure(const std::string &markup, double font) {
  set_font(font, false);
  pango_layout_set_markup(layout_.get(), markup.c_str(), int(markup.size()));
  int w = 0, h = 0;
  pango_layout_get_pixel_size(layout_.get(), &w, &h);
  return {0, 0, w, h};
}

Painter::Legend Painter::fit_legend(const Scene &scene) {
  const int pad = padding(scene);
  Legend legend;
  legend.words = legend_markup(gradient_.bright, gradient_.greatest);
  // As with the status line: rather smaller than cut, and then not at all.
  for (const double size : {1.0, 0.9, 0.8, 0.7, 0.6}) {
    legend.font = font_pixels(scene) * size;
    const PixelRect left = measure(legend.words.left, legend.font), right = measure(legend.words.right, legend.font);
    const int bar = legend.words.right.empty() ? 0 : int(8 * legend.font);
    const int gap = bar ? 2 * pad : 0;
    legend.panel = {0, 0, 4 * pad + left.w + gap + bar + gap + (bar ? right.w : 0), left.h + 2 * pad};
    legend.bar = {2 * pad + left.w + gap, 2 * pad, bar, left.h - 2 * pad};
    if (legend.panel.w <= scene.width && legend.panel.h <= scene.height) return legend;
  }
  return {};
}

void Painter::draw_legend(cairo_t *cr, const Scene &scene, const Legend &legend) {
  if (legend.panel.empty()) return;
  const int pad = padding(scene);
  cairo_set_source_rgba(cr, 0.05, 0.07, 0.09, 0.8);
  fill(cr, legend.panel);
  for (int x = 0; x < legend.bar.w; ++x) {  // over black, as little of a colour shows as on the picture
    const Colour c = heat_colour(double(x) / legend.bar.w);
    const double alpha = double(x) / legend.bar.w;
    cairo_set_source_rgb(cr, c.r * alpha, c.g * alpha, c.b * alpha);
    fill(cr, {legend.bar.x + x, legend.bar.y, 1, legend.bar.h});
  }
  cairo_set_source_rgb(cr, 1, 1, 1);
  for (const bool right : {false, true}) {
    measure(right ? legend.words.right : legend.words.left, legend.font);
    cairo_move_to(cr, right ? legend.bar.right() + 2 * pad : 2 * pad, pad);
    pango_cairo_show_layout(cr, layout_.get());
  }
}

/* ---- status line --------------------------------------------------------------------------------------------- */

PixelRect Painter::fit_status(const Scene &scene) {
  const std::string markup = status_markup(scene.status);
  const int pad = padding(scene), room = std::max(1, scene.width - 4 * pad);
  int w = 0, h = 0;
  // Rather smaller than cut; below 60 % it would no longer be readable.
  for (const double size : {1.0, 0.9, 0.8, 0.7, 0.6}) {
    set_font(font_pixels(scene) * size, false);
    pango_layout_set_markup(layout_.get(), markup.c_str(), int(markup.size()));
    pango_layout_get_pixel_size(layout_.get(), &w, &h);
    if (w <= room) break;
  }
  if (w > room) {
    pango_layout_set_ellipsize(layout_.get(), PANGO_ELLIPSIZE_END);
    pango_layout_set_width(layout_.get(), room * PANGO_SCALE);
  }
  strip_height_ = std::min(h + 2 * pad, scene.height);
  return {0, scene.height - strip_height_, scene.width, strip_height_};
}

void Painter::draw_status(cairo_t *cr, const Scene &scene, const PixelRect &strip) {
  const int pad = padding(scene);
  cairo_set_source_rgba(cr, 0.05, 0.07, 0.09, 0.75);
  fill(cr, strip);
  cairo_set_source_rgb(cr, 1, 1, 1);
  cairo_move_to(cr, strip.x + 2 * pad, strip.y + pad);
  pango_cairo_show_layout(cr, layout_.get());
}

}  // namespace oneadapt
