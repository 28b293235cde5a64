// SPDX-License-Identifier: LGPL-2.1-or-later
// Points, curves, BD-rates and the table.
#include "eval/against.h"
#include "eval/evaluation.h"
#include "eval/reference.h"
#include "eval_rig.h"

using namespace eval_test;
using namespace oneadapt;
using namespace oneadapt::eval;
using nlohmann::json;

namespace {

json curve(const std::string &policy, const std::vector<std::pair<double, double>> &points) {
  json out{{"policy", policy}, {"points", json::array()}};
  for (const auto &[bandwidth, accuracy] : points)
    out["points"].push_back({{"bandwidth", bandwidth}, {"accuracy", accuracy}});
  return out;
}

}  // namespace

TEST(Options, LaddersEndWithTheMostExpensive) {
  using Ends = std::map<std::string, double>;
  EXPECT_EQ(ladder_ends({{"filter.qp-ladder", "44, 32,28"}, {"filter.scale-ladder", "0.5 0.75, "}}),
            (Ends{{"qp", 28}, {"scale", 0.75}}));
  EXPECT_EQ(ladder_ends({{"filter.qp-ladder", "30"}, {"dnn.threads", "2"}, {"filter.qp", "7"}}), (Ends{{"qp", 30}}));
  EXPECT_EQ(ladder_ends({{"filter.qp-ladder", ""}, {"ctl.x-ladder", "3"}, {"filter.-ladder", "3"}}), Ends());
}

TEST(Point, HandWorked) {
  // 1.5 s: the second interval is half a second long.
  const auto reference = made_up(2, 100, [](std::size_t) { return std::vector<ScoredBox>{box(0.1)}; });
  reference->input.pop_back();
  reference->packets.pop_back();
  reference->results.pop_back();
  reference->bytes = 300;
  reference->seconds = 1.5;
  PolicyRun run;
  run.result = *reference;
  run.result.results[2].boxes = {box(0.5), box(0.7)};
  run.result.packets = {{0, 60}, {1000 * kMs, 15}};
  run.result.results.erase(run.result.results.begin() + 1);
  run.result.bytes = 75;
  run.result.encode_s = 0.25;
  run.result.probe_s = 0.5;
  run.result.inference_s = 3;
  run.result.gradient_s = 0.125;
  run.result.feedback_bytes = 42;
  run.knobs = {{{"qp", 30}}};
  run.extra_inferences = 9;
  const json point = point_json("lambda=1", run, *reference, Metric::F1);
  EXPECT_EQ(point["setting"], "lambda=1");
  EXPECT_EQ(point["bandwidth"], 0.25);
  EXPECT_EQ(point["accuracy"], 0.666667);  // the second frame keeps the first one's result
  EXPECT_EQ(point["frames_analysed"], 2);
  EXPECT_EQ(point["extra_inferences"], 9);
  EXPECT_EQ(point["sensor_cpu_s"], 0.75);
  EXPECT_EQ(point["inference_s"], 3);
  EXPECT_EQ(point["gradient_s"], 0.125);
  EXPECT_EQ(point["feedback_bytes"], 42);
  EXPECT_EQ(point["bytes"], 75);
  EXPECT_EQ(point["intervals"], json::parse(R"([
    {"t": 0.0, "kbps": 0.48, "accuracy": 1.0, "weight": 2.0, "objects": 1.0, "analysed": 1.0, "knobs": {"qp": 30.0}},
    {"t": 1.0, "kbps": 0.24, "accuracy": 0.0, "weight": 1.0, "objects": 2.0, "analysed": 1.0, "knobs": {}}])"));
}

// Bandwidth is that of the most expensive configuration, accuracy that of its own second object on uncoded pictures.
TEST(Point, IsJudgedByWhatWasFoundBeforeAnyCoding) {
  const auto coded = made_up(2, 100, [](std::size_t) { return std::vector<ScoredBox>{box(0.1)}; });
  const auto uncoded = made_up(2, 9999, [](std::size_t) { return std::vector<ScoredBox>{box(0.1), box(0.5)}; });
  const RunResult judge = with_results_of(*uncoded, *coded);
  const json point = point_json("qp=20", {*coded, {}, 0}, judge, Metric::F1);
  EXPECT_EQ(point["bandwidth"], 1);
  EXPECT_EQ(point["frames"], 1);
  EXPECT_EQ(point["accuracy"], 0.666667);  // 2 · 1 / (1 + 2)
  EXPECT_EQ(reference_json(judge)["objects_per_frame"], 2);
  EXPECT_EQ(reference_json(judge)["kbps"], 1.6);
}

