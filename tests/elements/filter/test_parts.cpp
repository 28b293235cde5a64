// SPDX-License-Identifier: LGPL-2.1-or-later
// The parts of oneadaptfilter that need no pipeline.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "video/frame_clock.h"
#include "video/key_frames.h"
#include "video/key_requests.h"
#include "video/knobs.h"

using namespace oneadapt;

namespace {

std::vector<double> parse(std::size_t knob, const std::string &text) {
  std::vector<double> values;
  std::string error;
  EXPECT_TRUE(parse_ladder(video_knobs()[knob], text, values, error)) << error;
  return values;
}

std::string problem(std::size_t knob, const std::string &text) {
  std::vector<double> values{7};
  std::string error;
  EXPECT_FALSE(parse_ladder(video_knobs()[knob], text, values, error)) << text;
  EXPECT_EQ(values, std::vector<double>{7}) << "left alone on failure";
  return error;
}

constexpr std::uint64_t kMs = 1000000;

/// Times (ms) of the frames kept of a regular stream.
using Kept = std::vector<int>;
Kept kept(double input_rate, double max_rate, int frames, std::uint64_t start = 0) {
  FrameClock clock(1000 * kMs, input_rate);
  Kept all;
  for (int i = 0; i < frames; i++) {
    const std::uint64_t t = start + std::uint64_t(double(i) * 1e9 / input_rate + 0.5);
    if (clock.begins(t)) clock.begin(t, max_rate);
    if (clock.keep(t)) all.push_back(int((t + kMs / 2) / kMs));
  }
  return all;
}

}  // namespace

TEST(KeyFrames, ComeAtAnIntervalsBeginningAndNeverLaterThanTheMost) {
  KeyFrames keys(25);
  std::vector<unsigned> at;
  for (unsigned i = 0; i < 80; i++) {
    if (i % 10 == 0) keys.begin_interval(10);
    if (i == 47) keys.require();
    if (keys.due()) at.push_back(i);
    keys.on_coded(keys.due());
  }
  // At 20, because 25 is within the interval that begins there; 47 + 25 is within the one that begins at 70.
  EXPECT_EQ(at, (std::vector<unsigned>{0, 20, 40, 47, 70}));
  KeyFrames most(4);
  at.clear();
  for (unsigned i = 0; i < 10; i++) {
    if (i == 0) most.begin_interval(0);
    if (most.due()) at.push_back(i);
    most.on_coded(most.due());
  }
  EXPECT_EQ(at, (std::vector<unsigned>{0, 4, 8})) << "an interval is longer";
  EXPECT_EQ(KeyFrames(0).most(), 250u);
}

// By the second: three seconds' worth of answers to begin with.
TEST(KeyRequests, AreAnsweredAtOnceForAWhileAndThenOnceAPeriod) {
  KeyRequests requests;
  std::vector<int> answered;
  for (int ms = 0; ms < 9000; ms += 500)
    if (requests.take(true, std::uint64_t(ms) * kMs, 1000 * kMs)) answered.push_back(ms);
  EXPECT_EQ(answered, (std::vector<int>{0, 500, 1000, 1500, 2000, 3000, 4000, 5000, 6000, 7000, 8000}));
  EXPECT_TRUE(requests.take(true, 60000 * kMs, 1000 * kMs)) << "credit came back meanwhile";
}

TEST(KeyRequests, WhatIsOwedIsAnsweredOnceAndNotForgotten) {
  KeyRequests requests;
  for (int i = 0; i < 3; i++) EXPECT_TRUE(requests.take(true, 5000 * kMs, 1000 * kMs)) << i;
  EXPECT_FALSE(requests.take(true, 5000 * kMs, 1000 * kMs));
  EXPECT_FALSE(requests.take(true, 5900 * kMs, 1000 * kMs));
  EXPECT_TRUE(requests.take(false, 6000 * kMs, 1000 * kMs));
  EXPECT_FALSE(requests.take(false, 9000 * kMs, 1000 * kMs));
  EXPECT_TRUE(requests.take(true, 100 * kMs, 1000 * kMs)) << "time went back";
}

TEST(KeyRequests, AnotherIdrPictureIsAnAnswerToo) {
  KeyRequests requests;
  for (int i = 0; i < 4; i++) requests.take(true, 0, 1000 * kMs);
  requests.on_idr();
  EXPECT_FALSE(requests.take(false, 5000 * kMs, 1000 * kMs));
  EXPECT_TRUE(requests.take(true, 5000 * kMs, 0)) << "no limit";
}

