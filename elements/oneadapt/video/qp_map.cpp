// SPDX-License-Identifier: LGPL-2.1-or-later
// The property `qp-map` as a GstStructure, which gst-launch-1.0 can read.
#include <algorithm>
#include <cmath>

#include "video/medium.h"

namespace oneadapt {

bool qp_map_parse(const GstStructure *structure, QpMap &map, std::string &complaint) {
  map = QpMap();
  complaint.clear();
  if (!structure || gst_structure_n_fields(structure) == 0) return true;
  int columns = 0, rows = 0;
  const GValue *offsets = gst_structure_get_value(structure, "offsets");
  if (!gst_structure_get_int(structure, "columns", &columns) || !gst_structure_get_int(structure, "rows", &rows) ||
      columns < 1 || rows < 1 || columns > 1024 || rows > 1024 || !offsets || !GST_VALUE_HOLDS_ARRAY(offsets)) {
    complaint = "it needs columns and rows (1 to 1024) and an array of offsets";
    return false;
  }
  const guint n = gst_value_array_get_size(offsets);
  if (n != guint(columns) * guint(rows)) {
    complaint = "it has " + std::to_string(n) + " offsets for " + std::to_string(columns) + " columns and " +
                std::to_string(rows) + " rows";
    return false;
  }
  QpMap read;
  guint clipped = 0;
  read.columns = unsigned(columns);
  read.rows = unsigned(rows);
  for (guint i = 0; i < n; i++) {
    GValue number = G_VALUE_INIT;
    g_value_init(&number, G_TYPE_DOUBLE);
    const GValue *given = gst_value_array_get_value(offsets, i);
    const double value =
        !G_VALUE_HOLDS_STRING(given) && g_value_transform(given, &number) ? g_value_get_double(&number) : NAN;
    if (!std::isfinite(value)) {
      complaint = "offset " + std::to_string(i) + " is no number";
      return false;
    }
    clipped += std::abs(value) > 51;
    read.offsets.push_back(float(std::clamp(value, -51.0, 51.0)));
  }
  if (clipped) complaint = std::to_string(clipped) + " of its offsets are beyond -51 to 51";
  map = std::move(read);
  return true;
}

GstStructure *qp_map_structure(const QpMap &map) {
  if (!map.columns) return nullptr;
  GValue offsets = G_VALUE_INIT, number = G_VALUE_INIT;
  g_value_init(&offsets, GST_TYPE_ARRAY);
  g_value_init(&number, G_TYPE_INT);
  for (float offset : map.offsets) {
    g_value_set_int(&number, int(std::lround(offset)));
    gst_value_array_append_value(&offsets, &number);
  }
  GstStructure *structure =
      gst_structure_new("map", "columns", G_TYPE_INT, int(map.columns), "rows", G_TYPE_INT, int(map.rows), nullptr);
  gst_structure_take_value(structure, "offsets", &offsets);
  return structure;
}

const QpMap &qp_map_of(const PayloadRef &payload) {
  static const QpMap none;
  return payload ? *static_cast<const QpMap *>(payload.get()) : none;
}

}  // namespace oneadapt
