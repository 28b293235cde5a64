// SPDX-License-Identifier: LGPL-2.1-or-later
#include "scene.h"

#include <gst/video/video.h>

#include <algorithm>
#include <cmath>

namespace oneadapt {
namespace {

/// A field as a finite number.
bool number(const GstStructure *s, const char *name, double &out) {
  const GValue *value = gst_structure_get_value(s, name);
  GValue as_double = G_VALUE_INIT;
  g_value_init(&as_double, G_TYPE_DOUBLE);
  if (!value || !g_value_transform(value, &as_double)) return false;
  out = g_value_get_double(&as_double);
  return std::isfinite(out);
}

bool read_box(const GstVideoRegionOfInterestMeta *meta, const GstStructure *detection, int width, int height,
              SceneBox &box) {
  box = SceneBox();
  box.label = meta->roi_type;
  // Normalised sides survive a scaled frame; a meta without them has its own in pixels.
  if (!number(detection, "x_min", box.x0) || !number(detection, "x_max", box.x1) ||
      !number(detection, "y_min", box.y0) || !number(detection, "y_max", box.y1)) {
    box.x0 = double(meta->x) / width;
    box.y0 = double(meta->y) / height;
    box.x1 = (double(meta->x) + meta->w) / width;
    box.y1 = (double(meta->y) + meta->h) / height;
  }
  for (double *side : {&box.x0, &box.x1, &box.y0, &box.y1}) *side = std::clamp(*side, 0.0, 1.0);
  if (!number(detection, "confidence", box.confidence)) box.confidence = -1;
  if (!gst_structure_get_int(detection, "label_id", &box.label_id)) {
    const gchar *label = g_quark_to_string(box.label);
    box.label_id = label ? int(g_str_hash(label) & 0xffff) : 0;
  }
  return box.x0 < box.x1 && box.y0 < box.y1;
}

std::string decimal(double value, const char *format) {
  gchar text[G_ASCII_DTOSTR_BUF_SIZE];  // a decimal point in every language
  return g_ascii_formatd(text, sizeof text, format, value);
}

/// "name value", the name dimmed.
std::string pair(const std::string &name, const std::string &value) {
  gchar *valid = g_utf8_make_valid(name.c_str(), -1);
  gchar *escaped = g_markup_escape_text(valid, -1);
  std::string markup = std::string("<span foreground=\"#b8c4cc\">") + escaped + "</span> <b>" + value + "</b>";
  g_free(escaped);
  g_free(valid);
  return markup;
}

constexpr const char *kGap = "   ";

}  // namespace

bool read_boxes(GstBuffer *buffer, int width, int height, std::vector<SceneBox> &boxes) {
  boxes.clear();
  bool any = false;
  gpointer state = nullptr;
  while (GstMeta *m = gst_buffer_iterate_meta_filtered(buffer, &state, GST_VIDEO_REGION_OF_INTEREST_META_API_TYPE)) {
    auto *meta = reinterpret_cast<GstVideoRegionOfInterestMeta *>(m);
    // Regions also say what an encoder is to do: only the `detection` makes one an object.
    const GstStructure *detection = gst_video_region_of_interest_meta_get_param(meta, "detection");
    if (!detection) continue;
    any = true;
    SceneBox box;
    if (!read_box(meta, detection, width, height, box)) continue;
    if (const GstStructure *mask = gst_video_region_of_interest_meta_get_param(meta, "mask"))
      box.mask = read_mask_param(mask);
    boxes.push_back(std::move(box));
  }
  return any;
}

std::string knobs_markup(const GstStructure *knobs, const BlockMap *map) {
  std::string markup;
  for (gint i = 0; i < gst_structure_n_fields(knobs); ++i) {
    const gchar *name = gst_structure_nth_field_name(knobs, guint(i));
    double value = 0;
    if (number(knobs, name, value)) markup += (markup.empty() ? "" : kGap) + pair(name, decimal(value, "%.4g"));
  }
  if (map && !map->values.empty()) {
    const auto [least, greatest] = std::minmax_element(map->values.begin(), map->values.end());
    markup += (markup.empty() ? "" : kGap) + pair("qp-map", decimal(*least, "%+g") + " … " + decimal(*greatest, "%+g"));
  }
  return markup;
}

LegendMarkup legend_markup(double bright, double greatest) {
  if (!(greatest > 0)) return {pair("gradient", "0 everywhere"), {}};
  std::string right = std::string(greatest > bright ? "\u2265 " : "") + decimal(bright, "%.2g");
  right = "<b>" + right + "</b>";
  if (greatest > bright) right += kGap + pair("greatest", decimal(greatest, "%.2g"));
  return {pair("gradient", "0"), right};
}

std::string status_markup(const SceneStatus &status) {
  std::string markup;
  const auto add = [&markup](const std::string &part) { markup += (markup.empty() ? "" : kGap) + part; };
  if (status.interval) add(pair("interval", std::to_string(*status.interval)));
  if (!status.knobs.empty()) add(status.knobs);
  if (status.kbps) add(pair("kbit/s", decimal(*status.kbps, *status.kbps < 10 ? "%.1f" : "%.0f")));
  if (status.z) add(pair("z", decimal(*status.z, "%.2f")));
  if (status.accuracy) add(pair("accuracy", decimal(*status.accuracy, "%.2f")));
  if (status.objects) add(pair("objects", std::to_string(*status.objects)));
  return markup;
}

}  // namespace oneadapt
