// SPDX-License-Identifier: LGPL-2.1-or-later
// A turn of the sensor as it came, and what is remembered of an interval.
#pragma once
#include <gst/gst.h>

#include <memory>
#include <vector>

#include "buffer_memory.h"
#include "lidar/polar_grid.h"
#include "lidar/share_map.h"
#include "tunable/interval_history.h"

namespace oneadapt {

/// Immutable once it is made.
struct Turn {
  Turn(GstBuffer *input, const PolarGrid &its_grid)
      : buffer(input), grid(its_grid), blocked(blocks_of(points(), buffer.size() / sizeof(Point), its_grid)) {}
  const Point *points() const { return reinterpret_cast<const Point *>(buffer.data()); }

  const MappedBuffer buffer;
  const PolarGrid grid;
  const BlockedCloud blocked;
};

struct CloudRecord : IntervalRecord {
  std::shared_ptr<const Turn> turn;  ///< its last one so far
  GstClockTime time = 0;             ///< of that, stream time
  ShareMap map;                      ///< in force
  std::vector<float> shares;         ///< that it was thinned to
  std::uint64_t turn_bytes = 0;      ///< that it was sent with
  bool coded = false;
};

struct CloudCounters : IntervalCounters {
  std::uint64_t turns = 0, points_in = 0, points_out = 0, without_place = 0;
};

using CloudHistory = IntervalHistory<CloudRecord, CloudCounters>;

}  // namespace oneadapt
