// SPDX-License-Identifier: LGPL-2.1-or-later
// DNNGrad of networks of many kinds against central differences: LibTorch's own backward passes are not beyond doubt.
// bench-gradients tries hundreds.
#include <gtest/gtest.h>

#include <algorithm>

#include "random_network.h"

namespace {

using namespace oneadapt_test;

constexpr double kTolerance = 0.01;
/// Of all kinds, in one network, and places where it is looked at: what takes time is differences.
constexpr std::size_t kTogether = 6;
constexpr int kPlaces = 6;

/// Of some parts among others, in every plan.
void expect_right_gradient(unsigned seed, const std::vector<std::string> &parts) {
  const TemporaryFolder folder;
  const RandomNetwork network = save_random_network(folder, seed, parts);
  for (const std::string &part : parts) EXPECT_EQ(network.kinds.count(part), 1U) << part;
  for (const auto &[plan, check] : check_gradients(network, seed, kPlaces)) {
    const auto where = [&, name = plan] { return "seed " + std::to_string(seed) + ", plan " + name + "\n"; };
    EXPECT_GT(check.length, 0) << where() << network.source;
    EXPECT_LE(check.z_error, 1e-3) << where() << network.source;
    EXPECT_LE(check.relative_error, kTolerance) << where() << network.source;
    EXPECT_EQ(check.doubt, "") << where() << network.source;
  }
}

TEST(GeneratedNetworks, EveryPartHasTheGradientOfCentralDifferences) {
  const auto kinds = network_kinds();
  // Neighbours are alike: each network has some of all kinds.
  const std::size_t networks = (kinds.size() + kTogether - 1) / kTogether;
  for (std::size_t i = 0; i < networks; ++i) {
    std::vector<std::string> parts;
    for (std::size_t k = i; k < kinds.size(); k += networks) parts.push_back(kinds[k]);
    expect_right_gradient(unsigned(i + 1), parts);
  }
}

}  // namespace
