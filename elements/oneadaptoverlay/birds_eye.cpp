// SPDX-License-Identifier: LGPL-2.1-or-later
#include "birds_eye.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>

#include "colours.h"

namespace oneadapt {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr std::uint32_t kGround = 0xff0d1117;
// Heights whose colours differ, m from the sensor: from the ground under a car's to above a van.
constexpr double kLow = -2, kHigh = 1.5;

double font_pixels(const BirdsEyeScene &s) {
  return std::clamp(0.02 * std::min(s.width, s.height), 9.0, 64.0) * s.font_scale;
}

/// Blue, cyan, green, white with height.
std::uint32_t height_pixel(float z) {
  static const Colour stops[] = {{0.16, 0.25, 0.55}, {0.15, 0.55, 0.7}, {0.45, 0.8, 0.55}, {0.95, 0.95, 0.85}};
  const double at = std::clamp((double(z) - kLow) / (kHigh - kLow), 0.0, 1.0) * 3;
  const int i = std::min(int(at), 2);
  const double f = at - i;
  const auto byte = [&](double a, double b) { return std::uint32_t(std::lround(255 * (a + (b - a) * f))); };
  return 0xff000000u | byte(stops[i].r, stops[i + 1].r) << 16 | byte(stops[i].g, stops[i + 1].g) << 8 |
         byte(stops[i].b, stops[i + 1].b);
}

/// Where a ring begins, m; what lies beyond the last one is shown to `end`.
double ring_begin(const PolarGrid &grid, unsigned ring, double end) {
  if (ring == 0) return 0;
  return ring >= grid.rings ? end : std::min(end, double(grid.first_ring) * std::exp2(double(ring) - 1));
}

/// Cairo's angle, clockwise from the right, of an angle in space, anticlockwise from ahead.
double screen_angle(double angle) { return -kPi / 2 - angle; }

double corner_distance(const BirdsEyeScene &s) {
  return s.range * std::hypot(s.width, s.height) / std::min(s.width, s.height);
}

}  // namespace

BirdsEye::BirdsEye()
    : fonts_(pango_cairo_font_map_new()),
      context_(pango_font_map_create_context(fonts_.get())),
      layout_(pango_layout_new(context_.get())) {
  pango_cairo_context_set_resolution(context_.get(), 96);
}

BirdsEye::View BirdsEye::view_of(const BirdsEyeScene &s) {
  return {s.width / 2.0, s.height / 2.0, std::min(s.width, s.height) / 2.0 / s.range};
}

void BirdsEye::paint(const Point *points, std::size_t n, const BirdsEyeScene &scene, unsigned char *data, int stride) {
  draw_points(points, n, scene, data, stride);
  const CairoSurface surface(
      cairo_image_surface_create_for_data(data, CAIRO_FORMAT_RGB24, scene.width, scene.height, stride));
  check(cairo_surface_status(surface.get()));
  const CairoContext cr(cairo_create(surface.get()));
  check(cairo_status(cr.get()));
  if (scene.gradient) draw_gradient(cr.get(), scene);
  if (scene.blocks) draw_blocks(cr.get(), scene);
  if (!scene.shares.empty()) draw_shares(cr.get(), scene);
  for (const BirdsEyeBox &box : scene.boxes) draw_box(cr.get(), scene, box);
  check(cairo_status(cr.get()));
  cairo_surface_flush(surface.get());
}

void BirdsEye::draw_points(const Point *points, std::size_t n, const BirdsEyeScene &scene, unsigned char *data,
                           int stride) {
  const auto line = [&](int y) { return reinterpret_cast<std::uint32_t *>(data + std::ptrdiff_t(y) * stride); };
  for (int y = 0; y < scene.height; ++y) std::fill_n(line(y), scene.width, kGround);
  const View v = view_of(scene);
  const int side = std::max(1, std::min(scene.width, scene.height) / 480);
  for (std::size_t i = 0; i < n; ++i) {
    const Point &p = points[i];
    if (!has_place(p)) continue;
    const double x = v.middle_x - double(p.y) * v.scale, y = v.middle_y - double(p.x) * v.scale;
    if (!(x >= 0 && x < scene.width && y >= 0 && y < scene.height)) continue;
    const std::uint32_t colour = height_pixel(p.z);
    const int right = std::min(int(x) + side, scene.width), bottom = std::min(int(y) + side, scene.height);
    for (int row = int(y); row < bottom; ++row)
      for (int column = int(x); column < right; ++column) line(row)[column] = colour;
  }
}

void BirdsEye::draw_gradient(cairo_t *cr, const BirdsEyeScene &scene) {
  const BlockMap &map = *scene.gradient;
  if (map.columns() != scene.grid.sectors || map.rows() != scene.grid.rings) return;  // of other blocks
  const View v = view_of(scene);
  const double peak = double(bright(map.values)), end = corner_distance(scene);
  for (unsigned ring = 0; ring < scene.grid.rings; ++ring)
    for (unsigned sector = 0; sector < scene.grid.sectors; ++sector) {
      const double t = heat(double(map.at(sector, ring)), peak);
      if (t <= 0) continue;
      const Colour c = heat_colour(t);
      const double from = screen_angle(2 * kPi * sector / scene.grid.sectors),
                   to = screen_angle(2 * kPi * (sector + 1) / scene.grid.sectors);
      cairo_new_path(cr);
      cairo_arc_negative(cr, v.middle_x, v.middle_y, ring_begin(scene.grid, ring + 1, end) * v.scale, from, to);
      cairo_arc(cr, v.middle_x, v.middle_y, ring_begin(scene.grid, ring, end) * v.scale, to, from);
      cairo_close_path(cr);
      cairo_set_source_rgba(cr, c.r, c.g, c.b, scene.gradient_opacity * t);
      cairo_fill(cr);
    }
}

