// SPDX-License-Identifier: LGPL-2.1-or-later
// Macroblock quality (paper §5.1, pipeline a): which block deserves which QP.
#pragma once
#include <vector>

#include "core/gradient.h"

namespace oneadapt {

struct AllocationSettings {
  double share =
      0.15;  ///< the blocks that hold this share of the gradient, the greatest first, are all as fine as it gets
  double slope = 5;          ///< QP steps for each halving of a block's weight below theirs
  double finest = -2;        ///< their offset
  double range = 18;         ///< greatest offset − `finest`, ≥ 0; 0: uniform
  unsigned granularity = 1;  ///< side, in blocks, of the squares that share one QP
};

/// The QP that a macroblock is coded with over a picture's QP `base` (0…51) when `offset` is asked for it. A step of 1
/// to the macroblock before is not to be had from x264 (lib/codec/h264.h), so that all macroblocks of a picture are an
/// even number of steps from `base`: the offset is rounded to an integer, an odd one goes to the next finer even one,
/// and the sum stays within the least and the greatest QP of `base`'s parity (0 or 1, 51 or 50). NaN is no offset.
int coded_qp(int base, float offset);

/// A QP offset a block, on the gradient's grid, multiples of 2 (coded_qp()): what minimises
/// Σ_b G_b · error_b + μ · bits_b over the blocks' QPs, with errors that grow with the quantiser's step and bits that
/// fall linearly with QP, is q_b = const − s · log2(G_b). The map is blurred
/// (3×3) first: what a DNN makes of an object hangs on its surroundings too. The constant goes by the distribution:
/// where few blocks hold the gradient few are fine, where it is spread over many objects many are. No gradient at all:
/// empty (uniform).
std::vector<float> allocate_qp(const BlockMap &gradient, const AllocationSettings &settings = {});

/// The range that pays over a base QP: all of `range` up to QP 36, none from QP 40 on. Coarser than that, the blocks
/// around the objects are as bad as what the map would save on (docs/results/video.md), and uniform quality is better.
/// None either without a single confident element: what is left in the gradient then is what the DNN takes for nothing,
/// and to sharpen that has it see things.
double range_over(double base_qp, double range, unsigned confident);

/// Offsets of one grid on another, by relative position of the blocks' centres.
std::vector<float> stretch_offsets(const std::vector<float> &offsets, unsigned columns, unsigned rows,
                                   unsigned to_columns, unsigned to_rows);

}  // namespace oneadapt
