// SPDX-License-Identifier: LGPL-2.1-or-later
// What laying a map over another QP would do, from the texture of one picture: nothing is encoded (paper §4.2
// re-encodes).
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/gradient.h"

namespace oneadapt {

/// Mean absolute Laplacian / 4 of a block's pixels, in 8-bit levels; the picture's outermost pixels are left out.
BlockMap block_texture(const std::uint8_t *luma, std::size_t stride, unsigned width, unsigned height,
                       unsigned block_size = 16);

/// Bits of a block go by its texture and halve with every doubling of the quantiser's step (6 QP); its error grows with
/// the step, up to what texture there is to lose. Immutable.
class MapModel {
 public:
  /// `offsets`: a QP offset a block of `texture`, or empty. Throws std::invalid_argument for another number of them.
  MapModel(BlockMap texture, std::vector<float> offsets);
  /// Bits over base QP `qp`, as a fraction of uniform QP 20's.
  double resource(double qp) const;
  /// Mean absolute change of a block's pixels between two base QPs, in [0, 1]: two quantisations err independently.
  BlockMap change(double from_qp, double to_qp) const;

 private:
  double qp_of(std::size_t block, double base) const;
  double bits(double base, bool mapped) const;
  double error(std::size_t block, double base) const;

  BlockMap texture_;
  std::vector<float> offsets_;
};

}  // namespace oneadapt