// Two curves over the same accuracies, one with half of the other's bandwidth.
TEST(Comparison, BdRateAndBandwidthAt) {
  json clip{{"curves",
             {curve("uniform", {{1, 1}, {0.5, 0.9}, {0.25, 0.8}}),
              curve("oneadapt", {{0.5, 1}, {0.25, 0.9}, {0.125, 0.8}}), curve("profiling", {{0.9, 0.7}, {0.8, 0.6}})}}};
  compare_curves(clip);
  EXPECT_FALSE(clip["flat"]);
  // oneadapt against each other, and each against uniform.
  ASSERT_EQ(clip["bd_rate"].size(), 3u);
  const json first = clip["bd_rate"][0];
  EXPECT_EQ(first["policy"], "oneadapt");
  EXPECT_EQ(first["against"], "uniform");
  EXPECT_NEAR(first["percent"], -50, 1e-4);
  EXPECT_NEAR(first["from"], 0.8, 1e-9);
  EXPECT_NEAR(first["to"], 1, 1e-9);
  for (std::size_t i : {1u, 2u}) {
    EXPECT_TRUE(clip["bd_rate"][i]["percent"].is_null());
    EXPECT_NE(clip["bd_rate"][i]["reason"].get<std::string>().find("share no accuracy"), std::string::npos);
  }
  ASSERT_EQ(clip["bandwidth_at"].size(), 3u);
  EXPECT_EQ(clip["bandwidth_at"][0]["accuracy"], 0.95);
  // log₂ of the bandwidth is linear in accuracy between the points: 2^−0.5.
  EXPECT_NEAR(clip["bandwidth_at"][0]["bandwidth"], 0.707107, 1e-6);
  EXPECT_NEAR(clip["bandwidth_at"][1]["bandwidth"], 0.353553, 1e-6);
  EXPECT_TRUE(clip["bandwidth_at"][2]["bandwidth"].is_null());
}

// A half of uniform's bandwidth against region's 0.8 and dds's 0.6: −37.5 and −16.7 %, so dds is the better one.
TEST(Comparison, TheBetterBaselineIsTheOneThatLessIsSavedAgainst) {
  const auto scaled = [](const std::string &policy, double factor) {
    return curve(policy, {{factor, 1}, {0.5 * factor, 0.9}, {0.25 * factor, 0.8}});
  };
  const auto against = [](const json &clip) {
    std::vector<std::string> out;
    for (const json &row : clip["bd_rate"])
      if (row["policy"] == "oneadapt") out.push_back(row["against"]);
    return out;
  };
  const std::string both = "the better of region and dds";
  json clip{{"curves", {scaled("uniform", 1), scaled("dds", 0.6), scaled("region", 0.8), scaled("oneadapt", 0.5)}}};
  compare_curves(clip);
  EXPECT_EQ(against(clip), (std::vector<std::string>{"uniform", "dds", "region", both}));
  const json row = clip["bd_rate"].back();
  EXPECT_NEAR(row["percent"], -16.6667, 1e-3);
  EXPECT_NEAR(row["from"], 0.8, 1e-9);
  // The mean over clips has it too.
  EXPECT_EQ(mean_bd_rates(json::array({clip})).back()["against"], both);

  // One of the two shares no accuracy: the other one counts.
  clip = {{"curves", {curve("dds", {{0.2, 0.5}, {0.1, 0.4}}), scaled("region", 0.8), scaled("oneadapt", 0.5)}}};
  compare_curves(clip);
  EXPECT_NEAR(clip["bd_rate"].back()["percent"], -37.5, 1e-3);
  EXPECT_EQ(clip["bd_rate"].back()["against"], both);
  // Neither has a curve to compare with.
  clip = {{"curves", {curve("dds", {{0.2, 0.5}}), curve("region", {{0.2, 0.5}}), scaled("oneadapt", 0.5)}}};
  compare_curves(clip);
  EXPECT_EQ(clip["bd_rate"].back()["against"], both);
  EXPECT_TRUE(clip["bd_rate"].back()["percent"].is_null());
  EXPECT_FALSE(clip["bd_rate"].back()["reason"].get<std::string>().empty());
  // With one of them there is nothing to choose.
  clip = {{"curves", {scaled("uniform", 1), scaled("region", 0.8), scaled("oneadapt", 0.5)}}};
  compare_curves(clip);
  EXPECT_EQ(against(clip), (std::vector<std::string>{"uniform", "region"}));
}

