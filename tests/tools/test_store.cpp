// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs that are kept, and what tells them apart.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/output.h"
#include "eval/evaluation.h"
#include "eval/medium.h"
#include "eval/second_pass.h"
#include "eval_rig.h"

using namespace eval_test;
using namespace oneadapt;
using namespace oneadapt::eval;
namespace fs = std::filesystem;

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

TEST_F(Store, ARunThatIsAskedForTwiceIsRunOnce) {
  const RunStore store(runs().string());
  result.warnings.clear();
  store.keep(options, result);
  RunOptions other = options;
  other.lambda = 7;
  store.keep(other, result);
  const EvalOptions evaluation;
  Runner runner(evaluation, RunStore(runs().string()));
  testing::internal::CaptureStderr();
  const auto results = runner.run_all({options, other, options}, {"a", "b", "a once more"});
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "[1/2] a: kept from before\n[2/2] b: kept from before\n");
  ASSERT_EQ(results.size(), 3u);
  EXPECT_EQ(results[0], results[2]);
  EXPECT_NE(results[0], results[1]);
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

TEST_F(Store, AFolderIsItsFiles) {
  const RunStore store(runs().string());
  fs::create_directory(folder / "turns");
  write("turns/000000.bin", "a");
  options.clip = (folder / "turns").string();
  store.keep(options, result);
  EXPECT_TRUE(store.find(options));
  write("turns/000001.bin", "b");
  EXPECT_FALSE(store.find(options)) << "another one has come";
  fs::remove(folder / "turns" / "000001.bin");
  EXPECT_TRUE(store.find(options));
  write("turns/000000.bin", "another");
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
  } catch (const tools::OutputError &e) {
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
