// SPDX-License-Identifier: LGPL-2.1-or-later
// Ways to run a module: that they give the same, and which one is taken.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "model/plan_memory.h"
#include "model/plans.h"
#include "model/tensor_memory.h"
#include "model/torch_model.h"
#include "test_models.h"

namespace {

using namespace oneadapt;
using namespace oneadapt_test;

/// A network of 3 → 8 → 8 → 4 channels; `middle` stands between its convolutions, with x.
torch::jit::Module network(const std::string &middle, const std::string &result = "self.c(x)") {
  torch::jit::Module module("network");
  at::Tensor seed = at::arange(8 * 8 * 9, at::kFloat).mul(1.7).sin().mul(0.3);
  module.register_parameter("w0", seed.narrow(0, 0, 8 * 3 * 9).view({8, 3, 3, 3}).clone(), false);
  module.register_parameter("w1", seed.view({8, 8, 3, 3}).clone(), false);
  module.register_parameter("w2", seed.narrow(0, 5, 4 * 8).view({4, 8, 1, 1}).clone(), false);
  module.register_parameter("scale", at::arange(8, at::kFloat).mul(0.1).add(0.5), false);
  for (const at::Tensor &t : module.parameters()) const_cast<at::Tensor &>(t).requires_grad_(false);
  module.define("def c(self, x): return torch.conv2d(x, self.w2)\n");
  // The same number; a gradient that goes by the layout.
  module.define(
      "def d(self, x, stride: int):\n"
      "  y = torch.conv2d(x, self.w2)\n"
      "  return (y - y.detach()) * float(stride) + y.detach()\n");
  module.define(
      "def forward(self, x):\n"
      "  x = torch.conv2d(x, self.w0, None, [2, 2], [1, 1])\n"
      "  x = " +
      middle +
      "\n"
      "  x = torch.conv2d(torch.relu(x), self.w1, None, [1, 1], [1, 1])\n"
      "  return " +
      result + "\n");
  module.eval();
  return module;
}

Plans find(const torch::jit::Module &module, const std::string &wanted, double seconds = 100) {
  PlanSearch search;
  search.wanted = wanted;
  search.seconds = seconds;
  search.input = at::arange(3 * 64 * 96, at::kFloat).mul(0.37).sin().view({1, 3, 64, 96});
  search.call = [](torch::jit::Module program, const at::Tensor &input) { return program.forward({input}); };
  return find_plans(module, search);
}

std::string problem_of(const Plans &plans, const std::string &name) {
  for (const PlanTrial &trial : plans.report.trials)
    if (trial.name == name) return trial.problem;
  return "it was not tried";
}

/// It is run as it was saved, because plan `name` gives something else.
void expect_plain(const Plans &plans, const std::string &name, const std::string &reason) {
  EXPECT_EQ(plans.report.results, "plain");
  EXPECT_EQ(plans.report.gradients, "plain");
  EXPECT_NE(problem_of(plans, name).find(reason), std::string::npos) << problem_of(plans, name);
}

/// XDG_CACHE_HOME of a test's own.
struct Cache {
  Cache() { setenv("XDG_CACHE_HOME", folder.path().c_str(), 1); }
  ~Cache() {
    if (before.empty())
      unsetenv("XDG_CACHE_HOME");
    else
      setenv("XDG_CACHE_HOME", before.c_str(), 1);
  }
  std::string file() const { return folder.file("oneadapt/plans.json"); }
  const std::string before = std::getenv("XDG_CACHE_HOME") ? std::getenv("XDG_CACHE_HOME") : "";
  TemporaryFolder folder;
};

}  // namespace

TEST(Plans, LayersOfManyKindsGiveTheSameResultsAndGradients) {
  for (const char *middle : {
           "torch.leaky_relu(x, 0.1)",
           "torch.batch_norm(x, self.scale, self.scale, self.scale, self.scale, False, 0.1, 1e-5, False)",
           "torch.group_norm(x, 2, self.scale, self.scale)",
           "torch.instance_norm(x, self.scale, self.scale, None, None, True, 0.1, 1e-5, False)",
           "torch.max_pool2d(x, [3, 3], [1, 1], [1, 1])",
           "torch.cat([x, x], 1)[:, 4:12]",
           "torch.sigmoid(x) * x",
           "torch.upsample_bilinear2d(x, [40, 60], False)",
           "x.flatten(2).transpose(1, 2).reshape(1, 32, 48, 8).permute(0, 3, 1, 2)",
       }) {
    const Plans plans = find(network(middle), "channels-last");
    EXPECT_EQ(plans.report.results, "channels-last") << middle << ": " << plans.report.problem;
    EXPECT_EQ(plans.report.gradients, "channels-last") << middle;
    EXPECT_EQ(plans.gradients.layout, at::MemoryFormat::ChannelsLast);
  }
}