TEST(Knobs, EveryRowIsSound) {
  for (std::size_t knob = 0; knob < kKnobs; knob++) {
    const KnobRow &row = video_knobs()[knob];
    EXPECT_EQ(video_knobs().find(row.name), knob);
    EXPECT_LE(row.min, row.neutral);
    EXPECT_GE(row.max, row.neutral);
    const auto ladder = parse(knob, row.ladder);
    // One's ladder goes both ways from the default; the other's default is what saves, where there is a map at all.
    if (!ladder.empty() && knob != kBBias && knob != kMapRange) {
      EXPECT_EQ(ladder.back(), row.neutral) << row.name << ": the default costs most";
    }
  }
  EXPECT_EQ(video_knobs().find("gamma"), kKnobs);
}

TEST(Knobs, ReadsLadders) {
  EXPECT_EQ(parse(kQp, "48,44,40"), (std::vector<double>{48, 44, 40}));
  EXPECT_EQ(parse(kQp, " 48, 20 "), (std::vector<double>{48, 20}));
  EXPECT_EQ(parse(kScale, "0.25,1"), (std::vector<double>{0.25, 1}));
  EXPECT_EQ(parse(kScale, ""), std::vector<double>{});
}

TEST(Knobs, SaysWhatIsWrongWithALadder) {
  EXPECT_NE(problem(kQp, "48,x").find("'x'"), std::string::npos);
  EXPECT_NE(problem(kQp, "60,20").find("'60'"), std::string::npos);
  EXPECT_NE(problem(kQp, "40.5").find("'40.5'"), std::string::npos);
  EXPECT_NE(problem(kQp, "20,48").find("fall"), std::string::npos);
  EXPECT_NE(problem(kScale, "1,0.5").find("rise"), std::string::npos);
  EXPECT_NE(problem(kScale, "0.5,0.5").find("rise"), std::string::npos);
  EXPECT_NE(problem(kScale, "nan").find("'nan'"), std::string::npos);
  problem(kScale, ",");
}

TEST(Knobs, FramerateLadderEndsAtTheInputsRate) {
  using V = std::vector<double>;
  EXPECT_EQ(framerate_ladder({}, 30), (V{3, 6, 10, 15, 30}));
  EXPECT_EQ(framerate_ladder({}, 2), (V{1, 2}));
  EXPECT_EQ(framerate_ladder({}, 0.5), (V{0.5}));
  EXPECT_EQ(framerate_ladder({}, 0), V{});
  EXPECT_EQ(framerate_ladder({1, 5, 10, 15, 30}, 10), (V{1, 5, 10}));
  EXPECT_EQ(framerate_ladder({1, 5}, 10), (V{1, 5})) << "a user may stay below the input's rate";
  EXPECT_EQ(framerate_ladder({20}, 10), (V{10}));
  EXPECT_EQ(framerate_ladder({1, 5}, 0), (V{1, 5}));
}

TEST(Knobs, ALadderEndsAtItsTop) {
  using V = std::vector<double>;
  EXPECT_EQ(ladder_up_to({4, 6, 8, 10}, 8), (V{4, 6, 8}));
  EXPECT_EQ(ladder_up_to({4, 6, 10}, 8), (V{4, 6, 8}));
  EXPECT_EQ(ladder_up_to({4, 6}, 8), (V{4, 6})) << "a ladder may end below the top";
  EXPECT_EQ(ladder_up_to({0, 4}, 0), V{4}) << "no limit; 0 stands for the top";
  EXPECT_EQ(ladder_up_to({0}, 8), V{8});
  EXPECT_EQ(ladder_up_to({}, 0), V{});
}

TEST(Knobs, ReadsWhatAConfigurationNames) {
  const KnobTable &knobs = video_knobs();
  GError *error = nullptr;
  const auto read = [&](const char *text) {
    GstStructure *configuration = gst_structure_from_string(text, nullptr);
    const auto values = knobs.read("camera", configuration, &error);
    gst_structure_free(configuration);
    return values;
  };
  const auto values = read("c,qp=(double)31.7,scale=(double)0.5");
  ASSERT_TRUE(values);
  EXPECT_EQ((*values)[kQp], 32) << "an integer knob is rounded";
  EXPECT_EQ((*values)[kScale], 0.5);
  EXPECT_FALSE((*values)[kFramerate]);
  for (const char *bad : {"c,gamma=(double)1", "c,qp=(double)52", "c,qp=(string)32"}) {
    EXPECT_FALSE(read(bad)) << bad;
    ASSERT_NE(error, nullptr);
    EXPECT_EQ(error->code, GST_ONEADAPT_ERROR_KNOB);
    EXPECT_NE(std::string(error->message).find("camera"), std::string::npos) << error->message;
    g_clear_error(&error);
  }
}

