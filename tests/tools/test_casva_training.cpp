// SPDX-License-Identifier: LGPL-2.1-or-later
// What a network of policy "casva" is trained on.
#include <cmath>

#include "eval/casva_training.h"
#include "eval_rig.h"

using namespace eval_test;
using namespace oneadapt;
using namespace oneadapt::eval;

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
  EXPECT_EQ(without_maps({"keep-map"}), (std::vector<std::string>{"keep"}));
  EXPECT_EQ(with_maps({"keep"}), (std::vector<std::string>{"keep-map"}));
  EXPECT_TRUE(has_map("keep") && has_map("qp-map"));
  EXPECT_FALSE(has_map("scale"));
}
