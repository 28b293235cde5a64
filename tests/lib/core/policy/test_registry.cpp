// SPDX-License-Identifier: LGPL-2.1-or-later
// What all policies have in common, and how they are found.
#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

#include "core/policy/registry.h"
#include "observations.h"

using namespace oneadapt;

TEST(Policies, NamesAreKnownAndUnknownOnesSaySo) {
  for (const PolicyInfo &p : policies()) {
    EXPECT_EQ(&find_policy(p.name), &p);
    if (p.needs.file.empty())
      EXPECT_NE(make_policy(p.name), nullptr) << p.name;
    else
      EXPECT_THROW(make_policy(p.name), PolicyFileError) << p.name;
  }
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
  for (const PolicyInfo &p : policies())
    if (p.needs.file.empty()) {
      EXPECT_THROW(make_policy(p.name)->decide(o, {}), std::invalid_argument) << p.name;
    }
}

TEST(Static, KeepsEverything) {
  EXPECT_EQ(make_policy("static")->decide(one_knob(5, 0, 0.2, 0, -0.2), {0.5, 1.0}).knobs[0].rung, 5u);
}

TEST(Policies, AreListedOnce) {
  std::set<std::string> names, curves;
  for (const PolicyInfo &p : policies()) {
    EXPECT_TRUE(names.insert(p.name).second) << p.name;
    for (const PolicyCurve &c : p.curves) EXPECT_TRUE(curves.insert(c.name).second) << c.name;
  }
  EXPECT_EQ(names, (std::set<std::string>{"activity", "casva", "chameleon", "oneadapt", "profiling", "region", "static",
                                          "uniform"}));
}

TEST(Policies, ThereIsOneToShowAndOneToCompareWith) {
  std::vector<std::string> subjects, anchors;
  for (const PolicyInfo &p : policies())
    for (const PolicyCurve &c : p.curves) {
      if (c.role == CurveRole::Subject) subjects.push_back(c.name);
      if (c.role == CurveRole::Anchor) anchors.push_back(c.name);
    }
  EXPECT_EQ(subjects, std::vector<std::string>{default_policy().name});
  EXPECT_EQ(anchors.size(), 1u);
}

// What the facts say is what the policies do.
TEST(Policies, FactsHold) {
  for (const PolicyInfo &p : policies()) {
    if (!p.needs.file.empty()) continue;
    Observation o = typical_knob(7, 0, 0, 0, -0.5);  // whatever moves by measurements goes down
    o.activity = 0;
    const Decision d = make_policy(p.name)->decide(o, {0.5, 1.0});
    EXPECT_EQ(!d.profile.empty(), p.needs.profiles) << p.name;
    if (!p.moves || p.maps_only) {
      EXPECT_EQ(d.knobs[0].rung, 7u) << p.name;
    }
    if (p.needs.gradient && !p.maps_only) {
      EXPECT_LT(d.knobs[0].rung, 7u) << p.name;
      o.gradient = false;
      EXPECT_EQ(make_policy(p.name)->decide(o, {0.5, 1.0}).knobs[0].rung, 7u) << p.name;
    }
    const auto start_at = [&](double lambda) { return make_policy(p.name)->start(o.knobs, {0.5, lambda}); };
    EXPECT_EQ(start_at(0) != start_at(100), p.heeds.lambda) << p.name;
    if (p.heeds.alpha) {
      EXPECT_EQ(make_policy(p.name)->decide(typical_knob(7, 0, 0, 0, -0.5), {0, 1.0}).knobs[0].rung, 7u) << p.name;
    }
  }
  EXPECT_FALSE(fixed_policy().moves);
}

TEST(Policies, AreNamedInWords) {
  EXPECT_EQ(policies_where([](const PolicyInfo &p) { return p.heeds.budgets; }), "policy oneadapt");
  EXPECT_EQ(policies_where([](const PolicyInfo &p) { return p.needs.profiles; }), "policies profiling and chameleon");
  EXPECT_EQ(policies_where([](const PolicyInfo &p) { return p.needs.profiles || !p.moves; }),
            "policies uniform, profiling, chameleon and static");
}
