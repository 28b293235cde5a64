// SPDX-License-Identifier: LGPL-2.1-or-later
// Which policies are compared, and what their curves are made of, on made-up runs.
#include <gtest/gtest.h>

#include <string>

#include "eval/curve_maker.h"
#include "eval_rig.h"
#include "play.h"

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

  /// A file of video, for what opens it.
  void make_clip() {
    clip_.clip = testing::TempDir() + "bars.avi";
    ASSERT_EQ(
        play_line(
            "videotestsrc num-buffers=4 ! video/x-raw,format=I420,width=64,height=48 ! avimux ! filesink location=" +
            clip_.clip),
        "");
  }

  EvalOptions options_;
  Runner runner_{options_, RunStore(testing::TempDir() + "curves")};
  ClipRuns clip_{runner_, "/clips/road.mp4", "road.mp4", nullptr, {}, nullptr};
};

}  // namespace

TEST(EvaluatedPolicies, AreThoseOfTheRegistryByTheirCurvesAndSevenMore) {
  EXPECT_EQ(evaluated_names(),
            (std::vector<std::string>{"oneadapt", "min-accuracy", "uniform", "profiling", "chameleon", "casva",
                                      "region", "voice-detection", "voice-detection-ahead", "dds", "reducto", "oracle",
                                      "x264enc", "x264enc-bitrate", "x264enc-lookahead", "x264enc-lookahead-bitrate"}));
  EXPECT_EQ(find_evaluated("static"), nullptr);
  EXPECT_EQ(find_evaluated("voice-detection-ahead")->policy->name, "activity");
  EXPECT_EQ(find_evaluated("min-accuracy")->policy->name, "oneadapt");
  EXPECT_EQ(find_evaluated("dds")->policy, nullptr);
  EXPECT_EQ(evaluated_as(CurveRole::Anchor).curve.name, "uniform");
  EXPECT_EQ(role_of("dds"), CurveRole::RegionBaseline);
  EXPECT_EQ(role_of("oneadapt"), CurveRole::Subject);
  EXPECT_EQ(role_of("another evaluation's"), CurveRole::Baseline);
}

TEST(EvaluatedPolicies, ByDefaultVideoIsComparedWithWhatPeopleRun) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(default_names("video", false),
            (Names{"uniform", "min-accuracy", "x264enc", "x264enc-bitrate", "x264enc-lookahead", "oneadapt"}));
  EXPECT_EQ(default_names("video", true), (Names{"uniform", "oneadapt"}));
  EXPECT_EQ(default_names("sound", false), (Names{"uniform", "oneadapt"}));
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

// In the first second QP 20 and 30 show the object, at 100 and 50 bytes a frame; in the second there is none, and 40 at
// 10 bytes does as well.
TEST_F(Curves, TheOracleTakesTheBestRungOfEachInterval) {
  using eval_test::made_up;
  const auto seen = [](std::size_t i) {
    return i < 2 ? std::vector<ScoredBox>{eval_test::box(0.1)} : std::vector<ScoredBox>{};
  };
  clip_.recorded.runs[{2}] = made_up(2, 100, seen);
  clip_.recorded.runs[{1}] = made_up(2, 50, seen);
  clip_.recorded.runs[{0}] = made_up(2, 10, [](std::size_t) { return std::vector<ScoredBox>{}; });
  clip_.reference = clip_.recorded.runs[{2}];
  const auto oracle = maker("oracle");
  EXPECT_EQ(oracle->recordings().size(), 3u);
  EXPECT_TRUE(oracle->runs().empty());
  const auto points = oracle->points();
  EXPECT_EQ(points.front()["setting"], "worth=0.02");
  EXPECT_EQ(points.front()["bytes"], 2 * 50 + 2 * 10);
  EXPECT_EQ(points.front()["accuracy"], 1);
  EXPECT_EQ(points.front()["intervals"][0]["knobs"]["qp"], 30);
  EXPECT_EQ(points.front()["intervals"][1]["knobs"]["qp"], 40);
  // Half of the accuracy for 80 of 400 bytes: worth it up to 2.5.
  for (const auto &point : points) {
    const double worth = std::stod(point["setting"].get<std::string>().substr(6));
    EXPECT_EQ(point["bytes"], worth < 2.5 ? 120 : 40) << worth;
  }
}

TEST_F(Curves, PoliciesThatProfileWantTheGridAndWhereTheyStart) {
  options_.profiling.profile_configurations = 2;
  clip_.recorded.knobs[0].typical_accuracy = {0.5, 0.99, 1};
  clip_.recorded.knobs[0].typical_resource = {0.4, 0.5, 1};
  const auto profiling = maker("profiling");
  EXPECT_EQ(profiling->recordings(), (std::vector<Rungs>{{0}, {2}, {1}, {1}, {1}}));
  EXPECT_TRUE(profiling->runs().empty());
}