TEST(Plans, AutoTriesAllAndSaysHowLongTheyTake) {
  const Plans plans = find(network("torch.relu(x)"), "auto");
  for (const char *name : {"plain", "channels-last", "onednn"}) EXPECT_EQ(problem_of(plans, name), "") << name;
  for (const PlanTrial &trial : plans.report.trials) EXPECT_GT(trial.milliseconds, 0) << trial.name;
  EXPECT_FALSE(plans.report.remembered);
  EXPECT_EQ(plans.report.problem, "");
}

// As tracing and scripting write them.
TEST(Plans, OneDnnGetsEveryConvolution) {
  const std::string traced =
      "torch._convolution(x, self.w1, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, False, False, True, True)";
  for (const std::string &middle : {std::string("torch.relu(x)"), traced}) {
    const Plans plans = find(network(middle), "onednn");
    ASSERT_EQ(plans.report.results, "onednn") << plans.report.problem;
    EXPECT_EQ(plans.report.gradients, "onednn");
    const std::string program = plans.results.module.get_method("forward").graph()->toString();
    EXPECT_EQ(program.find("conv2d"), std::string::npos) << program;
    EXPECT_EQ(program.find("_convolution("), program.find("mkldnn_convolution(") + 6) << program;
  }
}

TEST(Plans, WhatTakesTooLongIsNotTried) {
  const Plans plans = find(network("torch.relu(x)"), "auto", 1e-9);
  EXPECT_EQ(plans.report.results, "plain");
  EXPECT_TRUE(plans.report.trials.empty());
  EXPECT_NE(plans.report.problem.find("oneadapt-inspect"), std::string::npos);
}

TEST(Plans, AProgramThatGoesByTheLayoutIsRunAsItIs) {
  const Plans plans = find(network("torch.relu(x)", "self.c(x) * float(x.stride(1))"), "channels-last");
  expect_plain(plans, "channels-last", "output 0 differs");
  EXPECT_NE(plans.report.problem.find("channels-last"), std::string::npos);
  for (const at::Tensor &weight : plans.results.module.parameters()) EXPECT_TRUE(weight.is_contiguous());
}

// As torchvision's detectors keep gradients from their proposals. Freezing takes detach() out.
TEST(Plans, WhatIsDetachedStaysSo) {
  const Plans plans = find(network("torch.relu(x)", "self.c(x) + self.c(x).detach()"), "channels-last");
  EXPECT_EQ(plans.report.problem, "");
  EXPECT_EQ(plans.report.results, "channels-last");
  EXPECT_EQ(plans.report.gradients, kUnfrozenPlan);
  EXPECT_EQ(plans.gradients.layout, at::MemoryFormat::ChannelsLast);
}

TEST(Plans, AGradientThatGoesByTheLayoutIsLeftAsItIs) {
  const Plans plans = find(network("torch.relu(x)", "self.d(x, x.stride(1))"), "channels-last");
  expect_plain(plans, kUnfrozenPlan, "gradient differs");
}

TEST(Plans, WeightsAreThereOnce) {
  const torch::jit::Module module = network("torch.relu(x)");
  const TensorBytes made = bytes_of_tensors([&] { find(module, "channels-last"); });
  std::size_t weights = 0;
  for (const at::Tensor &weight : module.parameters()) weights += weight.nbytes();
  EXPECT_LE(made.kept, 1.1 * double(weights)) << "in the other layout; the first is gone";
  for (const at::Tensor &weight : module.parameters())
    EXPECT_TRUE(weight.dim() < 4 || weight.is_contiguous(at::MemoryFormat::ChannelsLast));
}

TEST(Plans, AProgramThatFailsOnTheExampleIsRunAsItIs) {
  const Plans plans = find(network("x[:, :, :, 5000]"), "auto");
  EXPECT_EQ(plans.report.results, "plain");
  EXPECT_NE(plans.report.problem.find("fails on an example"), std::string::npos);
}

TEST(Plans, AModelFindsTheSameWithEach) {
  TemporaryFolder folder;
  const std::string path = save_random_nanodet(folder, 3);
  std::vector<std::uint8_t> pixels(3 * 160 * 128);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = std::uint8_t(128 + 100 * std::sin(0.013 * double(i)));
  const RgbFrame frame{pixels.data(), 3 * 160, 160, 128};
  std::vector<Detection> expected;
  Gradient exact;
  for (const std::string &plan : plan_names()) {
    if (plan == kOnnxRuntimePlan) continue;  // it has no graph: test_import_pair.cpp
    ModelOptions options;
    options.path = path;
    options.device = "cpu";
    options.threshold = 0.3;
    options.plan = plan;
    const auto model = Model::load(options);
    EXPECT_EQ(model->plan().results, plan) << model->plan().problem;
    const auto found = model->infer(frame);
    EXPECT_EQ(model->infer_for_gradient(frame).size(), found.size());
    Gradient gradient;
    model->backward(gradient);
    if (plan == "plain") {
      expected = found;
      exact = gradient;
      ASSERT_FALSE(found.empty());
    }
    ASSERT_EQ(found.size(), expected.size()) << plan;
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_NEAR(found[i].score, expected[i].score, 1e-6);
      EXPECT_NEAR(found[i].box.x0, expected[i].box.x0, 1e-6);
      EXPECT_NEAR(found[i].box.y1, expected[i].box.y1, 1e-6);
    }
    EXPECT_NEAR(gradient.z, exact.z, 1e-6);
    for (std::size_t i = 0; i < exact.map.values.size(); ++i)
      EXPECT_NEAR(gradient.map.values[i], exact.map.values[i], 1e-6 + 1e-4 * exact.map.values[i]) << plan;
  }
}

