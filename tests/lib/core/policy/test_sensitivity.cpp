// SPDX-License-Identifier: LGPL-2.1-or-later
// What the content loses against what is typical, by hand. κ = 10⁻³; one rung up from 4 typically gains 0.06, one down
// loses 0.08.
#include <gtest/gtest.h>

#include <cmath>

#include "core/policy/oneadapt/sensitivity.h"
#include "observations.h"

using namespace oneadapt;

namespace {
double up_change(const Sensitivity &s, const Observation &o) {
  return s.accuracy_change(o.knobs[0], o.knobs[0].rung + 1, o.knobs[0].up->output_grad, o.confident);
}
}  // namespace

TEST(Sensitivity, AMeasurementIsSharedByTheElements) {
  EXPECT_DOUBLE_EQ(measured_change(100, 1), 0.1);
  EXPECT_DOUBLE_EQ(measured_change(100, 4), 0.025);
  EXPECT_DOUBLE_EQ(measured_change(100, 0.2), 0.1) << "less than one element counts as one";
  EXPECT_DOUBLE_EQ(measured_change(5000, 1), 1) << "accuracy ends at 1";
}

TEST(Sensitivity, WithoutTypicalValuesTheMeasurementHolds) {
  Sensitivity s;
  const Observation o = one_knob(4, 240, 0, 320, 0);
  s.learn(o);
  EXPECT_DOUBLE_EQ(up_change(s, o), 0.24);
  EXPECT_EQ(s.of("qp"), 1);
}

TEST(Sensitivity, OneIntervalIsEvidenceNotProof) {
  Sensitivity s;
  // Both ways four times what is typical: ln 4 counts 0.35.
  const Observation o = typical_knob(4, 240, 0, 320, 0);
  s.learn(o);
  EXPECT_NEAR(s.of("qp"), std::pow(4, 0.35), 1e-9);
  EXPECT_NEAR(up_change(s, o), 0.06 * std::pow(4, 0.35), 1e-9);
  s.learn(o);
  EXPECT_NEAR(s.of("qp"), std::pow(4, 1 - 0.65 * 0.65), 1e-9);
  for (int i = 0; i < 30; ++i) s.learn(o);
  EXPECT_NEAR(up_change(s, o), 0.24, 1e-6) << "in the end it is believed";
  s.reset();
  EXPECT_EQ(s.of("qp"), 1);
}

TEST(Sensitivity, TheTwoMovesAreAveraged) {
  Sensitivity s;
  s.learn(typical_knob(4, 60, 0, 320, 0));  // as typical above, four times below: half of ln 4
  EXPECT_NEAR(s.of("qp"), std::pow(2, 0.35), 1e-9);
}

TEST(Sensitivity, AnOutlierCountsAsTenTimes) {
  Sensitivity s;
  s.learn(typical_knob(4, 0, 0, 0, 0));
  EXPECT_NEAR(s.of("qp"), std::exp(-0.35 * 2.3), 1e-9);
}

TEST(Sensitivity, StepsThatTypicallyChangeNothingSayNothing) {
  Sensitivity s;
  Observation o = typical_knob(4, 240, 0, 320, 0);
  o.knobs[0].typical_accuracy = {0.5, 0.999, 1, 1, 1, 1, 1, 1};
  s.learn(o);
  EXPECT_EQ(s.of("qp"), 1);
  EXPECT_DOUBLE_EQ(up_change(s, o), 0.24) << "there the measurement holds";
}

TEST(Sensitivity, AKnobThatScalesItselfTeachesNothing) {
  Sensitivity s;
  Observation o = typical_knob(4, 240, 0, 320, 0);
  o.knobs[0].self_scaling = true;
  s.learn(o);
  EXPECT_EQ(s.of("qp"), 1);
}

TEST(Sensitivity, OfElementsThatComeInBurstsIsAMean) {
  Sensitivity s;
  Observation o = typical_knob(4, 120, 0, 160, 0);  // twice what is typical
  o.micro_averaged = true;
  s.learn(o);
  EXPECT_EQ(s.of("qp"), 1) << "an interval without elements says nothing";
  o.elements = 2;
  s.learn(o);
  EXPECT_NEAR(s.of("qp"), std::pow(2, 1.0 / 11), 1e-9) << "one of it and ten typical ones that are believed";
  s.learn(o);
  EXPECT_NEAR(s.of("qp"), std::pow(2, 2.0 / 12), 1e-9);
  Observation typical = typical_knob(4, 60, 0, 80, 0);
  typical.micro_averaged = true;
  typical.elements = 1;
  for (int i = 0; i < 2000; ++i) s.learn(typical);
  EXPECT_NEAR(s.of("qp"), 1, 1e-9);
  s.learn(o);
  EXPECT_NEAR(s.of("qp"), std::pow(2, 0.02), 1e-9) << "never less than a fiftieth";
}
