// SPDX-License-Identifier: LGPL-2.1-or-later
// What all policies have in common, and how they are found.
#include <gtest/gtest.h>

#include <stdexcept>

#include "core/casva.h"
#include "core/policy.h"
#include "observations.h"

using namespace oneadapt;

TEST(Policies, NamesAreKnownAndUnknownOnesSaySo) {
  for (const auto &n : policy_names()) EXPECT_NE(make_policy(n, std::make_shared<CasvaModel>()), nullptr);
  try {
    make_policy("magic");
    FAIL();
  } catch (const std::invalid_argument &e) {
    EXPECT_NE(std::string(e.what()).find("oneadapt"), std::string::npos);
  }
}

TEST(Policies, RefusesARungOutsideTheLadder) {
  Observation o = one_knob(5, 0, 0.2, 0, -0.2);
  o.knobs[0].rung = 99;
  for (const auto &n : policy_names()) EXPECT_THROW(make_policy(n)->decide(o, {}), std::invalid_argument);
}

TEST(Static, KeepsEverything) {
  EXPECT_EQ(make_policy("static")->decide(one_knob(5, 0, 0.2, 0, -0.2), {0.5, 1.0}).knobs[0].rung, 5u);
}
