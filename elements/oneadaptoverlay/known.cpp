// SPDX-License-Identifier: LGPL-2.1-or-later
#include "known.h"

#include <optional>
#include <string>
#include <utility>

#include "gradient_convert.h"
#include "gstoneadapt.h"
#include "scene.h"
#include "upstream_pictures.h"
#include "walk.h"

GST_DEBUG_CATEGORY_EXTERN(oneadaptoverlay_debug);
#define GST_CAT_DEFAULT oneadaptoverlay_debug

namespace oneadapt {
namespace {

// Cairo's images have no more pixels a side.
constexpr unsigned kMostBlocks = 32767;

/// Null for a grid that cannot be drawn.
std::shared_ptr<const BlockMap> block_map(guint width, guint height, guint block, const gfloat *values) {
  auto map = std::make_shared<BlockMap>();
  map->frame_width = width;
  map->frame_height = height;
  map->block_size = block;
  if (map->columns() > kMostBlocks || map->rows() > kMostBlocks) return nullptr;
  map->values.assign(values, values + std::size_t(map->columns()) * map->rows());
  return map;
}

/// The elements between oneadaptdnn and this one that do something to a picture, for a message.
std::string between(GstElement *overlay) {
  std::string names;
  GstPad *sink = gst_element_get_static_pad(overlay, "sink");
  walk_pads(sink, [&names](GstElement *element, GstPad *) {
    const GstElementFactory *factory = gst_element_get_factory(element);
    const std::string kind = factory ? GST_OBJECT_NAME(factory) : "";
    if (kind == "oneadaptdnn") return false;
    for (const char *harmless : {"bin", "pipeline", "queue", "tee", "capsfilter", "identity"})
      if (kind == harmless) return true;
    names = GST_OBJECT_NAME(element) + (names.empty() ? "" : " ! " + names);
    return true;
  });
  gst_object_unref(sink);
  return names;
}

}  // namespace

void take_gradient(GstElement *overlay, GstEvent *event, Known &known) {
  std::string why;
  const std::optional<Gradient> g = parse_gradient_event(event, why);
  if (!g) {
    GST_WARNING_OBJECT(overlay, "gradient ignored: %s", why.c_str());
    return;
  }
  Feedback feedback;
  feedback.interval = g->interval;
  feedback.interval_duration = g->interval_duration;
  feedback.stream_time = g->stream_time;
  feedback.z = g->z;
  if (g->measured.occupied) feedback.accuracy = g->measured.accuracy;
  const BlockMap &map = g->map;
  feedback.map = block_map(map.frame_width, map.frame_height, map.block_size, map.values.data());
  const bool objects = g->confident > 0;
  if (!feedback.map) GST_WARNING_OBJECT(overlay, "gradient not drawn: it has more than %u blocks a side", kMostBlocks);
  known.feedback = std::move(feedback);
  if (objects && known.frames && !known.results)
    warn_of_loss(overlay, known,
                 "Objects were found, but the frames come without them: an element in between drops metadata");
}

void take_configuration(GstElement *overlay, GstEvent *event, Known &known) {
  Configuration configuration;
  GstStructure *knobs = nullptr;
  guint64 bytes = 0;
  GstClockTime duration = 0;
  GError *error = nullptr;
  if (!gst_event_parse_oneadapt_configuration(event, &configuration.interval, &knobs, &bytes, &duration, &error)) {
    GST_WARNING_OBJECT(overlay, "configuration ignored: %s", error->message);
    g_clear_error(&error);
    return;
  }
  if (bytes != GST_ONEADAPT_BYTES_UNKNOWN)
    configuration.kbps = double(bytes) * 8 / 1000 / (double(duration) / GST_SECOND);
  guint width = 0, height = 0, block = 0;
  gfloat *offsets = nullptr;
  if (gst_event_parse_oneadapt_qp_map(event, &width, &height, &block, &offsets, &error)) {
    configuration.qp_map = block_map(width, height, block, offsets);
    g_free(offsets);
    if (!configuration.qp_map)
      GST_WARNING_OBJECT(overlay, "QP map not drawn: it has more than %u blocks a side", kMostBlocks);
  } else if (error) {
    GST_WARNING_OBJECT(overlay, "QP map ignored: %s", error->message);
    g_clear_error(&error);
  }
  configuration.knobs = knobs_markup(knobs, configuration.qp_map.get());
  gst_structure_free(knobs);
  known.configuration = std::move(configuration);
}

bool qp_map_in_place(GstElement *overlay, Known &known) {
  const auto &map = known.configuration->qp_map;
  if (map == known.placed_map) return known.map_in_place;
  GstPad *sink = gst_element_get_static_pad(overlay, "sink");
  const UpstreamPictures upstream = upstream_pictures(sink);
  gst_object_unref(sink);
  known.placed_map = map;
  known.map_in_place = upstream.pictures.size() == 1 && upstream.pictures[0].is_unmoved();
  if (!known.map_in_place && !std::exchange(known.map_warned, true))
    GST_ELEMENT_WARNING(overlay, STREAM, FAILED,
                        ("The QP map is not drawn: it is of the picture that was coded, and the picture was cropped, "
                         "turned or framed since. Put oneadaptoverlay in front of that, or set qp-map=false."),
                        (nullptr));
  return known.map_in_place;
}

void warn_of_loss(GstElement *overlay, Known &known, const char *what) {
  if (std::exchange(known.warned, true)) return;
  const std::string names = between(overlay);
  GST_ELEMENT_WARNING(overlay, STREAM, FAILED,
                      ("%s. Put oneadaptoverlay right behind oneadaptdnn, in front of what crops, turns or letterboxes "
                       "the picture.",
                       what),
                      ("between the two: %s", names.empty() ? "nothing that is known" : names.c_str()));
}

}  // namespace oneadapt
