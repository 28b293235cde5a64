// SPDX-License-Identifier: LGPL-2.1-or-later
// Macroblock quality (paper §5.1, pipeline a): which block deserves which QP.
#pragma once
#include <vector>

#include "core/gradient/gradient.h"

namespace oneadapt {

struct AllocationSettings {
  double share = 0.15;       ///< the largest blocks that together hold this share of the gradient get the finest QP
  double slope = 5;          ///< QP steps for each halving of a block's weight below that of these blocks
  double finest = -2;        ///< QP offset of these blocks
  double range = 18;         ///< greatest offset − `finest`, ≥ 0; 0: uniform
  unsigned granularity = 1;  ///< side, in blocks, of the squares that share one QP
  bool blur = true;          ///< false: neighbours in the map are none in the picture
};

/// The QP with which a macroblock is encoded in a picture of QP `base` (0…51) when `offset` is requested for it. x264
/// cannot make a step of 1 from one macroblock to the next (lib/codec/h264.h), so all macroblocks of a picture are an
/// even number of steps from `base`: the offset is rounded to an integer, an odd one becomes the next finer even one,
/// and the sum is clipped to the least and greatest QP of `base`'s parity (0 or 1, 51 or 50). NaN counts as 0.
int coded_qp(int base, float offset);

/// A QP offset for each block, on the gradient's grid, in multiples of 2 (coded_qp()). With errors that grow with the
/// quantiser's step and bits that fall linearly with QP, q_b = const − s · log2(G_b) minimises
/// Σ_b G_b · error_b + μ · bits_b over the blocks' QPs. The map is blurred (3×3) first, because the DNN also uses the
/// surroundings of an object. The constant follows the distribution of the gradient: few blocks are fine where few
/// blocks hold it, and many where it is spread over many objects. Returns an empty vector (uniform) when the gradient
/// is zero.
std::vector<float> allocate_qp(const BlockMap &gradient, const AllocationSettings &settings = {});

/// Raises the weights of the blocks that an element touches (boxes in fractions of the frame), so that allocate_qp()
/// makes none of them coarser than `coarsest`. An element far below θ has next to no gradient: under a coarse
/// background it would never be found, and so stay where no gradient is. Then scales the map so that Σ value·pixels
/// stays the same, by which the other knobs are judged. Does nothing to a gradient of zero.
void raise_elements(BlockMap &gradient, const std::vector<Box> &elements, double coarsest = 8,
                    const AllocationSettings &settings = {});

/// The useful range over a base QP: all of `range` from QP 22 to QP 36, and 0 up to QP 20 and from QP 40 on. At coarser
/// QPs the blocks around the objects are as bad as those on which the map would save (docs/results/video.md), and
/// uniform quality is better. QP 20 is the best quality that is asked for, and is to be had everywhere in the picture:
/// an object that nobody has found yet has no gradient.
/// The range is also 0 without a confident element. The gradient is then about background, and a sharper background
/// causes false detections.
double range_over(double base_qp, double range, unsigned confident);

/// Offsets of one grid on another, by relative position of the blocks' centres.
std::vector<float> stretch_offsets(const std::vector<float> &offsets, unsigned columns, unsigned rows,
                                   unsigned to_columns, unsigned to_rows);

}  // namespace oneadapt
