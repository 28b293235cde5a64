// SPDX-License-Identifier: LGPL-2.1-or-later
// Names of the GstCustomMeta that our elements attach to point clouds. Internal; the names and fields are documented.
#pragma once

namespace oneadapt {

/// What oneadaptdnn found: an array "boxes" of structures (docs/elements/oneadaptdnn-lidar.md).
inline constexpr const char *kBoxesMeta = "GstOneadaptBoxes3d";
/// What oneadaptlidardec read: an array "shares" of doubles, of the points of each block that were kept, [0, 1]
/// (docs/elements/oneadaptlidardec.md).
inline constexpr const char *kSharesMeta = "GstOneadaptCloudShares";

}  // namespace oneadapt
