// SPDX-License-Identifier: LGPL-2.1-or-later
// What a frame rate costs, and that an accuracy to keep goes by it.
#include <gtest/gtest.h>

#include <cmath>

#include "core/policy/oneadapt/reuse_belief.h"
#include "core/policy/registry.h"
#include "observations.h"

using namespace oneadapt;

namespace {

ReuseAccuracy after(const std::array<double, 6> &accuracy, unsigned frames = 10) {
  ReuseAccuracy r;
  r.frames = frames;
  r.accuracy = accuracy;
  return r;
}
constexpr std::array<double, 6> kWalking{1, 0.98, 0.96, 0.9, 0.8, 0.6}, kRacing{0.6, 0.4, 0.2, 0.1, 0, 0},
    kStanding{1, 1, 1, 1, 1, 1};

Observation observation(double rate) {
  Observation o = measured_qp(32);
  KnobObservation frames;
  frames.name = "f.framerate";
  frames.ladder = {1, 2, 10.0 / 3, 5, 10};
  frames.typical_accuracy = {.61, .79, .9, .964, 1};
  frames.typical_resource = {.25, .38, .52, .66, 1};
  frames.typical_compute = {.1, .2, 1 / 3.0, .5, 1};
  frames.rung = Ladder(frames.ladder).nearest_value(rate);
  frames.value = rate;
  frames.reuses_results = true;
  o.knobs.push_back(frames);
  return o;
}

/// Where the frame rate is after 20 intervals in which coding loses what is typical.
double settled(const std::array<double, 6> &reuse) {
  auto policy = make_policy("oneadapt", std::nullopt);
  PolicySettings s;
  s.min_accuracy = 0.85;
  Observation o = observation(10);
  for (int i = 0; i < 20; ++i) {
    o.interval = std::uint64_t(i);
    o.measured.frames = o.measured.occupied = 2;
    o.measured.objects = 20;
    o.measured.accuracy = 0.92;
    o.reuse = after(reuse);
    const Decision d = policy->decide(o, s);
    for (std::size_t k = 0; k < 2; ++k) {
      o.knobs[k].rung = d.knobs[k].rung;
      o.knobs[k].value = d.knobs[k].value.value_or(o.knobs[k].ladder[d.knobs[k].rung]);
    }
    o.measured.accuracy = o.knobs[0].rung ? o.knobs[0].typical_accuracy[o.knobs[0].rung] : 0.6;
  }
  return *o.knobs[1].value;
}

}  // namespace

// Of every two frames one has a result that is 0.1 s old: (1 + 0.96) / 2, where ten frames measured and ten are
// typical.
TEST(ReuseBelief, IsTheMeanOverDroppedAndOtherFrames) {
  ReuseBelief belief;
  EXPECT_FALSE(belief.known());
  EXPECT_EQ(belief.accuracy(5, 10, 0.9), 0.9);
  belief.observe(after(kWalking));
  EXPECT_NEAR(belief.accuracy(5, 10, 0.9), (0.98 + 0.9) / 2, 1e-12);
  EXPECT_EQ(belief.accuracy(10, 10, 1), 1) << "nothing is dropped";
  // 2.5 frames a second: results that are 0, 0.1, 0.2 and 0.3 s old, the last log-linear between 0.9 and 0.8.
  const double third = 0.9 - 0.1 * std::log(0.3 / 0.2) / std::log(2.0), mean = (1 + 0.96 + 0.9 + third) / 4;
  EXPECT_NEAR(belief.accuracy(2.5, 10, mean), mean, 1e-12);
  // 4 of 10 are halfway from every second to every third.
  const double second = 0.98, of_three = (1 + 0.96 + 0.9) / 3;
  EXPECT_NEAR(belief.accuracy(4, 10, (second + of_three) / 2), (second + of_three) / 2, 1e-12);
  // 30 frames a second: what is younger than 1/30 s is between that and 1.
  EXPECT_NEAR(belief.accuracy(30, 60, 1), 1, 1e-12);
}

TEST(ReuseBelief, ForgetsByFramesAndNotByEmptySeconds) {
  ReuseBelief belief;
  belief.observe(after(kWalking));
  const double before = belief.accuracy(5, 10, 0.9);
  for (int i = 0; i < 100; ++i) belief.observe(ReuseAccuracy());
  EXPECT_EQ(belief.accuracy(5, 10, 0.9), before);
  for (int i = 0; i < 100; ++i) belief.observe(after(kRacing));
  EXPECT_NEAR(belief.accuracy(5, 10, 0.6), 0.6, 1e-3);
}

TEST(MinAccuracy, TakesTheFrameRateThatTheSceneAllows) {
  EXPECT_EQ(settled(kRacing), 10);
  EXPECT_LT(settled(kStanding), 4);
  const double walking = settled(kWalking);
  EXPECT_LT(walking, 10);
  EXPECT_GT(walking, 2);
}

TEST(MinAccuracy, FrameRatesGoDownByOneRung) {
  auto policy = make_policy("oneadapt", std::nullopt);
  PolicySettings s;
  s.min_accuracy = 0.7;
  Observation o = observation(10);
  o.measured.frames = o.measured.occupied = 2;
  o.measured.objects = 20;
  o.reuse = after(kStanding, 200);
  EXPECT_EQ(policy->decide(o, s).knobs[1].rung, 3u);
}

TEST(MinAccuracy, FrameRatesBeginAtTheTop) {
  auto policy = make_policy("oneadapt", std::nullopt);
  PolicySettings s;
  s.min_accuracy = 0.85;
  EXPECT_EQ(policy->start(observation(10).knobs, s)[1], 4u);
}
