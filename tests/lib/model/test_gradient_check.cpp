// SPDX-License-Identifier: LGPL-2.1-or-later
// Gradients that are not those of the scores are told from those that are.
#include <gtest/gtest.h>

#include <cstdlib>

#include "model/gradient_check.h"
#include "model/torch_model.h"
#include "model_rig.h"
#include "test_models.h"

namespace {

using namespace oneadapt;
using namespace oneadapt_test;

/// One box whose score `score` computes of the picture x.
std::string problem_of(const std::string &score) {
  const TemporaryFolder folder;
  save_module(folder.file("m.pt"),
              "def forward(self, x):\n    s = " + score +
                  "\n    return torch.tensor([[4., 4., 12., 12.]]), s.reshape([1]), torch.tensor([0])\n",
              colours_description());
  const auto pixels = random_rgb(64, 48);
  const RgbFrame frame = frame_of(pixels, 64, 48);
  return Model::load(cpu_options(folder.file("m.pt")))->gradient_problem(&frame);
}

TEST(GradientCheck, RightOnesAreBelieved) {
  EXPECT_EQ(problem_of("x.mean()"), "");
  EXPECT_EQ(problem_of("torch.sigmoid(torch.relu(x - 0.5).square().mean() * 5 - 1)"), "");
  EXPECT_EQ(problem_of("torch.max_pool2d(x, [3, 3]).mean()"), "");
  EXPECT_EQ(problem_of("(x.mean() * x.std()).tanh()"), "");
}

TEST(GradientCheck, APartThatIsHeldBackIsSaid) {
  const std::string problem = problem_of("x.mean() * x.mean().detach()");
  EXPECT_TRUE(has(problem, "the gradient cannot be trusted")) << problem;
  EXPECT_TRUE(has(problem, "by 50 % of the change")) << problem;
  EXPECT_TRUE(has(problem, "detach()")) << problem;
  // It points another way: a tenth of it is right.
  EXPECT_TRUE(has(problem_of("0.1 * x[:, :, ::2].mean() + 0.9 * x[:, :, 1::2].mean().detach()"), "cannot be trusted"));
}

/// What has no gradient, or none that differences could show, is said elsewhere, or cannot be judged.
TEST(GradientCheck, WhatCannotBeJudgedIsNot) {
  EXPECT_EQ(problem_of("0.8 + 0 * x.mean()"), "");
  EXPECT_EQ(problem_of("x.mean().detach()"), "");
  EXPECT_EQ(problem_of("0.5 + 0.4 * torch.tanh(7 + x.mean())"), "") << "too near to 1 to move";
  EXPECT_EQ(problem_of("0.5 + 0.1 * torch.rand([1]) + 0.01 * x.mean()"), "");
  EXPECT_EQ(problem_of("0.8 + torch.sqrt(x.mean() - x.mean())"), "");
  EXPECT_EQ(problem_of("0.5 * x.mean() + 0.01 * torch.floor(x.mean() * 5000) "), "");
}

/// A plain picture, on which colours are equal and clamps begin everywhere: differences lie between two gradients.
TEST(GradientCheck, KinksOfPlainPicturesAreNotHeldAgainstIt) {
  const TemporaryFolder folder;
  const auto problem = [&](const std::string &score, unsigned char grey) {
    save_module(folder.file("m.pt"),
                "def forward(self, x):\n    s = " + score +
                    "\n    return torch.tensor([[4., 4., 12., 12.]]), s.reshape([1]), torch.tensor([0])\n",
                colours_description());
    const std::vector<std::uint8_t> pixels(64 * 48 * 3, grey);
    const RgbFrame frame = frame_of(pixels, 64, 48);
    return Model::load(cpu_options(folder.file("m.pt")))->gradient_problem(&frame);
  };
  EXPECT_EQ(problem("0.5 + 0.4 * torch.max(x, 1)[0].mean() - 0.3 * x[:, 0].mean()", 90), "");
  EXPECT_EQ(problem("torch.clamp(x, 0.0, 1.0).mean()", 255), "");
  EXPECT_TRUE(has(problem("torch.max(x, 1)[0].mean() * x.mean().item()", 90), "cannot be trusted"));
}

TEST(GradientCheck, EveryLayoutShowsItsScores) {
  const auto rows = [](std::int64_t n, std::int64_t columns) {
    return at::arange(1, 1 + n * columns, at::kFloat).view({1, n, columns});
  };
  ModelDescription d;
  d.labels = {"a", "b"};
  d.score_outputs = {0};
  const double a = std::sin(2.4), b = std::sin(4.8);
  const auto sum = [&](const std::vector<at::Tensor> &outputs) { return sum_of_scores(d, outputs).item<double>(); };
  d.layout = "yolo";
  EXPECT_NEAR(sum({rows(1, 6)}), 5 * a + 6 * b, 1e-6);
  EXPECT_NEAR(sum({rows(1, 6).transpose(1, 2)}), 5 * a + 6 * b, 1e-6);
  d.objectness = true;
  EXPECT_NEAR(sum({rows(1, 7)}), 5 * (6 * a + 7 * b), 1e-6);
  d.layout = "detections";
  EXPECT_NEAR(sum({rows(2, 6)}), 5 + 11, 1e-6);
  d.layout = "boxes";
  d.label_output = -1;
  EXPECT_NEAR(sum({rows(3, 2)}), 9 * a + 12 * b, 1e-6);
  d.label_output = 2;
  EXPECT_NEAR(sum({at::ones({3})}), 3, 1e-6);
  d.layout = "semantic";
  EXPECT_NEAR(sum({rows(2, 4).view({1, 2, 2, 2})}), 10 * a + 26 * b, 1e-6);
  d.layout = "nanodet";
  d.score_outputs = {0, 1};
  EXPECT_NEAR(sum({rows(1, 2), rows(1, 2)}), 2 * (a + 2 * b), 1e-6);
  EXPECT_FALSE(sum_of_scores(d, {rows(1, 2)}).defined());
  d.layout = "torchvision";
  EXPECT_FALSE(sum_of_scores(d, {rows(1, 2)}).defined());
}

/// Where plans are tried, it is looked at once, and remembered with them.
TEST(GradientCheck, LoadingSaysIt) {
  const TemporaryFolder folder;
  const char *const before = std::getenv("XDG_CACHE_HOME");
  const std::string kept = before ? before : "";
  setenv("XDG_CACHE_HOME", folder.path().c_str(), 1);
  const auto loaded = [&](const std::string &score) {
    save_module(folder.file("m.pt"),
                "def forward(self, x):\n    s = " + score +
                    "\n    return torch.tensor([[4., 4., 12., 12.]]), s.reshape([1]), torch.tensor([0])\n",
                colours_description());
    ModelOptions options = cpu_options(folder.file("m.pt"));
    options.plan_seconds = 1e3;
    return Model::load(options)->plan();
  };
  EXPECT_EQ(loaded("x.mean()").gradient_problem, "");
  EXPECT_TRUE(has(loaded("x.mean() * x.mean().detach()").gradient_problem, "cannot be trusted"));
  EXPECT_TRUE(has(read_file(folder.file("oneadapt/plans.json")), "gradient_problem"));
  before ? setenv("XDG_CACHE_HOME", kept.c_str(), 1) : unsetenv("XDG_CACHE_HOME");
}

}  // namespace
