// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/results.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "mask_param.h"
#include "results_meta.h"

namespace oneadapt {
namespace {

struct Pixels {
  guint x, y, w, h;
};

/// The box in whole pixels, at least one wide and high, inside the frame.
Pixels pixels(const Box &box, unsigned width, unsigned height) {
  const auto low = [](double v, unsigned size) { return std::min(guint(std::lround(v * size)), size - 1); };
  Pixels p{low(box.x0, width), low(box.y0, height), 0, 0};
  p.w = std::max<guint>(guint(std::lround(box.x1 * width)), p.x + 1) - p.x;
  p.h = std::max<guint>(guint(std::lround(box.y1 * height)), p.y + 1) - p.y;
  return p;
}

}  // namespace

void attach_results(GstBuffer *buffer, unsigned width, unsigned height, const std::vector<Detection> &detections,
                    const std::vector<std::string> &labels) {
  ResultsKeeper keeper;
  for (const Detection &d : detections) {
    const Pixels p = pixels(d.box, width, height);
    GstVideoRegionOfInterestMeta *meta =
        gst_buffer_add_video_region_of_interest_meta(buffer, labels[std::size_t(d.label)].c_str(), p.x, p.y, p.w, p.h);
    meta->id = gint(gst_util_seqnum_next());  // no other region's: two of these elements may stand in a row
    gst_video_region_of_interest_meta_add_param(
        meta, gst_structure_new("detection", "x_min", G_TYPE_DOUBLE, d.box.x0, "x_max", G_TYPE_DOUBLE, d.box.x1,
                                "y_min", G_TYPE_DOUBLE, d.box.y0, "y_max", G_TYPE_DOUBLE, d.box.y1, "confidence",
                                G_TYPE_DOUBLE, d.score, "label_id", G_TYPE_INT, d.label, nullptr));
    if (GstStructure *mask = d.mask.none() ? nullptr : mask_param(d.mask))
      gst_video_region_of_interest_meta_add_param(meta, mask);
    keeper.add(meta);
  }
  keeper.attach(buffer);
}

std::string result_line(const FrameInfo &info, const std::vector<Detection> &detections,
                        const std::vector<std::string> &labels) {
  using Json = nlohmann::ordered_json;
  Json objects = Json::array();
  for (const Detection &d : detections) {
    const Pixels p = pixels(d.box, info.width, info.height);
    const std::string &label = labels[std::size_t(d.label)];
    objects.push_back(
        {{"detection",
          {{"bounding_box", {{"x_min", d.box.x0}, {"y_min", d.box.y0}, {"x_max", d.box.x1}, {"y_max", d.box.y1}}},
           {"confidence", d.score},
           {"label", label},
           {"label_id", d.label}}},
         {"x", p.x},
         {"y", p.y},
         {"w", p.w},
         {"h", p.h},
         {"roi_type", label}});
    if (!d.mask.none()) objects.back()["mask"] = {{"size", {d.mask.height, d.mask.width}}, {"counts", d.mask.counts}};
  }
  Json line;
  line["objects"] = std::move(objects);
  line["resolution"] = {{"width", info.width}, {"height", info.height}};
  line["timestamp"] = GST_CLOCK_TIME_IS_VALID(info.timestamp) ? Json(info.timestamp) : Json();
  line["interval"] = info.interval ? Json(*info.interval) : Json();
  line["frame"] = info.frame;
  // A labels file may hold bytes that are no UTF-8.
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace oneadapt
