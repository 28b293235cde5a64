// SPDX-License-Identifier: LGPL-2.1-or-later
// Frame filters over one analysed run, and the granularity of the figure.
#include "eval/figure_parts.h"
#include "eval/frame_study.h"
#include "eval_rig.h"

using namespace eval_test;
using namespace oneadapt;
using namespace oneadapt::eval;

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
