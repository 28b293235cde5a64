// SPDX-License-Identifier: LGPL-2.1-or-later
// How far BD-rates scatter, on made-up seconds with hand-worked numbers.
#include "eval/bootstrap.h"
#include "eval/curve_json.h"
#include "eval/evaluation.h"
#include "eval/medium.h"
#include "eval_rig.h"

using namespace eval_test;
using namespace oneadapt;
using namespace oneadapt::eval;
using nlohmann::json;

namespace {

using Rates = std::vector<std::optional<double>>;

/// A run of two seconds: kbit/s and accuracy of each.
json point(std::pair<double, double> kbps, std::pair<double, double> accuracy) {
  return {{"setting", "x"},
          {"bandwidth", (kbps.first + kbps.second) / 2000},
          {"accuracy", (accuracy.first + accuracy.second) / 2},
          {"intervals",
           {{{"t", 0}, {"kbps", kbps.first}, {"accuracy", accuracy.first}, {"weight", 10}},
            {{"t", 1}, {"kbps", kbps.second}, {"accuracy", accuracy.second}, {"weight", 10}}}}};
}

/// `uniform` takes 1000 and 250 kbit/s in each second; the others so many times that.
json clip_with(const std::vector<std::pair<std::string, std::pair<double, double>>> &curves) {
  json clip{{"clip", "a.mp4"}, {"seconds", 2}, {"curves", json::array()}};
  for (const auto &[policy, share] : curves)
    clip["curves"].push_back({{"policy", policy},
                              {"points",
                               {point({1000 * share.first, 1000 * share.second}, {1, 1}),
                                point({250 * share.first, 250 * share.second}, {0.6, 0.6})}}});
  return clip;
}

}  // namespace

TEST(Bootstrap, APointIsTheSumOfItsSeconds) {
  const PointSeconds seconds{{1, 2, 4}, {1, 0.5, 0.25}, {2, 1, 0}};
  const CurvePoint once = point_of(seconds, {0, 1, 2});
  EXPECT_EQ(once.resource, 7);
  EXPECT_NEAR(once.accuracy, 2.5 / 3, 1e-12);
  const CurvePoint drawn = point_of(seconds, {0, 1, 1});
  EXPECT_EQ(drawn.resource, 5);
  EXPECT_NEAR(drawn.accuracy, 3. / 4, 1e-12);
  EXPECT_EQ(point_of(seconds, {2, 2, 2}).accuracy, 0);  // in which nothing is judged
}

TEST(Bootstrap, DrawsAreWithReplacementAndTheSameForAClip) {
  const auto draws = draws_of("road.mp4", 5);
  ASSERT_EQ(draws.size(), 200u);
  std::vector<int> drawn(5);
  bool replaced = false;
  for (const Draw &draw : draws) {
    ASSERT_EQ(draw.size(), 5u);
    for (const std::size_t t : draw) ++drawn.at(t);
    replaced = replaced || draw[0] == draw[1];
  }
  EXPECT_TRUE(replaced);
  for (int n : drawn) EXPECT_NEAR(n, 200, 60);  // five standard deviations
  EXPECT_EQ(draws_of("road.mp4", 5), draws);
  EXPECT_NE(draws_of("town.mp4", 5), draws);
}

// The curve takes half of the anchor's bytes in the first second, and as many in the second one.
TEST(Bootstrap, BothCurvesHaveTheSameSeconds) {
  const CurveSeconds anchor{{{4, 4}, {1, 1}, {1, 1}}, {{2, 2}, {0.5, 0.5}, {1, 1}}};
  const CurveSeconds curve{{{2, 4}, {1, 1}, {1, 1}}, {{1, 2}, {0.5, 0.5}, {1, 1}}};
  const Rates rates = bd_rates_of(curve, anchor, {{0, 0}, {1, 1}, {0, 1}});
  ASSERT_EQ(rates.size(), 3u);
  EXPECT_NEAR(*rates[0], -50, 1e-9);
  EXPECT_NEAR(*rates[1], 0, 1e-9);
  EXPECT_NEAR(*rates[2], -25, 1e-9);  // 3 of 4
  // Where accuracy does not rise there is none.
  EXPECT_FALSE(bd_rates_of({{{1, 1}, {1, 1}, {1, 1}}}, anchor, {{0, 1}})[0]);
}

TEST(Bootstrap, TheScatterIsFromThe16thToThe84thPercentile) {
  Rates values;
  for (int i = 100; i >= 0; --i) values.push_back(i);
  EXPECT_NEAR(scatter_of(values)->low, 16, 1e-9);
  EXPECT_NEAR(scatter_of(values)->high, 84, 1e-9);
  EXPECT_NEAR(scatter_of({0., 10.})->low, 1.6, 1e-9);
  EXPECT_NEAR(scatter_of({std::nullopt, 5.})->high, 5, 1e-9);
  EXPECT_FALSE(scatter_of({std::nullopt, std::nullopt, 5.}));
  EXPECT_FALSE(scatter_of({}));
}