TEST(Plans, AnUnknownOneIsRefused) {
  TemporaryFolder folder;
  ModelOptions options;
  options.path = save_colours(folder);
  options.plan = "fastest";
  try {
    Model::load(options);
    ADD_FAILURE() << "it was loaded";
  } catch (const ModelError &e) {
    EXPECT_EQ(e.kind(), ModelError::Kind::Input);
    EXPECT_NE(std::string(e.what()).find("channels-last"), std::string::npos);
  }
}

TEST(Plans, WhatWasFoundIsRemembered) {
  const Cache cache;
  TemporaryFolder folder;
  ModelOptions options;
  options.path = save_random_nanodet(folder, 3);
  options.device = "cpu";
  options.plan_seconds = 1e3;  // on a busy machine nothing would be tried
  const PlanReport first = Model::load(options)->plan();
  EXPECT_FALSE(first.remembered);
  const PlanReport second = Model::load(options)->plan();
  EXPECT_TRUE(second.remembered);
  EXPECT_EQ(second.results, first.results);
  EXPECT_EQ(second.gradients, first.gradients);
  ASSERT_EQ(second.trials.size(), first.trials.size());
  EXPECT_EQ(second.trials[0].milliseconds, first.trials[0].milliseconds);
  // Another file in its place.
  std::filesystem::last_write_time(options.path, std::filesystem::file_time_type::clock::now() + std::chrono::hours(1));
  EXPECT_FALSE(Model::load(options)->plan().remembered);
}

TEST(PlanMemory, WhatIsNoChoiceIsNone) {
  const Cache cache;
  const PlanKey key{cache.folder.path(), "now"};
  EXPECT_FALSE(remembered_plan(key).has_value());
  PlanReport report;
  report.results = "onednn";
  report.gradients = "channels-last";
  report.trials = {{"plain", 3.5, ""}, {"onednn", 0, "it differs"}};
  ASSERT_TRUE(remember_plan(key, report));
  ASSERT_TRUE(remembered_plan(key).has_value());
  EXPECT_EQ(remembered_plan(key)->trials[1].problem, "it differs");
  EXPECT_FALSE(remembered_plan({key.path, "later"}).has_value());
  for (const char *text : {"", "[]", "{\"x\": 1}", "no JSON"}) {
    write_file(cache.file(), text);
    EXPECT_FALSE(remembered_plan(key).has_value()) << text;
    EXPECT_TRUE(remember_plan(key, report)) << text;
  }
  report.results = "warp";
  remember_plan(key, report);
  EXPECT_FALSE(remembered_plan(key).has_value()) << "of a later version";
}

TEST(PlanMemory, WhatWasDecidedHoldsForTheProcess) {
  const PlanKey key{"/some/model.pt", "now"};
  EXPECT_FALSE(decided_plan(key).has_value());
  PlanReport report;
  report.results = "onednn";
  decide_plan(key, report);
  ASSERT_TRUE(decided_plan(key).has_value());
  EXPECT_EQ(decided_plan(key)->results, "onednn");
  EXPECT_TRUE(decided_plan(key)->remembered);
  EXPECT_FALSE(decided_plan({key.path, "later"}).has_value());
}

TEST(PlanMemory, FilesThatAreGoneAreForgotten) {
  const Cache cache;
  ASSERT_TRUE(remember_plan({cache.folder.file("gone.pt"), "now"}, {}));
  ASSERT_TRUE(remember_plan({cache.folder.path(), "now"}, {}));
  EXPECT_FALSE(remembered_plan({cache.folder.file("gone.pt"), "now"}).has_value());
  EXPECT_TRUE(remembered_plan({cache.folder.path(), "now"}).has_value());
}

TEST(PlanMemory, ACacheThatCannotBeWrittenIsDoneWithout) {
  const Cache cache;
  write_file(cache.folder.file("oneadapt"), "a file where the folder should be");
  EXPECT_FALSE(remember_plan({cache.folder.path(), "now"}, {}));
}
