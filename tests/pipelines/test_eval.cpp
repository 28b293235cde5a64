// SPDX-License-Identifier: LGPL-2.1-or-later
// What oneadapt-eval stands on: a policy's run and its schedule, run without it, are one, to the byte; so is, of
// uncoded pictures, what is put together from runs of fixed configurations. On the default clip and model, at a small
// size of the DNN's input.
#include <gst/gst.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "eval/compose.h"
#include "eval/frame_study.h"
#include "play.h"

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

/// Without a policy that moves anything, and without gradients.
RunOptions fixed_options() {
  RunOptions o = options();
  o.policy = "static";
  o.gradient = false;
  return o;
}

/// Profiling of two rungs of each of `knobs`, whose answers come at once.
RunOptions profiling_of(const std::string &knobs) {
  RunOptions o = options();
  o.policy = "profiling";
  o.gradient = false;
  o.knobs = knobs;
  o.properties["filter.qp-ladder"] = "44,20";
  o.properties["filter.scale-ladder"] = "0.5,1";
  o.properties["ctl.profile-interval"] = "10";
  o.properties["ctl.profile-budget"] = "10";
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

/// To the last digit. Returns the number of boxes.
std::size_t expect_same_results(const RunResult &a, const RunResult &b) {
  EXPECT_EQ(a.results.size(), b.results.size());
  std::size_t boxes = 0;
  for (std::size_t i = 0; i < std::min(a.results.size(), b.results.size()); ++i) {
    EXPECT_EQ(a.results[i].stream_time, b.results[i].stream_time) << i;
    EXPECT_EQ(text(a.results[i].boxes), text(b.results[i].boxes)) << i;
    boxes += a.results[i].boxes.size();
  }
  return boxes;
}

class Composed : public ::testing::Test {
 protected:
  void SetUp() override {
    const RunOptions o = options();
    if (!fs::exists(o.clip) || !fs::exists(o.model))
      GTEST_SKIP() << "there is no clips/vtest.avi or models/nanodet.pt (tools/setup.sh makes them)";
  }

  static Recorded nothing_of(const RunResult &real, const std::vector<std::string> &names) {
    Recorded recorded;
    for (const std::string &name : names) recorded.knobs.push_back({name, real.ladders.at(name)});
    return recorded;
  }

  static void expect_same(const RunResult &other, const RunResult &real) {
    EXPECT_EQ(other.input, real.input);
    EXPECT_EQ(other.bytes, real.bytes);
    EXPECT_EQ(other.packets.size(), real.packets.size());
    for (std::size_t i = 0; i < std::min(real.packets.size(), other.packets.size()); ++i) {
      EXPECT_EQ(other.packets[i].stream_time, real.packets[i].stream_time) << i;
      EXPECT_EQ(other.packets[i].bytes, real.packets[i].bytes) << i;
    }
    EXPECT_GT(expect_same_results(real, other), 0u);
  }

  /// Runs `live`, then the configurations that it went through one by one, and compares. Returns their number.
  std::size_t compare(const RunOptions &live, const std::vector<std::string> &names) {
    const RunResult real = run(live, {});
    Recorded recorded = nothing_of(real, names);
    const auto schedule = schedule_of(real, recorded.knobs);
    if (HasFailure()) return 0;
    std::set<Rungs> wanted(schedule.begin(), schedule.end());
    const std::size_t different = wanted.size();
    wanted.insert(recorded.most_expensive());
    for (const Rungs &rungs : wanted) {
      RunOptions fixed = fixed_options();
      fixed.properties = live.properties;
      fixed.raw = live.raw;
      for (std::size_t i = 0; i < rungs.size(); ++i) fixed.start[names[i]] = recorded.knobs[i].values[rungs[i]];
      recorded.runs[rungs] = std::make_shared<RunResult>(run(fixed, {}));
    }
    EXPECT_EQ(interval_count(recorded.reference()), 5u);
    EXPECT_GE(schedule.size(),
              4u);  // without a gradient the last interval has no decision; it goes on as the one before
    const RunResult composed = compose(recorded, schedule);
    expect_same(composed, real);
    const auto accuracy = frame_accuracy(real, recorded.reference());
    EXPECT_EQ(frame_accuracy(composed, recorded.reference()), accuracy);
    EXPECT_NE(accuracy, std::vector<double>(accuracy.size(), 1));  // the knobs did make a difference
    return different;
  }
};

}  // namespace

// Both knobs of uncoded pictures at once: sizes change, frames are left out.
TEST_F(Composed, IsThatOfTheRealRunOfOneadapt) {
  RunOptions live = options();
  live.policy = "oneadapt";
  live.raw = true;
  live.lambda = 1;
  live.properties["filter.scale-ladder"] = "0.5,1";
  live.properties["ctl.warm-start"] = "false";  // there is a way to go
  EXPECT_GE(compare(live, {"scale", "framerate"}), 2u);
}

