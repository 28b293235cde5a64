// SPDX-License-Identifier: LGPL-2.1-or-later
// The media types of point clouds, and the blocks that they were thinned by, as their caps say. Internal.
#pragma once
#include <gst/gst.h>

#include <optional>

#include "lidar/polar_grid.h"

namespace oneadapt {

/// Each buffer is a turn: float32 x, y, z, intensity of each point, little-endian (DL Streamer's).
#define ONEADAPT_CLOUD_TYPE "application/x-lidar"
/// Each buffer is a turn as docs/lidar-format.md says.
#define ONEADAPT_CODED_CLOUD_TYPE "application/x-lidar-draco"

/// (transfer full)
inline GstCaps *cloud_caps(const PolarGrid &grid) {
  return gst_caps_new_simple(ONEADAPT_CLOUD_TYPE, "sectors", G_TYPE_INT, int(grid.sectors), "rings", G_TYPE_INT,
                             int(grid.rings), "first-ring", G_TYPE_DOUBLE, double(grid.first_ring), nullptr);
}
/// None where the caps do not say.
inline std::optional<PolarGrid> grid_of(const GstCaps *caps) {
  const GstStructure *s = gst_caps_get_structure(caps, 0);
  int sectors = 0, rings = 0;
  double first_ring = 0;
  if (!gst_structure_get_int(s, "sectors", &sectors) || !gst_structure_get_int(s, "rings", &rings) ||
      !gst_structure_get_double(s, "first-ring", &first_ring))
    return std::nullopt;
  const PolarGrid grid{unsigned(sectors), unsigned(rings), float(first_ring)};
  return grid.valid() ? std::optional<PolarGrid>(grid) : std::nullopt;
}

}  // namespace oneadapt
