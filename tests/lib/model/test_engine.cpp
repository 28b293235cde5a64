// SPDX-License-Identifier: LGPL-2.1-or-later
// Another engine than LibTorch: when it runs frames without a gradient, and what is said where there is none. One
// stands in here for ONNX Runtime, which tests/tools/test_import_pair.cpp has.
#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <thread>

#include "model/engine_tensors.h"
#include "model/onnx_engine.h"
#include "model/onnx_pair.h"
#include "model/plans.h"
#include "model_rig.h"
#include "test_models.h"

namespace {

using namespace oneadapt;
using namespace oneadapt_test;

at::Tensor example() { return at::arange(3 * 64 * 96, at::kFloat).mul(0.37).sin().view({1, 3, 64, 96}); }

/// As many passes of an empty kernel as it takes to be slow.
torch::jit::Module network() {
  torch::jit::Module module("network");
  module.register_parameter("w", at::arange(3 * 3 * 9, at::kFloat).mul(1.7).sin().view({3, 3, 3, 3}), false);
  module.define("def forward(self, x):\n  return torch.conv2d(x, self.w), torch.sigmoid(x)\n");
  module.eval();
  return module;
}

/// Gives what network() gives, `off` by so much of it, after a while.
class StandIn final : public PlainEngine {
 public:
  StandIn(double off, std::chrono::milliseconds takes) : off_(off), takes_(takes), module_(network()) {}
  EngineResult run(const float *picture, const std::vector<std::int64_t> &shape) override {
    std::this_thread::sleep_for(takes_);
    const at::Tensor x = at::from_blob(const_cast<float *>(picture), shape, at::kFloat);
    const auto memory = std::make_shared<std::vector<at::Tensor>>();
    for (const at::Tensor &output : tensors_within(module_.forward({x})))
      memory->push_back(output.mul(1 + off_).contiguous());
    EngineResult result;
    for (const at::Tensor &output : *memory)
      result.outputs.push_back({EngineTensor::Type::Float, output.sizes().vec(), output.data_ptr()});
    result.memory = memory;
    return result;
  }

 private:
  const double off_;
  const std::chrono::milliseconds takes_;
  torch::jit::Module module_;
};

struct Wanted {
  std::string plan = "auto";
  double off = 0;
  std::chrono::milliseconds module_takes{0}, engine_takes{0};
  std::optional<PlanReport> remembered = {};
};

Plans find(const Wanted &wanted) {
  PlanSearch search;
  search.wanted = wanted.plan;
  search.seconds = 100;
  search.remembered = wanted.remembered;
  search.input = example();
  search.call = [&](torch::jit::Module program, const at::Tensor &input) {
    std::this_thread::sleep_for(wanted.module_takes);
    return program.forward({input});
  };
  search.engine = [&] { return std::make_shared<StandIn>(wanted.off, wanted.engine_takes); };
  return find_plans(network(), search);
}

const PlanTrial *trial_of(const Plans &plans) {
  for (const PlanTrial &trial : plans.report.trials)
    if (trial.name == kOnnxRuntimePlan) return &trial;
  return nullptr;
}

/// What is said of a plan that cannot be.
std::string refusal(const std::string &path) {
  ModelOptions options = cpu_options(path);
  options.plan = kOnnxRuntimePlan;
  return load_error(ModelError::Kind::Plan, options);
}

}  // namespace

TEST(Engine, AutoTakesItWhereItIsFaster) {
  Wanted wanted;
  wanted.module_takes = std::chrono::milliseconds(20);
  const Plans plans = find(wanted);
  EXPECT_EQ(plans.report.results, kOnnxRuntimePlan);
  EXPECT_TRUE(plans.results.engine);
  ASSERT_TRUE(trial_of(plans));
  EXPECT_GT(trial_of(plans)->milliseconds, 0);
  EXPECT_EQ(plans.report.problem, "");
}

TEST(Engine, AutoLeavesItWhereItIsSlower) {
  Wanted wanted;
  wanted.engine_takes = std::chrono::milliseconds(20);
  const Plans plans = find(wanted);
  EXPECT_NE(plans.report.results, kOnnxRuntimePlan);
  EXPECT_FALSE(plans.results.engine);
  ASSERT_TRUE(trial_of(plans));
  EXPECT_GE(trial_of(plans)->milliseconds, 20);
  EXPECT_EQ(trial_of(plans)->problem, "");
}

