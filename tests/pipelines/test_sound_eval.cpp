// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadapt-eval on sound: a schedule is kept to the sample, policies that profile are run with theirs, and
// voice-detection raises the rate. The model knows two tones; the clip is made of them.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "eval/compose.h"
#include "eval/evaluation.h"
#include "eval/medium.h"
#include "evaluated.h"
#include "play.h"
#include "test_models.h"

using namespace oneadapt;
using namespace oneadapt::eval;
using namespace oneadapt_test;

namespace {

constexpr int kRate = 16000;

struct Tone {
  double frequency, from, to;
};

/// Mono, 16 bits, silence but for the tones.
std::string write_wav(const std::string &path, double seconds, const std::vector<Tone> &tones) {
  const auto n = std::uint32_t(seconds * kRate);
  std::string data = "RIFF????WAVEfmt ";
  const auto put = [&](std::uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) data += char(value >> (8 * i));
  };
  for (const auto &[value, bytes] :
       {std::pair<std::uint32_t, int>{16, 4}, {1, 2}, {1, 2}, {kRate, 4}, {2 * kRate, 4}, {2, 2}, {16, 2}})
    put(value, bytes);
  data += "data";
  put(2 * n, 4);
  for (std::uint32_t i = 0; i < n; ++i) {
    const double t = double(i) / kRate;
    double v = 0;
    for (const Tone &tone : tones)
      if (t >= tone.from && t < tone.to) v += 0.3 * std::sin(2 * M_PI * tone.frequency * t);
    put(std::uint32_t(std::lround(v * 32767)), 2);
  }
  const auto size = std::uint32_t(data.size() - 8);
  for (int i = 0; i < 4; ++i) data[std::size_t(4 + i)] = char(size >> (8 * i));
  std::ofstream(path, std::ios::binary) << data;
  return path;
}

class SoundEval : public ::testing::Test {
 protected:
  void make(double seconds, const std::vector<Tone> &tones) {
    clip = write_wav(folder.file("tones.wav"), seconds, tones);
    model = save_tones(folder);
  }
  RunOptions options() const {
    RunOptions o;
    o.clip = clip;
    o.model = model;
    o.medium = &find_medium("sound");
    o.threads = 1;
    o.knobs = "rate";
    o.policy = "static";
    o.gradient = false;
    return o;
  }
  EvalOptions of_rate() const {
    EvalOptions o;
    o.clips = {clip};
    o.model = model;
    o.knobs = {"rate"};
    o.jobs = 1;
    o.output = folder.file("out");
    return o;
  }
  RunResult at(double rate) const {
    RunOptions o = options();
    o.start["rate"] = rate;
    return run(o, {});
  }
  RunResult with(const std::vector<double> &rates) const {
    RunOptions o = options();
    o.start["rate"] = rates.front();
    for (double rate : rates) o.schedule.push_back({{"rate", rate}});
    return run(o, {});
  }

  TemporaryFolder folder;
  std::string clip, model;
};

std::vector<std::uint64_t> bytes_by_interval(const RunResult &run) {
  std::vector<std::uint64_t> bytes(interval_count(run));
  for (const Packet &p : run.packets) bytes.at(interval_at(p.stream_time)) += p.bytes;
  return bytes;
}

std::vector<std::string> words(const RunResult &run) {
  std::vector<std::string> out;
  for (const FrameResult &f : run.results)
    for (const SequenceElement &w : f.words) {
      char text[64];
      std::snprintf(text, sizeof text, "%s@%.2f", w.label.c_str(), w.time);
      out.push_back(text);
    }
  return out;
}
using Words = std::vector<std::string>;

}  // namespace

TEST_F(SoundEval, AScheduleIsKeptFromTheFirstSampleOfEachInterval) {
  make(6, {{3000, 0.4, 0.6}, {3000, 1.4, 1.6}, {500, 2.4, 2.6}, {3000, 3.4, 3.6}, {3000, 4.4, 4.6}, {500, 5.4, 5.6}});
  const RunResult run = with({8000, 2000, 2000, 16000, 1000, 8000});
  EXPECT_EQ(bytes_by_interval(run), (std::vector<std::uint64_t>{16000, 4000, 4000, 32000, 2000, 16000}));
  EXPECT_EQ(words(run), (Words{"high@0.40", "low@2.40", "high@3.40", "low@5.40"}));
  EXPECT_TRUE(run.warnings.empty());
  // The last one goes on.
  EXPECT_EQ(bytes_by_interval(with({8000, 2000})), (std::vector<std::uint64_t>{16000, 4000, 4000, 4000, 4000, 4000}));
  // One that never changes is a fixed configuration.
  const RunResult fixed = at(8000), same = with({8000});
  EXPECT_EQ(words(same), words(fixed));
  EXPECT_EQ(bytes_by_interval(same), bytes_by_interval(fixed));
}