TEST(FrameClock, NumbersIntervals) {
  FrameClock clock(1000 * kMs, 10);
  EXPECT_TRUE(clock.begins(2500 * kMs));
  clock.begin(2500 * kMs, 0);
  EXPECT_EQ(clock.number(), 2u);
  EXPECT_FALSE(clock.begins(2999 * kMs));
  EXPECT_TRUE(clock.begins(3000 * kMs));
  EXPECT_TRUE(clock.begins(1000 * kMs)) << "time may go back";
  clock.reset();
  EXPECT_TRUE(clock.begins(2600 * kMs));
}

TEST(FrameClock, KeepsAllWithoutALimit) {
  EXPECT_EQ(kept(10, 0, 3), (Kept{0, 100, 200}));
  EXPECT_EQ(kept(10, 10, 3), (Kept{0, 100, 200}));
  EXPECT_EQ(kept(10, 25, 3), (Kept{0, 100, 200}));
}

// Slots begin half a frame ahead of an interval's last one: at 850, 517 and 183 ms. The first frame of all is in a slot
// that has begun before it.
TEST(FrameClock, ThinsEvenlyAndKeepsAnIntervalsLastFrame) {
  EXPECT_EQ(kept(10, 3, 20), (Kept{0, 200, 600, 900, 1200, 1600, 1900}));
  EXPECT_EQ(kept(10, 5, 10), (Kept{0, 100, 300, 500, 700, 900}));
  EXPECT_EQ(kept(10, 1, 20), (Kept{0, 900, 1900}));
}

TEST(FrameClock, AnyRateBelowOneFrameAnInterval) {
  EXPECT_EQ(kept(10, 0.1, 300), (Kept{0, 9900, 19900, 29900}));
  EXPECT_EQ(kept(10, 0.4, 100), (Kept{0, 2400, 4900, 7400, 9900}));
}

TEST(FrameClock, CountsBackFromTheIntervalsEnd) { EXPECT_EQ(kept(10, 2, 11, 450 * kMs), (Kept{450, 950, 1450})); }

TEST(FrameClock, DropsAnEvenShareAtUnevenRates) {
  const Kept times = kept(30000.0 / 1001, 10, 300);
  EXPECT_NEAR(double(times.size()), 100, 1);
  for (std::size_t i = 1; i < times.size(); i++) EXPECT_LE(times[i] - times[i - 1], 134) << times[i];
}

// Slots of 250 ms, the first frame in the middle of one: 125, 375, 625, 875.
TEST(FrameClock, GoesByTimestampsAloneWhenTheRateVaries) {
  FrameClock clock(1000 * kMs, 0);
  clock.begin(0, 4);
  EXPECT_TRUE(clock.keep(0));
  EXPECT_FALSE(clock.keep(100 * kMs));
  EXPECT_TRUE(clock.keep(260 * kMs));
  EXPECT_FALSE(clock.keep(370 * kMs));
  EXPECT_TRUE(clock.keep(490 * kMs));
}

/// Times in ms of the frames kept of those that come at `times`.
Kept kept_of(const std::vector<std::uint64_t> &times, double caps_rate, double max_rate) {
  FrameClock clock(1000 * kMs, caps_rate);
  Kept all;
  for (const std::uint64_t t : times) {
    if (clock.begins(t)) clock.begin(t, max_rate);
    if (clock.keep(t)) all.push_back(int(t / kMs));
  }
  return all;
}

/// Frames at `rate` for `seconds`, each displaced by up to `jitter` of a frame's time, and none in `gap` (seconds).
std::vector<std::uint64_t> camera(double rate, double seconds, double jitter, std::pair<double, double> gap = {0, 0}) {
  std::mt19937 random(7);
  std::vector<std::uint64_t> times;
  for (int i = 0; i < int(rate * seconds); i++) {
    const double t = (i + 1 + jitter * (double(random()) / double(random.max()) * 2 - 1)) / rate;
    if (t < gap.first || t >= gap.second) times.push_back(std::uint64_t(t * 1e9));
  }
  return times;
}

