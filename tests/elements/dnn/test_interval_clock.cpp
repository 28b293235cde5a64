// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>

#include <vector>

#include "video/interval_clock.h"

namespace {

using oneadapt::IntervalClock;

constexpr std::uint64_t kMs = 1000000, kSecond = 1000 * kMs;

struct Taken {
  std::size_t frame;
  std::uint64_t interval;
  bool operator==(const Taken &o) const { return frame == o.frame && interval == o.interval; }
};
std::ostream &operator<<(std::ostream &out, const Taken &t) {
  return out << "frame " << t.frame << " for " << t.interval;
}

struct Frame {
  std::uint64_t time, duration;
};

std::vector<Taken> run(IntervalClock &clock, const std::vector<Frame> &frames, std::uint64_t interval = kSecond) {
  std::vector<Taken> taken;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const auto due = clock.frame(frames[i].time, frames[i].duration);
    if (due.missed) taken.push_back({i, *due.missed});
    if (due.own) taken.push_back({i, frames[i].time / interval});
  }
  return taken;
}

TEST(IntervalClock, LastFrameOfEachInterval) {
  // 10, 25, 30 (durations and times rounded down) and 29.97 frames a second.
  const std::pair<std::uint64_t, std::uint64_t> rates[] = {{10, 1}, {25, 1}, {30, 1}, {60, 1}, {30000, 1001}};
  for (const auto &[n, d] : rates) {
    std::vector<Frame> frames;
    std::vector<Taken> expected;
    for (std::uint64_t i = 0;; ++i) {
      const std::uint64_t from = i * d * kSecond / n, to = (i + 1) * d * kSecond / n;
      if (from >= 5 * kSecond) break;
      frames.push_back({from, d * kSecond / n});
      if (to / kSecond > from / kSecond) expected.push_back({std::size_t(i), from / kSecond});
    }
    IntervalClock clock(kSecond);
    EXPECT_EQ(run(clock, frames), expected) << n << "/" << d;
    EXPECT_EQ(expected.size(), 5u);
  }
}

TEST(IntervalClock, TimestampsInWholeMilliseconds) {
  // 30 a second in Matroska: 0, 33, 67, 100 …; the 30th at 967 lasts 33.
  std::vector<Frame> frames;
  for (std::uint64_t i = 0; i < 60; ++i) frames.push_back({(i * 1000 + 15) / 30 * kMs, 33 * kMs});
  IntervalClock clock(kSecond);
  EXPECT_EQ(run(clock, frames), (std::vector<Taken>{{29, 0}, {59, 1}}));
}

TEST(IntervalClock, AFrameLongerThanTheInterval) {
  IntervalClock clock(kSecond);
  EXPECT_EQ(run(clock, {{0, 2 * kSecond}, {2 * kSecond, 2 * kSecond}}), (std::vector<Taken>{{0, 0}, {1, 2}}));
}

TEST(IntervalClock, LostLastFrameIsMadeUpForOnce) {
  // The frame at 900 ms is missing; interval 1 is whole.
  std::vector<Frame> frames;
  for (std::uint64_t i = 0; i < 20; ++i)
    if (i != 9) frames.push_back({i * 100 * kMs, 100 * kMs});
  IntervalClock clock(kSecond);
  EXPECT_EQ(run(clock, frames), (std::vector<Taken>{{9, 0}, {18, 1}}));
}

TEST(IntervalClock, UnknownDurations) {
  std::vector<Frame> frames;
  for (std::uint64_t i = 0; i < 31; ++i) frames.push_back({i * 100 * kMs, 0});
  IntervalClock clock(kSecond);
  EXPECT_EQ(run(clock, frames), (std::vector<Taken>{{10, 0}, {20, 1}, {30, 2}}));
}

TEST(IntervalClock, OneFrameMayServeTwoIntervals) {
  // Interval 0 ends without a frame that says so; the only frame of interval 2 lasts until its end.
  IntervalClock clock(kSecond);
  EXPECT_EQ(run(clock, {{100 * kMs, 100 * kMs}, {2500 * kMs, 500 * kMs}}), (std::vector<Taken>{{1, 0}, {1, 2}}));
}

