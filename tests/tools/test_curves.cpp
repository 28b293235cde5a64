// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <cmath>
#include "eval/curves.h"

using namespace oneadapt;
using namespace oneadapt::eval;

namespace {
std::vector<CurvePoint> scaled(std::vector<CurvePoint> c, double by) {
  for (auto &p : c) p.resource *= by;
  return c;
}
const std::vector<CurvePoint> kCurve = {{0.07, 0.64}, {0.13, 0.71}, {0.22, 0.88},
                                        {0.36, 0.94}, {0.53, 0.95}, {0.74, 0.98}};
}  // namespace

TEST(BdRate, AConstantFactorIsThatFactor) {
  const BdRate half = bd_rate(scaled(kCurve, 0.5), kCurve);
  ASSERT_TRUE(half.percent);
  EXPECT_NEAR(*half.percent, -50, 1e-9);
  EXPECT_NEAR(*bd_rate(scaled(kCurve, 1.25), kCurve).percent, 25, 1e-9);
  EXPECT_NEAR(half.from, 0.64, 1e-12);
  EXPECT_NEAR(half.to, 0.98, 1e-12);
}
TEST(BdRate, TwoStraightLinesByHand) {
  // log resource: curve 0 → ln 4 over accuracy 0 → 1; anchor ln 2 → ln 4. Mean difference: −(ln 2)/2, so 2^-0.5 − 1.
  const BdRate r = bd_rate({{1, 0}, {4, 1}}, {{2, 0}, {4, 1}});
  ASSERT_TRUE(r.percent);
  EXPECT_NEAR(*r.percent, 100 * (std::sqrt(0.5) - 1), 1e-9);
}
TEST(BdRate, OnTheOverlapOnly) {
  const BdRate r = bd_rate({{1, 0.5}, {4, 0.9}}, {{1, 0.7}, {4, 1.1}});
  ASSERT_TRUE(r.percent);
  EXPECT_NEAR(r.from, 0.7, 1e-12);
  EXPECT_NEAR(r.to, 0.9, 1e-12);
  EXPECT_NEAR(*r.percent, 100 * (2 - 1), 1e-9);  // ln 2 apart everywhere
}
TEST(BdRate, FlatOrDisjointCurvesHaveNone) {
  EXPECT_FALSE(bd_rate({{1, 0.95}, {2, 0.951}}, kCurve).percent);
  EXPECT_FALSE(bd_rate({{1, 0.95}}, kCurve).percent);
  const BdRate apart = bd_rate({{1, 0.1}, {2, 0.3}}, kCurve);
  EXPECT_FALSE(apart.percent);
  EXPECT_NE(apart.reason, "");
  EXPECT_FALSE(bd_rate({}, {}).percent);
}
TEST(Frontier, LeavesOutWhatIsDearerAndNoBetter) {
  const auto f = frontier({{3, 0.7}, {1, 0.5}, {2, 0.4}, {2, 0.6}, {-1, 0.9}, {5, NAN}});
  ASSERT_EQ(f.size(), 3u);
  EXPECT_EQ(f[1].resource, 2);
  EXPECT_EQ(f[1].accuracy, 0.6);
}
TEST(ResourceAt, InterpolatesInTheLogarithm) {
  EXPECT_NEAR(*resource_at({{1, 0.5}, {4, 0.9}}, 0.7), 2, 1e-9);
  EXPECT_EQ(*resource_at({{1, 0.96}, {4, 0.99}}, 0.95), 1);
  EXPECT_FALSE(resource_at({{1, 0.5}, {4, 0.9}}, 0.95));
}
// J. Monotone slopes by hand at three points: h = 1, 1; s = 1, 3 → d1 = 6 / (3/1 + 3/3) = 1.5; ends (3·1 − 3)/2 = 0,
// (3·3 − 1)/2 = 4.
TEST(Pchip, SlopesByHand) {
  // log resource 0, 1, 4 at accuracy 0, 1, 2: at 0.5 Hermite gives 0.5 + (0 − 1.5)/8 = 0.3125.
  EXPECT_NEAR(std::log(*resource_at({{1, 0}, {std::exp(1), 1}, {std::exp(4), 2}}, 0.5)), 0.3125, 1e-9);
}
// Rates and PSNR of the example published with the package bjontegaard (FAU Erlangen), whose PCHIP agrees with the
// spreadsheet of JVET-T2020 to ten decimals; SciPy 1.10's PchipInterpolator gives −4.417485350589.
TEST(BdRate, APublishedExample) {
  const std::vector<CurvePoint> anchor = {{9487.76, 40.037}, {4593.60, 38.615}, {2486.44, 36.845}, {1358.24, 34.851}};
  const std::vector<CurvePoint> test = {{9787.80, 40.121}, {4469.00, 38.651}, {2451.52, 36.970}, {1356.24, 34.987}};
  const BdRate r = bd_rate(test, anchor);
  ASSERT_TRUE(r.percent);
  EXPECT_NEAR(*r.percent, -4.417485350589, 1e-9);
}
