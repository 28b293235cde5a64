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

/// Bits of a block go by its texture and halve with every `halving` steps of QP (6: with every doubling of the
/// quantiser's step); its error grows with the quantiser's step, up to what texture there is to lose. QPs are taken as
/// integers of 0…51; with offsets, a block's is coded_qp() (core/allocation.h). Immutable.
class MapModel {
 public:
  /// `offsets`: a QP offset a block of `texture`, or empty. Throws std::invalid_argument for another number of them,
  /// and for a halving that is not above 0.
  MapModel(BlockMap texture, std::vector<float> offsets, double halving = 6);
  /// Bits over base QP `qp`, as a fraction of uniform QP 20's.
  double resource(double qp) const;
  /// Mean absolute change of a block's pixels between two base QPs, in [0, 1]: two quantisations err independently.
  BlockMap change(double from_qp, double to_qp) const;

  /// log2 of the bits over base QP `qp`, but for a constant that is the content's.
  double log_bits(double qp) const;

 private:
  double error(std::size_t block, int base) const;

  BlockMap texture_;
  std::vector<float> offsets_;
  double halving_;
};

/// Fits the model of the bits to what intervals really came to: of the halvings from 3 to 12 QP steps, the one under
/// which their bytes are explained best by one constant of the content's, newer intervals counting more. It takes base
/// QPs or maps that differ to tell them apart; until then it is as without any, 6. Thread-bound.
class RateFit {
 public:
  RateFit();
  /// `bytes` per frame, > 0 (else nothing is learnt), of an interval coded over `qp` with `offsets`.
  void observe(const BlockMap &texture, const std::vector<float> &offsets, double qp, double bytes);
  double halving() const;

 private:
  struct Candidate {
    double halving, mean = 0, deviations = 0;  ///< of log2(bytes) − the model's, weighted
  };
  std::vector<Candidate> candidates_;
  double weight_ = 0;
};

}  // namespace oneadapt