TEST_F(Composed, IsThatOfTheRealRunOfProfiling) {
  RunOptions live = profiling_of("scale");
  live.raw = true;
  live.lambda = 5;
  live.properties["ctl.warm-start"] = "false";  // there is a way to go
  EXPECT_GE(compare(live, {"scale"}), 2u);
}

// Of coded pictures, which refer to those of intervals before: the configurations of a policy's run, without the
// policy.
TEST_F(Composed, AScheduleIsRunAsItsPolicyWas) {
  const RunOptions live = profiling_of("qp,scale");
  const RunResult real = run(live, {});
  const std::vector<KnobLadder> knobs = nothing_of(real, {"qp", "scale"}).knobs;
  RunOptions scheduled = fixed_options();
  scheduled.properties = live.properties;
  for (const Rungs &rungs : schedule_of(real, knobs)) scheduled.schedule.push_back(values_at(knobs, rungs));
  ASSERT_GE(scheduled.schedule.size(), 4u);
  EXPECT_NE(scheduled.schedule.front(), scheduled.schedule.back());
  scheduled.start = scheduled.schedule.front();
  expect_same(run(scheduled, {}), real);
}

// Five pictures an interval: an IDR picture at the beginning of each, or at the stream's alone.
TEST_F(Composed, KeyIntMaxIsTheLengthOfAGop) {
  RunOptions o = fixed_options();
  o.seconds = 3;
  const RunResult lasting = run(o, {});
  o.key_int_max = 5;
  const RunResult short_ones = run(o, {});
  ASSERT_EQ(lasting.packets.size(), 15u);
  ASSERT_EQ(short_ones.packets.size(), 15u);
  for (std::size_t i = 1; i < 15; ++i) {
    EXPECT_LT(lasting.packets[i].bytes, lasting.packets[0].bytes / 2) << i;
    EXPECT_EQ(short_ones.packets[i].bytes > short_ones.packets[0].bytes / 2, i % 5 == 0) << i;
  }
}

// Boxes below the threshold come on top: what is above it stays what it was.
TEST_F(Composed, FeedbackThatIsLostIsTheSameEachTime) {
  RunOptions o = options();
  o.knobs = "qp";
  o.fps = 2;
  o.seconds = 6;
  const auto heard = [&](double loss, unsigned seed) {
    o.feedback_loss = loss;
    o.seed = seed;
    const RunResult r = run(o, {});
    EXPECT_TRUE(r.warnings.empty());
    EXPECT_GE(r.intervals.size(), 5u);  // the last is not decided without a gradient
    std::vector<bool> feedback;
    for (const IntervalRow &row : r.intervals) feedback.push_back(row.feedback);
    return feedback;
  };
  EXPECT_EQ(heard(1, 1), std::vector<bool>(5, false));
  const auto half = heard(0.5, 1);
  EXPECT_NE(std::count(half.begin(), half.end(), true), 0);
  EXPECT_NE(std::count(half.begin(), half.end(), false), 0);
  EXPECT_EQ(heard(0.5, 1), half);
  EXPECT_NE(heard(0.5, 2), half);
}

TEST_F(Composed, UncertainBoxesChangeNothingElse) {
  RunOptions o = fixed_options();
  o.seconds = 1;
  o.start["qp"] = 40;
  const RunResult plain = run(o, {});
  o.uncertain_from = 0.1;
  const RunResult more = run(o, {});
  EXPECT_EQ(more.bytes, plain.bytes);
  ASSERT_EQ(more.results.size(), plain.results.size());
  ASSERT_EQ(more.uncertain.size(), plain.results.size());
  std::size_t uncertain = 0;
  for (std::size_t i = 0; i < plain.results.size(); ++i) {
    EXPECT_EQ(text(more.results[i].boxes), text(plain.results[i].boxes)) << i;
    EXPECT_EQ(more.uncertain[i].stream_time, plain.results[i].stream_time);
    for (const ScoredBox &b : more.uncertain[i].boxes) {
      EXPECT_GE(b.score, 0.1);
      EXPECT_LT(b.score, 0.4);  // the model's threshold
    }
    uncertain += more.uncertain[i].boxes.size();
  }
  EXPECT_GT(uncertain, 0u);
  // With a threshold of one's own, that counts.
  o.properties["dnn.threshold"] = "0.2";
  for (const FrameResult &frame : run(o, {}).uncertain)
    for (const ScoredBox &b : frame.boxes) EXPECT_LT(b.score, 0.2);
}

namespace {

RunOptions second_pass_at(double qp, SecondPass pass) {
  RunOptions o = fixed_options();
  o.seconds = 2;
  o.start["qp"] = qp;
  o.second_pass = std::make_shared<SecondPass>(std::move(pass));
  return o;
}

BlockMap filled(const RunResult &of, float value) {
  BlockMap map(of.width, of.height);
  std::fill(map.values.begin(), map.values.end(), value);
  return map;
}

}  // namespace

