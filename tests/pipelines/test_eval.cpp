// SPDX-License-Identifier: LGPL-2.1-or-later
// What oneadapt-eval's composed runs stand on: a policy's run and the same schedule put together from runs of fixed
// configurations are one, to the byte. On the default clip and model, at a small size of the DNN's input.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <set>

#include "eval/compose.h"

using namespace oneadapt;
using namespace oneadapt::eval;
namespace fs = std::filesystem;

namespace {

fs::path root() { return std::getenv("ONEADAPT_SOURCE_DIR"); }

RunOptions options() {
  RunOptions o;
  o.clip = (root() / "clips/vtest.avi").string();
  o.model = (root() / "models/nanodet.pt").string();
  o.classes = "person";
  o.fps = 5;
  o.seconds = 5;
  o.properties["dnn.input-size"] = "320x256";
  return o;
}

/// The configuration of every interval, as the decision messages said it.
std::vector<Rungs> schedule_of(const RunResult &run, const std::vector<KnobLadder> &knobs) {
  std::vector<Rungs> schedule;
  for (const IntervalRow &row : run.intervals) {
    EXPECT_EQ(row.interval, schedule.size());
    Rungs rungs;
    for (const KnobLadder &knob : knobs)
      for (const KnobValue &value : row.knobs)
        for (std::size_t rung = 0; value.name == knob.name && rung < knob.values.size(); ++rung)
          if (std::abs(knob.values[rung] - value.value) < 1e-6) rungs.push_back(rung);
    EXPECT_EQ(rungs.size(), knobs.size()) << "interval " << row.interval;
    schedule.push_back(rungs);
  }
  return schedule;
}

std::string text(const std::vector<ScoredBox> &boxes) {
  std::string out;
  for (const ScoredBox &b : boxes)
    out += ::testing::PrintToString(std::vector<double>{b.box.x0, b.box.y0, b.box.x1, b.box.y1, b.score});
  return out;
}

class Composed : public ::testing::Test {
 protected:
  void SetUp() override {
    const RunOptions o = options();
    if (!fs::exists(o.clip) || !fs::exists(o.model))
      GTEST_SKIP() << "there is no clips/vtest.avi or models/nanodet.pt (tools/setup.sh makes them)";
  }

  /// Runs `live`, then the configurations that it went through one by one, and compares. Returns their number.
  std::size_t compare(const RunOptions &live, const std::vector<std::string> &names) {
    const RunResult real = run(live, {});
    Recorded recorded;
    for (const std::string &name : names) recorded.knobs.push_back({name, real.ladders.at(name)});
    const auto schedule = schedule_of(real, recorded.knobs);
    if (HasFailure()) return 0;
    std::set<Rungs> wanted(schedule.begin(), schedule.end());
    const std::size_t different = wanted.size();
    wanted.insert(recorded.most_expensive());
    for (const Rungs &rungs : wanted) {
      RunOptions fixed = options();
      fixed.properties = live.properties;
      fixed.policy = "static";
      fixed.gradient = false;
      for (std::size_t i = 0; i < rungs.size(); ++i) fixed.start[names[i]] = recorded.knobs[i].values[rungs[i]];
      recorded.runs[rungs] = std::make_shared<RunResult>(run(fixed, {}));
    }
    EXPECT_EQ(interval_count(recorded.reference()), 5u);
    EXPECT_GE(schedule.size(),
              4u);  // without a gradient the last interval has no decision; it goes on as the one before
    const RunResult composed = compose(recorded, schedule);
    EXPECT_EQ(composed.input, real.input);
    EXPECT_EQ(composed.bytes, real.bytes);
    EXPECT_EQ(composed.packets.size(), real.packets.size());
    for (std::size_t i = 0; i < std::min(real.packets.size(), composed.packets.size()); ++i) {
      EXPECT_EQ(composed.packets[i].stream_time, real.packets[i].stream_time) << i;
      EXPECT_EQ(composed.packets[i].bytes, real.packets[i].bytes) << i;
    }
    EXPECT_EQ(composed.results.size(), real.results.size());
    std::size_t boxes = 0;
    for (std::size_t i = 0; i < std::min(real.results.size(), composed.results.size()); ++i) {
      EXPECT_EQ(composed.results[i].stream_time, real.results[i].stream_time) << i;
      EXPECT_EQ(text(composed.results[i].boxes), text(real.results[i].boxes)) << i;
      boxes += real.results[i].boxes.size();
    }
    EXPECT_GT(boxes, 0u);
    const auto accuracy = frame_accuracy(real, recorded.reference());
    EXPECT_EQ(frame_accuracy(composed, recorded.reference()), accuracy);
    EXPECT_NE(accuracy, std::vector<double>(accuracy.size(), 1));  // the knobs did make a difference
    return different;
  }
};

}  // namespace

// All three knobs at once: sizes change, frames are left out.
TEST_F(Composed, IsThatOfTheRealRunOfOneadapt) {
  RunOptions live = options();
  live.policy = "oneadapt";
  live.lambda = 1;
  live.properties["filter.qp-ladder"] = "44,32,20";
  live.properties["filter.scale-ladder"] = "0.5,1";
  live.properties["ctl.warm-start"] = "false";  // there is a way to go
  EXPECT_GE(compare(live, {"qp", "scale", "framerate"}), 2u);
}

TEST_F(Composed, IsThatOfTheRealRunOfProfiling) {
  RunOptions live = options();
  live.policy = "profiling";
  live.gradient = false;
  live.knobs = "qp,scale";
  live.properties["filter.qp-ladder"] = "44,20";
  live.properties["filter.scale-ladder"] = "0.5,1";
  live.properties["ctl.profile-interval"] = "10";
  live.properties["ctl.profile-budget"] = "10";
  EXPECT_GE(compare(live, {"qp", "scale"}), 2u);
}