// Whatever caps promise: at most the limit, and no less than real time allows, to within one frame, in every ten
// seconds. Slots are not longer than the gaps between frames here, or there is nothing to thin.
TEST(FrameClock, RealTimeCountsNotTheCaps) {
  for (const double real : {0.2, 3.0, 10.0, 25.0, 30.0, 60.0, 240.0})
    for (const double jitter : {0.0, 0.5})
      for (const double promise : {0.0, 0.5, 1.0, 2.0})
        for (const double limit : {0.1, 2.5, 5.0, 25.0}) {
          const auto times = camera(real, 60, jitter);
          const Kept out = kept_of(times, promise * real, limit);
          for (int begin = 0; begin < 50; begin += 10) {
            const auto in = [begin](auto t) { return double(t) >= begin * 1000 && double(t) < (begin + 10) * 1000; };
            const auto came = std::count_if(times.begin(), times.end(), [&](std::uint64_t t) { return in(t / kMs); });
            const auto kept = std::count_if(out.begin(), out.end(), in);
            EXPECT_NEAR(double(kept), std::min(double(came), limit * 10), 1.01)
                << real << " fps, jitter " << jitter << ", caps " << promise * real << ", limit " << limit << " from "
                << begin << " s";
          }
        }
}

TEST(FrameClock, AGapIsNotMadeUpFor) {
  const Kept out = kept_of(camera(25, 20, 0, {5, 12}), 25, 5);
  EXPECT_NEAR(double(std::count_if(out.begin(), out.end(), [](int t) { return t >= 12000 && t < 14000; })), 10, 2);
}

TEST(FrameClock, ASeekBackBeginsAnew) {
  std::vector<std::uint64_t> times = camera(25, 10, 0);
  const auto again = camera(25, 5, 0);
  times.insert(times.end(), again.begin(), again.end());
  EXPECT_NEAR(double(kept_of(times, 25, 5).size()), 75, 2);
}

// Neither a hole until time is where it was, nor a place more: a camera's clock may be put back often.
TEST(FrameClock, AStepBackChangesNoCount) {
  for (const double step : {0.1, 0.3, 1.0, 2.5, 7.0})
    for (const double limit : {2.5, 5.0, 10.0})
      for (const double promise : {0.0, 15.0, 30.0}) {
        std::vector<std::uint64_t> times;
        for (const std::uint64_t t : camera(30, 60, 0)) times.push_back(t + 100 * 1000 * kMs);
        for (std::size_t i = 0; i < times.size(); i++) times[i] -= std::uint64_t(i / 450 * step * 1e9);  // every 15 s
        EXPECT_NEAR(double(kept_of(times, promise, limit).size()), 60 * limit, 2)
            << "back by " << step << " s, limit " << limit << ", caps " << promise;
      }
}

// Of those that are kept, one an interval is known to be its last before the next comes.
TEST(FrameClock, KnowsAnIntervalsLastFrame) {
  for (const double promise : {0.0, 15.0, 30.0, 60.0})
    for (const double limit : {0.0, 2.5, 5.0, 25.0, 60.0}) {
      FrameClock clock(1000 * kMs, promise);
      std::map<std::uint64_t, std::pair<std::uint64_t, int>> said;  // by interval: the last one kept, how often
      for (const std::uint64_t t : camera(30, 20, 0)) {
        if (clock.begins(t)) clock.begin(t, limit);
        if (!clock.keep(t)) continue;
        auto &[last, times] = said[clock.number()];
        last = t;
        if (t > 1000 * kMs && clock.ends(t)) ++times;
      }
      for (const auto &[interval, one] : said) {
        if (interval == 0 || interval == 20) continue;
        EXPECT_EQ(one.second, 1) << "caps " << promise << ", limit " << limit << ", interval " << interval;
      }
    }
}

TEST(FrameClock, WorksBackwards) {
  FrameClock clock(1000 * kMs, 10);
  clock.begin(1900 * kMs, 5);
  EXPECT_TRUE(clock.keep(1900 * kMs));
  EXPECT_FALSE(clock.keep(1800 * kMs));
  EXPECT_TRUE(clock.keep(1700 * kMs));
  EXPECT_TRUE(clock.begins(900 * kMs));
}