TEST_F(SoundEval, BitsCountAsIfTheyWerePacked) {
  make(2, {{500, 0.4, 0.6}});
  RunOptions o = options();
  o.knobs = "bits";
  o.start = {{"rate", 8000}, {"bits", 16}};
  o.schedule = {{{"bits", 16}}, {{"bits", 4}}};
  EXPECT_EQ(bytes_by_interval(run(o, {})), (std::vector<std::uint64_t>{16000, 4000}));
}

// Why recorded seconds are not enough: a word that begins at a low rate and ends at a high one is heard by the model,
// which hears some of the second before, too; and no fixed configuration says so in the interval that it ends in.
TEST_F(SoundEval, WhatIsPutTogetherIsNotWhatIsHeardWhereAWordGoesAcross) {
  make(4, {{500, 0.4, 0.6}, {3000, 1.92, 2.08}, {3000, 3.4, 3.6}});
  Recorded recorded;
  recorded.knobs = {{"rate", {2000, 8000}}};
  recorded.runs[{1}] = std::make_shared<RunResult>(at(8000));
  recorded.runs[{0}] = std::make_shared<RunResult>(at(2000));
  const RunResult composed = compose(recorded, {{0}, {0}, {1}, {1}}), real = with({2000, 2000, 8000, 8000});
  EXPECT_EQ(bytes_by_interval(composed), bytes_by_interval(real));
  EXPECT_EQ(words(recorded.reference()), (Words{"low@0.40", "high@1.92", "high@3.40"}));
  EXPECT_EQ(words(composed), (Words{"low@0.40", "high@3.40"}));
  EXPECT_EQ(words(real), (Words{"low@0.40", "high@2.00", "high@3.40"}));
}

TEST_F(SoundEval, EveryPolicyIsARunOfItsOwn) {
  // Silence, then words; those that are high need 8000 Hz.
  std::vector<Tone> tones;
  for (int t = 8; t < 20; ++t) tones.push_back({t % 2 ? 500.0 : 3000.0, t + 0.3, t + 0.6});
  make(20, tones);
  EvalOptions o = of_rate();
  o.policies = {"uniform", "oneadapt", "profiling", "voice-detection", "voice-detection-ahead"};
  o.lambdas = {0.05, 2};
  o.properties["filter.rate-ladder"] = "1000,2000,8000";
  o.profiling.profile_interval = 4;
  o.profile_budget = 1;
  const nlohmann::json results = evaluated(o);
  ASSERT_EQ(results["curves"].size(), 5u);
  EXPECT_EQ(results["sound"]["words"].size(), 12u);
  EXPECT_EQ(results["sound"]["envelope"].size(), 1000u);
  const std::size_t points[] = {3, 2, 2, 3, 3};
  for (std::size_t c = 0; c < 5; ++c) {
    const auto &curve = results["curves"][c];
    ASSERT_EQ(curve["points"].size(), points[c]) << curve["policy"];
    for (const auto &p : curve["points"]) {
      ASSERT_EQ(p["intervals"].size(), 20u);
      double bytes = 0;
      for (const auto &i : p["intervals"]) {
        // What is said to be in force is what went out.
        EXPECT_NEAR(i["kbps"].get<double>(), i["knobs"]["rate"].get<double>() * 16 / 1000, 1e-6)
            << curve["policy"] << p["setting"] << i;
        bytes += i["kbps"].get<double>() * 125;
      }
      EXPECT_NEAR(bytes, p["bytes"].get<double>(), 1e-3) << curve["policy"] << p["setting"];
    }
  }
  const auto rates = [&](std::size_t curve, std::size_t point) {
    std::vector<double> out;
    for (const auto &i : results["curves"][curve]["points"][point]["intervals"]) out.push_back(i["knobs"]["rate"]);
    return out;
  };
  const auto &voice = results["curves"][3]["points"];
  EXPECT_EQ(voice[0]["setting"], "rate=8000");
  EXPECT_EQ(voice[1]["setting"], "rate=2000");
  EXPECT_EQ(voice[2]["setting"], "rate=1000");
  for (std::size_t p = 0; p < 3; ++p) {
    const double active = p == 0 ? 8000 : p == 1 ? 2000 : 1000;
    const auto r = rates(3, p);
    EXPECT_EQ(r[0], active);  // until something is known
    for (std::size_t t = 1; t < 20; ++t) EXPECT_EQ(r[t], t > 8 ? active : 1000) << t;
  }
  // The first word comes at the cheap rate, and is lost; all others are heard.
  EXPECT_EQ(voice[0]["intervals"][8]["accuracy"], 0);
  EXPECT_NEAR(voice[0]["accuracy"].get<double>(), 2 * 11 / 23.0, 1e-6);
  EXPECT_EQ(voice[0]["intervals"][9]["words"][0]["word"], "low");
  EXPECT_EQ(voice[2]["accuracy"], results["curves"][0]["points"][2]["accuracy"]);
  // Looking ahead it is heard, too, and the second after the last word is as cheap as those before the first.
  const auto &ahead = results["curves"][4]["points"];
  for (std::size_t t = 1; t < 20; ++t) EXPECT_EQ(rates(4, 0)[t], t >= 8 ? 8000 : 1000) << t;
  EXPECT_EQ(ahead[0]["intervals"][8]["accuracy"], 1);
  EXPECT_EQ(ahead[0]["accuracy"], 1);
  EXPECT_EQ(results["sound"]["look_ahead"], 1);
  // So does the controller.
  const auto adapted = rates(1, 0);
  EXPECT_LE(adapted[6], 2000);
  EXPECT_EQ(adapted[8], 8000);
  // A profile of silence finds that nothing is worth anything, and the next one comes four seconds later.
  const auto profiled = rates(2, 0);
  EXPECT_EQ(profiled[0], 8000);
  EXPECT_EQ(profiled[7], 1000);
  EXPECT_GT(results["curves"][2]["points"][0]["extra_inferences"], 0);
}

