// SPDX-License-Identifier: LGPL-2.1-or-later
// A box in space as JSON, with DL Streamer's names. Apart from box3d.h, because json.hpp compiles slowly.
#pragma once
#include <nlohmann/json.hpp>

#include "core/vision/box3d.h"

namespace oneadapt {

inline nlohmann::ordered_json bbox_3d(const Box3d &box) {
  return {{"x", box.x},      {"y", box.y},     {"z", box.z},   {"l", box.length}, {"w", box.width},
          {"h", box.height}, {"yaw", box.yaw}, {"pitch", 0.0}, {"roll", 0.0}};
}

}  // namespace oneadapt
