// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadapt-eval on made-up runs with hand-worked numbers: composed runs, policies stepped over them, points, BD-rates,
// the table, and the store. No pipeline runs here.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "eval/against.h"
#include "eval/casva_training.h"
#include "eval/evaluation.h"
#include "eval/figure_parts.h"
#include "eval/frame_study.h"
#include "eval/medium.h"
#include "eval/two_passes.h"

using namespace oneadapt;
using namespace oneadapt::eval;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kMs = 1000000;

ScoredBox box(double x) { return {{x, 0.1, x + 0.1, 0.2}, 0.9, 0}; }

/// `seconds` at two frames a second; every frame costs `bytes` and shows what `boxes` says of its number.
template <class Boxes>
std::shared_ptr<RunResult> made_up(std::size_t seconds, std::uint64_t bytes, Boxes boxes) {
  auto run = std::make_shared<RunResult>();
  for (std::size_t i = 0; i < 2 * seconds; ++i) {
    const std::uint64_t t = i * 500 * kMs;
    run->input.push_back(t);
    run->packets.push_back({t, bytes});
    run->results.push_back({t, boxes(i)});
    run->bytes += bytes;
  }
  run->inferences = run->input.size();
  run->seconds = double(seconds);
  run->width = 64;
  run->height = 48;
  return run;
}

/// Seven seconds, knob qp: 20 costs 100 bytes a frame, 30 half of it and shows the same, 40 a tenth and shows nothing
/// until second 4, from when on there is nothing to be seen.
Recorded seven_seconds() {
  const auto visible = [](std::size_t i) {
    return i < 8 ? std::vector<ScoredBox>{box(0.1)} : std::vector<ScoredBox>{};
  };
  Recorded recorded;
  recorded.knobs = {{"qp", {40, 30, 20}}};
  recorded.runs[{2}] = made_up(7, 100, visible);
  recorded.runs[{1}] = made_up(7, 50, visible);
  recorded.runs[{0}] = made_up(7, 10, [](std::size_t) { return std::vector<ScoredBox>{}; });
  return recorded;
}

std::vector<double> qp_of(const PolicyRun &run) {
  std::vector<double> out;
  for (const auto &knobs : run.knobs) out.push_back(knobs.at("qp"));
  return out;
}

json curve(const std::string &policy, const std::vector<std::pair<double, double>> &points) {
  json out{{"policy", policy}, {"points", json::array()}};
  for (const auto &[bandwidth, accuracy] : points)
    out["points"].push_back({{"bandwidth", bandwidth}, {"accuracy", accuracy}});
  return out;
}

}  // namespace

TEST(Compose, IntervalsGoByStreamTimeGiveOrTakeRounding) {
  EXPECT_EQ(interval_at(0), 0u);
  EXPECT_EQ(interval_at(999 * kMs), 0u);
  EXPECT_EQ(interval_at(999 * kMs + 600000), 1u);
  EXPECT_EQ(interval_at(1000 * kMs), 1u);
  EXPECT_EQ(interval_count(*made_up(7, 1, [](std::size_t) { return std::vector<ScoredBox>{}; })), 7u);
  EXPECT_EQ(interval_count(RunResult()), 0u);
}

TEST(Compose, EachIntervalComesFromItsConfigurationsRun) {
  Recorded recorded = seven_seconds();
  auto cheap = std::make_shared<RunResult>(*recorded.runs[{0}]);
  cheap->inference_s = 7;
  cheap->encode_s = 1.4;
  recorded.runs[{0}] = cheap;
  const RunResult run = compose(recorded, {{2}, {0}, {1}});  // 1 goes on to the end
  EXPECT_EQ(run.bytes, 2 * 100u + 2 * 10u + 5 * 2 * 50u);
  ASSERT_EQ(run.packets.size(), 14u);
  EXPECT_EQ(run.packets[1].bytes, 100u);
  EXPECT_EQ(run.packets[2].bytes, 10u);
  EXPECT_EQ(run.packets[4].bytes, 50u);
  ASSERT_EQ(run.results.size(), 14u);
  EXPECT_EQ(run.results[1].boxes.size(), 1u);
  EXPECT_EQ(run.results[2].boxes.size(), 0u);
  EXPECT_EQ(run.inferences, 14u);
  EXPECT_EQ(run.input, recorded.reference().input);
  EXPECT_EQ(run.seconds, 7);
  EXPECT_NEAR(run.inference_s, 1, 1e-9);  // two of its fourteen frames
  EXPECT_NEAR(run.encode_s, 0.2, 1e-9);   // a seventh of its bytes
  EXPECT_EQ(frame_accuracy(run, recorded.reference()), (std::vector<double>{1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}));
}

TEST(Compose, AFrameThatWasNotSentKeepsTheLastResultAcrossIntervals) {
  // The object moves at each second; half the frames are sent, the last one of each second.
  const auto moving = [](std::size_t i) { return std::vector<ScoredBox>{box(0.1 + 0.2 * double(i / 2 % 2))}; };
  Recorded recorded;
  recorded.knobs = {{"framerate", {1, 2}}};
  recorded.runs[{1}] = made_up(3, 100, moving);
  auto half = made_up(3, 100, moving);
  for (std::size_t i : {4u, 2u, 0u}) {
    half->results.erase(half->results.begin() + long(i));
    half->packets.erase(half->packets.begin() + long(i));
  }
  recorded.runs[{0}] = half;
  const RunResult run = compose(recorded, {{1}, {0}});
  EXPECT_EQ(run.results.size(), 4u);
  EXPECT_EQ(run.bytes, 400u);
  EXPECT_EQ(frame_accuracy(run, recorded.reference()), (std::vector<double>{1, 1, 0, 1, 0, 1}));
}

