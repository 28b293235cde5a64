// SPDX-License-Identifier: LGPL-2.1-or-later
// The whole loop on real footage: default clip and model from tools/setup.sh; others skip visibly where they are
// absent.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "eval/run.h"
#include "footage.h"

using namespace oneadapt::eval;
using namespace oneadapt_test;
namespace fs = std::filesystem;

namespace {

RunOptions options(const std::string &clip, const std::string &classes) {
  RunOptions o;
  o.clip = clip;
  o.model = model();
  o.classes = classes;
  o.fps = 10;
  return o;
}
RunOptions short_run(double seconds, const std::string &knobs) {
  RunOptions o = options(vtest(), "person");
  o.fps = 5;
  o.seconds = seconds;
  o.knobs = knobs;
  return o;
}
RunResult reference_of(RunOptions o) {
  o.policy = "static";
  return run(o, {});
}
std::map<std::string, std::vector<double>> by_knob(const RunResult &r) {
  std::map<std::string, std::vector<double>> out;
  for (const IntervalRow &row : r.intervals)
    for (const KnobValue &k : row.knobs) out[k.name].push_back(k.value);
  return out;
}

}  // namespace

TEST(Adaptive, DefaultsSaveThreeQuartersOnVtest) {
  NEED_VTEST();
  RunOptions o = options(vtest(), "person");
  o.seconds = 20;
  const RunResult adapted = run(o, {});
  const RunResult reference = reference_of(o);
  EXPECT_EQ(adapted.input.size(), 200u);
  EXPECT_EQ(reference.results.size(), 200u);
  EXPECT_LE(double(adapted.bytes), 0.25 * double(reference.bytes));
  EXPECT_GE(mean_accuracy(adapted, reference), 0.93);
  EXPECT_EQ(mean_accuracy(reference, reference), 1.0);
}

TEST(Adaptive, AMapSavesOnWhatTheDnnDoesNotLookAt) {
  NEED_VTEST();
  RunOptions o = short_run(4, "qp-map");
  o.start["qp"] = 28;
  o.alpha = 0;  // the base stays, so that all that is saved is the map's
  const RunResult mapped = run(o, {});
  RunOptions plain = o;
  plain.knobs.clear();
  plain.policy = "static";
  const RunResult uniform = run(plain, {}), reference = [&] {
    plain.start.clear();
    return run(plain, {});
  }();
  auto bytes_from = [](const RunResult &r, std::uint64_t from, std::uint64_t to) {
    double sum = 0;
    for (const Packet &p : r.packets)
      if (p.stream_time >= from && p.stream_time < to) sum += double(p.bytes);
    return sum;
  };
  const double first = bytes_from(uniform, 0, GST_SECOND / 5);
  EXPECT_NEAR(bytes_from(mapped, 0, GST_SECOND / 5), first, 0.02 * first) << "there is no gradient yet";
  EXPECT_LT(bytes_from(mapped, GST_SECOND / 5, GST_SECOND), 0.8 * bytes_from(uniform, GST_SECOND / 5, GST_SECOND))
      << "the first frame's gradient is early";
  EXPECT_LT(bytes_from(mapped, GST_SECOND, 4 * GST_SECOND), 0.8 * bytes_from(uniform, GST_SECOND, 4 * GST_SECOND));
  EXPECT_GE(mean_accuracy(mapped, reference), 0.85);
}

TEST(Adaptive, TwiceTheSame) {
  NEED_VTEST();
  RunOptions o = options(vtest(), "person");
  o.seconds = 5;
  const RunResult a = run(o, {}), b = run(o, {});
  EXPECT_EQ(a.bytes, b.bytes);
  ASSERT_EQ(a.intervals.size(), b.intervals.size());
  EXPECT_EQ(by_knob(a), by_knob(b));
  for (std::size_t i = 0; i < a.intervals.size(); ++i) EXPECT_EQ(a.intervals[i].z, b.intervals[i].z) << i;
}

// A decoder keeps a picture back for reordering; at an interval's end it must not.
TEST(Adaptive, BPicturesDoNotHoldUpLockstep) {
  NEED_VTEST();
  RunOptions o = short_run(3, "b-bias");
  o.properties["filter.b-frames"] = "3";
  o.properties["ctl.lockstep-timeout"] = "300000000000";  // ns; no busy machine needs as long
  const RunResult r = run(o, {});
  EXPECT_EQ(r.results.size(), 15u);
  ASSERT_EQ(r.intervals.size(), 3u);
  for (const IntervalRow &row : r.intervals) EXPECT_TRUE(row.feedback);
  EXPECT_TRUE(r.warnings.empty()) << r.warnings.front();
}

