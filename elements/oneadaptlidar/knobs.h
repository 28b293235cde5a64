// SPDX-License-Identifier: LGPL-2.1-or-later
// The knobs of oneadaptlidarfilter in one table, as video/knobs.h has those of oneadaptfilter.
#pragma once
#include <cstddef>
#include <string>

#include "lidar/share_map.h"
#include "tunable/knob_table.h"

namespace oneadapt {

/// Indices of the table's rows.
enum CloudKnobId : std::size_t { kKeep, kKeepMap, kCloudKnobs };

const KnobTable &cloud_knobs();
/// What a value of either knob usually comes to.
Typical typical_of_cloud(std::size_t knob, double percent);

/// "map,sectors=S,rings=R,factors=<…>". False, with `complaint`, for anything else. An empty structure or NULL is no
/// map. The first ring of the map's grid is `first_ring`.
bool share_map_parse(const GstStructure *structure, float first_ring, ShareMap &map, std::string &complaint);
/// NULL for no map.
GstStructure *share_map_structure(const ShareMap &map);

}  // namespace oneadapt
