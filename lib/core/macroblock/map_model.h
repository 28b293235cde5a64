// SPDX-License-Identifier: LGPL-2.1-or-later
// Estimates the effect of another base QP under a map from the texture of one picture, without encoding it (the paper
// encodes again, §4.2).
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/gradient/gradient.h"

namespace oneadapt {

/// Mean absolute Laplacian / 4 of a block's pixels, in 8-bit levels; the picture's outermost pixels are left out.
BlockMap block_texture(const std::uint8_t *luma, std::size_t stride, unsigned width, unsigned height,
                       unsigned block_size = 16);

/// The bits of a block follow its texture and halve with every `halving` steps of QP (6: with every doubling of the
/// quantiser's step). Its error grows with the quantiser's step and is limited by its texture. QPs are integers of
/// 0…51; with offsets, a block's QP is coded_qp() (core/macroblock/allocation.h). Immutable.
class MapModel {
 public:
  /// `offsets`: a QP offset for each block of `texture`, or empty. Throws std::invalid_argument for another number of
  /// offsets, and for a halving that is not above 0.
  MapModel(BlockMap texture, std::vector<float> offsets, double halving = 6);
  /// Bits over base QP `qp`, as a fraction of uniform QP 20's.
  double resource(double qp) const;
  /// Mean absolute change of a block's pixels between two base QPs, in [0, 1]. The errors of two quantisations are
  /// assumed to be independent.
  BlockMap change(double from_qp, double to_qp) const;

  /// The same between `other`'s map over base QP `other_qp` and this one over `qp`; 0 where a block has the same QP in
  /// both. Throws std::invalid_argument for one of another picture's blocks.
  BlockMap change(const MapModel &other, double other_qp, double qp) const;
  const BlockMap &texture() const { return texture_; }

  /// log2 of the bits over base QP `qp`, up to a constant that depends on the content.
  double log_bits(double qp) const;

 private:
  int block_qp(std::size_t block, int base) const;
  double error(std::size_t block, int base) const;

  BlockMap texture_;
  std::vector<float> offsets_;
  double halving_;
};

/// Fits the model of the bits to the bytes that intervals really took. Of the halvings from 3 to 12 QP steps it selects
/// the one under which one constant for the content explains the bytes best; newer intervals count more. Intervals with
/// different base QPs or maps are needed to distinguish them; until then the halving is 6. Thread-bound.
class RateFit {
 public:
  RateFit();
  /// `bytes` per frame of an interval that was encoded over `qp` with `offsets`. Ignored unless `bytes` is > 0.
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
