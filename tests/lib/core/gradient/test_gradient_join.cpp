// SPDX-License-Identifier: LGPL-2.1-or-later
// The gradients of several DNNs that see the same stream.
#include <gtest/gtest.h>

#include <stdexcept>

#include "core/gradient/gradient_join.h"

using namespace oneadapt;

namespace {

constexpr std::uint64_t kFaces = 7, kPlates = 9;  // DNNs

Gradient gradient(std::uint64_t interval, double z, float value, unsigned width = 32) {
  Gradient g;
  g.interval = interval;
  g.z = z;
  g.elements = 3;
  g.confident = 2;
  g.map = BlockMap(width, 16);
  for (float &v : g.map.values) v = value;
  return g;
}

}  // namespace

TEST(GradientSum, AddsUpOnTheNewestOnesFrame) {
  const Gradient sum = sum_of(gradient(4, 1.5, 2), gradient(4, 0.25, 1, 64));
  EXPECT_DOUBLE_EQ(sum.z, 1.75);
  EXPECT_EQ(sum.elements, 6u);
  EXPECT_EQ(sum.confident, 4u);
  ASSERT_EQ(sum.map.frame_width, 64u);
  // A value of 2 on a frame of half the width counts 1 on each of twice as many pixels.
  for (const float value : sum.map.values) EXPECT_FLOAT_EQ(value, 2.f);
}

TEST(GradientSum, BlocksOfAnotherSizeAreRefused) {
  Gradient other = gradient(4, 1, 1);
  other.map = BlockMap(32, 16, 8);
  EXPECT_FALSE(can_be_added(other, gradient(4, 1, 1)));
  EXPECT_THROW(sum_of(other, gradient(4, 1, 1)), std::invalid_argument);
}

TEST(GradientJoin, OfOneDnnIsItsGradient) {
  GradientJoin join;
  for (std::uint64_t interval = 0; interval < 3; ++interval) {
    join.add(kFaces, gradient(interval, 1, 1));
    ASSERT_TRUE(join.complete());
    EXPECT_DOUBLE_EQ(join.take().z, 1);
    EXPECT_FALSE(join.has_sum());
    EXPECT_TRUE(join.is_late(kFaces, interval));  // a duplicate
    EXPECT_FALSE(join.is_late(kFaces, interval + 1));
  }
}

TEST(GradientJoin, WaitsForEveryDnnThatIsKnown) {
  GradientJoin join;
  join.add(kFaces, gradient(0, 1, 1));
  EXPECT_TRUE(join.complete());  // nobody else is known
  join.take();
  EXPECT_FALSE(join.is_late(kPlates, 0));
  join.add(kPlates, gradient(0, 2, 1));
  EXPECT_FALSE(join.complete());  // interval 0 is decided
  join.add(kPlates, gradient(1, 2, 1));
  EXPECT_FALSE(join.complete());
  join.add(kFaces, gradient(1, 1, 3));
  ASSERT_TRUE(join.complete());
  const Gradient sum = join.take();
  EXPECT_DOUBLE_EQ(sum.z, 3);
  EXPECT_FLOAT_EQ(sum.map.values[0], 4.f);
  EXPECT_EQ(sum.confident, 4u);
}

TEST(GradientJoin, WaitsForDnnsThatAreToldOf) {
  GradientJoin join;
  join.expect(2);
  join.add(kFaces, gradient(0, 1, 1));
  EXPECT_FALSE(join.complete());
  EXPECT_TRUE(join.has_sum());
  join.add(kPlates, gradient(0, 2, 1));
  EXPECT_TRUE(join.complete());
}

TEST(GradientJoin, ForgetsADnnThatHasGoneSilent) {
  GradientJoin join;
  join.add(kPlates, gradient(0, 1, 1));
  join.add(kFaces, gradient(0, 1, 1));
  join.take();
  for (std::uint64_t interval = 1; interval <= 3; ++interval) {
    join.add(kFaces, gradient(interval, 1, 1));
    EXPECT_FALSE(join.complete()) << interval;
    join.take();
  }
  join.add(kFaces, gradient(4, 1, 1));
  EXPECT_TRUE(join.complete());
}

TEST(GradientJoin, AnotherIntervalBeginsAnew) {
  GradientJoin join;
  join.expect(2);
  join.add(kFaces, gradient(3, 1, 1));
  join.add(kFaces, gradient(5, 8, 1));
  EXPECT_TRUE(join.has_any_of(5));
  EXPECT_DOUBLE_EQ(join.sum().z, 8);
  EXPECT_TRUE(join.is_late(kPlates, 3));
}

TEST(GradientJoin, RegionsOfAllAreKept) {
  GradientJoin join;
  Gradient face = gradient(0, 1, 1), plate = gradient(0, 1, 1);
  face.regions = {{0, 0, 0.5, 0.5}};
  plate.regions = {{0.5, 0.5, 1, 1}};
  join.add(kFaces, face);
  join.add(kPlates, plate);
  EXPECT_EQ(join.sum().regions.size(), 2u);
}