TEST(Compose, WhatWasNotRecordedCannotBePutTogether) {
  Recorded recorded = seven_seconds();
  recorded.runs.erase(Rungs{0});
  EXPECT_THROW(compose(recorded, {{2}, {0}}), RunError);
  EXPECT_THROW(step_policy(recorded, "profiling", {}, 0.5, Metric::F1), RunError);
}

// A profile of all three takes 2 + 2 inferences (QP 20 was streamed). Half of two frames a second are left for it: it
// is ready 4 s after interval 0, at 5 s. Worth, accuracy − resource: 0 at QP 20, 0.5 at 30, −0.1 at 40.
TEST(StepPolicy, AProfileIsAsLateAsItsInferencesTake) {
  const PolicyRun run = step_policy(seven_seconds(), "profiling", {}, 0.5, Metric::F1);
  EXPECT_EQ(qp_of(run), (std::vector<double>{20, 20, 20, 20, 20, 30, 30}));
  EXPECT_EQ(run.extra_inferences, 4u);
  EXPECT_EQ(run.result.bytes, 5 * 200u + 2 * 100u);
  EXPECT_EQ(run.result.results.size(), 14u);

  const PolicyRun soon = step_policy(seven_seconds(), "profiling", {}, 2, Metric::F1);  // 1 s
  EXPECT_EQ(qp_of(soon), (std::vector<double>{20, 20, 30, 30, 30, 30, 30}));
  EXPECT_EQ(soon.extra_inferences, 4u);
  const PolicyRun never = step_policy(seven_seconds(), "profiling", {}, 0.1, Metric::F1);  // 20 s
  EXPECT_EQ(qp_of(never), std::vector<double>(7, 20));
  EXPECT_EQ(never.extra_inferences, 4u);
}

TEST(StepPolicy, LambdaChooses) {
  PolicySettings settings;
  settings.lambda = 0;  // QP 20 and 30 are as accurate; the first of them stays
  EXPECT_NE(qp_of(step_policy(seven_seconds(), "profiling", settings, 2, Metric::F1)).back(), 40);
  settings.lambda = 10;  // −9, −4, −1
  EXPECT_EQ(qp_of(step_policy(seven_seconds(), "profiling", settings, 2, Metric::F1)).back(), 40);
}

// A full profile after intervals 0 and 4, and one of the best (with QP 20) after every other. Inferences, two frames a
// configuration that was not streamed: 4; then with QP 20 streamed 2, with QP 30 2, 2; full with QP 30 streamed 4;
// the small one after it 4, as QP 30 is still streamed: from second 4 on QP 40 is as accurate, which the profile of
// interval 4 sees, so that it is the best, and is taken in interval 6.
TEST(StepPolicy, ChameleonProfilesTheBestInBetween) {
  PolicySettings settings;
  settings.profile_interval = 4;
  settings.profile_top = 1;
  const PolicyRun run = step_policy(seven_seconds(), "chameleon", settings, 1000, Metric::F1);
  EXPECT_EQ(qp_of(run), (std::vector<double>{20, 20, 30, 30, 30, 30, 40}));
  EXPECT_EQ(run.extra_inferences, 4u + 2 + 2 + 2 + 4 + 4);
}

TEST(StepPolicy, ProfiledConfigurationsAreTheGrid) {
  PolicySettings settings;
  const std::vector<KnobLadder> knobs{{"qp", {40, 30, 20}}, {"scale", {0.5, 1}}};
  EXPECT_EQ(profiled_configurations(knobs, settings).size(), 6u);
  settings.profile_configurations = 4;
  EXPECT_EQ(profiled_configurations(knobs, settings), (std::vector<Rungs>{{0, 0}, {0, 1}, {2, 0}, {2, 1}}));
}

TEST(CasvaSamples, HandWorked) {
  // QP 20 costs 100 bytes a frame, 40 a tenth and shows nothing.
  Recorded recorded;
  recorded.knobs = {{"qp", {40, 30, 20}}};
  const auto seen = [](std::size_t) { return std::vector<ScoredBox>{box(0.1)}; };
  const auto fine = made_up(3, 100, seen),
             coarse = made_up(3, 10, [](std::size_t) { return std::vector<ScoredBox>{}; });
  auto rows = [](RunResult &run, std::vector<double> measured) {
    run.intervals.clear();
    for (double r : measured) {
      IntervalRow row;
      row.interval = run.intervals.size();
      row.measured_resource = r;
      run.intervals.push_back(row);
    }
  };
  rows(*fine, {1, 1});
  rows(*coarse, {0.1, 0.2});
  recorded.runs[{2}] = fine;
  recorded.runs[{0}] = coarse;
  auto samples = casva_samples(recorded, Metric::F1);
  // Two states in each of the first two seconds, two candidates each; cheapest first.
  ASSERT_EQ(samples.size(), 8u);
  const double tenth = std::log(0.1);
  EXPECT_EQ(samples[0].inputs, (std::vector<double>{tenth, tenth, 0, 0, 0}));
  EXPECT_EQ(samples[0].accuracy, 0);
  EXPECT_NEAR(samples[0].log_resource, tenth, 1e-12);
  EXPECT_EQ(samples[1].inputs, (std::vector<double>{tenth, tenth, 0, 0, 1}));
  EXPECT_EQ(samples[1].accuracy, 1);
  EXPECT_EQ(samples[1].log_resource, 0);
  EXPECT_NEAR(samples[2].inputs[0], std::log(0.2), 1e-12);
  EXPECT_NEAR(samples[2].inputs[2], std::log(2), 1e-12);
  EXPECT_EQ(samples[4].inputs, (std::vector<double>{0, 0, 0, 1, 0}));
  // Where nothing was measured there is no state, and in the next second no change from it.
  rows(*coarse, {-1, 0.2});
  samples = casva_samples(recorded, Metric::F1);
  ASSERT_EQ(samples.size(), 6u);
  EXPECT_EQ(samples[0].inputs[2], 0);
  // A last second that is cut short is left out.
  fine->seconds = 2.5;
  EXPECT_EQ(casva_samples(recorded, Metric::F1).size(), 2u);
  EXPECT_EQ(without_maps({"qp-map", "scale"}), (std::vector<std::string>{"qp", "scale"}));
}
TEST(TwoPasses, EachRungWithAFinerOne) {
  using Pairs = std::vector<std::pair<std::size_t, std::size_t>>;
  EXPECT_EQ(dds_pairs({40, 36, 32, 28, 24}), (Pairs{{0, 3}, {1, 4}, {2, 4}}));  // 28 and 24 have nothing 8 finer
  EXPECT_EQ(dds_pairs({44, 32, 20}), (Pairs{{0, 1}, {1, 2}}));
  EXPECT_EQ(dds_pairs({48, 34, 20}), (Pairs{{0, 1}, {1, 2}}));
  EXPECT_EQ(dds_pairs({40, 38, 36}), (Pairs{{0, 2}}));  // it is all there is
  EXPECT_EQ(dds_pairs({40}), Pairs());
  EXPECT_EQ(dds_pairs({}), Pairs());
}