void BirdsEye::draw_blocks(cairo_t *cr, const BirdsEyeScene &scene) {
  const View v = view_of(scene);
  const double end = corner_distance(scene) * v.scale;
  cairo_set_source_rgba(cr, 1, 1, 1, 0.22);
  cairo_set_line_width(cr, 1);
  for (unsigned ring = 1; ring < scene.grid.rings; ++ring) {
    cairo_arc(cr, v.middle_x, v.middle_y, ring_begin(scene.grid, ring, corner_distance(scene)) * v.scale, 0, 2 * kPi);
    cairo_stroke(cr);
  }
  for (unsigned sector = 0; scene.grid.sectors > 1 && sector < scene.grid.sectors; ++sector) {
    const double angle = screen_angle(2 * kPi * sector / scene.grid.sectors);
    cairo_move_to(cr, v.middle_x, v.middle_y);
    cairo_line_to(cr, v.middle_x + end * std::cos(angle), v.middle_y + end * std::sin(angle));
    cairo_stroke(cr);
  }
}

/// In percent, where a block is wide enough to hold it.
void BirdsEye::draw_shares(cairo_t *cr, const BirdsEyeScene &scene) {
  if (scene.shares.size() != scene.grid.blocks()) return;
  const View v = view_of(scene);
  const double font = 0.8 * font_pixels(scene);
  cairo_set_source_rgba(cr, 1, 1, 1, 0.75);
  for (unsigned ring = 0; ring < scene.grid.rings; ++ring) {
    const double inner = ring_begin(scene.grid, ring, scene.range),
                 outer = ring_begin(scene.grid, ring + 1, scene.range);
    const double distance = (inner + outer) / 2 * v.scale;
    if ((outer - inner) * v.scale < 1.5 * font || 2 * kPi * distance / scene.grid.sectors < 2.5 * font) continue;
    for (unsigned sector = 0; sector < scene.grid.sectors; ++sector) {
      const double angle = screen_angle(2 * kPi * (sector + 0.5) / scene.grid.sectors);
      const double share = double(scene.shares[std::size_t(ring) * scene.grid.sectors + sector]);
      draw_words(cr, std::to_string(std::lround(100 * share)), v.middle_x + distance * std::cos(angle),
                 v.middle_y + distance * std::sin(angle), font, false);
    }
  }
}

void BirdsEye::draw_box(cairo_t *cr, const BirdsEyeScene &scene, const BirdsEyeBox &b) {
  const View v = view_of(scene);
  const double c = std::cos(b.box.yaw), s = std::sin(b.box.yaw);
  const auto at = [&](double along, double across) {
    const double x = b.box.x + along * b.box.length / 2 * c - across * b.box.width / 2 * s,
                 y = b.box.y + along * b.box.length / 2 * s + across * b.box.width / 2 * c;
    return std::array<double, 2>{v.middle_x - y * v.scale, v.middle_y - x * v.scale};
  };
  const Colour colour = colour_of(b.label_id);
  cairo_set_source_rgb(cr, colour.r, colour.g, colour.b);
  cairo_set_line_width(cr, std::max(1.5, std::min(scene.width, scene.height) / 400.0));
  double right = 0, top = scene.height;
  cairo_new_path(cr);
  for (const auto &[along, across] : std::array<std::array<double, 2>, 4>{{{1, 1}, {1, -1}, {-1, -1}, {-1, 1}}}) {
    const auto [x, y] = at(along, across);
    cairo_line_to(cr, x, y);
    right = std::max(right, x);
    top = std::min(top, y);
  }
  cairo_close_path(cr);
  cairo_stroke(cr);
  std::string words = b.label;
  if (b.confidence >= 0) {
    std::array<char, 16> score{};
    std::snprintf(score.data(), score.size(), " %.2f", b.confidence);
    words += score.data();
  }
  draw_words(cr, words, right + 2, top, font_pixels(scene), true);
}

void BirdsEye::draw_words(cairo_t *cr, const std::string &words, double x, double y, double pixels, bool beside) {
  const std::unique_ptr<PangoFontDescription, decltype(&pango_font_description_free)> font(
      pango_font_description_from_string("sans"), pango_font_description_free);
  pango_font_description_set_absolute_size(font.get(), pixels * PANGO_SCALE);
  pango_layout_set_font_description(layout_.get(), font.get());
  pango_layout_set_text(layout_.get(), words.c_str(), int(words.size()));
  int w = 0, h = 0;
  pango_layout_get_pixel_size(layout_.get(), &w, &h);
  const double left = beside ? x : x - w / 2.0;
  if (beside) {  // on a dark ground, so that it shows on any
    cairo_save(cr);
    cairo_set_source_rgba(cr, 0.05, 0.07, 0.09, 0.6);
    cairo_rectangle(cr, left, y - h / 2.0, w, h);
    cairo_fill(cr);
    cairo_restore(cr);
  }
  cairo_move_to(cr, left, y - h / 2.0);
  pango_cairo_show_layout(cr, layout_.get());
  cairo_new_path(cr);
}

}  // namespace oneadapt