TEST_F(SoundEval, TheLastIntervalIsSaidToBeWhatItWas) {
  make(3, {{500, 1.3, 1.6}});
  EvalOptions o = of_rate();
  o.policies = {"voice-detection-ahead", "oneadapt"};
  o.lambdas = {0.2};
  o.properties["filter.rate-ladder"] = "1000,8000";
  const nlohmann::json results = evaluated(o);
  for (const auto &curve : results["curves"]) {
    const auto &intervals = curve["points"][0]["intervals"];
    ASSERT_EQ(intervals.size(), 3u);
    EXPECT_EQ(intervals[1]["knobs"]["rate"], 8000) << curve["policy"];
    EXPECT_EQ(intervals[2]["knobs"]["rate"], 1000) << curve["policy"];  // not what a voice would have had
    EXPECT_EQ(intervals[2]["kbps"], 16) << curve["policy"];
  }
  o.look_ahead = 0;
  try {
    check_options(o);
    FAIL();
  } catch (const RunError &e) {
    EXPECT_STREQ(e.what(), "--look-ahead: policy voice-detection-ahead wants one above 0; leave one of the two out");
  }
}

TEST_F(SoundEval, IntervalsOfAnotherLength) {
  make(8, {{500, 4.2, 4.5}, {500, 5.2, 5.5}, {3000, 6.2, 6.5}});
  EvalOptions o = of_rate();
  o.policies = {"voice-detection"};
  o.properties["filter.rate-ladder"] = "1000,8000";
  o.interval = 2;
  const nlohmann::json results = evaluated(o);
  const auto &raised = results["curves"][0]["points"][0]["intervals"];
  const std::vector<double> rates{8000, 8000, 1000, 1000, 1000, 1000, 8000, 8000};
  ASSERT_EQ(raised.size(), 8u);
  for (std::size_t t = 0; t < 8; ++t) {
    EXPECT_EQ(raised[t]["knobs"]["rate"], rates[t]) << t;
    EXPECT_EQ(raised[t]["accuracy"].is_null(), t % 2 == 1) << t;  // judged once an interval
  }
  EXPECT_EQ(raised[4]["accuracy"], 0);
  EXPECT_EQ(raised[6]["accuracy"], 1);
}

TEST_F(SoundEval, VoiceDetectionOfPicturesIsOneClearError) {
  make(1, {});
  const std::string video = folder.file("video.avi");
  ASSERT_EQ(play_line("videotestsrc num-buffers=3 ! video/x-raw,format=I420,width=64,height=64 ! avimux ! "
                      "filesink location=" +
                      video),
            "");
  EvalOptions o;
  o.clips = {video};
  o.model = model;
  o.knobs = {"qp"};
  o.policies = {"uniform", "voice-detection"};
  try {
    check_options(o);
    FAIL();
  } catch (const RunError &e) {
    EXPECT_STREQ(e.what(), "--policies: voice-detection is for sound, and the clips are video; leave it out");
  }
}