TEST(Engine, FramesWithAGradientStayWithLibTorch) {
  Wanted wanted;
  wanted.plan = kOnnxRuntimePlan;
  const Plans plans = find(wanted);
  EXPECT_EQ(plans.report.results, kOnnxRuntimePlan);
  EXPECT_EQ(plans.report.gradients, "onednn");
  EXPECT_FALSE(plans.gradients.engine);
  EXPECT_EQ(plans.results.layout, at::MemoryFormat::Contiguous) << "pictures go to the engine as they are";
}

TEST(Engine, OneThatGivesSomethingElseIsNotUsed) {
  for (const char *plan : {"auto", kOnnxRuntimePlan}) {
    Wanted wanted;
    wanted.plan = plan;
    wanted.off = 0.01;
    wanted.module_takes = std::chrono::milliseconds(5);
    const Plans plans = find(wanted);
    EXPECT_NE(plans.report.results, kOnnxRuntimePlan);
    EXPECT_FALSE(plans.results.engine);
    EXPECT_TRUE(has(plans.report.problem, "onnxruntime")) << plans.report.problem;
    EXPECT_TRUE(has(plans.report.problem, "output 0 differs")) << plans.report.problem;
  }
}

TEST(Engine, WhatWasRememberedIsMadeAgain) {
  Wanted wanted;
  wanted.off = 0.01;  // nothing is compared again
  for (const char *gradients : {"plain", "channels-last", "onednn", kUnfrozenPlan}) {
    wanted.remembered.emplace();
    wanted.remembered->results = kOnnxRuntimePlan;
    wanted.remembered->gradients = gradients;
    const Plans plans = find(wanted);
    EXPECT_EQ(plans.report.results, kOnnxRuntimePlan);
    EXPECT_EQ(plans.report.gradients, gradients);
    EXPECT_EQ(plans.gradients.name, gradients);
    EXPECT_TRUE(plans.results.engine);
  }
}

// A score next to boxes in one tensor may not differ by 1e-4 of the largest coordinate.
TEST(Engine, EachNumberIsCompared) {
  const at::Tensor boxes = at::full({4}, 400.0), scores = at::full({4}, 0.5);
  const at::Tensor both = at::cat({boxes, scores});
  EXPECT_EQ(engine_difference({both}, {at::cat({boxes + 0.03, scores + 0.0005})}), "");
  EXPECT_NE(engine_difference({both}, {at::cat({boxes, scores + 0.01})}), "");
  EXPECT_NE(engine_difference({both}, {at::cat({boxes + 0.5, scores})}), "");
  EXPECT_NE(engine_difference({both}, {both, both}), "");
  EXPECT_NE(engine_difference({both}, {both.to(at::kDouble).mul(NAN)}), "");
}

TEST(Engine, OutputsOutliveTheEngine) {
  std::vector<at::Tensor> outputs;
  {
    StandIn engine(0, std::chrono::milliseconds(0));
    outputs = run_engine(engine, example());
  }
  EXPECT_EQ(engine_difference(tensors_within(network().forward({example()})), outputs), "");
}

TEST(OnnxPair, SaysWhyThereIsNone) {
  TemporaryFolder folder;
  const std::string path = save_colours(folder);
  if (onnx_runtime_version().empty()) {
    const std::string text = refusal(path);
    EXPECT_TRUE(has(text, "this build does not have")) << text;
    EXPECT_TRUE(has(text, "libonnxruntime-dev")) << text;
    return;
  }
  EXPECT_TRUE(has(refusal(path), "oneadapt-import")) << refusal(path);
}

TEST(OnnxPair, IsNotTriedWithoutAGraph) {
  TemporaryFolder folder;
  ModelOptions options = cpu_options(save_colours(folder));
  const PlanReport plan = Model::load(options)->plan();
  EXPECT_EQ(plan.problem, "");
  for (const PlanTrial &trial : plan.trials) EXPECT_NE(trial.name, kOnnxRuntimePlan);
}

TEST(OnnxPair, TellsItsGraphFromOthers) {
  TemporaryFolder folder;
  const std::string model = folder.file("m.pt"), graph = std::string("graph\0with zeros", 16);
  const OnnxPair pair(model, onnx_record(graph));
  EXPECT_THROW(pair.read(), std::runtime_error) << "there is no file";
  write_file(onnx_path(model), graph);
  EXPECT_EQ(pair.read(), graph);
  for (const std::string &other :
       {std::string(), std::string("graph"), graph + "x", std::string("graph\0with Zeros", 16)}) {
    write_file(onnx_path(model), other);
    try {
      pair.read();
      ADD_FAILURE() << "it was taken";
    } catch (const std::runtime_error &e) {
      EXPECT_TRUE(has(e.what(), "is not the graph")) << e.what();
      EXPECT_TRUE(has(e.what(), onnx_path(model))) << e.what();
    }
  }
}
