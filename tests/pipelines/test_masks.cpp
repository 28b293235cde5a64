// SPDX-License-Identifier: LGPL-2.1-or-later
// Segmentation through the whole loop, on real frames: masks, gradients, and an accuracy that goes by masks.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "eval/run.h"
#include "test_models.h"

using namespace oneadapt;
using namespace oneadapt::eval;
using namespace oneadapt_test;

namespace {

class Masks : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto clip = std::filesystem::path(std::getenv("ONEADAPT_SOURCE_DIR")) / "clips/vtest.avi";
    if (!std::filesystem::exists(clip)) GTEST_SKIP() << "there is no " << clip << " (tools/setup.sh makes it)";
    options.clip = clip.string();
    options.model = save_brightness(folder);
    options.fps = 5;
    options.seconds = 3;
    options.policy = "static";
  }
  RunResult at(double qp) {
    options.start["qp"] = qp;
    return run(options, {});
  }
  TemporaryFolder folder;
  RunOptions options;
};

std::uint64_t sum(const std::vector<std::uint32_t> &counts) {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t(0));
}

}  // namespace

TEST_F(Masks, AccuracyFallsWithQualityAndIsOneAgainstItself) {
  options.results_location = folder.file("results.jsonl");
  const RunResult fine = at(20);
  std::size_t elements = 0;
  for (const FrameResult &frame : fine.results)
    for (const ScoredBox &b : frame.boxes) {
      ++elements;
      ASSERT_EQ(b.mask.width, 768u / 8);
      ASSERT_EQ(b.mask.height, 576u / 8);
      ASSERT_EQ(sum(b.mask.counts), 96u * 72);
      // The box is the mask's.
      const MaskCut cut = cut_of(b.mask);
      EXPECT_NEAR(b.box.x0, cut.x / 96.0, 1e-9);
      EXPECT_NEAR(b.box.y1, (cut.y + cut.rows) / 72.0, 1e-9);
    }
  EXPECT_GT(elements, 5 * fine.results.size());
  EXPECT_GE(fine.gradients, 3u);
  EXPECT_EQ(mean_accuracy(fine, fine), 1);
  EXPECT_EQ(mean_accuracy(fine, fine, Metric::MeanIou), 1);

  // Written out they are what the pads saw.
  std::ifstream file(options.results_location);
  std::string line;
  std::size_t written = 0;
  while (std::getline(file, line)) {
    const auto parsed = nlohmann::json::parse(line);
    for (const auto &object : parsed["objects"]) {
      ++written;
      EXPECT_EQ(object["mask"]["size"], (std::vector<unsigned>{72, 96}));
      EXPECT_EQ(sum(object["mask"]["counts"].get<std::vector<std::uint32_t>>()), 96u * 72);
    }
  }
  EXPECT_GE(written, elements);  // of interest or not: each place is there once

  options.results_location.clear();
  const RunResult middle = at(36), coarse = at(48);
  const double f_middle = mean_accuracy(middle, fine), f_coarse = mean_accuracy(coarse, fine);
  EXPECT_GT(f_middle, f_coarse);
  EXPECT_LT(f_middle, 1);
  EXPECT_GT(f_coarse, 0.1);
  const double i_middle = mean_accuracy(middle, fine, Metric::MeanIou);
  const double i_coarse = mean_accuracy(coarse, fine, Metric::MeanIou);
  EXPECT_GT(i_middle, i_coarse);
  EXPECT_LT(i_middle, 1);
  EXPECT_GT(i_coarse, 0.3);
}

TEST_F(Masks, TheLoopAdaptsWithThem) {
  options.policy = "oneadapt";
  options.knobs = "qp-map";
  options.video_location = folder.file("video.mp4");
  if (const char *keep = std::getenv("ONEADAPT_KEEP_VIDEO")) options.video_location = keep;
  options.stills = 2;
  const RunResult result = run(options, {});
  EXPECT_TRUE(result.warnings.empty()) << result.warnings[0];
  ASSERT_GE(result.intervals.size(), 3u);
  for (const IntervalRow &row : result.intervals) {
    EXPECT_TRUE(row.feedback) << row.interval;
    EXPECT_GT(row.objects, 5u);
    EXPECT_GT(row.z, 1);
  }
  EXPECT_GT(std::filesystem::file_size(options.video_location), 10000u);
}
