// SPDX-License-Identifier: LGPL-2.1-or-later
#include "drawing.h"

#include <cairo.h>
#include <gst/video/video.h>

#include <cstring>

#include "common/output.h"
#include "painter.h"
#include "scene.h"

namespace oneadapt::inspect {
namespace {

/// Cairo's 32 bits without alpha, as GStreamer calls them.
constexpr GstVideoFormat kFormat = G_BYTE_ORDER == G_LITTLE_ENDIAN ? GST_VIDEO_FORMAT_BGRx : GST_VIDEO_FORMAT_xRGB;
/// A gradient is looked at for itself: stronger than on a film.
constexpr double kOpacity = 0.85;

[[noreturn]] void fail(const std::string &path, const std::string &why) {
  throw InspectError("--output: '" + path + "' cannot be written (" + why +
                     "); name a folder that can be written, on a disk with room");
}

/// The pixels of `picture`, for Cairo.
std::vector<std::uint32_t> pixels_of(const Picture &picture) {
  std::vector<std::uint32_t> pixels(std::size_t(picture.width) * picture.height);
  for (unsigned y = 0; y < picture.height; ++y)
    for (unsigned x = 0; x < picture.width; ++x) {
      const std::uint8_t *p = &picture.rgb[y * picture.stride + 3 * std::size_t(x)];
      pixels[std::size_t(y) * picture.width + x] =
          0xff000000U | std::uint32_t(p[0]) << 16 | std::uint32_t(p[1]) << 8 | p[2];
    }
  return pixels;
}

void blend_onto(std::vector<std::uint32_t> &pixels, const Picture &picture, GstVideoOverlayComposition *composition) {
  GstVideoInfo info;
  gst_video_info_set_format(&info, kFormat, picture.width, picture.height);
  const gsize size = pixels.size() * 4;
  GstBuffer *buffer = gst_buffer_new_wrapped_full(GstMemoryFlags(0), pixels.data(), size, 0, size, nullptr, nullptr);
  GstVideoFrame frame;
  const bool mapped = gst_video_frame_map(&frame, &info, buffer, GST_MAP_READWRITE);
  const bool done = mapped && blend(composition, &frame);
  if (mapped) gst_video_frame_unmap(&frame);
  gst_buffer_unref(buffer);
  if (!done) throw InspectError("--output: a picture of this size cannot be drawn on");
}

cairo_status_t append_bytes(void *png, const unsigned char *bytes, unsigned count) {
  static_cast<std::string *>(png)->append(reinterpret_cast<const char *>(bytes), count);
  return CAIRO_STATUS_SUCCESS;
}

void draw(const Picture &picture, Scene &scene, const std::string &path) {
  std::vector<std::uint32_t> pixels = pixels_of(picture);
  scene.width = int(picture.width);
  scene.height = int(picture.height);
  try {
    Painter painter;
    if (GstVideoOverlayComposition *composition = painter.paint(scene)) blend_onto(pixels, picture, composition);
    const CairoSurface surface(cairo_image_surface_create_for_data(reinterpret_cast<unsigned char *>(pixels.data()),
                                                                   CAIRO_FORMAT_RGB24, scene.width, scene.height,
                                                                   scene.width * 4));
    std::string png;
    const cairo_status_t status = cairo_surface_write_to_png_stream(surface.get(), append_bytes, &png);
    if (status != CAIRO_STATUS_SUCCESS) fail(path, cairo_status_to_string(status));
    tools::write_file(path, png, "--output");
  } catch (const InspectError &) {
    throw;
  } catch (const tools::OutputError &) {
    throw;
  } catch (const std::exception &e) {
    fail(path, e.what());
  }
}

}  // namespace

bool can_draw() { return true; }

void draw_objects(const Picture &picture, const std::vector<Detection> &objects, const std::vector<std::string> &names,
                  const std::string &path) {
  Scene scene;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const Detection &d = objects[i];
    SceneBox box;
    box.label = g_quark_from_string(names[i].c_str());
    box.label_id = d.label;
    box.confidence = d.score;
    box.x0 = d.box.x0;
    box.y0 = d.box.y0;
    box.x1 = d.box.x1;
    box.y1 = d.box.y1;
    if (!d.mask.none()) box.mask = GridCut{d.mask.width, d.mask.height, cut_of(d.mask)};
    scene.boxes.push_back(std::move(box));
  }
  draw(picture, scene, path);
}

namespace {

/// Grey and a little darker, so that what is coloured is the gradient.
Picture faded(Picture picture) {
  for (unsigned y = 0; y < picture.height; ++y)
    for (unsigned x = 0; x < picture.width; ++x) {
      std::uint8_t *p = &picture.rgb[y * picture.stride + 3 * std::size_t(x)];
      const unsigned luma = (77U * p[0] + 150U * p[1] + 29U * p[2]) >> 8;
      p[0] = p[1] = p[2] = std::uint8_t(luma * 3 / 4);
    }
  return picture;
}

}  // namespace

void draw_gradient(const Picture &picture, const BlockMap &gradient, const std::string &path) {
  Scene scene;
  scene.gradient = std::make_shared<BlockMap>(gradient);
  scene.gradient_opacity = kOpacity;
  scene.legend = true;
  draw(faded(picture), scene, path);
}

}  // namespace oneadapt::inspect
