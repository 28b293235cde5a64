// SPDX-License-Identifier: LGPL-2.1-or-later
// Ladders.
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "core/knobs/knob.h"

using namespace oneadapt;

TEST(Ladder, NormalisesFallingValues) {
  const Ladder qp({48, 44, 40, 20});
  EXPECT_DOUBLE_EQ(qp.position(0), 0.0);
  EXPECT_DOUBLE_EQ(qp.position(1), 4.0 / 28);
  EXPECT_DOUBLE_EQ(qp.position(3), 1.0);
  EXPECT_EQ(qp.nearest_value(43), 1u);
  EXPECT_EQ(qp.nearest_value(51), 0u);
}

TEST(Ladder, RoundsToTheNearestAndTiesToTheCheaper) {
  const Ladder scale({0.5, 0.75, 1.0});
  EXPECT_EQ(scale.nearest(0.24), 0u);
  EXPECT_EQ(scale.nearest(0.25), 0u);  // half-way
  EXPECT_EQ(scale.nearest(0.26), 1u);
  EXPECT_EQ(scale.nearest(-3), 0u);
  EXPECT_EQ(scale.nearest(7), 2u);
  EXPECT_DOUBLE_EQ(Ladder({30}).position(0), 1.0);
}

TEST(Ladder, RefusesWhatIsNoLadder) {
  EXPECT_THROW(Ladder({}), std::invalid_argument);
  EXPECT_THROW(Ladder({1, 1}), std::invalid_argument);
  EXPECT_THROW(Ladder({1, 3, 2}), std::invalid_argument);
  EXPECT_THROW(Ladder({1, std::nan("")}), std::invalid_argument);
}
