// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cloud/results.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "cloud_metas.h"
#include "core/vision/box3d_json.h"

namespace oneadapt {

void attach_boxes(GstBuffer *buffer, const std::vector<ScoredBox3d> &boxes, const std::vector<std::string> &labels) {
  static const gchar *no_tags[] = {nullptr};  // it holds whatever is done to the points
  static const GstMetaInfo *const info = gst_meta_register_custom(kBoxesMeta, no_tags, nullptr, nullptr, nullptr);
  if (!info) return;  // another kind of metadata has the name
  if (GstCustomMeta *old = gst_buffer_get_custom_meta(buffer, kBoxesMeta))
    gst_buffer_remove_meta(buffer, reinterpret_cast<GstMeta *>(old));
  GstStructure *structure = gst_custom_meta_get_structure(gst_buffer_add_custom_meta(buffer, kBoxesMeta));
  GValue array = G_VALUE_INIT;
  g_value_init(&array, GST_TYPE_ARRAY);
  for (const ScoredBox3d &b : boxes) {
    GValue value = G_VALUE_INIT;
    g_value_init(&value, GST_TYPE_STRUCTURE);
    g_value_take_boxed(
        &value, gst_structure_new("box", "x", G_TYPE_DOUBLE, b.box.x, "y", G_TYPE_DOUBLE, b.box.y, "z", G_TYPE_DOUBLE,
                                  b.box.z, "l", G_TYPE_DOUBLE, b.box.length, "w", G_TYPE_DOUBLE, b.box.width, "h",
                                  G_TYPE_DOUBLE, b.box.height, "yaw", G_TYPE_DOUBLE, b.box.yaw, "confidence",
                                  G_TYPE_DOUBLE, b.score, "label_id", G_TYPE_INT, b.label, "label", G_TYPE_STRING,
                                  labels[std::size_t(b.label)].c_str(), nullptr));
    gst_value_array_append_and_take_value(&array, &value);
  }
  gst_structure_take_value(structure, "boxes", &array);
}

std::string boxes_line(guint64 frame, GstClockTime timestamp, std::optional<guint64> interval,
                       const std::vector<ScoredBox3d> &boxes, const std::vector<std::string> &labels) {
  using Json = nlohmann::ordered_json;
  Json objects = Json::array();
  for (const ScoredBox3d &b : boxes)
    objects.push_back({{"bbox_3d", bbox_3d(b.box)},
                       {"confidence", b.score},
                       {"label_id", b.label},
                       {"label", labels[std::size_t(b.label)]},
                       {"modality", "lidar"}});
  Json line;
  line["objects"] = std::move(objects);
  line["timestamp"] = GST_CLOCK_TIME_IS_VALID(timestamp) ? Json(timestamp) : Json();
  line["interval"] = interval ? Json(*interval) : Json();
  line["frame"] = frame;
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<Box> polar_regions(const std::vector<ScoredBox3d> &boxes, const PolarGrid &grid) {
  constexpr double kTurn = 2 * 3.14159265358979323846;
  std::vector<Box> regions;
  for (const ScoredBox3d &b : boxes) {
    // Angles of the corners against the one of the centre, in [-half a turn, half a turn].
    const double middle = std::atan2(b.box.y, b.box.x), c = std::cos(b.box.yaw), s = std::sin(b.box.yaw);
    double low = 0, high = 0;
    unsigned nearest = grid.ring_of(float(b.box.x), float(b.box.y)), farthest = nearest;
    for (const auto &[along, across] : std::array<std::array<double, 2>, 4>{{{1, 1}, {1, -1}, {-1, 1}, {-1, -1}}}) {
      const double x = b.box.x + along * b.box.length / 2 * c - across * b.box.width / 2 * s,
                   y = b.box.y + along * b.box.length / 2 * s + across * b.box.width / 2 * c;
      const double angle = std::remainder(std::atan2(y, x) - middle, kTurn);
      low = std::min(low, angle);
      high = std::max(high, angle);
      nearest = std::min(nearest, grid.ring_of(float(x), float(y)));
      farthest = std::max(farthest, grid.ring_of(float(x), float(y)));
    }
    // The middle of a ring, so that a region does not touch the next one.
    const double y0 = (nearest + 0.25) / grid.rings, y1 = (farthest + 0.75) / grid.rings;
    double from = (middle + low) / kTurn, to = (middle + high) / kTurn;
    const double turns = std::floor(from);
    from -= turns;
    to -= turns;
    regions.push_back({from, y0, std::min(to, 1.0), y1});
    if (to > 1) regions.push_back({0, y0, to - 1, y1});
  }
  return regions;
}

}  // namespace oneadapt