// Two seconds of two frames, 64×48. The first and the third frame have a hint that is sent again.
TEST(TwoPasses, TheSecondSendsWhereTheFirstWasNotSure) {
  const auto first = made_up(2, 10, [](std::size_t) { return std::vector<ScoredBox>{box(0.1)}; });
  first->threshold = 0.4;
  for (const FrameResult &f : first->results) first->uncertain.push_back({f.stream_time, {}});
  ScoredBox hint = box(0.55);  // pixels 35.2 … 41.6, 4.8 … 9.6
  hint.score = 0.35;
  ScoredBox known = box(0.11);
  known.score = 0.35;
  first->uncertain[0].boxes = {hint, known};
  first->uncertain[1].boxes = {known};
  first->uncertain[2].boxes = {hint, hint};
  const SecondPass pass = second_pass_of(*first, 40);
  EXPECT_EQ(pass.first_qp, 40);
  ASSERT_EQ(pass.blocks.size(), 2u);
  EXPECT_EQ(pass.blocks.begin()->first, 0u);
  EXPECT_EQ(pass.blocks.rbegin()->first, 1000 * kMs);
  const BlockMap &map = pass.blocks.begin()->second;
  EXPECT_EQ(map.frame_width, 64u);
  EXPECT_EQ(map.frame_height, 48u);
  EXPECT_EQ(map.values, (std::vector<float>{0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(pass.feedback_bytes, 2 * 10u + 3 * 8u);
  EXPECT_TRUE(second_pass_of(*made_up(1, 1, [](std::size_t) { return std::vector<ScoredBox>{}; }), 40).blocks.empty());
}

TEST(TwoPasses, ComeTogetherAsOneRun) {
  const auto first = made_up(2, 10, [](std::size_t) { return std::vector<ScoredBox>{box(0.1)}; });
  first->encode_s = 1;
  first->inference_s = 2;
  SecondPass pass;
  pass.first_qp = 40;
  pass.feedback_bytes = 44;
  for (std::uint64_t t : {std::uint64_t(0), 1000 * kMs}) {
    pass.blocks[t] = BlockMap(64, 48);
    pass.blocks[t].at(2, 0) = 1;
  }
  RunResult second;
  // What was found in the region, and what was found elsewhere as a matter of course.
  second.results = {{0, {box(0.55), box(0.8)}}, {1000 * kMs, {}}};
  second.packets = {{0, 7}, {1000 * kMs, 5}};
  second.bytes = 12;
  second.inferences = 2;
  second.encode_s = 0.5;
  second.inference_s = 0.25;
  const PolicyRun run = join_passes(*first, &second, pass);
  EXPECT_EQ(run.extra_inferences, 2u);
  EXPECT_EQ(run.result.bytes, 52u);
  ASSERT_EQ(run.result.packets.size(), 6u);
  EXPECT_EQ(run.result.packets[1].stream_time, 0u);
  EXPECT_EQ(run.result.packets[1].bytes, 7u);
  EXPECT_EQ(run.result.packets[4].bytes, 5u);
  EXPECT_EQ(run.result.encode_s, 1.5);
  EXPECT_EQ(run.result.inference_s, 2.25);
  EXPECT_EQ(run.result.feedback_bytes, 44u);
  ASSERT_EQ(run.result.results.size(), 4u);
  ASSERT_EQ(run.result.results[0].boxes.size(), 2u);
  EXPECT_EQ(run.result.results[0].boxes[1].box.x0, 0.55);
  for (std::size_t i : {1u, 2u, 3u}) EXPECT_EQ(run.result.results[i].boxes.size(), 1u) << i;
  // Nothing to be sent: the first pass is all.
  const PolicyRun alone = join_passes(*first, nullptr, SecondPass());
  EXPECT_EQ(alone.extra_inferences, 0u);
  EXPECT_EQ(alone.result.bytes, 40u);
  EXPECT_EQ(alone.result.feedback_bytes, 0u);
  // A frame that the first pass has not.
  second.results[1].stream_time += 3 * kMs;
  EXPECT_THROW(join_passes(*first, &second, pass), RunError);
}

namespace {
/// Twenty frames, ten a second: nothing moves in the first second; in the second one a square and the box around it
/// move by a quarter of their side a frame.
FrameStudy moving_square() {
  auto all = std::make_shared<RunResult>();
  std::vector<FrameFilter::Frame> frames;
  for (unsigned i = 0; i < 20; ++i) {
    const unsigned x = i < 10 ? 0 : 4 * (i - 9);
    std::vector<std::uint8_t> luma(128 * 16, 50);
    for (unsigned y = 0; y < 16; ++y)
      for (unsigned u = x; u < x + 16; ++u) luma[y * 128 + u] = 200;
    frames.push_back(std::make_shared<Cells>(luma_cells(luma.data(), 128, 128, 16)));
    const std::uint64_t time = i * 100000000ull;
    all->input.push_back(time);
    all->results.push_back({time, {{{x / 128.0, 0, (x + 16) / 128.0, 1}, 0.9, 0}}});
    all->packets.push_back({time, 1000});
  }
  all->bytes = 20000;
  all->inferences = 20;
  all->inference_s = 2;
  all->seconds = 2;
  return FrameStudy(frames, all);
}
}  // namespace

TEST(FrameStudy, ChoosesAmongTheResultsOfAll) {
  const FrameStudy study = moving_square();
  EXPECT_EQ(study.fixed({}).results.size(), 20u);
  // The unit of the second second is that of the first, where nothing moved: the first ten are sent (no unit yet).
  const RunResult run = study.fixed({1, 0, 0});
  EXPECT_EQ(run.results.size(), 20u);
  const RunResult change = study.scheduled({{0, 0, 1000}, {}}, false);
  ASSERT_EQ(change.results.size(), 11u);
  EXPECT_EQ(change.results[1].stream_time, 1000000000u);
  EXPECT_EQ(change.bytes, 11000u);
  EXPECT_EQ(change.inferences, 11u);
  EXPECT_DOUBLE_EQ(change.inference_s, 1.1);
  EXPECT_EQ(study.scheduled({{0, 0, 1000}}, true).results.size(), 2u);  // a frame a second
}
TEST(FrameStudy, ReductoKeepsTheAccuracyThatItWasTrainedFor) {
  const FrameStudy study = moving_square();
  // Shifted by a quarter of its side a box still has an IoU of 12/20; by a half, 8/24: no match. So the moving second
  // needs every second frame, the still one its first.
  const RunResult exact = study.reducto(1, false, Metric::F1);
  EXPECT_EQ(exact.results.size(), 1u + 5u);
  EXPECT_DOUBLE_EQ(mean_accuracy(exact, study.reference()), 1);
  const RunResult coarse = study.reducto(0.1, false, Metric::F1);
  EXPECT_EQ(coarse.results.size(), 2u);
}
TEST(FrameStudy, WantsEveryFrameAnalysed) {
  auto some = std::make_shared<RunResult>();
  some->input = {0, 1};
  EXPECT_THROW(FrameStudy(std::vector<FrameFilter::Frame>(), some), RunError);
}

TEST(Granularity, SquaresThatComeNearest) {
  EXPECT_EQ(side_for_blocks(40, 22, 4), 20u);  // 2×2
  EXPECT_EQ(side_for_blocks(40, 22, 16), 8u);  // 5×3
  EXPECT_EQ(side_for_blocks(40, 22, 64), 4u);  // 10×6; with 3 it would be 14×8
  EXPECT_EQ(side_for_blocks(40, 22, 1), 40u);
  EXPECT_EQ(side_for_blocks(40, 22, 10000), 1u);
  EXPECT_EQ(side_for_blocks(1, 1, 4), 1u);
}

TEST(Options, LaddersEndWithTheMostExpensive) {
  using Ends = std::map<std::string, double>;
  EXPECT_EQ(ladder_ends({{"filter.qp-ladder", "44, 32,28"}, {"filter.scale-ladder", "0.5 0.75, "}}),
            (Ends{{"qp", 28}, {"scale", 0.75}}));
  EXPECT_EQ(ladder_ends({{"filter.qp-ladder", "30"}, {"dnn.threads", "2"}, {"filter.qp", "7"}}), (Ends{{"qp", 30}}));
  EXPECT_EQ(ladder_ends({{"filter.qp-ladder", ""}, {"ctl.x-ladder", "3"}, {"filter.-ladder", "3"}}), Ends());
}

TEST(Point, HandWorked) {
  // 1.5 s: the second interval is half a second long.
  const auto reference = made_up(2, 100, [](std::size_t) { return std::vector<ScoredBox>{box(0.1)}; });
  reference->input.pop_back();
  reference->packets.pop_back();
  reference->results.pop_back();
  reference->bytes = 300;
  reference->seconds = 1.5;
  PolicyRun run;
  run.result = *reference;
  run.result.results[2].boxes = {box(0.5), box(0.7)};
  run.result.packets = {{0, 60}, {1000 * kMs, 15}};
  run.result.results.erase(run.result.results.begin() + 1);
  run.result.bytes = 75;
  run.result.encode_s = 0.25;
  run.result.probe_s = 0.5;
  run.result.inference_s = 3;
  run.result.gradient_s = 0.125;
  run.result.feedback_bytes = 42;
  run.knobs = {{{"qp", 30}}};
  run.extra_inferences = 9;
  const json point = point_json("lambda=1", run, *reference, Metric::F1);
  EXPECT_EQ(point["setting"], "lambda=1");
  EXPECT_EQ(point["bandwidth"], 0.25);
  EXPECT_EQ(point["accuracy"], 0.666667);  // the second frame keeps the first one's result
  EXPECT_EQ(point["frames_analysed"], 2);
  EXPECT_EQ(point["extra_inferences"], 9);
  EXPECT_EQ(point["sensor_cpu_s"], 0.75);
  EXPECT_EQ(point["inference_s"], 3);
  EXPECT_EQ(point["gradient_s"], 0.125);
  EXPECT_EQ(point["feedback_bytes"], 42);
  EXPECT_EQ(point["bytes"], 75);
  EXPECT_EQ(point["intervals"], json::parse(R"([
    {"t": 0.0, "kbps": 0.48, "accuracy": 1.0, "objects": 1.0, "knobs": {"qp": 30.0}},
    {"t": 1.0, "kbps": 0.24, "accuracy": 0.0, "objects": 2.0, "knobs": {}}])"));
}

// Two curves over the same accuracies, one with half of the other's bandwidth.
TEST(Comparison, BdRateAndBandwidthAt) {
  json clip{{"curves",
             {curve("uniform", {{1, 1}, {0.5, 0.9}, {0.25, 0.8}}),
              curve("oneadapt", {{0.5, 1}, {0.25, 0.9}, {0.125, 0.8}}), curve("profiling", {{0.9, 0.7}, {0.8, 0.6}})}}};
  compare_curves(clip);
  EXPECT_FALSE(clip["flat"]);
  // oneadapt against each other, and each against uniform.
  ASSERT_EQ(clip["bd_rate"].size(), 3u);
  const json first = clip["bd_rate"][0];
  EXPECT_EQ(first["policy"], "oneadapt");
  EXPECT_EQ(first["against"], "uniform");
  EXPECT_NEAR(first["percent"], -50, 1e-4);
  EXPECT_NEAR(first["from"], 0.8, 1e-9);
  EXPECT_NEAR(first["to"], 1, 1e-9);
  for (std::size_t i : {1u, 2u}) {
    EXPECT_TRUE(clip["bd_rate"][i]["percent"].is_null());
    EXPECT_NE(clip["bd_rate"][i]["reason"].get<std::string>().find("share no accuracy"), std::string::npos);
  }
  ASSERT_EQ(clip["bandwidth_at"].size(), 3u);
  EXPECT_EQ(clip["bandwidth_at"][0]["accuracy"], 0.95);
  // log₂ of the bandwidth is linear in accuracy between the points: 2^−0.5.
  EXPECT_NEAR(clip["bandwidth_at"][0]["bandwidth"], 0.707107, 1e-6);
  EXPECT_NEAR(clip["bandwidth_at"][1]["bandwidth"], 0.353553, 1e-6);
  EXPECT_TRUE(clip["bandwidth_at"][2]["bandwidth"].is_null());
}

// A half of uniform's bandwidth against region's 0.8 and dds's 0.6: −37.5 and −16.7 %, so dds is the better one.
TEST(Comparison, TheBetterBaselineIsTheOneThatLessIsSavedAgainst) {
  const auto scaled = [](const std::string &policy, double factor) {
    return curve(policy, {{factor, 1}, {0.5 * factor, 0.9}, {0.25 * factor, 0.8}});
  };
  const auto against = [](const json &clip) {
    std::vector<std::string> out;
    for (const json &row : clip["bd_rate"])
      if (row["policy"] == "oneadapt") out.push_back(row["against"]);
    return out;
  };
  const std::string both = "the better of region and dds";
  json clip{{"curves", {scaled("uniform", 1), scaled("dds", 0.6), scaled("region", 0.8), scaled("oneadapt", 0.5)}}};
  compare_curves(clip);
  EXPECT_EQ(against(clip), (std::vector<std::string>{"uniform", "dds", "region", both}));
  const json row = clip["bd_rate"].back();
  EXPECT_NEAR(row["percent"], -16.6667, 1e-3);
  EXPECT_NEAR(row["from"], 0.8, 1e-9);
  // The mean over clips has it too.
  EXPECT_EQ(mean_bd_rates(json::array({clip})).back()["against"], both);

  // One of the two shares no accuracy: the other one counts.
  clip = {{"curves", {curve("dds", {{0.2, 0.5}, {0.1, 0.4}}), scaled("region", 0.8), scaled("oneadapt", 0.5)}}};
  compare_curves(clip);
  EXPECT_NEAR(clip["bd_rate"].back()["percent"], -37.5, 1e-3);
  EXPECT_EQ(clip["bd_rate"].back()["against"], both);
  // Neither has a curve to compare with.
  clip = {{"curves", {curve("dds", {{0.2, 0.5}}), curve("region", {{0.2, 0.5}}), scaled("oneadapt", 0.5)}}};
  compare_curves(clip);
  EXPECT_EQ(clip["bd_rate"].back()["against"], both);
  EXPECT_TRUE(clip["bd_rate"].back()["percent"].is_null());
  EXPECT_FALSE(clip["bd_rate"].back()["reason"].get<std::string>().empty());
  // With one of them there is nothing to choose.
  clip = {{"curves", {scaled("uniform", 1), scaled("region", 0.8), scaled("oneadapt", 0.5)}}};
  compare_curves(clip);
  EXPECT_EQ(against(clip), (std::vector<std::string>{"uniform", "region"}));
}

TEST(Comparison, AFlatClipHasNoBdRate) {
  for (double cheap : {0.11, 0.13}) {
    json clip{{"curves", {curve("uniform", {{1, 1}, {cheap, 0.94}}), curve("oneadapt", {{1, 1}, {0.1, 0.96}})}}};
    compare_curves(clip);
    EXPECT_EQ(clip["flat"], cheap < 0.12) << cheap;
    EXPECT_EQ(clip["bd_rate"][0]["percent"].is_null(), cheap < 0.12) << cheap;
    if (cheap < 0.12) {
      EXPECT_NE(clip["bd_rate"][0]["reason"].get<std::string>().find("flat"), std::string::npos);
    }
    EXPECT_NEAR(clip["bandwidth_at"][1]["bandwidth"], 0.1, 1e-9);  // the cheapest point does
  }
}

TEST(Comparison, MeanOverTheClipsThatHaveOne) {
  const json clips = json::parse(R"([
    {"bd_rate": [{"policy": "a", "against": "u", "percent": -30}, {"policy": "b", "against": "u", "percent": null}]},
    {"bd_rate": [{"policy": "a", "against": "u", "percent": 10}, {"policy": "b", "against": "u", "percent": null}]},
    {"bd_rate": [{"policy": "a", "against": "u", "percent": null}]}])");
  EXPECT_EQ(mean_bd_rates(clips), json::parse(R"([
    {"policy": "a", "against": "u", "percent": -10.0, "worst": 10.0, "clips": 2},
    {"policy": "b", "against": "u", "percent": null, "worst": null, "clips": 0}])"));
  EXPECT_EQ(mean_bd_rates(json::array()), json::array());
}

TEST(Comparison, TheMeanCurveAveragesEachSetting) {
  const auto curve = [](const char *policy, double factor, double lift, const char *last = "b") {
    return json{{"policy", policy},
                {"points",
                 {{{"setting", "a"}, {"bandwidth", 0.2 * factor}, {"accuracy", 0.8 + lift}},
                  {{"setting", last}, {"bandwidth", 0.6 * factor}, {"accuracy", 0.9 + lift}}}}};
  };
  // On the second clip the two share no accuracy.
  const json clips{
      {{"flat", false}, {"curves", {curve("uniform", 1, 0), curve("oneadapt", 0.5, 0), curve("region", 1, 0)}}},
      {{"flat", false},
       {"curves", {curve("uniform", 1, -0.25), curve("oneadapt", 0.7, 0), curve("region", 1, 0, "c")}}},
      {{"flat", true}, {"curves", {curve("uniform", 9, 0)}}}};
  const json mean = mean_curve(clips);
  EXPECT_EQ(mean["clips"], 2);
  EXPECT_EQ(mean["curves"][0]["points"], json::parse(R"([{"setting": "a", "bandwidth": 0.2, "accuracy": 0.675},
                            {"setting": "b", "bandwidth": 0.6, "accuracy": 0.775}])"));
  EXPECT_EQ(mean["curves"][1]["points"][1], json::parse(R"({"setting": "b", "bandwidth": 0.36, "accuracy": 0.9})"));
  EXPECT_EQ(mean["curves"][2]["points"].size(), 1u) << "only one setting that both have";
  ASSERT_EQ(mean["bd_rate"].size(), 3u);
  EXPECT_TRUE(mean["bd_rate"][0]["percent"].is_null());
  // Lifted by less, they do: from 0.8 to 0.875, half of the first and seven tenths of the second in the mean.
  json nearer = clips;
  nearer[1]["curves"][0] = curve("uniform", 1, -0.05);
  EXPECT_LT(mean_curve(nearer)["bd_rate"][0]["percent"], -40);
  EXPECT_TRUE(mean_curve(json::array({clips[0], clips[2]})).is_null());
  json results{{"clips", json::array()}, {"mean_curve", mean_curve(nearer)}};
  EXPECT_NE(table(results).find("Of the mean curves of 2 clips"), std::string::npos);
  EXPECT_NE(table(results).find("oneadapt against uniform: BD-rate -"), std::string::npos);
}

TEST(Comparison, OfTwoEvaluations) {
  const auto curve = [](const char *policy, double factor) {
    return json{{"policy", policy},
                {"points",
                 {{{"bandwidth", 0.2 * factor}, {"accuracy", 0.8}}, {{"bandwidth", 0.6 * factor}, {"accuracy", 0.9}}}}};
  };
  const auto evaluation = [&](double factor, const char *second) {
    return json{{"resource", "bandwidth"},
                {"metric", "f1"},
                {"clips",
                 {{{"clip", "a.mp4"}, {"flat", false}, {"curves", {curve("uniform", 1), curve("oneadapt", factor)}}},
                  {{"clip", second}, {"flat", false}, {"curves", {curve("oneadapt", factor * factor)}}}}}};
  };
  const json now = evaluation(0.5, "b.mp4");
  json compared = compare_evaluations(now, evaluation(1, "b.mp4"));
  ASSERT_EQ(compared["clips"].size(), 2u);
  EXPECT_NEAR(compared["clips"][0]["bd_rate"][0]["percent"], 0, 1e-6);
  EXPECT_NEAR(compared["clips"][0]["bd_rate"][1]["percent"], -50, 1e-6);
  EXPECT_NEAR(compared["clips"][1]["bd_rate"][0]["percent"], -75, 1e-6);
  EXPECT_NEAR(compared["mean_bd_rate"][1]["percent"], -62.5, 1e-6);
  const std::string text = against_table(compared);
  EXPECT_NE(text.find("oneadapt against the other: BD-rate -50.0 %"), std::string::npos) << text;
  EXPECT_NE(text.find("oneadapt against the other: -62.5 % (worst -50.0 %, 2 clips)"), std::string::npos) << text;
  // What only one of them has is left out; with nothing in common there is nothing to compare.
  EXPECT_EQ(compare_evaluations(now, evaluation(1, "c.mp4"))["clips"].size(), 1u);
  json other = evaluation(1, "c.mp4");
  other["clips"].erase(0);
  EXPECT_NE(against_table(compare_evaluations(now, other)).find("no clip and policy in common"), std::string::npos);
}

TEST(Table, SaysWhatTheResultsSay) {
  json clip = json::parse(R"({"clip": "a.mp4", "frames": 80, "fps": 10.0, "width": 960, "height": 540, "flat": false,
    "reference": {"kbps": 1234.5, "objects_per_frame": 4.75},
    "curves": [{"policy": "oneadapt", "points": [{"setting": "lambda=1", "bandwidth": 0.258, "accuracy": 0.899,
      "frames_analysed": 80, "extra_inferences": 7, "sensor_cpu_s": 1.25, "inference_s": 2.5, "gradient_s": 0.25,
      "feedback_bytes": 12300}]}],
    "bd_rate": [{"policy": "oneadapt", "against": "uniform", "percent": -38.2, "from": 0.8, "to": 0.95},
                {"policy": "chameleon", "against": "uniform", "percent": null, "reason": "because"}],
    "bandwidth_at": [{"policy": "oneadapt", "accuracy": 0.95, "bandwidth": 0.111},
                     {"policy": "chameleon", "accuracy": 0.95, "bandwidth": null}]})");
  json results{{"clips", {clip}}, {"mean_bd_rate", mean_bd_rates(json::array({clip}))}};
  const std::string one = table(results);
  for (const char *text :
       {"a.mp4: 80 frames at 10 fps, 960x540, 1234 kbit/s, 4.8 objects a frame", "25.8 %", "0.899", "1.25 s", "2.75 s",
        "12.3 kB", "oneadapt against uniform: BD-rate -38.2 % (accuracy 0.80 to 0.95)",
        "chameleon against uniform: no BD-rate: because", "oneadapt 11.1 %", "chameleon never"})
    EXPECT_NE(one.find(text), std::string::npos) << text << "\n" << one;
  EXPECT_EQ(one.find("Mean over"), std::string::npos);
  json sound = clip;
  sound["seconds"] = 61.3;
  sound["sound"] = {{"words", {{{"t", 0.5}, {"word", "one"}}, {{"t", 1.5}, {"word", "two"}}}}};
  EXPECT_NE(table({{"clips", {sound}}}).find("a.mp4: 61 s of sound, 1234 kbit/s, 2 words\n"), std::string::npos);
  results["clips"].push_back(clip);
  results["mean_bd_rate"] = mean_bd_rates(results["clips"]);
  EXPECT_NE(table(results).find("oneadapt against uniform: -38.2 % (worst -38.2 %, 2 clips)"), std::string::npos);
}

namespace {

class Store : public ::testing::Test {
 protected:
  Store() {
    std::string name = (fs::temp_directory_path() / "oneadapt-XXXXXX").string();
    if (mkdtemp(name.data())) folder = name;
    write("a.avi", "a");
    write("b.avi", "b");
    write("m.pt", "model");
    options.clip = (folder / "a.avi").string();
    options.model = (folder / "m.pt").string();
    result = *made_up(2, 100, [](std::size_t i) { return std::vector<ScoredBox>{box(0.1 * double(i))}; });
    result.device = "cpu";
    result.ladders["qp"] = {40, 20};
    result.inference_s = 1.0 / 3;
    result.threshold = 0.4;
    result.feedback_bytes = 7;
    IntervalRow row;
    row.interval = 1;
    row.z = 0.1;
    row.knobs.push_back({"qp", 30, 1.5, -1, 0.25, 0, 0.125, 0, 28});
    result.intervals = {row};
    result.stills = {{5, {0xff, 0xd8, 0}}};
    result.uncertain = {{500 * kMs, {box(0.7)}}};
    result.gradient_maps = {{7, BlockMap(32, 16)}};
    result.gradient_maps[0].map.values = {0.1f, 0.2f};
    result.warnings = {"something is odd"};
  }
  ~Store() override {
    std::error_code ec;
    fs::remove_all(folder, ec);
  }
  void write(const std::string &name, const std::string &text) {
    std::ofstream(folder / name, std::ios::binary) << text;
  }
  fs::path runs() const { return folder / "runs"; }
  fs::path kept() const { return fs::directory_iterator(runs())->path(); }

  fs::path folder;
  RunOptions options;
  RunResult result;
};

}  // namespace

TEST_F(Store, WhatWasKeptIsFoundAsItWas) {
  const RunStore store(runs().string());
  EXPECT_FALSE(store.find(options));
  store.keep(options, result);
  const auto found = RunStore(runs().string()).find(options);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->input, result.input);
  EXPECT_EQ(found->medium, &video_medium());
  EXPECT_EQ(found->bytes, 400u);
  ASSERT_EQ(found->results.size(), 4u);
  EXPECT_EQ(frame_accuracy(*found, result), std::vector<double>(4, 1));
  EXPECT_EQ(found->results[3].boxes[0].box.x0, result.results[3].boxes[0].box.x0);
  ASSERT_EQ(found->uncertain.size(), 1u);
  EXPECT_EQ(found->uncertain[0].stream_time, 500 * kMs);
  EXPECT_EQ(found->uncertain[0].boxes.at(0).box.x0, 0.7);
  ASSERT_EQ(found->packets.size(), 4u);
  EXPECT_EQ(found->packets[3].stream_time, 1500 * kMs);
  EXPECT_EQ(found->seconds, 2);
  EXPECT_EQ(found->width, 64u);
  EXPECT_EQ(found->height, 48u);
  EXPECT_EQ(found->device, "cpu");
  EXPECT_EQ(found->inference_s, 1.0 / 3);
  EXPECT_EQ(found->threshold, 0.4);
  EXPECT_EQ(found->inferences, 4u);
  EXPECT_EQ(found->feedback_bytes, 7u);
  EXPECT_EQ(found->ladders, result.ladders);
  EXPECT_EQ(found->warnings, result.warnings);
  ASSERT_EQ(found->intervals.size(), 1u);
  EXPECT_EQ(found->intervals[0].z, 0.1);
  EXPECT_EQ(found->intervals[0].knobs[0].name, "qp");
  EXPECT_EQ(found->intervals[0].knobs[0].resource_change_up, 0.125);
  EXPECT_EQ(found->intervals[0].knobs[0].next, 28);
  ASSERT_EQ(found->stills.size(), 1u);
  EXPECT_EQ(found->stills[0].jpeg, result.stills[0].jpeg);
  ASSERT_EQ(found->gradient_maps.size(), 1u);
  EXPECT_EQ(found->gradient_maps[0].map.values, result.gradient_maps[0].map.values);
}

