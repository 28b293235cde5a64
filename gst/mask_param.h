// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes and reads the param `mask` of a GstVideoRegionOfInterestMeta. Internal.
//
// Structure "mask" (docs/elements/oneadaptdnn.md): `format` "segmentation_mask" and `dims` <rows, columns> (guint), as
// DL Streamer's tensors have them; `data` (GBytes): rows · columns bytes, row by row, 255 inside and 0 outside; `x`,
// `y` (guint): where the first of them lies in a grid of `width` × `height` (guint) cells over the whole frame.
#pragma once
#include <gst/gst.h>

#include <optional>

#include "core/vision/mask.h"

namespace oneadapt {

/// (transfer full). Null for a mask that covers nothing.
inline GstStructure *mask_param(const Mask &mask) {
  const MaskCut cut = cut_of(mask);
  if (cut.cells.empty()) return nullptr;
  GBytes *data = g_bytes_new(cut.cells.data(), cut.cells.size());
  GstStructure *param = gst_structure_new("mask", "format", G_TYPE_STRING, "segmentation_mask", "width", G_TYPE_UINT,
                                          mask.width, "height", G_TYPE_UINT, mask.height, "x", G_TYPE_UINT, cut.x, "y",
                                          G_TYPE_UINT, cut.y, "data", G_TYPE_BYTES, data, nullptr);
  g_bytes_unref(data);
  GValue dims = G_VALUE_INIT, side = G_VALUE_INIT;
  g_value_init(&dims, GST_TYPE_ARRAY);
  g_value_init(&side, G_TYPE_UINT);
  for (const unsigned size : {cut.rows, cut.columns}) {
    g_value_set_uint(&side, size);
    gst_value_array_append_value(&dims, &side);
  }
  gst_structure_take_value(param, "dims", &dims);
  return param;
}

/// A mask's rectangle, and the grid that it lies in.
struct GridCut {
  unsigned width = 0, height = 0;
  MaskCut cut;
  bool operator==(const GridCut &o) const {
    return width == o.width && height == o.height && cut.x == o.cut.x && cut.y == o.cut.y &&
           cut.columns == o.cut.columns && cut.cells == o.cut.cells;
  }
};

/// No value unless mask_param() made it: for other formats, wrong sizes or no cells.
inline std::optional<GridCut> read_mask_param(const GstStructure *param) {
  constexpr guint kMostCells = 1 << 28;
  const gchar *format = gst_structure_get_string(param, "format");
  const GValue *dims = gst_structure_get_value(param, "dims"), *data = gst_structure_get_value(param, "data");
  GridCut grid;
  MaskCut &cut = grid.cut;
  if (g_strcmp0(format, "segmentation_mask") != 0 || !dims || !GST_VALUE_HOLDS_ARRAY(dims) ||
      gst_value_array_get_size(dims) != 2 || !data || !G_VALUE_HOLDS(data, G_TYPE_BYTES) ||
      !gst_structure_get(param, "width", G_TYPE_UINT, &grid.width, "height", G_TYPE_UINT, &grid.height, "x",
                         G_TYPE_UINT, &cut.x, "y", G_TYPE_UINT, &cut.y, nullptr))
    return std::nullopt;
  const GValue *rows = gst_value_array_get_value(dims, 0), *columns = gst_value_array_get_value(dims, 1);
  if (!G_VALUE_HOLDS_UINT(rows) || !G_VALUE_HOLDS_UINT(columns)) return std::nullopt;
  cut.rows = g_value_get_uint(rows);
  cut.columns = g_value_get_uint(columns);
  auto *bytes = static_cast<GBytes *>(g_value_get_boxed(data));
  if (!bytes || !cut.rows || !cut.columns || guint64(grid.width) * grid.height > kMostCells || cut.x > grid.width ||
      cut.columns > grid.width - cut.x || cut.y > grid.height || cut.rows > grid.height - cut.y)
    return std::nullopt;
  gsize size = 0;
  const auto *cells = static_cast<const guint8 *>(g_bytes_get_data(bytes, &size));
  if (size != gsize(cut.rows) * cut.columns) return std::nullopt;
  cut.cells.assign(cells, cells + size);
  return grid;
}

}  // namespace oneadapt
