// SPDX-License-Identifier: LGPL-2.1-or-later
// Macroblocks of a mosaic of features (core/vision/mosaic.h) that go together.
#pragma once
#include "core/gradient/gradient.h"
#include "core/vision/mosaic.h"

namespace oneadapt {

/// The picture is divided into `blocks` (rounded up to a rectangle, as square as can be), and the macroblocks that show
/// the same one, in all tiles, get the mean of their gradient: allocate_qp() then gives them one QP. The channels of a
/// place are needed together, and there are as many tiles as channels: that many more pixels stand behind each number.
/// The strip under the tiles is one more block.
BlockMap tie_blocks(const BlockMap &gradient, const MosaicLayout &layout, unsigned blocks);

}  // namespace oneadapt