// A profile of QP 40 and 20 is made of the first second and known after the next one: 40 is as good, at a tenth.
TEST_F(Curves, WhatProfilingComesToIsRunUnlessNoPictureIsCoded) {
  options_.profiling.profile_configurations = 2;
  options_.profile_budget = 100;
  options_.lambdas = {1};
  options_.knobs = {"qp-map"};
  make_clip();
  clip_.recorded.knobs[0].name = "qp-map";
  auto cheap = std::make_shared<RunResult>(), costly = std::make_shared<RunResult>();
  cheap->seconds = costly->seconds = 3;
  for (std::uint64_t i = 0; i < 6; ++i) {
    const std::uint64_t t = i * 500000000;
    cheap->packets.push_back({t, 10});
    costly->packets.push_back({t, 100});
    costly->input.push_back(t);
    costly->results.push_back({t, {}});
  }
  clip_.recorded.runs = {{{0}, cheap}, {{1}, costly}, {{2}, costly}};
  clip_.reference = costly;
  const auto runs = maker("profiling")->runs_after_recordings();
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_EQ(runs[0].name, "road.mp4, profiling lambda=1");
  EXPECT_EQ(runs[0].options.policy, fixed_policy().name);
  EXPECT_EQ(runs[0].options.start.at("qp"), 20);
  EXPECT_EQ(runs[0].options.schedule,
            (std::vector<std::map<std::string, double>>{{{"qp", 20}}, {{"qp", 20}}, {{"qp", 40}}}));

  clip_.study = std::make_unique<FrameStudy>(std::vector<FrameFilter::Frame>(6), clip_.reference);
  const auto uncoded = maker("profiling");
  EXPECT_TRUE(uncoded->runs_after_recordings().empty());
  EXPECT_EQ(uncoded->points()[0]["bytes"], 420);
}

TEST_F(Curves, X264encIsRunAtQualitiesAndAtTheirBitrates) {
  make_clip();
  auto reference = std::make_shared<RunResult>(*clip_.reference);
  reference->ladders["qp"] = {51, 40, 20};
  clip_.reference = reference;
  const auto texts = [](const std::vector<NamedRun> &runs) {
    std::vector<std::string> out;
    for (const NamedRun &run : runs) {
      EXPECT_FALSE(run.options.gradient);
      out.push_back(run.options.encoder);
    }
    return out;
  };
  const std::string fast = "x264enc tune=zerolatency speed-preset=veryfast key-int-max=250 threads=1 aud=false ";
  const std::string quality = "pass=qual vbv-buf-capacity=0 quantizer=";
  const auto x264enc = maker("x264enc"), bitrate = maker("x264enc-bitrate");
  // There is no quantizer 51.
  EXPECT_EQ(texts(x264enc->runs()), (std::vector<std::string>{fast + quality + "20", fast + quality + "40"}));
  EXPECT_EQ(texts(bitrate->runs()), texts(x264enc->runs()));
  EXPECT_EQ(x264enc->runs()[0].name, "road.mp4, x264enc quantizer=20");
  // 2500 bytes in two seconds are 10 kbit/s; 100 bytes are less than a whole one.
  auto fine = std::make_shared<RunResult>(*reference), coarse = std::make_shared<RunResult>(*reference);
  fine->bytes = 2500;
  coarse->bytes = 100;
  x264enc->keep_runs({fine, coarse});
  bitrate->keep_runs({fine, coarse});
  EXPECT_TRUE(x264enc->runs_after_recordings().empty());
  const auto rates = bitrate->runs_after_recordings();
  EXPECT_EQ(texts(rates), (std::vector<std::string>{fast + "pass=cbr bitrate=10", fast + "pass=cbr bitrate=1"}));
  bitrate->keep_runs_after_recordings({coarse, fine});
  EXPECT_EQ(x264enc->points()[1]["setting"], "quantizer=40");
  EXPECT_EQ(x264enc->points()[1]["bytes"], 100);
  EXPECT_EQ(bitrate->points()[1]["setting"], "bitrate=1");
  EXPECT_EQ(bitrate->points()[1]["bytes"], 2500);

  // With what the user set; with a lookahead there is no "tune".
  options_.key_int_max = 10;
  options_.knobs = {"qp-map"};
  options_.properties["filter.speed-preset"] = "4";  // x264enc's 4 is another
  reference->ladders["qp-map"] = {30};
  EXPECT_EQ(
      texts(maker("x264enc-lookahead")->runs()),
      (std::vector<std::string>{"x264enc speed-preset=fast key-int-max=10 threads=1 aud=false " + quality + "30"}));
  EXPECT_EQ(maker("x264enc-lookahead-bitrate")->runs()[0].name, "road.mp4, x264enc with lookahead quantizer=30");
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
