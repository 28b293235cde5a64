// SPDX-License-Identifier: LGPL-2.1-or-later
#include "knobs.h"

#include <algorithm>
#include <cmath>

namespace oneadapt {
namespace {

constexpr unsigned kContinuous = GST_ONEADAPT_KNOB_CONTINUOUS,
                   kMeasured = GST_ONEADAPT_KNOB_MEASURED | GST_ONEADAPT_KNOB_HALVED;
constexpr const char *kLadder = "6,12,25,50,100";

const KnobRow kTable[kCloudKnobs] = {
    {"keep", "Keep", "Share of the points that is kept, in percent", KnobType::Double, 1, 100, 100, true, false, false,
     kContinuous | kMeasured | GST_ONEADAPT_KNOB_SUPERSEDED, kLadder, "percent of the points", 1.0},
    {"keep-map", "Keep map",
     "Factors of the blocks, sector by sector within a ring: a block keeps \"keep\" times its factor, at most all; a "
     "structure with sectors, rings and an array of sectors x rings factors, such as "
     "\"map,sectors=2,rings=1,factors=<2.0,0.5>\"",
     KnobType::Map, 1, 100, 100, true, false, false, kContinuous | kMeasured | GST_ONEADAPT_KNOB_FOLLOWS_GRADIENT,
     kLadder, "percent of the points that are kept under the map", 1.0},
};

}  // namespace

const KnobTable &cloud_knobs() {
  static const KnobTable table(kTable);
  return table;
}

Typical typical_of_cloud(std::size_t knob, double percent) {
  // Of "keep": between KITTI's cars, found by a graph detector (0.437, 0.685, 0.893, 0.946), and cast streets with the
  // pillars that come with the source (0.664, 0.80, 0.897, 0.963). Of "keep-map": the latter had 0.82, 0.906, 0.965 and
  // 0.988; a little less, because of the former. Bytes of Draco at 1 cm (docs/results/lidar.md).
  const double accuracy = knob == kKeep
                              ? interpolated({{6, .55}, {12, .745}, {25, .895}, {50, .955}, {100, 1}}, percent)
                              : interpolated({{6, .75}, {12, .87}, {25, .95}, {50, .985}, {100, 1}}, percent);
  return {accuracy, interpolated({{6, .085}, {12, .157}, {25, .3}, {50, .55}, {100, 1}}, percent), std::nullopt};
}

bool share_map_parse(const GstStructure *structure, float first_ring, ShareMap &map, std::string &complaint) {
  map = ShareMap();
  if (!structure || gst_structure_n_fields(structure) == 0) return true;
  int sectors = 0, rings = 0;
  const GValue *factors = gst_structure_get_value(structure, "factors");
  const bool sized =
      gst_structure_get_int(structure, "sectors", &sectors) && gst_structure_get_int(structure, "rings", &rings);
  ShareMap read;
  read.grid = {unsigned(std::max(0, sectors)), unsigned(std::max(0, rings)), first_ring};
  if (!sized || !read.grid.valid() || !factors || !GST_VALUE_HOLDS_ARRAY(factors)) {
    complaint = "it needs sectors (1 to " + std::to_string(PolarGrid::kMostSectors) + "), rings (1 to " +
                std::to_string(PolarGrid::kMostRings) + ") and an array of factors";
    return false;
  }
  const guint n = gst_value_array_get_size(factors);
  if (n != read.grid.blocks()) {
    complaint = "it has " + std::to_string(n) + " factors for " + std::to_string(read.grid.blocks()) + " blocks";
    return false;
  }
  for (guint i = 0; i < n; i++) {
    GValue number = G_VALUE_INIT;
    g_value_init(&number, G_TYPE_DOUBLE);
    const GValue *given = gst_value_array_get_value(factors, i);
    const double value =
        !G_VALUE_HOLDS_STRING(given) && g_value_transform(given, &number) ? g_value_get_double(&number) : NAN;
    if (!(value >= 0 && value <= 1000)) {
      complaint = "factor " + std::to_string(i) + " is not from 0 to 1000";
      return false;
    }
    read.factors.push_back(float(value));
  }
  map = std::move(read);
  return true;
}

GstStructure *share_map_structure(const ShareMap &map) {
  if (map.factors.empty()) return nullptr;
  GValue factors = G_VALUE_INIT, number = G_VALUE_INIT;
  g_value_init(&factors, GST_TYPE_ARRAY);
  g_value_init(&number, G_TYPE_DOUBLE);
  for (float factor : map.factors) {
    g_value_set_double(&number, factor);
    gst_value_array_append_value(&factors, &number);
  }
  GstStructure *structure = gst_structure_new("map", "sectors", G_TYPE_INT, int(map.grid.sectors), "rings", G_TYPE_INT,
                                              int(map.grid.rings), nullptr);
  gst_structure_take_value(structure, "factors", &factors);
  return structure;
}

}  // namespace oneadapt