TEST(Bootstrap, RowsOfBdRateHaveTheirScatter) {
  json clip = clip_with({{"uniform", {1, 1}}, {"oneadapt", {0.5, 1}}, {"region", {0.5, 0.5}}});
  compare_curves(clip);
  json row = clip["bd_rate"][0];
  EXPECT_EQ(row["against"], "uniform");
  EXPECT_NEAR(row["percent"], -25, 1e-4);
  ASSERT_EQ(row["resamples"].size(), 200u);
  // A quarter of the resamples each is of one second only, and half are the clip.
  EXPECT_EQ(row["low"], -50);
  EXPECT_EQ(row["high"], 0);
  EXPECT_EQ(clip["bd_rate"][2]["policy"], "region");
  EXPECT_EQ(clip["bd_rate"][2]["low"], -50);
  EXPECT_EQ(clip["bd_rate"][2]["high"], -50);
  // A clip of another length is not compared second by second.
  json shorter = clip;
  for (json &p : shorter["curves"][0]["points"]) p["intervals"].erase(1);
  compare_curves(shorter);
  EXPECT_FALSE(shorter["bd_rate"][0].contains("resamples"));
}

// Frames that were analysed, and profiles, which belong to no second: 4 and 2 frames, and two more.
TEST(Bootstrap, FramesAreCountedBySecond) {
  json clip = clip_with({{"uniform", {1, 1}}});
  clip["resource"] = "frames";
  clip["reference"] = {{"frames_analysed", 10}};
  for (json &p : clip["curves"][0]["points"]) {
    p["frames"] = 0.8;
    p["frames_analysed"] = 6;
    p["intervals"][0]["analysed"] = 4;
    p["intervals"][1]["analysed"] = 2;
  }
  EXPECT_EQ(curve_of(clip["curves"][0], clip).seconds.at(0).resource, (std::vector<double>{5, 3}));
}

TEST(Bootstrap, TheMeanOverClipsScattersLess) {
  const auto clip = [](double first, double second, std::optional<double> third) {
    json row{{"policy", "a"}, {"against", "u"}, {"percent", (first + second) / 2}};
    add_scatter(row, {first, second, third});
    return json{{"bd_rate", {row}}};
  };
  const json mean = mean_bd_rates({clip(-30, -10, -20), clip(-20, -40, std::nullopt)});
  EXPECT_EQ(mean[0]["percent"], -25);
  EXPECT_EQ(mean[0]["resamples"], (json{-25, -25, nullptr}));
  EXPECT_EQ(mean[0]["low"], -25);
  EXPECT_EQ(mean[0]["high"], -25);
  // Of a clip that is not known by its seconds there is none.
  json without = clip(1, 2, 3);
  without["bd_rate"][0].erase("resamples");
  EXPECT_FALSE(mean_bd_rates({clip(-30, -10, -20), without})[0].contains("low"));
}

// Half of uniform's bytes against region's 0.8 and 0.6, and dds's 0.6 and 0.8: in each second one of the two is better.
TEST(Bootstrap, TheBetterBaselineIsChosenInEachResample) {
  json clip = clip_with({{"dds", {0.6, 0.8}}, {"region", {0.8, 0.6}}, {"oneadapt", {0.5, 0.5}}});
  compare_curves(clip);
  const json better = clip["bd_rate"].back();
  EXPECT_EQ(better["against"], "the better of region and dds");
  for (const json &percent : better["resamples"])
    EXPECT_TRUE(percent == -16.67 || percent == -28.57)
        << percent;  // 0.5 of 0.6, or of 0.7 where both seconds are there
}

TEST(Bootstrap, TheTableSaysIt) {
  json row{{"policy", "oneadapt"}, {"against", "uniform"}, {"percent", -40}, {"from", 0.8}, {"to", 0.9}};
  add_scatter(row, {-50., -50., -30., -30.});
  json clip{{"clip", "a.mp4"}, {"frames", 80}, {"fps", 10}, {"width", 96}, {"height", 54}, {"flat", false}};
  clip["reference"] = {{"kbps", 1}, {"objects_per_frame", 1}};
  clip["curves"] = clip["bandwidth_at"] = json::array();
  clip["bd_rate"] = {row};
  const json results{{"clips", {clip, clip}}, {"mean_bd_rate", mean_bd_rates({clip, clip})}};
  const std::string text = table(results);
  EXPECT_NE(text.find("oneadapt against uniform: BD-rate -40.0 % (-50.0 to -30.0; accuracy 0.80 to 0.90)"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("oneadapt against uniform: -40.0 % (-50.0 to -30.0; worst -40.0 %, 2 clips)"), std::string::npos)
      << text;
  EXPECT_NE(text.find("16 to 84 %"), std::string::npos) << text;
}

// Two words and one are heard of two and two: F1 2 · 3 / 7, of which the first second has four words and the last
// three.
TEST(Bootstrap, SecondsOfSoundCountByTheirWords) {
  RunResult said, heard;
  said.medium = heard.medium = &find_medium("sound");
  said.input = {0, 1000 * kMs, 2000 * kMs};
  said.results = {
      {0, {}, {{"one", 0.1}, {"two", 0.6}}}, {1000 * kMs, {}, {}}, {2000 * kMs, {}, {{"six", 2.1}, {"ten", 2.6}}}};
  heard.results = {{0, {}, {{"one", 0.1}, {"two", 0.6}}}, {1000 * kMs, {}, {}}, {2000 * kMs, {}, {{"six", 2.1}}}};
  EXPECT_EQ(said.medium->frame_weights(heard, said), (std::vector<double>{4, 0, 3}));
  const auto accuracy = frame_accuracy(heard, said);
  EXPECT_NEAR((4 * accuracy[0] + 3 * accuracy[2]) / 7, mean_accuracy(heard, said), 1e-12);
  EXPECT_NEAR(mean_accuracy(heard, said), 6. / 7, 1e-12);
}