TEST_F(Store, TheMediumIsKeptAndTellsRunsApart) {
  const RunStore store(runs().string());
  store.keep(options, result);
  options.medium = result.medium = &find_medium("sound");
  EXPECT_FALSE(store.find(options));
  store.keep(options, result);
  const auto found = store.find(options);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->medium->name(), "sound");
}

TEST(Media, AreFoundByNameAndByWhatAClipHolds) {
  for (const Medium *medium : media()) EXPECT_EQ(&find_medium(medium->name()), medium);
  EXPECT_THROW(find_medium("smell"), RunError);
  tools::FileFacts file;
  file.sound = true;
  EXPECT_FALSE(video_medium().holds(file));
  EXPECT_TRUE(find_medium("sound").holds(file));
  file.video = true;
  EXPECT_TRUE(video_medium().holds(file));
  // What oneadapt-eval says of a medium's own option.
  EXPECT_STREQ(only_for("--fps", "video", "sound").what(), "--fps is for video, and the clips are sound; leave it out");
  EvalOptions options;
  options.metric = Metric::MeanIou;
  EXPECT_NO_THROW(video_medium().check(options));
  EXPECT_THROW(find_medium("sound").check(options), RunError);
}

TEST_F(Store, MasksAreKept) {
  const RunStore store(runs().string());
  result.results[3].boxes[0].mask = {4, 3, {1, 1, 1, 2, 6, 1}};
  store.keep(options, result);
  const auto found = store.find(options);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->results[3].boxes[0].mask, result.results[3].boxes[0].mask);
  EXPECT_TRUE(found->results[2].boxes.at(0).mask.none());
}

