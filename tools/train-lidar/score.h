// SPDX-License-Identifier: LGPL-2.1-or-later
// How well a model finds the objects of streets that it was not trained on.
#pragma once
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "core/vision/box3d.h"
#include "model/cloud_model.h"
#include "streets.h"

namespace oneadapt_lidar {

constexpr std::array<double, 2> kOverlaps{0.5, 0.7};  ///< 3-D IoU that counts as found

struct Tally {
  std::size_t found = 0, wanted = 0, right = 0;
  double f1() const { return found + wanted ? 2.0 * double(right) / double(found + wanted) : 1; }
};

struct Score {
  Tally of[kClasses][kOverlaps.size()];
  double milliseconds = 0;  ///< CPU time of an inference, of all threads; the median
  Tally all(std::size_t overlap) const;
  void add(const std::vector<oneadapt::ScoredBox3d> &found, const std::vector<Object> &wanted);
};

/// Its threshold counts. Boxes of the model whose centre is out of reach are not counted.
Score score(oneadapt::CloudModel &model, unsigned turns, const Sensor &sensor);

/// A line for each class and one for all: F1 at each overlap; precision and recall at the first.
std::string table_of(const Score &score);

}  // namespace oneadapt_lidar
