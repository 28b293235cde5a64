// SPDX-License-Identifier: LGPL-2.1-or-later
// What oneadaptdnn says of the boxes that it found in a point cloud: metadata of the buffer, a line of JSON, regions.
#pragma once
#include <gst/gst.h>

#include <optional>
#include <string>
#include <vector>

#include "core/vision/box3d.h"
#include "core/vision/metrics.h"
#include "lidar/polar_grid.h"

namespace oneadapt {

/// Replaces what the buffer, which must be writable, says of boxes (kBoxesMeta).
void attach_boxes(GstBuffer *buffer, const std::vector<ScoredBox3d> &boxes, const std::vector<std::string> &labels);

/// A line of JSON, with DL Streamer's names. Times that are not valid are null.
std::string boxes_line(guint64 frame, GstClockTime timestamp, std::optional<guint64> interval,
                       const std::vector<ScoredBox3d> &boxes, const std::vector<std::string> &labels);

/// The blocks that boxes lie in, as regions of a gradient's map: fractions of sectors and rings, best first. A box that
/// lies across the border between the last sector and the first gives two.
std::vector<Box> polar_regions(const std::vector<ScoredBox3d> &boxes, const PolarGrid &grid);

}  // namespace oneadapt
