// SPDX-License-Identifier: LGPL-2.1-or-later
// The parts of oneadaptfilter that need no pipeline.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "video/frame_clock.h"
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

TEST(Knobs, EveryRowIsSound) {
  for (std::size_t knob = 0; knob < kKnobs; knob++) {
    const KnobRow &row = video_knobs()[knob];
    EXPECT_EQ(video_knobs().find(row.name), knob);
    EXPECT_LE(row.min, row.neutral);
    EXPECT_GE(row.max, row.neutral);
    const auto ladder = parse(knob, row.ladder);
    if (!ladder.empty() && knob != kBBias) {  // its ladder goes both ways from the default
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

// Slots end at 1000, 667, 333 ms; a frame that ends within half a frame of one will do: those of 900, 600 and 200.
TEST(FrameClock, ThinsEvenlyAndKeepsAnIntervalsLastFrame) {
  EXPECT_EQ(kept(10, 3, 20), (Kept{200, 600, 900, 1200, 1600, 1900}));
  EXPECT_EQ(kept(10, 5, 10), (Kept{100, 300, 500, 700, 900}));
  EXPECT_EQ(kept(10, 1, 20), (Kept{900, 1900}));
  EXPECT_EQ(kept(10, 0.1, 20), (Kept{900, 1900})) << "the gradient needs an interval's last frame";
}

TEST(FrameClock, CountsBackFromTheIntervalsEnd) { EXPECT_EQ(kept(10, 2, 11, 450 * kMs), (Kept{450, 950, 1450})); }

TEST(FrameClock, DropsAnEvenShareAtUnevenRates) {
  const Kept times = kept(30000.0 / 1001, 10, 300);
  EXPECT_NEAR(double(times.size()), 100, 1);
  for (std::size_t i = 1; i < times.size(); i++) EXPECT_LE(times[i] - times[i - 1], 134) << times[i];
  for (int second = 1; second < 10; second++)  // the frame that reaches the second's end
    EXPECT_TRUE(std::any_of(times.begin(), times.end(), [&](int t) {
      return t < second * 1000 && t + 34 >= second * 1000;
    })) << second;
}

TEST(FrameClock, GoesByTimestampsAloneWhenTheRateVaries) {
  FrameClock clock(1000 * kMs, 0);
  clock.begin(0, 4);
  EXPECT_TRUE(clock.keep(0));
  EXPECT_FALSE(clock.keep(100 * kMs));
  EXPECT_TRUE(clock.keep(260 * kMs));
  EXPECT_FALSE(clock.keep(490 * kMs));
  EXPECT_TRUE(clock.keep(900 * kMs));
}

TEST(FrameClock, WorksBackwards) {
  FrameClock clock(1000 * kMs, 10);
  clock.begin(1900 * kMs, 5);
  EXPECT_TRUE(clock.keep(1900 * kMs));
  EXPECT_FALSE(clock.keep(1800 * kMs));
  EXPECT_TRUE(clock.keep(1700 * kMs));
  EXPECT_TRUE(clock.begins(900 * kMs));
}
