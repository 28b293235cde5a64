// SPDX-License-Identifier: LGPL-2.1-or-later
// Which combinations of channels are kept.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "directions.h"
#include "split.h"

using namespace oneadapt;

namespace {

/// Places × 3 channels: the first varies most, the second little, the third not at all. In the middle of both ±10 and
/// ±1 the mean is 0.
at::Tensor features() {
  return at::tensor({10.0, 1.0, 5.0, -10.0, 1.0, 5.0, 10.0, -1.0, 5.0, -10.0, -1.0, 5.0}).view({4, 3});
}
/// The DNN looks at the second channel only.
at::Tensor gradients() { return at::tensor({0.0, 2.0, 0.0}).repeat({4, 1}); }

double entry(const at::Tensor &matrix, int row, int column) { return std::abs(matrix[row][column].item<double>()); }

}  // namespace

TEST(Directions, PrincipalKeepsWhatVaries) {
  const auto kept = train_features::principal(features(), 1);
  EXPECT_NEAR(entry(kept.to, 0, 0), 1, 1e-9);
  EXPECT_NEAR(entry(kept.to, 0, 1), 0, 1e-9);
}

TEST(Directions, WeightedKeepsWhatTheDnnSees) {
  // M's diagonal is (0, 4, 0), its mean 4/3: M = (0, 3, 0) + 0.001. Variances 100, 1, 0 become 0.1, 3.001 and 0.
  const auto kept = train_features::weighted(features(), gradients(), 1, 0.001);
  EXPECT_NEAR(entry(kept.to, 0, 0), 0, 1e-9);
  EXPECT_NEAR(entry(kept.to, 0, 1), std::sqrt(3.001), 1e-6);
  EXPECT_NEAR(entry(kept.back, 1, 0), 1 / std::sqrt(3.001), 1e-6);
  // With a floor of 1 it is 100 against 4.
  EXPECT_NEAR(entry(train_features::weighted(features(), gradients(), 1, 1).to, 0, 0), 1, 1e-6);
}

TEST(Directions, AllOfThemLoseNothing) {
  for (const auto &kept :
       {train_features::principal(features(), 3), train_features::weighted(features(), gradients(), 3)})
    EXPECT_TRUE(at::allclose(kept.back.matmul(kept.to), at::eye(3, at::kDouble)));
}

TEST(Transform, LevelsComeBackAsFeatures) {
  for (const auto unit : {import::Unit::Each, import::Unit::Common}) {
    const at::Tensor eye = at::eye(3, at::kDouble), x = features();
    const auto t = import::scaled_transform(eye, eye, x, unit);
    const at::Tensor levels = x.matmul(t.to.t()) + t.to_shift;
    EXPECT_GE(levels.min().item<double>(), -1e-6);
    EXPECT_LE(levels.max().item<double>(), 255 + 1e-6);
    EXPECT_TRUE(at::allclose(levels.matmul(t.back.t()) + t.back_shift, x));
    // The second channel is a tenth as wide as the first: all levels, or the middle tenth of them.
    const at::Tensor second = levels.select(1, 1);
    EXPECT_NEAR(second.min().item<double>(), unit == import::Unit::Each ? 0 : 127.5 - 12.75, 1e-6);
    EXPECT_NEAR(second.max().item<double>(), unit == import::Unit::Each ? 255 : 127.5 + 12.75, 1e-6);
  }
}
