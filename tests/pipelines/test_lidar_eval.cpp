// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadapt-eval on point clouds: a folder of turns in which the model's post and tree stand, twenty points each.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "eval/evaluation.h"
#include "eval/medium.h"
#include "evaluated.h"
#include "play.h"
#include "test_models.h"

using namespace oneadapt;
using namespace oneadapt::eval;
using namespace oneadapt_test;

namespace {

constexpr unsigned kFirst = 7;
constexpr int kTurns = 40;

/// Numbered files of KITTI's layout: the two things, and a wall of 400 points behind the sensor.
std::string write_turns(const TemporaryFolder &folder) {
  std::vector<float> points;
  const auto add = [&](double x, double y, double z) {
    for (const double value : {x, y, z, 0.5}) points.push_back(float(value));
  };
  for (int i = 0; i < 20; ++i) add(9.1 + 0.01 * i, 0.2 + 0.01 * i, 0.3);
  for (int i = 0; i < 20; ++i) add(0.5 + 0.01 * i, 19.5 + 0.01 * i, 0.3);
  for (int i = 0; i < 400; ++i) add(-12, 0.02 * (i - 200), 0.01 * (i % 100));
  const std::string path = folder.file("turns");
  std::filesystem::create_directory(path);
  for (unsigned i = kFirst; i < kFirst + kTurns; ++i) {
    char name[16];
    std::snprintf(name, sizeof name, "/%04u.bin", i);
    std::ofstream(path + name, std::ios::binary)
        .write(reinterpret_cast<const char *>(points.data()), std::streamsize(points.size() * sizeof(float)));
  }
  return path;
}

class LidarEval : public ::testing::Test {
 protected:
  EvalOptions options(const std::vector<std::string> &policies) const {
    EvalOptions o;
    o.clips = {clip};
    o.model = model;
    o.knobs = {"keep-map"};
    o.policies = policies;
    o.lambdas = {0.1, 1};
    o.jobs = 1;
    o.output = folder.file("out");
    return o;
  }
  static std::string refusal(const EvalOptions &o) {
    try {
      check_options(o);
    } catch (const RunError &e) {
      return e.what();
    }
    return "";
  }

  TemporaryFolder folder;
  const std::string clip = write_turns(folder), model = save_posts(folder);
};

const nlohmann::json &curve_of(const nlohmann::json &clip, const std::string &policy) {
  for (const nlohmann::json &curve : clip.at("curves"))
    if (curve.at("policy") == policy) return curve.at("points");
  throw std::runtime_error("there is no curve of " + policy);
}

}  // namespace

TEST_F(LidarEval, TurnsAreFoundByTheirNumbers) {
  const auto files = tools::numbered_clouds(clip);
  ASSERT_TRUE(files);
  EXPECT_EQ(files->pattern, clip + "/%04d.bin");
  EXPECT_EQ(files->first, kFirst);
  EXPECT_EQ(files->count, std::size_t(kTurns));
  std::filesystem::remove(clip + "/0010.bin");
  EXPECT_EQ(tools::numbered_clouds(clip)->count, 3u) << "up to the first gap";
  EXPECT_FALSE(tools::numbered_clouds(folder.file("")));
  EXPECT_NE(refusal([&] {
              EvalOptions o = options({"uniform"});
              o.clips = {folder.file("")};
              return o;
            }())
                .find("000000.bin"),
            std::string::npos);
}

