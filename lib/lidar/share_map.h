// SPDX-License-Identifier: LGPL-2.1-or-later
// How a share of the points is divided among blocks, by what the DNN's gradient says of them, and what it takes.
#pragma once
#include <cstdint>
#include <vector>

#include "lidar/polar_grid.h"

namespace oneadapt {

/// Each block's factor: its share of the points is `keep` times this, at most all of them.
struct ShareMap {
  PolarGrid grid;
  std::vector<float> factors;  ///< one for each block, ≥ 0; empty: 1 everywhere
};

/// The shares that a map gives. A map of another grid counts as none.
std::vector<float> shares_of(const ShareMap &map, const PolarGrid &grid, double keep);

/// A map under which `keep` in (0, 1] of all points is kept, more where the DNN looks. `gradient` is the mean of
/// |∂z/∂presence| over a block's points, and `counts` their number. If what a block adds to z grows as the logarithm of
/// its points, z is greatest where shares are proportional to the gradient: so they are, but none falls below a quarter
/// of `keep`, since a DNN without points would never find what comes into a block. A block looks at its neighbours with
/// half of its gradient, because things move before the next one comes. Without any gradient all blocks are alike.
ShareMap allocate_shares(const std::vector<float> &gradient, const std::vector<std::uint32_t> &counts,
                         const PolarGrid &grid, double keep);

/// Bytes that points take when they are coded. A point takes more the fewer there are around it, by the same number of
/// bytes each time that its block's share halves.
class PointBytes {
 public:
  /// Raw: as many a point wherever it is.
  explicit PointBytes(double per_point) : whole_(per_point), halved_(0) {}
  /// From what a cloud really took, `bytes`, when it was thinned to these shares.
  PointBytes(double bytes, const std::vector<std::uint32_t> &counts, const std::vector<float> &shares);
  /// Of one block, or of all.
  double of(std::uint32_t count, float share) const;
  double of(const std::vector<std::uint32_t> &counts, const std::vector<float> &shares) const;

 private:
  double whole_, halved_;  // of a point of a block that keeps all; more for each halving
};

}  // namespace oneadapt