TEST(Accuracy, GoesByMasksWhereThereAreSome) {
  // One box, but the mask fills its left half in one run and all of it in the other.
  const auto run = [](const Mask &mask) {
    return made_up(1, 10, [&](std::size_t) {
      ScoredBox b = box(0.1);
      b.mask = mask;
      return std::vector<ScoredBox>{b};
    });
  };
  const Mask whole{2, 2, {0, 4}}, half{2, 2, {0, 2, 2}}, quarter{2, 2, {0, 1, 3}};
  EXPECT_EQ(mean_accuracy(*run(half), *run(whole)), 1);     // IoU 0.5 is a match
  EXPECT_EQ(mean_accuracy(*run(quarter), *run(whole)), 0);  // 0.25 is none
  EXPECT_EQ(mean_accuracy(*run(quarter), *run(whole), Metric::MeanIou), 0.25);
  EXPECT_EQ(mean_accuracy(*run({}), *run({})), 1);
}

TEST_F(Store, AnotherInputOrAnotherSettingIsAnotherRun) {
  const RunStore store(runs().string());
  store.keep(options, result);
  RunOptions other = options;
  other.clip = (folder / "b.avi").string();
  EXPECT_FALSE(store.find(other));
  other = options;
  other.lambda = 3;
  EXPECT_FALSE(store.find(other));
  other = options;
  other.start["qp"] = 30;
  EXPECT_FALSE(store.find(other));
  other = options;
  other.schedule = {{{"rate", 8000}}, {{"rate", 2000}}};
  EXPECT_FALSE(store.find(other));
  store.keep(other, result);
  EXPECT_TRUE(store.find(other));
  other.schedule[1]["rate"] = 4000;
  EXPECT_FALSE(store.find(other));
  other = options;
  other.properties["dnn.threads"] = "2";
  EXPECT_FALSE(store.find(other));
  other = options;
  other.uncertain_from = 0.1;
  EXPECT_FALSE(store.find(other));
  other = options;
  other.policy_file = (folder / "network.json").string();
  write("network.json", "one");
  EXPECT_FALSE(store.find(other));
  store.keep(other, result);
  EXPECT_TRUE(store.find(other));
  write("network.json", "another");
  EXPECT_FALSE(store.find(other));
  other = options;
  SecondPass pass;
  pass.first_qp = 40;
  pass.blocks[5] = BlockMap(32, 16);
  other.second_pass = std::make_shared<SecondPass>(pass);
  EXPECT_FALSE(store.find(other));
  store.keep(other, result);
  EXPECT_TRUE(store.find(other));
  pass.blocks[5].at(1, 0) = 1;
  other.second_pass = std::make_shared<SecondPass>(pass);
  EXPECT_FALSE(store.find(other));
  write("a.avi", "another clip under the same name");
  EXPECT_FALSE(store.find(options));
  write("a.avi", "a");
  fs::last_write_time(folder / "a.avi", fs::file_time_type::clock::now() + std::chrono::hours(1));
  EXPECT_FALSE(store.find(options));
}