TEST(IntervalClock, AJumpBackBeginsAnew) {
  IntervalClock clock(kSecond);
  EXPECT_EQ(run(clock, {{5100 * kMs, 100 * kMs}, {100 * kMs, 100 * kMs}, {900 * kMs, 100 * kMs}}),
            (std::vector<Taken>{{2, 0}}));
}

TEST(IntervalClock, ResetForgetsWhatIsOwed) {
  IntervalClock clock(kSecond);
  EXPECT_FALSE(clock.frame(100 * kMs, 0).any());
  clock.reset();
  EXPECT_FALSE(clock.frame(1100 * kMs, 0).any());
  EXPECT_EQ(*clock.frame(2100 * kMs, 0).missed, 1u);
}

TEST(IntervalClock, EveryNthFrameBesidesTheLast) {
  IntervalClock clock(kSecond);
  std::vector<std::uint64_t> also, own;
  for (std::uint64_t i = 0; i < 25; ++i) {
    const auto due = clock.frame(i * 100 * kMs, 100 * kMs, 5);
    if (due.also) also.push_back(i);
    if (due.own) own.push_back(i);
    EXPECT_EQ(due.any(), due.also || due.own);
  }
  EXPECT_EQ(also, (std::vector<std::uint64_t>{4, 14, 24}));  // 9 and 19, every fifth as well, are their interval's last
  EXPECT_EQ(own, (std::vector<std::uint64_t>{9, 19}));
}

TEST(IntervalClock, NoMoreOnceTheIntervalsGradientIsTaken) {
  IntervalClock clock(kSecond);
  EXPECT_TRUE(clock.frame(0, kSecond, 1).own);
  EXPECT_FALSE(clock.frame(500 * kMs, 100 * kMs, 1).any());
  EXPECT_TRUE(clock.frame(kSecond, 100 * kMs, 1).also);
}

TEST(IntervalClock, OtherLengths) {
  IntervalClock clock(500 * kMs);
  EXPECT_EQ(run(clock, {{400 * kMs, 100 * kMs}, {900 * kMs, 100 * kMs}}, 500 * kMs),
            (std::vector<Taken>{{0, 0}, {1, 1}}));
}

TEST(IntervalClock, TheFirstFrameOfAllWhenAskedFor) {
  IntervalClock clock(kSecond);
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(clock.frame(2300 * kMs, 100 * kMs, 0, true).first);
    for (std::uint64_t t = 2400; t < 4000; t += 100) EXPECT_FALSE(clock.frame(t * kMs, 100 * kMs, 0, true).first);
    clock.reset();
    EXPECT_FALSE(clock.frame(2300 * kMs, 100 * kMs).any()) << "not asked for";
    clock.reset();
    const auto only = clock.frame(3 * kSecond, kSecond, 0, true);
    EXPECT_TRUE(only.own && !only.first) << "it has its interval's own gradient";
    clock.reset();
  }
}

}  // namespace

TEST(IntervalClock, AFrameThatSaysItIsTheLastIs) {
  IntervalClock clock(kSecond);
  // Times are off by jitter: by them alone the last frame would not be known.
  EXPECT_FALSE(clock.frame(30 * kMs, 100 * kMs).any());
  EXPECT_FALSE(clock.frame(812 * kMs, 100 * kMs).any());
  EXPECT_TRUE(clock.frame(885 * kMs, 100 * kMs, 0, false, true).own);
  EXPECT_FALSE(clock.frame(995 * kMs, 100 * kMs, 0, false, true).any());  // once is enough
  const auto due = clock.frame(1000 * kMs, 100 * kMs);
  EXPECT_FALSE(due.missed.has_value());
  EXPECT_FALSE(due.any());
}

TEST(IntervalClock, SomebodyElseKnowsThatAnIntervalIsOver) {
  IntervalClock clock(kSecond);
  EXPECT_FALSE(clock.end(0)) << "nothing came";
  EXPECT_FALSE(clock.frame(200 * kMs, 0).any());
  EXPECT_FALSE(clock.end(1)) << "another one";
  EXPECT_TRUE(clock.end(0));
  EXPECT_FALSE(clock.end(0)) << "once is enough";
  EXPECT_FALSE(clock.frame(1100 * kMs, 0).missed.has_value());
  EXPECT_TRUE(clock.frame(2100 * kMs, 0).missed.has_value()) << "nobody said so of interval 1";
}