TEST(Comparison, AFlatClipHasNoBdRate) {
  for (double cheap : {0.11, 0.13}) {
    json clip{{"curves", {curve("uniform", {{1, 1}, {cheap, 0.94}}), curve("oneadapt", {{1, 1}, {0.1, 0.96}})}}};
    compare_curves(clip);
    EXPECT_EQ(clip["flat"], cheap < 0.12) << cheap;
    EXPECT_EQ(clip["bd_rate"][0]["percent"].is_null(), cheap < 0.12) << cheap;
    if (cheap < 0.12) {
      EXPECT_NE(clip["bd_rate"][0]["reason"].get<std::string>().find("flat"), std::string::npos);
    }
    EXPECT_NEAR(clip["bandwidth_at"][1]["bandwidth"], 0.1, 1e-9);  // the cheapest point does
  }
}

TEST(Comparison, MeanOverTheClipsThatHaveOne) {
  const json clips = json::parse(R"([
    {"bd_rate": [{"policy": "a", "against": "u", "percent": -30}, {"policy": "b", "against": "u", "percent": null}]},
    {"bd_rate": [{"policy": "a", "against": "u", "percent": 10}, {"policy": "b", "against": "u", "percent": null}]},
    {"bd_rate": [{"policy": "a", "against": "u", "percent": null}]}])");
  EXPECT_EQ(mean_bd_rates(clips), json::parse(R"([
    {"policy": "a", "against": "u", "percent": -10.0, "worst": 10.0, "clips": 2},
    {"policy": "b", "against": "u", "percent": null, "worst": null, "clips": 0}])"));
  EXPECT_EQ(mean_bd_rates(json::array()), json::array());
}

TEST(Comparison, TheMeanCurveAveragesEachSetting) {
  const auto curve = [](const char *policy, double factor, double lift, const char *last = "b") {
    return json{{"policy", policy},
                {"points",
                 {{{"setting", "a"}, {"bandwidth", 0.2 * factor}, {"accuracy", 0.8 + lift}},
                  {{"setting", last}, {"bandwidth", 0.6 * factor}, {"accuracy", 0.9 + lift}}}}};
  };
  // On the second clip the two share no accuracy.
  const json clips{
      {{"flat", false}, {"curves", {curve("uniform", 1, 0), curve("oneadapt", 0.5, 0), curve("region", 1, 0)}}},
      {{"flat", false},
       {"curves", {curve("uniform", 1, -0.25), curve("oneadapt", 0.7, 0), curve("region", 1, 0, "c")}}},
      {{"flat", true}, {"curves", {curve("uniform", 9, 0)}}}};
  const json mean = mean_curve(clips);
  EXPECT_EQ(mean["clips"], 2);
  EXPECT_EQ(mean["curves"][0]["points"], json::parse(R"([{"setting": "a", "bandwidth": 0.2, "accuracy": 0.675},
                            {"setting": "b", "bandwidth": 0.6, "accuracy": 0.775}])"));
  EXPECT_EQ(mean["curves"][1]["points"][1], json::parse(R"({"setting": "b", "bandwidth": 0.36, "accuracy": 0.9})"));
  EXPECT_EQ(mean["curves"][2]["points"].size(), 1u) << "only one setting that both have";
  ASSERT_EQ(mean["bd_rate"].size(), 3u);
  EXPECT_TRUE(mean["bd_rate"][0]["percent"].is_null());
  // Lifted by less, they do: from 0.8 to 0.875, half of the first and seven tenths of the second in the mean.
  json nearer = clips;
  nearer[1]["curves"][0] = curve("uniform", 1, -0.05);
  EXPECT_LT(mean_curve(nearer)["bd_rate"][0]["percent"], -40);
  EXPECT_TRUE(mean_curve(json::array({clips[0], clips[2]})).is_null());
  json results{{"clips", json::array()}, {"mean_curve", mean_curve(nearer)}};
  EXPECT_NE(table(results).find("Of the mean curves of 2 clips"), std::string::npos);
  EXPECT_NE(table(results).find("oneadapt against uniform: BD-rate -"), std::string::npos);
}

