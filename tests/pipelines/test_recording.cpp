// SPDX-License-Identifier: LGPL-2.1-or-later
// The film that a run writes: one size to the end at every rung of `scale`, and results on every frame that has some.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "eval/run.h"
#include "recorded.h"
#include "test_models.h"

using namespace oneadapt::eval;
using namespace oneadapt_test;
namespace fs = std::filesystem;

namespace {

/// A box of half the picture's sides around its brightest place.
std::string save_half_size_box(const TemporaryFolder &folder) {
  const std::string path = folder.file("half-size-box.pt");
  save_module(path, R"(
def forward(self, x):
    p = torch.avg_pool2d(torch.mean(x, [1], True), [4, 4])
    w, h = x.size(3), x.size(2)
    flat = p.reshape([-1])
    k = flat.argmax()
    cx = ((k % p.size(3)) * 4 + 2).clamp(w // 4, w - w // 4)
    cy = ((k // p.size(3)) * 4 + 2).clamp(h // 4, h - h // 4)
    b = torch.stack([cx - w // 4, cy - h // 4, cx + w // 4, cy + h // 4]).to(x.dtype).reshape([1, 4])
    return b, torch.sigmoid(flat[k] * 4).reshape([1]), torch.tensor([0], device=x.device)
)",
              R"({"format": 1, "name": "half-size-box", "input": {"multiple_of": 4},
    "output": {"layout": "boxes", "boxes": [0], "scores": [1], "labels": 2}, "labels": ["bright thing"]})");
  return path;
}

struct Size {
  int width, height;
  const char *par = "1/1";
};
void PrintTo(const Size &size, std::ostream *out) { *out << size.width << "x" << size.height << ", " << size.par; }

/// Frames of the film whose results are drawn in their places; all that have results should be.
struct Drawn {
  int with_results = 0, shown = 0;
};
Drawn count_drawn(const Film &film, const std::vector<std::vector<Sides>> &results, double share) {
  Drawn drawn;
  for (std::size_t i = 0; i < film.frames.size(); ++i) {
    if (results[i].empty()) continue;
    ++drawn.with_results;
    bool all = true;
    for (const Sides &box : results[i]) {
      const double there = outlined(film.frames[i], box);
      all = all && there >= share;
      if (there < share) ADD_FAILURE() << "frame " << i << ": " << there << " of a box's outline is there";
    }
    drawn.shown += all;
  }
  return drawn;
}

class Recording : public ::testing::TestWithParam<Size> {};

}  // namespace

// From one rung to another each second: the five of the ladder, and three below.
TEST_P(Recording, IsOneFilmAtEveryScale) {
  const Size size = GetParam();
  TemporaryFolder folder;
  RunOptions o;
  o.model = save_half_size_box(folder);
  o.source = "videotestsrc pattern=ball num-buffers=16 ! video/x-raw,format=I420,framerate=2/1,width=" +
             std::to_string(size.width) + ",height=" + std::to_string(size.height) + ",pixel-aspect-ratio=" + size.par;
  o.fps = 2;
  o.policy = "static";
  for (const double scale : {1.0, 0.5, 0.875, 0.1, 0.75, 0.3, 0.625, 0.55}) o.schedule.push_back({{"scale", scale}});
  o.start = o.schedule.front();
  o.results_location = folder.file("results.jsonl");
  o.video_location = folder.file("film.mp4");
  const RunResult run = oneadapt::eval::run(o, {});
  EXPECT_TRUE(run.warnings.empty()) << run.warnings.front();
  EXPECT_EQ(run.results.size(), 16u);

  const Film film = play(o.video_location);
  EXPECT_EQ(film.error, "");
  EXPECT_EQ(film.frames.size(), 16u);
  ASSERT_EQ(film.caps.size(), 1u) << *film.caps.rbegin();
  const std::string &caps = *film.caps.begin();
  EXPECT_NE(caps.find("width=(int)" + std::to_string(size.width & ~1)), std::string::npos) << caps;
  EXPECT_NE(caps.find("height=(int)" + std::to_string(size.height & ~1)), std::string::npos) << caps;
  EXPECT_NE(caps.find(std::string("pixel-aspect-ratio=(fraction)") + size.par), std::string::npos) << caps;

  const auto results = read_results(o.results_location);
  ASSERT_EQ(results.size(), film.frames.size());
  // The label covers a part of a line, and in the smallest picture the line of text at the bottom does, too.
  const Drawn drawn = count_drawn(film, results, 0.5);
  EXPECT_EQ(drawn.with_results, 16);
  EXPECT_EQ(drawn.shown, drawn.with_results);
  // What is looked for is not there anyhow: the same outlines, from another frame.
  int elsewhere = 0;
  for (std::size_t i = 0; i < film.frames.size(); ++i) {
    const Sides &box = results[i].front();
    const double across = box[0] > 0.25 ? -0.2 : 0.2, down = box[1] > 0.25 ? -0.2 : 0.2;
    elsewhere += outlined(film.frames[i], {box[0] + across, box[1] + down, box[2] + across, box[3] + down}) > 0.3;
  }
  EXPECT_EQ(elsewhere, 0);
}
INSTANTIATE_TEST_SUITE_P(Sizes, Recording,
                         ::testing::Values(Size{640, 360}, Size{854, 480}, Size{960, 540}, Size{1920, 1080},
                                           Size{800, 600}, Size{641, 359}, Size{322, 182}, Size{123, 77},
                                           Size{360, 640}, Size{720, 576, "16/15"}, Size{704, 480, "10/11"}),
                         [](const auto &of) {
                           return std::to_string(of.param.width) + "x" + std::to_string(of.param.height);
                         });

// The quick start's own clip and model, while `scale` moves as a controller might move it.
TEST(QuickStart, EveryFrameThatHasResultsShowsThem) {
  const fs::path root = std::getenv("ONEADAPT_SOURCE_DIR");
  TemporaryFolder folder;
  RunOptions o;
  o.clip = (root / "clips/vtest.avi").string();
  o.model = (root / "models/nanodet.pt").string();
  if (!fs::exists(o.clip) || !fs::exists(o.model))
    GTEST_SKIP() << "there is no clips/vtest.avi or models/nanodet.pt (tools/setup.sh makes them)";
  o.classes = "person";
  o.fps = 5;
  o.seconds = 6;
  o.policy = "static";
  for (const double scale : {1.0, 0.875, 0.75, 0.625, 0.5, 0.875}) o.schedule.push_back({{"scale", scale}, {"qp", 32}});
  o.start = o.schedule.front();
  o.results_location = folder.file("results.jsonl");
  o.video_location = folder.file("film.mp4");
  if (const char *keep = std::getenv("ONEADAPT_KEEP_VIDEO")) o.video_location = keep;
  const RunResult run = oneadapt::eval::run(o, {});
  EXPECT_TRUE(run.warnings.empty()) << run.warnings.front();
  std::set<double> scales;
  for (const IntervalRow &row : run.intervals)
    for (const KnobValue &knob : row.knobs)
      if (knob.name == "scale") scales.insert(knob.value);
  EXPECT_EQ(scales, (std::set<double>{0.5, 0.625, 0.75, 0.875, 1.0}));

  const Film film = play(o.video_location);
  EXPECT_EQ(film.error, "");
  const auto results = read_results(o.results_location);
  ASSERT_EQ(results.size(), film.frames.size());
  // Persons walk side by side: labels cover parts of others' boxes.
  const Drawn drawn = count_drawn(film, results, 0.35);
  EXPECT_GE(drawn.with_results, 25);
  EXPECT_EQ(drawn.shown, drawn.with_results);
  // Where the mirror has them there is nothing, but for persons who happen to walk there, too.
  std::size_t boxes = 0, elsewhere = 0;
  for (std::size_t i = 0; i < film.frames.size(); ++i)
    for (const Sides &box : results[i]) {
      ++boxes;
      elsewhere += outlined(film.frames[i], {1 - box[2], box[1], 1 - box[0], box[3]}) >= 0.35;
    }
  EXPECT_LE(elsewhere, boxes / 8) << "of " << boxes << " boxes in a mirror";
}