// Of twenty points 25 % are five, which make a score of 5/9; of 12 % two or three, too few for 0.5.
TEST_F(LidarEval, TooFewPointsAreNotFound) {
  const nlohmann::json result = evaluated(options({"uniform"}));
  EXPECT_EQ(result.at("frames"), kTurns);
  EXPECT_EQ(result.at("fps"), 10);
  EXPECT_EQ(result.at("reference").at("objects_per_frame"), 2);
  double before = 2;
  for (const nlohmann::json &point : curve_of(result, "uniform")) {  // most expensive first
    const std::string setting = point.at("setting");
    const double keep = std::stod(setting.substr(setting.find('=') + 1)), bandwidth = point.at("bandwidth");
    EXPECT_EQ(point.at("accuracy"), keep >= 25 ? 1 : 0) << setting;
    EXPECT_EQ(bandwidth == 1, keep == 100) << setting;
    EXPECT_LT(bandwidth, before) << setting;
    before = bandwidth;
  }
  EXPECT_EQ(curve_of(result, "uniform").size(), 5u);
  EXPECT_GT(curve_of(result, "uniform").at(0).at("sensor_cpu_s").get<double>(), 0.001) << "of coding 40 turns";
}

// The wall, where nothing is found, is thinned first.
TEST_F(LidarEval, AMapSavesBytes) {
  const nlohmann::json result = evaluated(options({"uniform", "region", "oneadapt"}));
  double quarter = 1;
  for (const nlohmann::json &point : curve_of(result, "uniform"))
    if (point.at("setting") == "keep=25") quarter = point.at("bandwidth");
  for (const char *policy : {"region", "oneadapt"})
    for (const nlohmann::json &point : curve_of(result, policy))
      EXPECT_TRUE(point.at("intervals").back().at("knobs").contains("keep-map")) << policy;
  double least = 1;
  for (const nlohmann::json &point : curve_of(result, "oneadapt")) {
    EXPECT_EQ(point.at("intervals").back().at("accuracy"), 1) << point.at("setting");
    least = std::min(least, point.at("bandwidth").get<double>());
  }
  EXPECT_LT(least, quarter);
}

// Of what is found with five points nothing is found with half of them: as few points as that are not tried for long.
TEST_F(LidarEval, AnAccuracyIsKept) {
  EvalOptions o = options({"uniform", "min-accuracy"});
  o.min_accuracies = {0.9};
  o.stills = 1;
  const nlohmann::json result = evaluated(o), point = curve_of(result, "min-accuracy").at(0);
  EXPECT_EQ(result.at("shown").at("setting"), "min-accuracy=0.9");
  EXPECT_EQ(result.at("stills").size(), 1u);
  EXPECT_GE(point.at("accuracy").get<double>(), 0.9);
  EXPECT_LT(point.at("bandwidth").get<double>(), 0.9);
  EXPECT_LT(point.at("intervals").back().at("knobs").at("keep-map").get<double>(), 100);
}

TEST_F(LidarEval, StillsShowTurnsFromAbove) {
  EvalOptions o = options({"oneadapt"});
  o.lambdas = {1};
  o.stills = 2;
  const nlohmann::json stills = evaluated(o).at("stills");
  ASSERT_EQ(stills.size(), 2u);
  for (const nlohmann::json &still : stills) {
    EXPECT_EQ(still.at("image").get<std::string>().rfind("data:image/jpeg;base64,", 0), 0u);
    EXPECT_GT(still.at("image").get<std::string>().size(), 5000u) << "not empty ground";
  }
  o.stills = 0;
  o.output = folder.file("none");
  EXPECT_TRUE(evaluated(o).at("stills").empty());
}

TEST_F(LidarEval, WhatIsForPicturesIsRefused) {
  EXPECT_EQ(refusal(options({"uniform"})), "");
  EXPECT_EQ(refusal(options({"uniform", "min-accuracy"})), "");
  EXPECT_NE(refusal(options({"uniform", "x264enc"})).find("is for video"), std::string::npos);
  EvalOptions o = options({"uniform"});
  o.metric = Metric::MeanIou;
  EXPECT_NE(refusal(o).find("--metric"), std::string::npos);
  o.metric = Metric::F1At70;
  EXPECT_EQ(refusal(o), "");
  o.knobs = {"qp"};
  EXPECT_NE(refusal(o).find("keep-map"), std::string::npos);
}
