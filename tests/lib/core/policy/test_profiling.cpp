// SPDX-License-Identifier: LGPL-2.1-or-later
// The profiling policies, by hand.
#include <gtest/gtest.h>

#include "core/policy/profile_grid.h"
#include "core/policy/registry.h"

using namespace oneadapt;

namespace {

/// A knob of four rungs and one of two.
Observation at(std::uint64_t interval, std::size_t a, std::size_t b) {
  Observation o;
  o.interval = interval;
  o.resource = 1;
  KnobObservation k;
  k.name = "a";
  k.ladder = {40, 30, 20, 10};
  k.rung = a;
  o.knobs.push_back(k);
  k.name = "b";
  k.ladder = {0.5, 1};
  k.rung = b;
  o.knobs.push_back(k);
  return o;
}

std::vector<std::size_t> rungs(const Decision &d) {
  std::vector<std::size_t> r;
  for (const KnobDecision &k : d.knobs) r.push_back(k.rung);
  return r;
}
using Rungs = std::vector<std::size_t>;

PolicySettings settings(double lambda, unsigned every, unsigned configurations = 0, unsigned top = 2) {
  PolicySettings s;
  s.lambda = lambda;
  s.profile_interval = every;
  s.profile_configurations = configurations;
  s.profile_top = top;
  return s;
}

}  // namespace

TEST(ProfileGrid, AllCombinationsOrSomeEvenlySpaced) {
  const auto knobs = at(0, 0, 0).knobs;
  EXPECT_EQ(profile_grid(knobs, 0).size(), 8u);
  EXPECT_EQ(profile_grid(knobs, 8).size(), 8u);
  // At most 5: two rungs each, the ends of both ladders.
  EXPECT_EQ(profile_grid(knobs, 5), (std::vector<Rungs>{{0, 0}, {0, 1}, {3, 0}, {3, 1}}));
  // At most 6: three of the first: rungs 0, 1.5 → 2, 3.
  EXPECT_EQ(profile_grid(knobs, 6), (std::vector<Rungs>{{0, 0}, {0, 1}, {2, 0}, {2, 1}, {3, 0}, {3, 1}}));
  for (unsigned most = 0; most < 10; ++most) EXPECT_EQ(profile_grid(knobs, most).back(), (Rungs{3, 1}));
}

TEST(Profiling, TakesTheBestAtLambdaAndWaitsForTheAnswer) {
  auto p = make_policy("profiling");
  const PolicySettings s = settings(1, 10);
  Decision d = p->decide(at(0, 3, 1), s);
  EXPECT_EQ(d.profile.size(), 8u);
  EXPECT_EQ(rungs(d), (Rungs{3, 1}));
  EXPECT_TRUE(p->decide(at(1, 3, 1), s).profile.empty());
  // 0.9 − 0.3 beats 1 − 1 and 0.5 − 0.1.
  Observation o = at(2, 3, 1);
  o.profile = {{{3, 1}, 1, 1}, {{1, 1}, 0.9, 0.3}, {{0, 0}, 0.5, 0.1}};
  d = p->decide(o, s);
  EXPECT_EQ(rungs(d), (Rungs{1, 1}));
  EXPECT_DOUBLE_EQ(*d.predicted_resource, 0.3);
  EXPECT_TRUE(d.profile.empty());
  for (std::uint64_t i = 3; i < 10; ++i) {
    d = p->decide(at(i, 1, 1), s);
    EXPECT_EQ(rungs(d), (Rungs{1, 1}));
    EXPECT_TRUE(d.profile.empty()) << i;
  }
  EXPECT_EQ(p->decide(at(10, 1, 1), s).profile.size(), 8u);
  // An answer that is late puts off the next question, and nothing else.
  EXPECT_TRUE(p->decide(at(25, 1, 1), s).profile.empty());
  o.interval = 26;
  EXPECT_FALSE(p->decide(o, s).profile.empty());
}

TEST(Profiling, ALostProfileIsAskedForAgainWhenTheNextIsDue) {
  auto p = make_policy("profiling");
  const PolicySettings s = settings(1, 4);
  EXPECT_FALSE(p->decide(at(0, 3, 1), s).profile.empty());
  Observation o = at(1, 3, 1);
  o.profile_lost = true;
  EXPECT_EQ(rungs(p->decide(o, s)), (Rungs{3, 1}));
  EXPECT_TRUE(p->decide(at(3, 3, 1), s).profile.empty());
  EXPECT_FALSE(p->decide(at(4, 3, 1), s).profile.empty());
}

TEST(Profiling, LambdaChooses) {
  for (const auto &[lambda, expected] : {std::pair{0.0, Rungs{3, 1}}, {1.0, Rungs{1, 1}}, {10.0, Rungs{0, 0}}}) {
    auto p = make_policy("profiling");
    p->decide(at(0, 3, 1), settings(lambda, 10));
    Observation o = at(1, 3, 1);
    o.profile = {{{3, 1}, 1, 1}, {{1, 1}, 0.9, 0.3}, {{0, 0}, 0.5, 0.1}};
    EXPECT_EQ(rungs(p->decide(o, settings(lambda, 10))), expected) << lambda;
  }
}

TEST(Chameleon, ProfilesTheBestOfTheLastFullProfileInBetween) {
  auto p = make_policy("chameleon");
  const PolicySettings s = settings(1, 8);
  EXPECT_EQ(p->decide(at(0, 3, 1), s).profile.size(), 8u);
  Observation o = at(1, 3, 1);
  o.profile = {{{3, 1}, 1, 1}, {{1, 1}, 0.9, 0.3}, {{2, 1}, 0.95, 0.5}, {{0, 0}, 0.5, 0.1}};
  EXPECT_EQ(rungs(p->decide(o, s)), (Rungs{1, 1}));
  // Every 8 / 4 intervals the two best (0.6 and 0.45), with the most expensive one to compare them with.
  Decision d = p->decide(at(2, 1, 1), s);
  EXPECT_EQ(d.profile, (std::vector<Rungs>{{1, 1}, {2, 1}, {3, 1}}));
  o = at(3, 1, 1);
  o.profile = {{{1, 1}, 0.6, 0.3}, {{2, 1}, 0.95, 0.5}, {{3, 1}, 1, 1}};
  EXPECT_EQ(rungs(p->decide(o, s)), (Rungs{2, 1}));
  EXPECT_EQ(p->decide(at(4, 2, 1), s).profile.size(), 3u);
  o.interval = 5;
  p->decide(o, s);
  EXPECT_EQ(p->decide(at(8, 2, 1), s).profile.size(), 8u);  // and every 8 all of them
}

TEST(Profiling, NothingToAdaptAsksForNothing) {
  Observation o;
  EXPECT_TRUE(make_policy("profiling")->decide(o, {}).profile.empty());
  EXPECT_FALSE(find_policy("profiling").needs.gradient);
}
