// SPDX-License-Identifier: LGPL-2.1-or-later
// Which policies are compared, and what their curves are made of, on made-up runs.
#include <gtest/gtest.h>

#include "eval/curve_maker.h"

using namespace oneadapt;
using namespace oneadapt::eval;

namespace {

/// A clip of two seconds with a knob of three rungs, of which nothing has been run but the most expensive one.
class Curves : public ::testing::Test {
 protected:
  Curves() {
    options_.clips = {"/clips/road.mp4"};
    options_.knobs = {"qp"};
    options_.lambdas = {0.1, 0.5, 2};
    options_.policy_file = "network.json";
    auto reference = std::make_shared<RunResult>();
    reference->input = {0, 500000000, 1000000000, 1500000000};
    reference->seconds = 2;
    clip_.reference = reference;
    clip_.recorded.knobs = {{"qp", {40, 30, 20}}};
    clip_.recorded.runs[{2}] = reference;
  }
  std::unique_ptr<CurveMaker> maker(const std::string &name) {
    const EvaluatedPolicy &policy = *find_evaluated(name);
    return policy.make(clip_, policy);
  }

  EvalOptions options_;
  Runner runner_{options_, RunStore(testing::TempDir() + "curves")};
  ClipRuns clip_{runner_, "/clips/road.mp4", "road.mp4", nullptr, {}, nullptr};
};

}  // namespace

TEST(EvaluatedPolicies, AreThoseOfTheRegistryByTheirCurvesAndTwoMore) {
  EXPECT_EQ(evaluated_names(),
            (std::vector<std::string>{"oneadapt", "uniform", "profiling", "chameleon", "casva", "region",
                                      "voice-detection", "voice-detection-ahead", "dds", "reducto"}));
  EXPECT_EQ(find_evaluated("static"), nullptr);
  EXPECT_EQ(find_evaluated("voice-detection-ahead")->policy->name, "activity");
  EXPECT_EQ(find_evaluated("dds")->policy, nullptr);
  EXPECT_EQ(evaluated_as(CurveRole::Anchor).curve.name, "uniform");
  EXPECT_EQ(role_of("dds"), CurveRole::RegionBaseline);
  EXPECT_EQ(role_of("oneadapt"), CurveRole::Subject);
  EXPECT_EQ(role_of("another evaluation's"), CurveRole::Baseline);
}

TEST_F(Curves, FixedRungsAreRecordedAndNotRun) {
  const auto uniform = maker("uniform");
  EXPECT_EQ(uniform->recordings(), (std::vector<Rungs>{{2}, {1}, {0}}));
  EXPECT_TRUE(uniform->runs().empty());
  clip_.recorded.runs[{1}] = clip_.recorded.runs[{0}] = clip_.reference;
  const auto points = uniform->points();
  ASSERT_EQ(points.size(), 3u);
  EXPECT_EQ(points[0]["setting"], "qp=20");
  EXPECT_EQ(points[2]["intervals"][1]["knobs"]["qp"], 40);
}

TEST_F(Curves, PoliciesThatProfileWantTheGridAndWhereTheyStart) {
  options_.profiling.profile_configurations = 2;
  clip_.recorded.knobs[0].typical_accuracy = {0.5, 0.99, 1};
  clip_.recorded.knobs[0].typical_resource = {0.4, 0.5, 1};
  const auto profiling = maker("profiling");
  EXPECT_EQ(profiling->recordings(), (std::vector<Rungs>{{0}, {2}, {1}, {1}, {1}}));
  EXPECT_TRUE(profiling->runs().empty());
}

TEST(DdsCurve, WantsAKnobOfQualityAndTwoRungs) {
  EvalOptions options;
  Runner runner(options, RunStore(testing::TempDir() + "dds"));
  ClipRuns clip{runner, "/clips/road.mp4", "road.mp4", std::make_shared<RunResult>(), {}, nullptr};
  const EvaluatedPolicy &dds = *find_evaluated("dds");
  clip.recorded.knobs = {{"scale", {0.5, 1}}};
  EXPECT_THROW(dds.make(clip, dds)->recordings(), RunError);
  clip.recorded.knobs = {{"qp-map", {40}}};
  EXPECT_THROW(dds.make(clip, dds)->recordings(), RunError);
  clip.recorded.knobs = {{"scale", {0.5, 1}}, {"qp-map", {44, 32, 20}}};
  EXPECT_EQ(dds.make(clip, dds)->recordings(), (std::vector<Rungs>{{1, 0}, {1, 1}}));
}
