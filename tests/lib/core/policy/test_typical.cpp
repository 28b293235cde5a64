// SPDX-License-Identifier: LGPL-2.1-or-later
// The optimum on typical content, by hand.
#include <gtest/gtest.h>

#include "core/policy/typical.h"
#include "observations.h"

using namespace oneadapt;

namespace {

using Rungs = std::vector<std::size_t>;

PolicySettings at_lambda(double lambda, double lambda_compute = 0) {
  PolicySettings s;
  s.lambda = lambda;
  s.lambda_compute = lambda_compute;
  return s;
}

KnobObservation knob(std::vector<double> accuracy, std::vector<double> resource, std::size_t rung = 0) {
  KnobObservation k;
  for (std::size_t i = 0; i < accuracy.size(); ++i) k.ladder.push_back(double(i));
  k.typical_accuracy = std::move(accuracy);
  k.typical_resource = std::move(resource);
  k.rung = rung;
  return k;
}

}  // namespace

TEST(Typical, OfOneKnob) {
  const auto knobs = typical_knob(7).knobs;
  // λ = 1: 0.48, 0.64, 0.69, 0.7375, 0.755, 0.69 …: rung 4. λ = 0.05: 0.9275, 0.955, 0.95: rung 6. λ = 10: 0.362,
  // 0.424, 0.3875: rung 1.
  EXPECT_EQ(typical_optimum(knobs, at_lambda(1)), Rungs{4});
  EXPECT_EQ(typical_optimum(knobs, at_lambda(0.05)), Rungs{6});
  EXPECT_EQ(typical_optimum(knobs, at_lambda(10)), Rungs{1});
  EXPECT_EQ(typical_optimum(knobs, at_lambda(0)), Rungs{7});
}

TEST(Typical, AKnobThatSaysNothingStays) {
  const auto unknown = one_knob(3, 0, 0, 0, 0).knobs;
  EXPECT_FALSE(has_typical(unknown[0]));
  EXPECT_EQ(typical_optimum(unknown, at_lambda(10)), Rungs{3});
  KnobObservation half = typical_knob(3).knobs[0];
  half.typical_resource.pop_back();
  EXPECT_FALSE(has_typical(half)) << "of some rungs only";
}

TEST(Typical, SeveralKnobsMultiply) {
  // Alone, the second one would be worth 1 − 0.5 at the top and 0.75 − 0.2 below. But where the first leaves a tenth of
  // the resource, that costs 0.9 − 0.05 against 0.675 − 0.02.
  const KnobObservation first = knob({0.9, 1}, {0.1, 1}), second = knob({0.75, 1}, {0.2, 0.5});
  EXPECT_EQ(typical_optimum({second}, at_lambda(1)), Rungs{0});
  EXPECT_EQ(typical_optimum({first, second}, at_lambda(1)), (Rungs{0, 1}));
}

TEST(Typical, FramesHaveALambdaOfTheirOwn) {
  KnobObservation rate = knob({0.8, 1}, {0.9, 1});
  rate.typical_compute = {0.5, 1};
  EXPECT_EQ(typical_optimum({rate}, at_lambda(1, 0)), Rungs{1});  // −0.1 to 0
  EXPECT_EQ(typical_optimum({rate}, at_lambda(1, 1)), Rungs{0});  // −0.6 to −1
}

TEST(Typical, OfOneKnobWhereTheOthersAre) {
  Observation o;
  o.knobs = {knob({0.7, 0.9, 1}, {0.2, 0.4, 1}), knob({0.8, 0.9, 1}, {0.1, 0.5, 1})};
  // A tenth of the resource is left: 0.54, 0.68, 0.7; half of it: 0.53, 0.61, 0.4; all of it, at
  // λ 1.1: 0.48, 0.46, −0.1.
  EXPECT_EQ(typical_optimum(o, o.knobs[0], at_lambda(1), 1), 2u);
  o.knobs[1].rung = 1;
  EXPECT_EQ(typical_optimum(o, o.knobs[0], at_lambda(1), 1), 1u);
  o.knobs[1].rung = 2;
  EXPECT_EQ(typical_optimum(o, o.knobs[0], at_lambda(1.1), 1), 0u);
  // Content that loses four times as much: 2.6, 3.2, 3.
  EXPECT_EQ(typical_optimum(o, o.knobs[0], at_lambda(1), 4), 1u);
}

TEST(Typical, Change) {
  const KnobObservation k = typical_knob(4).knobs[0];
  EXPECT_NEAR(typical_change(k, 5), 0.06, 1e-12);
  EXPECT_NEAR(typical_change(k, 3), 0.08, 1e-12);
}
