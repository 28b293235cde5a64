// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "lidar/share_map.h"

using namespace oneadapt;

namespace {

using Counts = std::vector<std::uint32_t>;

double kept(const ShareMap &map, const Counts &counts, double keep) {
  const auto shares = shares_of(map, map.grid, keep);
  double sum = 0, all = 0;
  for (std::size_t b = 0; b < counts.size(); b++) {
    sum += shares[b] * counts[b];
    all += counts[b];
  }
  return sum / all;
}

}  // namespace

TEST(ShareMap, FactorsMultiplyKeep) {
  const PolarGrid grid{4, 1, 8};
  EXPECT_EQ(shares_of({grid, {0, 0.5f, 1, 3}}, grid, 0.5), (std::vector<float>{0, 0.25f, 0.5f, 1}));
  EXPECT_EQ(shares_of({}, grid, 0.25), (std::vector<float>(4, 0.25f)));
  EXPECT_EQ(shares_of({PolarGrid{2, 2, 8}, {1, 2, 3, 4}}, grid, 0.25), (std::vector<float>(4, 0.25f)))
      << "a map of another grid";
}

TEST(ShareMap, SharesAreProportionalToTheGradientAboveAFloor) {
  // Eight sectors of 100 points. Neighbours of one ring weigh 1/16 each: 16 at sector 2 gives 1 to sectors 1 and 3.
  const PolarGrid grid{8, 1, 8};
  const Counts counts(8, 100);
  const ShareMap map = allocate_shares({0, 0, 16, 0, 0, 0, 0, 0}, counts, grid, 0.25);
  const auto shares = shares_of(map, grid, 0.25);
  // The floor is 1/16. Of 200 points sector 2 keeps all its 100, five sectors 6.25 each, and its two neighbours the rest.
  EXPECT_NEAR(shares[2], 1, 1e-6);
  EXPECT_NEAR(kept(map, counts, 0.25), 0.25, 1e-6);
  for (std::size_t b : {0, 4, 5, 6, 7}) EXPECT_NEAR(shares[b], shares[0], 1e-6);
  for (float share : shares) EXPECT_GE(share, 0.25f / 4 - 1e-6f);
  EXPECT_NEAR(shares[1], 0.34375, 1e-4);
  EXPECT_NEAR(shares[3], 0.34375, 1e-4);
}

TEST(ShareMap, ThreeTimesTheGradientIsThreeTimesTheShare) {
  const PolarGrid grid{8, 1, 8};
  const ShareMap map = allocate_shares({1, 1, 1, 1, 3, 3, 3, 3}, Counts(8, 1000), grid, 0.2);
  // With two neighbours that are alike, weights are 1 + 2/16 and 3 + 6/16.
  EXPECT_NEAR(map.factors[5] / map.factors[1], 3, 1e-4);
  EXPECT_NEAR(kept(map, Counts(8, 1000), 0.2), 0.2, 1e-6);
}

TEST(ShareMap, SectorsGoRound) {
  const PolarGrid grid{8, 1, 8};
  const ShareMap map = allocate_shares({16, 0, 0, 0, 4, 0, 0, 0}, Counts(8, 100), grid, 0.2);
  EXPECT_NEAR(map.factors[7], map.factors[1], 1e-6);
}

TEST(ShareMap, WithoutAGradientAllBlocksAreAlike) {
  const PolarGrid grid;
  EXPECT_TRUE(allocate_shares(std::vector<float>(64, 0), Counts(64, 5), grid, 0.5).factors.empty());
  EXPECT_TRUE(allocate_shares(std::vector<float>(64, 1), Counts(64, 0), grid, 0.5).factors.empty()) << "nor points";
  EXPECT_TRUE(allocate_shares(std::vector<float>(64, 1), Counts(64, 5), grid, 1).factors.empty()) << "all are kept";
  EXPECT_TRUE(allocate_shares({1, 2}, Counts(64, 5), grid, 0.5).factors.empty()) << "of another grid";
}

TEST(ShareMap, KeepsWhatIsAskedForWhateverTheGradient) {
  std::mt19937 random(2);
  const PolarGrid grid;
  for (int trial = 0; trial < 50; trial++) {
    std::vector<float> gradient;
    Counts counts;
    for (unsigned b = 0; b < 64; b++) {
      gradient.push_back(random() % 3 ? 0 : std::exp(float(random() % 100) / 10));
      counts.push_back(random() % 5 ? random() % 5000 : 0);
    }
    for (double keep : {0.06, 0.25, 0.5, 0.9})
      EXPECT_NEAR(kept(allocate_shares(gradient, counts, grid, keep), counts, keep), keep, 0.01);
  }
}

TEST(PointBytes, APointTakesMoreTheFewerThereAre) {
  // 1000 points, all kept, took 2000 bytes: 2 each. Half of them: 500 × 2.235; a quarter: 250 × 2.47.
  const PointBytes bytes(2000, {1000, 0}, {1, 1});
  EXPECT_DOUBLE_EQ(bytes.of(1000, 1), 2000);
  EXPECT_DOUBLE_EQ(bytes.of(1000, 0.5f), 1117.5);
  EXPECT_DOUBLE_EQ(bytes.of(1000, 0.25f), 617.5);
  EXPECT_EQ(bytes.of(1000, 0), 0);
  // Measured at a half and a quarter, it says the same.
  const PointBytes other(1117.5 + 617.5, {1000, 1000}, {0.5f, 0.25f});
  EXPECT_NEAR(other.of({1000, 1000}, {1, 0.5f}), 3117.5, 1e-9);
  EXPECT_EQ(PointBytes(16).of({10, 20}, {0.5f, 1}), 400);
}
