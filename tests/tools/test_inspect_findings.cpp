// SPDX-License-Identifier: LGPL-2.1-or-later
// oneadapt-inspect: what is suspicious, and what it draws.
#include <unistd.h>

#include "inspect_run.h"

namespace {

using namespace inspect_test;

// ---- what is suspicious

TEST_F(Inspect, NothingFound) {
  const std::string grey = picture("grey.png", plain_rgb(64, 48, 60, 90, 60), 64, 48);
  const std::string path = save_colours(folder);
  EXPECT_EQ(warnings({path, "--input", grey}), Codes{"no-objects"});
  const Outcome run = inspect({path, "--input", grey, "--repeat", "0", "--json", "-"});
  EXPECT_TRUE(has(run.err, "the best candidate is \"green thing\" with a score of 0.353, below θ = 0.5")) << run.err;
  EXPECT_EQ(run.data()["frames"][0]["best_below_threshold"]["label"], "green thing");
  EXPECT_EQ(warnings({path, "--input", grey, "--threshold", "0.3"}), Codes{});
  EXPECT_EQ(warnings({path}), Codes{}) << "a made picture says nothing of that";
}

TEST_F(Inspect, GradientsThatAreNone) {
  const std::string red = red_picture();
  EXPECT_EQ(warnings({model("x.mean()"), "--input", red, "--threshold", "0.2"}), Codes{});
  EXPECT_EQ(warnings({model("0.8 + 0 * x.mean()"), "--input", red}), Codes{"gradient-zero"});
  const std::string root = model("0.8 + torch.sqrt(x.mean() - x.mean())");
  EXPECT_EQ(warnings({root, "--input", red}), Codes{"gradient-not-finite"});
  const json frame = inspect({root, "--input", red, "--json", "-", "--repeat", "0"}).data()["frames"][0];
  EXPECT_EQ(frame["gradient"], (json{{"finite", false}}));
  EXPECT_EQ(frame["objects"].size(), 1u);
}

TEST_F(Inspect, GradientsThatAreNotTheScores) {
  const std::string red = red_picture();
  const std::string half = model("0.6 + x.mean() * x.mean().detach()");
  EXPECT_EQ(warnings({half, "--input", red}), Codes{"gradient-wrong"});
  EXPECT_TRUE(has(inspect({half, "--input", red, "--repeat", "0"}).err, "detach()"));
}

TEST_F(Inspect, BoxesThatCannotBeRight) {
  const std::string red = red_picture();
  save_module(
      folder.file("f.pt"),
      "def forward(self, x):\n    return torch.tensor([[0.1, 0.1, 0.3, 0.3]]), x[0, 0, 4:12, 4:12].mean().reshape(1), "
      "torch.tensor([0])\n",
      colours_description());
  EXPECT_EQ(warnings({folder.file("f.pt"), "--input", red}), Codes{"boxes"});
  const Outcome run = inspect({folder.file("f.pt"), "--input", red, "--repeat", "0"});
  EXPECT_TRUE(has(run.err, "\"output.normalised\": true")) << run.err;
}

TEST_F(Inspect, WhatAModelPrintsIsNoneOfTheResults) {
  save_module(
      folder.file("p.pt"),
      "def forward(self, x):\n    print(\"hello from the model\")\n    return torch.tensor([[4., 4., 12., 12.]]), "
      "x[0, 0, 4:12, 4:12].mean().reshape(1), torch.tensor([0])\n",
      colours_description());
  const Outcome run = inspect({folder.file("p.pt"), "--input", red_picture(), "--repeat", "0", "--json", "-"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.data()["frames"].size(), 1u) << run.out;
  EXPECT_TRUE(has(run.err, "hello from the model")) << run.err;
}

TEST_F(Inspect, RunsThatDiffer) {
  const std::string red = red_picture();
  EXPECT_EQ(warnings({model("0.6 + 0.3 * torch.rand([1]) + 0.01 * x.mean()"), "--input", red}),
            Codes{"not-repeatable"});
}

TEST_F(Inspect, TrainingModeThatTracingLeft) {
  const std::string red = red_picture(), m = "torch.ones([3])";
  EXPECT_EQ(warnings({model("0.8 + 0.1 * torch.batch_norm(x, None, None, " + m + ", " + m +
                            ", True, 0.1, 1e-5, False)[0, 0, 4, 4].tanh()"),
                      "--input", red}),
            Codes{"batch-norm-training"});
  // Each of 64 pixels counts for another amount: two passes that agree would be a miracle.
  const auto dropout = warnings({model("0.8 + 0.1 * (torch.dropout(x, 0.5, True)[0, 0, :8, :8] * "
                                       "torch.arange(64.0).reshape(8, 8)).mean().div(40).tanh()"),
                                 "--input", red});
  EXPECT_EQ(std::count(dropout.begin(), dropout.end(), "dropout-training"), 1);
  EXPECT_EQ(std::count(dropout.begin(), dropout.end(), "not-repeatable"), 1);
}

TEST_F(Inspect, AShapeThatDoesNotFit) {
  const auto fixed = [&](const std::string &size) {
    return save_colours(folder, R"({"input": {"multiple_of": null, )" + size + "}}");
  };
  // 64×48 to a square is usual; twice as wide is not, nor is a quarter of the size.
  const std::string red = red_picture();
  EXPECT_EQ(warnings({fixed(R"("width": 48, "height": 48)"), "--input", red, "--threshold", "0.2"}), Codes{});
  EXPECT_EQ(warnings({fixed(R"("width": 64, "height": 24)"), "--input", red, "--threshold", "0.2"}),
            Codes{"input-shape"});
  EXPECT_EQ(warnings({fixed(R"("width": 32, "height": 24)"), "--input", red_picture(128, 96), "--threshold", "0.2"}),
            Codes{"input-shape"});
}

TEST_F(Inspect, ADescriptionThatContradictsItself) {
  const std::string red = red_picture();
  EXPECT_EQ(warnings({save_colours(folder), "--input", red, "--threshold", "0.05"}), Codes{"threshold-below-floor"});
  EXPECT_EQ(warnings({save_colours(folder, R"({"labels": ["red", "other", "other"]})"), "--input", red}),
            Codes{"labels-repeat"});
  const auto codes = warnings({save_random_nanodet(folder, 1), "--input", red});
  EXPECT_EQ(std::count(codes.begin(), codes.end(), "double-precision"), 1);
}

// ---- what it draws

#if INSPECT_DRAWS
TEST_F(Inspect, DrawsWhatItFoundAndWhereItLooks) {
  const std::string target = folder.file("out/new");
  save_module(folder.file("m.pt"),
              "def forward(self, x):\n    s = x[0, 0, 48:80, 48:96].mean()\n"
              "    return torch.tensor([[40., 40., 100., 90.]]), s.reshape([1]), torch.tensor([0])\n",
              colours_description());
  auto pixels = plain_rgb(160, 120, 60, 60, 60);
  paint(pixels, 160, 40, 40, 60, 50, 180, 60, 60);
  const Outcome run = inspect({folder.file("m.pt"), "--input", picture("red.png", pixels, 160, 120), "--repeat", "0",
                               "--output", target, "--json", "-"});
  ASSERT_EQ(run.status, 0) << run.err;
  const json files = run.data()["frames"][0]["files"];
  EXPECT_EQ(files["objects"], target + "/frame-0001-objects.png");
  EXPECT_EQ(files["gradient"], target + "/frame-0001-gradient.png");
  const Image objects = read_image(files["objects"]), gradient = read_image(files["gradient"]);
  for (const Image &image : {objects, gradient}) {
    ASSERT_EQ(image.width, 160);
    ASSERT_EQ(image.height, 120);
  }
  // Class 0 is drawn in green around the red; inside and far from box and label nothing changed.
  const auto edge = objects.at(40, 70);
  EXPECT_GT(edge[1], edge[0] + 50);
  EXPECT_EQ(objects.at(70, 70), (std::array<int, 3>{180, 60, 60}));
  EXPECT_EQ(objects.at(150, 110), (std::array<int, 3>{60, 60, 60}));
  // Where the score comes from it is hot, elsewhere the picture is grey.
  for (int y = 24; y < 120; y += 4)
    for (int x = 0; x < 160; x += 4) {
      const bool hot = x >= 48 && x < 96 && y >= 48 && y < 80;
      ASSERT_EQ(gradient.colour(x, y) > 100, hot) << x << "," << y;
      ASSERT_EQ(gradient.colour(x, y) > 0, hot) << x << "," << y;
    }
}

TEST_F(Inspect, DrawsMasks) {
  auto pixels = plain_rgb(64, 48, 60, 60, 60);
  paint(pixels, 64, 24, 20, 24, 20, 255, 0, 0);
  const std::string target = folder.file("out");
  const Outcome run = inspect({save_painted(folder), "--input", picture("masks.png", pixels, 64, 48), "--repeat", "0",
                               "--output", target, "--json", "-"});
  ASSERT_EQ(run.status, 0) << run.err;
  const json frame = run.data()["frames"][0];
  ASSERT_EQ(frame["objects"].size(), 1u);
  EXPECT_EQ(frame["objects"][0]["mask"]["size"], (json{48, 64}));
  const Image image = read_image(frame["files"]["objects"]);
  const auto inside = image.at(40, 34);
  EXPECT_LT(inside[0], 255);  // under the colour of its class
  EXPECT_GT(inside[0], 100);
  EXPECT_EQ(image.at(4, 44), (std::array<int, 3>{60, 60, 60}));
}

TEST_F(Inspect, DrawsSoundAsAWave) {
  const std::string wav = folder.file("tone.wav");
  ASSERT_TRUE(
      launch("audiotestsrc samplesperbuffer=800 num-buffers=10 freq=500 volume=0.07 ! "
             "audio/x-raw,rate=8000,channels=1 ! wavenc ! filesink location=\"" +
             wav + "\""));
  const Outcome run =
      inspect({save_tones(folder), "--input", wav, "--repeat", "0", "--output", folder.file("out"), "--json", "-"});
  ASSERT_EQ(run.status, 0) << run.err;
  const json data = run.data(), &frame = data["frames"][0];
  ASSERT_EQ(frame["words"].size(), 1u);
  const Image objects = read_image(frame["files"]["objects"]), gradient = read_image(frame["files"]["gradient"]);
  for (const Image &image : {objects, gradient}) {
    EXPECT_EQ(image.width, 1000);
    EXPECT_EQ(image.height, 240);
  }
  // Two steps of 20 ms at most decide the word: a stripe over the whole height, somewhere.
  int hot = 0;
  for (int x = 0; x < 1000; ++x) hot += gradient.colour(x, 235) > 60;
  EXPECT_GE(hot, 10);
  EXPECT_LE(hot, 60);
  EXPECT_GT(objects.colour(500, 1), 60) << "the word's box goes over all of the second";
}

TEST_F(Inspect, AFolderThatCannotBeIsOneLine) {
  const std::string path = save_colours(folder), in_the_way = file("file", "");
  expect_line(inspect({path, "--repeat", "0", "--output", in_the_way}), 1, "--output");
  expect_line(inspect({path, "--repeat", "0", "--output", in_the_way + "/below"}), 1, "--output");
}

TEST_F(Inspect, NanoDetOnTheStreet) {
  const std::string root = variable("ONEADAPT_SOURCE_DIR"), path = root + "/models/nanodet.pt",
                    avi = root + "/clips/vtest.avi", target = folder.file("street");
  if (access(path.c_str(), R_OK) != 0 || access(avi.c_str(), R_OK) != 0)
    GTEST_SKIP() << "tools/setup.sh has not made " << path << " and " << avi;
  const Outcome run = inspect({path, "--input", avi, "--start", "10", "--classes", "person", "--repeat", "1",
                               "--output", target, "--json", "-"});
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.err, "");
  const json data = run.data(), &frame = data["frames"][0];
  EXPECT_NEAR(frame["timestamp"].get<double>(), 10e9, 0.06e9);
  EXPECT_GE(frame["objects"].size(), 5u);
  EXPECT_LE(frame["objects"].size(), 14u);
  EXPECT_GT(frame["elements"].get<unsigned>(), frame["objects"].size());
  EXPECT_GT(data["model"]["parameters"]["count"].get<double>(), 3e6);
  EXPECT_GT(data["memory"]["gradient_tensors"].get<double>(), data["memory"]["forward_tensors"].get<double>());

  // The plain frame: number 101, at 10 frames a second.
  const Image plain = last_picture("filesrc location=\"" + avi + "\" ! decodebin", 101),
              drawn = read_image(frame["files"]["objects"]), heat = read_image(frame["files"]["gradient"]);
  ASSERT_EQ(drawn.width, 768);
  ASSERT_EQ(drawn.height, 576);
  ASSERT_EQ(heat.width, 768);
  ASSERT_EQ(heat.height, 576);
  std::vector<std::array<int, 4>> boxes;
  for (const json &object : frame["objects"]) boxes.push_back({object["x"], object["y"], object["w"], object["h"]});
  // All that is drawn lies on a box's edge, or is its label: right above or below it, and inside at most at its edge.
  int drawn_on = 0;
  for (int y = 0; y < 576; ++y)
    for (int x = 0; x < 768; ++x) {
      if (plain.at(x, y) == drawn.at(x, y)) continue;
      ++drawn_on;
      const bool near = std::any_of(boxes.begin(), boxes.end(), [&](const std::array<int, 4> &b) {
        return x >= b[0] - 4 && x < b[0] + 130 && y >= b[1] - 24 && y < b[1] + b[3] + 24;
      });
      ASSERT_TRUE(near) << x << "," << y;
    }
  EXPECT_GT(drawn_on, 3000);
  for (const auto &b : boxes) {
    const auto edge = drawn.at(b[0], b[1] + b[3] / 2);
    EXPECT_GT(edge[1], edge[0] + 60) << "a green edge at " << b[0] << "," << b[1];
  }
  // Persons are what counts: it is hotter around them than on the lawn.
  double around = 0, lawn = 0;
  for (const auto &b : boxes) around += heat.colour(b[0] + b[2] / 2, b[1] + b[3]) / double(boxes.size());
  for (int x = 300; x < 500; x += 2) lawn += heat.colour(x, 540) / 100.;
  EXPECT_GT(around, lawn + 20);
  EXPECT_LT(lawn, 20);
}
#endif

}  // namespace
