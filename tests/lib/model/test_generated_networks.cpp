// SPDX-License-Identifier: LGPL-2.1-or-later
// DNNGrad of networks of many kinds against central differences: LibTorch's own backward passes are not beyond doubt.
#include <gtest/gtest.h>

#include "random_network.h"

namespace {

using namespace oneadapt_test;

constexpr double kTolerance = 0.01;

/// `part` after a normalisation and before others, in every plan.
void expect_right_gradient(unsigned seed, const std::string &part) {
  const TemporaryFolder folder;
  const RandomNetwork network = save_random_network(folder, seed, part);
  for (const char *plan : {"plain", "channels-last", "onednn"}) {
    const GradientCheck check = check_gradient(network, plan, seed);
    EXPECT_GT(check.length, 0) << part << ", seed " << seed << "\n" << network.source;
    EXPECT_LE(check.z_error, 1e-3) << part << ", seed " << seed << ", plan " << plan << "\n" << network.source;
    EXPECT_LE(check.relative_error, kTolerance) << part << ", seed " << seed << ", plan " << plan << "\n"
                                                << network.source;
  }
}

TEST(GeneratedNetworks, EveryPartHasTheGradientOfCentralDifferences) {
  unsigned seed = 0;
  for (const std::string &part : network_kinds()) expect_right_gradient(++seed, part);
}

}  // namespace