TEST(Comparison, OfTwoEvaluations) {
  const auto curve = [](const char *policy, double factor) {
    return json{{"policy", policy},
                {"points",
                 {{{"bandwidth", 0.2 * factor}, {"accuracy", 0.8}}, {{"bandwidth", 0.6 * factor}, {"accuracy", 0.9}}}}};
  };
  const auto evaluation = [&](double factor, const char *second) {
    const json reference{{"kbps", 800}};
    return json{{"resource", "bandwidth"},
                {"metric", "f1"},
                {"clips",
                 {{{"clip", "a.mp4"},
                   {"flat", false},
                   {"reference", reference},
                   {"curves", {curve("uniform", 1), curve("oneadapt", factor)}}},
                  {{"clip", second},
                   {"flat", false},
                   {"reference", reference},
                   {"curves", {curve("oneadapt", factor * factor)}}}}}};
  };
  const json now = evaluation(0.5, "b.mp4");
  json compared = compare_evaluations(now, evaluation(1, "b.mp4"));
  ASSERT_EQ(compared["clips"].size(), 2u);
  EXPECT_NEAR(compared["clips"][0]["bd_rate"][0]["percent"], 0, 1e-6);
  EXPECT_NEAR(compared["clips"][0]["bd_rate"][1]["percent"], -50, 1e-6);
  EXPECT_NEAR(compared["clips"][1]["bd_rate"][0]["percent"], -75, 1e-6);
  EXPECT_NEAR(compared["mean_bd_rate"][1]["percent"], -62.5, 1e-6);
  const std::string text = against_table(compared);
  EXPECT_NE(text.find("oneadapt against the other: BD-rate -50.0 %"), std::string::npos) << text;
  EXPECT_NE(text.find("oneadapt against the other: -62.5 % (worst -50.0 %, 2 clips)"), std::string::npos) << text;
  // The same shares of a most expensive configuration that took twice as much: now saves half besides.
  json before = evaluation(1, "b.mp4");
  for (json &clip : before["clips"]) clip["reference"]["kbps"] = 1600;
  EXPECT_NEAR(compare_evaluations(now, before)["clips"][0]["bd_rate"][1]["percent"], -75, 1e-6);
  // What only one of them has is left out; with nothing in common there is nothing to compare.
  EXPECT_EQ(compare_evaluations(now, evaluation(1, "c.mp4"))["clips"].size(), 1u);
  json other = evaluation(1, "c.mp4");
  other["clips"].erase(0);
  EXPECT_NE(against_table(compare_evaluations(now, other)).find("no clip and policy in common"), std::string::npos);
}

TEST(Table, SaysWhatTheResultsSay) {
  json clip = json::parse(R"({"clip": "a.mp4", "frames": 80, "fps": 10.0, "width": 960, "height": 540, "flat": false,
    "reference": {"kbps": 1234.5, "objects_per_frame": 4.75},
    "curves": [{"policy": "oneadapt", "points": [{"setting": "lambda=1", "bandwidth": 0.258, "accuracy": 0.899,
      "frames_analysed": 80, "extra_inferences": 7, "sensor_cpu_s": 1.25, "inference_s": 2.5, "gradient_s": 0.25,
      "feedback_bytes": 12300}]}],
    "bd_rate": [{"policy": "oneadapt", "against": "uniform", "percent": -38.2, "from": 0.8, "to": 0.95},
                {"policy": "chameleon", "against": "uniform", "percent": null, "reason": "because"}],
    "bandwidth_at": [{"policy": "oneadapt", "accuracy": 0.95, "bandwidth": 0.111},
                     {"policy": "chameleon", "accuracy": 0.95, "bandwidth": null}]})");
  json results{{"clips", {clip}}, {"mean_bd_rate", mean_bd_rates(json::array({clip}))}};
  const std::string one = table(results);
  for (const char *text :
       {"a.mp4: 80 frames at 10 fps, 960x540, 1234 kbit/s, 4.8 objects a frame", "25.8 %", "0.899", "1.25 s", "2.75 s",
        "12.3 kB", "oneadapt against uniform: BD-rate -38.2 % (accuracy 0.80 to 0.95)",
        "chameleon against uniform: no BD-rate: because", "oneadapt 11.1 %", "chameleon never"})
    EXPECT_NE(one.find(text), std::string::npos) << text << "\n" << one;
  EXPECT_EQ(one.find("Mean over"), std::string::npos);
  json sound = clip;
  sound["seconds"] = 61.3;
  sound["sound"] = {{"words", {{{"t", 0.5}, {"word", "one"}}, {{"t", 1.5}, {"word", "two"}}}}};
  EXPECT_NE(table({{"clips", {sound}}}).find("a.mp4: 61 s of sound, 1234 kbit/s, 2 words\n"), std::string::npos);
  results["clips"].push_back(clip);
  results["mean_bd_rate"] = mean_bd_rates(results["clips"]);
  EXPECT_NE(table(results).find("oneadapt against uniform: -38.2 % (worst -38.2 %, 2 clips)"), std::string::npos);
}
