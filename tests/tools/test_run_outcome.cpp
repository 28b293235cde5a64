// SPDX-License-Identifier: LGPL-2.1-or-later
// What oneadapt-run says of a run: on made-up runs with hand-worked numbers.
#include <gtest/gtest.h>

#include <cstdint>

#include "outcome.h"

using namespace oneadapt;
using namespace oneadapt::eval;
using nlohmann::json;

namespace {

constexpr std::uint64_t kHalfSecond = 500000000;

/// Two seconds at two frames a second, one box on each frame; on the last `wrong` of them elsewhere.
RunResult made_up(std::uint64_t bytes, std::size_t wrong) {
  RunResult run;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::uint64_t t = i * kHalfSecond;
    run.input.push_back(t);
    run.packets.push_back({t, bytes});
    const double x = i + wrong >= 4 ? 0.7 : 0.1;
    run.results.push_back({t, {{{x, 0.1, x + 0.1, 0.2}, 0.9, 0}}, {}});
    run.bytes += bytes;
  }
  for (std::uint64_t n = 0; n < 2; ++n) {
    IntervalRow row;
    row.interval = n;
    row.seconds = 1;
    row.knobs = {{"qp", 36.0 + double(n)}, {"scale", 0.5}};
    run.intervals.push_back(row);
  }
  run.seconds = 2;
  run.width = 64;
  run.height = 48;
  run.stills = {{kHalfSecond, {0xff, 0xd8}}};
  return run;
}

Outcome outcome(std::size_t wrong) {
  Outcome o;
  o.options.clip = "clips/street.mp4";
  o.options.model = "models/nanodet.pt";
  o.adapted = made_up(100, wrong);
  o.reference = o.judge = made_up(1000, 0);
  return o;
}

bool has(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST(Outcome, IsRelativeToTheReference) {
  const Outcome o = outcome(1);
  EXPECT_DOUBLE_EQ(o.bandwidth(), 0.1);
  EXPECT_DOUBLE_EQ(o.accuracy(), 0.75);
  const json summary = summary_json(o);
  EXPECT_EQ(summary["accuracy"], 0.75);
  EXPECT_EQ(summary["kbps"], 1.6);  // 400 bytes in 2 s
  EXPECT_EQ(summary["reference_kbps"], 16);
  EXPECT_TRUE(has(eval::summary(o), "1.6      10.0%      0.750\n")) << eval::summary(o);
}

TEST(Advice, ComesWithALowAccuracyOnly) {
  EXPECT_EQ(advice(outcome(0)), "");
  EXPECT_FALSE(has(summary(outcome(0)), "0.9"));
  const std::string text = advice(outcome(1));
  EXPECT_TRUE(has(text, "F1 is below 0.9")) << text;
  EXPECT_TRUE(has(text, "--knobs qp-map")) << text;
  EXPECT_TRUE(has(text, "--lambda 0.25 ")) << text;
  EXPECT_TRUE(has(summary(outcome(1)), text));
  Outcome alone = outcome(1);
  alone.reference = RunResult();
  EXPECT_EQ(advice(alone), "");
}

TEST(Advice, GoesOnFromWhatWasAskedFor) {
  Outcome o = outcome(1);
  o.options.lambda = 8;  // far above: to where it usually helps
  EXPECT_TRUE(has(advice(o), "--lambda 0.25 ")) << advice(o);
  o.options.lambda = 0.25;
  o.options.knobs = "qp-map,scale";
  EXPECT_TRUE(has(advice(o), "--lambda 0.0625 ")) << advice(o);
  EXPECT_FALSE(has(advice(o), "--knobs")) << advice(o);
  o.options.lambda = 0;
  EXPECT_TRUE(has(advice(o), "--start qp=20")) << advice(o);
  EXPECT_FALSE(has(advice(o), "Try")) << advice(o);
  o.options.lambda = 1;
  o.options.policy = "static";
  EXPECT_TRUE(has(advice(o), "--start")) << advice(o);
  EXPECT_TRUE(has(advice(o), "--policy oneadapt")) << advice(o);
  EXPECT_FALSE(has(advice(o), "--lambda")) << advice(o);
}

TEST(RunReport, HasBothRunsSecondBySecond) {
  const json r = report_json(outcome(1), "oneadapt-run --clip street.mp4", "0.1.0");
  EXPECT_EQ(r["kind"], "run");
  EXPECT_EQ(r["knobs"], "qp,scale");
  EXPECT_EQ(r["model"], "nanodet.pt");
  EXPECT_EQ(r["advice"], advice(outcome(1)));
  const json &clip = r["clips"][0];
  EXPECT_EQ(clip["clip"], "street.mp4");
  EXPECT_EQ(clip["reference"]["kbps"], 16);
  ASSERT_EQ(clip["curves"].size(), 2u);
  const json &point = clip["curves"][0]["points"][0];
  EXPECT_EQ(point["accuracy"], 0.75);
  ASSERT_EQ(point["intervals"].size(), 2u);
  EXPECT_EQ(point["intervals"][0]["accuracy"], 1);
  EXPECT_EQ(point["intervals"][1]["accuracy"], 0.5);
  EXPECT_EQ(point["intervals"][1]["kbps"], 1.6);
  EXPECT_EQ(point["intervals"][1]["objects"], 1);
  EXPECT_EQ(point["intervals"][1]["knobs"], (json{{"qp", 37.0}, {"scale", 0.5}}));
  EXPECT_EQ(clip["stills"], (json::array({{{"caption", "0.5 s"}, {"image", "data:image/jpeg;base64,/9g="}}})));
}

TEST(RunReport, AloneNobodyKnowsItsAccuracy) {
  Outcome o = outcome(1);
  o.reference = RunResult();
  const json clip = report_json(o, "", "")["clips"][0];
  EXPECT_FALSE(clip.contains("reference"));
  ASSERT_EQ(clip["curves"].size(), 1u);
  const json &point = clip["curves"][0]["points"][0];
  EXPECT_FALSE(point.contains("accuracy"));
  EXPECT_FALSE(point.contains("bandwidth"));
  EXPECT_TRUE(point["intervals"][1]["accuracy"].is_null());
}
