// SPDX-License-Identifier: LGPL-2.1-or-later
// The part of a picture that is seen in another one. No GStreamer.
#pragma once
#include <cstdint>
#include <vector>

#include "core/gradient/frame_transform.h"
#include "model/model.h"

namespace oneadapt {

/// The part of `frame` that `transform` shows, the way it turns it, at the frame's own resolution; borders are left
/// out. The pixels are kept in `storage`. A frame of no size when nothing is shown.
RgbFrame seen_part(const RgbFrame &frame, const FrameTransform &transform, std::vector<std::uint8_t> &storage);

}  // namespace oneadapt