// Where all of a frame is sent again, the second pass is a run like any other; where nothing of it is, the DNN sees the
// first pass, and the black picture costs next to nothing; a frame that is not named is not coded.
TEST_F(Composed, ASecondPassIsWhatItsBlocksSay) {
  RunOptions o = fixed_options();
  o.seconds = 2;
  o.start["qp"] = 28;
  const RunResult fine = run(o, {});
  o.start["qp"] = 44;
  const RunResult coarse = run(o, {});
  ASSERT_EQ(fine.input.size(), 10u);
  ASSERT_EQ(fine.results.size(), 10u);
  EXPECT_NE(text(fine.results[0].boxes), text(coarse.results[0].boxes));

  SecondPass pass;
  pass.first_qp = 44;
  for (const FrameResult &f : fine.results) pass.blocks[f.stream_time] = filled(fine, 1);
  const RunResult all = run(second_pass_at(28, pass), {});
  EXPECT_EQ(all.input, fine.input);
  EXPECT_EQ(all.bytes, fine.bytes);
  EXPECT_EQ(all.inferences, 10u);
  ASSERT_EQ(all.results.size(), 10u);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(text(all.results[i].boxes), text(fine.results[i].boxes)) << i;

  for (auto &[time, map] : pass.blocks) map = filled(fine, 0);
  const RunResult none = run(second_pass_at(28, pass), {});
  ASSERT_EQ(none.results.size(), 10u);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(text(none.results[i].boxes), text(coarse.results[i].boxes)) << i;
  EXPECT_LT(none.bytes, fine.bytes / 20);

  // The last frame of the first second and two of the next one; the left half of each.
  pass.blocks.clear();
  for (std::size_t i : {4u, 6u, 7u}) {
    BlockMap map = filled(fine, 0);
    for (unsigned r = 0; r < map.rows(); ++r)
      for (unsigned c = 0; c < map.columns() / 2; ++c) map.at(c, r) = 1;
    pass.blocks[fine.results[i].stream_time] = map;
  }
  const RunResult some = run(second_pass_at(28, pass), {});
  EXPECT_EQ(some.input, fine.input);
  ASSERT_EQ(some.packets.size(), 3u);
  ASSERT_EQ(some.results.size(), 3u);
  EXPECT_EQ(some.results[0].stream_time, fine.results[4].stream_time);
  EXPECT_EQ(some.results[2].stream_time, fine.results[7].stream_time);
  EXPECT_GT(some.packets[0].bytes, 2 * some.packets[1].bytes);  // the stream's only IDR picture
  EXPECT_LT(some.packets[0].bytes, fine.packets[0].bytes * 3 / 4);
}

// What frame filtering comes to is worked out from a run that analysed every frame: as the elements would have done it.
TEST_F(Composed, FilteredRunIsThatOfTheElements) {
  RunOptions fixed = options();
  fixed.raw = true;
  fixed.fps = 10;
  fixed.policy = "static";
  fixed.gradient = false;
  const auto reference = std::make_shared<const RunResult>(run(fixed, {}));
  ASSERT_EQ(reference->results.size(), 50u);
  const FrameStudy study(fixed, reference);
  const FilterThresholds tried[] = {{1.4, 0, 0}, {0, 2, 0}, {0.7, 0.7, 0}, {0, 0, 0.4}};
  for (const FilterThresholds &thresholds : tried) {
    fixed.start = {{"pixel-threshold", thresholds.pixel},
                   {"area-threshold", thresholds.area},
                   {"change-threshold", thresholds.change}};
    const RunResult real = run(fixed, {}), worked_out = study.fixed(thresholds);
    EXPECT_LT(real.results.size(), 48u);
    EXPECT_GT(real.results.size(), 8u);
    EXPECT_GT(expect_same_results(real, worked_out), 0u) << thresholds.pixel << " " << thresholds.area;
    EXPECT_EQ(real.bytes, worked_out.bytes);
  }
}

// An edit list that ends before the clip's frames do: they have no place in what is shown, and no stream time.
TEST(Clip, FramesBeyondWhatIsShownAreLeftOut) {
  const fs::path clip = fs::temp_directory_path() / ("edited-" + std::to_string(getpid()) + ".mp4");
  const std::string part = "videotestsrc num-buffers=12 ! video/x-raw,width=128,height=96,framerate=10/1 ! c. ";
  ASSERT_EQ(play_line(part + part +
                      "concat name=c ! x264enc speed-preset=veryfast ! mp4mux ! filesink location=" + clip.string()),
            "");

  RunOptions o = options();
  o.clip = clip.string();
  o.policy = "static";
  o.fps = 0;
  o.seconds = 0;
  o.properties["dnn.input-size"] = "128x96";
  const RunResult r = run(o, {});
  fs::remove(clip);
  ASSERT_FALSE(r.input.empty());
  EXPECT_LE(r.seconds, 3.0);
  EXPECT_TRUE(std::is_sorted(r.input.begin(), r.input.end()));
  EXPECT_LT(r.input.back(), 3 * GST_SECOND);
}