// 10 s without a person (a bouncing ball), 10 s with: after five intervals a knob is where it stays, give or take a
// rung.
TEST(Adaptive, SettlesWithinFiveIntervalsOfAScene) {
  NEED(model());
  NEED(vtest());
  RunOptions o = options("", "person");
  const std::string caps = "video/x-raw,format=I420,width=768,height=576,framerate=10/1";
  o.source = "videotestsrc pattern=ball num-buffers=100 ! " + caps + " ! c. filesrc location=" + vtest() +
             " ! decodebin ! videoconvert ! " + caps + " ! c. concat name=c";
  o.knobs = "qp,scale,framerate";
  o.seconds = 10;  // of stream time, which starts again with the second scene
  const RunResult r = run(o, {});
  EXPECT_GE(r.input.size(), 195u);
  const std::map<std::string, std::vector<double>> ladders = {{"qp", {48, 44, 40, 36, 32, 28, 24, 20}},
                                                              {"scale", {0.5, 0.625, 0.75, 0.875, 1}},
                                                              {"framerate", {1, 2, 10.0 / 3, 5, 10}}};
  const auto knobs = by_knob(r);
  ASSERT_FALSE(knobs.empty());
  std::string all;
  for (const IntervalRow &row : r.intervals) {
    for (const KnobValue &k : row.knobs) all += k.name + " " + std::to_string(k.value) + "  ";
    all += std::to_string(row.objects) + " objects\n";
  }
  SCOPED_TRACE(all);
  for (const auto &[name, values] : knobs) {
    ASSERT_TRUE(ladders.count(name)) << name;
    ASSERT_GE(values.size(), 19u);
    const auto &ladder = ladders.at(name);
    for (auto [from, to] : {std::pair<std::size_t, std::size_t>{5, 10}, {15, values.size()}}) {
      std::vector<long> rungs;
      for (std::size_t t = from; t < to; ++t) {
        const auto it =
            std::find_if(ladder.begin(), ladder.end(), [&](double v) { return std::abs(v - values[t]) < 1e-6; });
        ASSERT_NE(it, ladder.end()) << name << " = " << values[t];
        rungs.push_back(it - ladder.begin());
      }
      const auto [lo, hi] = std::minmax_element(rungs.begin(), rungs.end());
      EXPECT_LE(*hi - *lo, 1) << name << " between interval " << from << " and " << to;
    }
  }
}

TEST(Adaptive, LambdaTradesAccuracyForBytes) {
  const fs::path clip = root() / "../shared/data/country-road.mp4";
  NEED(model());
  if (!fs::exists(clip)) GTEST_SKIP() << "there is no " << clip;
  RunOptions o = options(clip.string(), "car,truck,bus");
  o.seconds = 7;
  const RunResult reference = reference_of(o);
  double bytes[3], accuracy[3];
  const double lambdas[] = {0.1, 1, 10};
  for (int i = 0; i < 3; ++i) {
    o.lambda = lambdas[i];
    const RunResult r = run(o, {});
    bytes[i] = double(r.bytes);
    accuracy[i] = mean_accuracy(r, reference);
  }
  EXPECT_GT(bytes[0], bytes[1]);
  EXPECT_GT(bytes[1], bytes[2]);
  EXPECT_GT(accuracy[0], accuracy[1]);
  EXPECT_GT(accuracy[1], accuracy[2]);
}

// 30 frames, a tenth of a second apart: the middles of three parts are at 0.5, 1.5 and 2.5 s.
TEST(Adaptive, StillsAreSpreadOverTheClipAndChangeNothing) {
  NEED(model());
  NEED(vtest());
  GstElementFactory *overlay = gst_element_factory_find("oneadaptoverlay");
  if (!overlay) GTEST_SKIP() << "oneadaptoverlay was not built";
  gst_object_unref(overlay);
  RunOptions o = options(vtest(), "person");
  o.seconds = 3;
  o.policy = "static";
  o.start["scale"] = 0.5;
  const RunResult without = run(o, {});
  EXPECT_TRUE(without.stills.empty());
  for (unsigned n : {3u, 100u}) {
    SCOPED_TRACE(n);
    o.stills = n;
    const RunResult r = run(o, {});
    EXPECT_EQ(r.bytes, without.bytes);
    EXPECT_EQ(mean_accuracy(r, without), 1.0);
    ASSERT_EQ(r.stills.size(), std::min(n, 30u));
    for (std::size_t i = 0; i < r.stills.size(); ++i) {
      const double middle = 3.0 * (double(i) + 0.5) / double(r.stills.size());
      EXPECT_NEAR(double(r.stills[i].stream_time) / 1e9, middle, 0.4) << i;
      EXPECT_TRUE(i == 0 || r.stills[i].stream_time > r.stills[i - 1].stream_time) << i;
      const std::vector<std::uint8_t> &jpeg = r.stills[i].jpeg;
      ASSERT_GT(jpeg.size(), 1000u);
      EXPECT_EQ(jpeg[0] << 8 | jpeg[1], 0xffd8);
      EXPECT_EQ(jpeg[jpeg.size() - 2] << 8 | jpeg.back(), 0xffd9);
      // The frame header holds the height and the width: the clip's, though half of each was sent.
      const std::uint8_t size[] = {0xff, 0xc0, 0, 17, 8, 576 >> 8, 576 & 255, 768 >> 8, 768 & 255, 3};
      EXPECT_NE(std::search(jpeg.begin(), jpeg.end(), std::begin(size), std::end(size)), jpeg.end());
    }
  }
}

TEST(Adaptive, WhatCannotRunSaysWhy) {
  NEED(model());
  RunOptions o = options(model(), "person");  // a model is no clip
  EXPECT_THROW(run(o, {}), RunError);
  NEED(vtest());
  o = options(vtest(), "persn");
  try {
    run(o, {});
    FAIL();
  } catch (const RunError &e) {
    EXPECT_NE(std::string(e.what()).find("persn"), std::string::npos) << e.what();
  }
}
