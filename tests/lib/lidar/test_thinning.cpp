// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "lidar/thinning.h"

using namespace oneadapt;

namespace {

std::vector<std::uint32_t> kept_of(std::uint32_t n, double share, std::uint32_t seed = 0) {
  std::vector<std::uint32_t> kept;
  for (std::uint32_t i = 0; i < n; i++)
    if (is_kept(i, share, seed)) kept.push_back(i);
  return kept;
}

}  // namespace

TEST(Thinning, KeepsPointsWhoseMultipleOfTheGoldenRatioIsBelowTheShare) {
  // 0, .618, .236, .854, .472, .090, .708, .326, .944, .562
  EXPECT_EQ(kept_of(10, 0.5), (std::vector<std::uint32_t>{0, 2, 4, 5, 7}));
  EXPECT_EQ(kept_of(10, 0.25), (std::vector<std::uint32_t>{0, 2, 5}));
  EXPECT_EQ(kept_of(10, 0.06), (std::vector<std::uint32_t>{0}));
  EXPECT_EQ(kept_of(10, 0), (std::vector<std::uint32_t>{}));
  EXPECT_EQ(kept_of(10, 1).size(), 10u);
  // With seed 1 the sequence begins at .618.
  EXPECT_EQ(kept_of(9, 0.5, 1), (std::vector<std::uint32_t>{1, 3, 4, 6}));
}

TEST(Thinning, HalfIsSpreadOverTheOrder) {
  PointCloud points(1000);
  for (std::size_t i = 0; i < points.size(); i++) points[i].x = float(i);
  points[3].y = std::numeric_limits<float>::quiet_NaN();
  const PointCloud half = halved(points.data(), points.size());
  EXPECT_NEAR(double(half.size()), 499.5, 2);
  for (std::size_t i = 1; i < half.size(); i++) EXPECT_LE(half[i].x - half[i - 1].x, 4) << "no gap";
  EXPECT_TRUE(halved(nullptr, 0).empty());
}

TEST(Thinning, FewerPointsAreSomeOfMore) {
  std::vector<std::uint32_t> before;
  for (double share : {0.06, 0.12, 0.25, 0.5, 1.0}) {
    const auto now = kept_of(5000, share, 7);
    EXPECT_TRUE(std::includes(now.begin(), now.end(), before.begin(), before.end())) << share;
    EXPECT_NEAR(double(now.size()), 5000 * share, 3);
    before = now;
  }
}

TEST(Thinning, IsSpreadAlongTheScan) {
  for (double share : {0.06, 0.12, 0.25, 0.5}) {
    const auto kept = kept_of(20000, share);
    std::uint32_t widest = 0;
    for (std::size_t i = 1; i < kept.size(); i++) widest = std::max(widest, kept[i] - kept[i - 1]);
    // Three distances: none is longer than the sum of the other two, which are Fibonacci numbers.
    EXPECT_LE(widest, 2.7 / share) << share;
  }
}

TEST(Thinning, EachBlockKeepsItsOwnShareInTheOrderOfTheScan) {
  PointCloud points;
  for (int i = 0; i < 40; i++) points.push_back({i % 2 ? 1.0f : -1.0f, 1, float(i), 0.5f});
  points.push_back({std::numeric_limits<float>::quiet_NaN(), 1, 0, 0});
  const PolarGrid grid{4, 1, 8};
  const BlockedCloud blocked = blocks_of(points.data(), points.size(), grid);
  const ThinnedCloud thinned = thin(points.data(), blocked, {1, 0.25f, 0, 0}, 0);
  // Of 20 points behind the sensor: 0, .236, .090, and .180 (index 10), .051 (13), .146 (18).
  EXPECT_EQ(thinned.kept, (std::vector<std::uint32_t>{20, 6, 0, 0}));
  ASSERT_EQ(thinned.points.size(), 26u);
  EXPECT_TRUE(std::is_sorted(thinned.points.begin(), thinned.points.end(),
                             [](const Point &a, const Point &b) { return a.z < b.z; }));
  std::vector<float> behind;
  for (const Point &p : thinned.points)
    if (p.x < 0) behind.push_back(p.z);
  EXPECT_EQ(behind, (std::vector<float>{0, 4, 10, 20, 26, 36}));
}

TEST(Thinning, AnIntensityThatIsNoNumberIsNone) {
  const PointCloud points{{1, 1, 0, std::numeric_limits<float>::quiet_NaN()}};
  const BlockedCloud blocked = blocks_of(points.data(), 1, PolarGrid{1, 1, 8});
  EXPECT_EQ(thin(points.data(), blocked, {1}, 0).points.at(0).intensity, 0);
}
