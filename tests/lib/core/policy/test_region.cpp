// SPDX-License-Identifier: LGPL-2.1-or-later
// Policy region: the boxes in the place of the gradient.
#include <gtest/gtest.h>

#include "core/policy/registry.h"
#include "observations.h"

using namespace oneadapt;

TEST(Region, StaysAndGoesByBoxes) {
  auto p = make_policy("region");
  EXPECT_TRUE(find_policy("region").needs.gradient);
  EXPECT_EQ(p->start(typical_knob(7, 0, 0, 0, 0).knobs, {0.5, 1.0}), std::vector<std::size_t>{4});
  EXPECT_EQ(p->decide(typical_knob(4, 900, 0.05, 0, -0.03), {0.5, 1.0}).knobs[0].rung, 4u);
  Gradient g;
  g.map = BlockMap(64, 64);
  g.map.values.assign(16, 3.0f);
  EXPECT_FALSE(p->averages()) << "only the last result counts";
  EXPECT_TRUE(make_policy("oneadapt")->averages());
  g.regions = {{0.3, 0.3, 0.45, 0.45}};
  p->prepare(g);
  EXPECT_EQ(g.map.at(1, 1), 1);
  EXPECT_EQ(g.map.at(3, 3), 0);
}
