// SPDX-License-Identifier: LGPL-2.1-or-later
// Composed runs, policies stepped over them, and their accuracy.
#include "eval/compose.h"
#include "eval/medium.h"
#include "eval_rig.h"

using namespace eval_test;
using namespace oneadapt;
using namespace oneadapt::eval;

namespace {

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
