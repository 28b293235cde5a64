// SPDX-License-Identifier: LGPL-2.1-or-later
// DDS: the pairs of rungs, the second pass, and both as one run.
#include "eval/two_passes.h"
#include "eval_rig.h"

using namespace eval_test;
using namespace oneadapt;
using namespace oneadapt::eval;

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