TEST_F(Store, ADamagedFileIsNotFound) {
  const RunStore store(runs().string());
  store.keep(options, result);
  std::ostringstream whole;
  whole << std::ifstream(kept(), std::ios::binary).rdbuf();
  const std::string text = whole.str();
  const auto refused = [&](const std::string &damaged) {
    std::ofstream(kept(), std::ios::binary | std::ios::trunc) << damaged;
    return !store.find(options);
  };
  EXPECT_FALSE(refused(text));
  for (std::size_t size : {std::size_t(0), std::size_t(1), text.size() / 2, text.size() - 2})
    EXPECT_TRUE(refused(text.substr(0, size))) << size;
  std::string flipped = text;
  flipped[flipped.find("500000000")] = '7';  // still good JSON
  EXPECT_TRUE(refused(flipped));
  EXPECT_TRUE(refused("[]"));
  EXPECT_TRUE(refused("\n{}"));
  store.keep(options, result);  // it is made again
  EXPECT_TRUE(store.find(options));
}

TEST_F(Store, AFolderThatCannotBeMadeIsNamed) {
  try {
    RunStore((folder / "a.avi/runs").string());
    FAIL();
  } catch (const RunError &e) {
    const std::string text = e.what();
    EXPECT_EQ(text.find("--output"), 0u) << text;
    EXPECT_NE(text.find("a.avi/runs"), std::string::npos) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
  }
}

TEST_F(Store, NamesThatAreNoTextDoNotMatter) {
  options.clip = (folder / "caf\xe9.avi").string();  // Latin-1
  write("caf\xe9.avi", "c");
  const RunStore store(runs().string());
  store.keep(options, result);
  EXPECT_TRUE(store.find(options));
}
