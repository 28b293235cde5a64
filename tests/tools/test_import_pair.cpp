// SPDX-License-Identifier: LGPL-2.1-or-later
// The ONNX graph that oneadapt-import keeps beside a model, and ONNX Runtime that runs it. Where this build has none,
// the tests that run it are skipped; all else holds.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "detector_files.h"
#include "import_run.h"
#include "model/model.h"
#include "model/onnx_engine.h"
#include "model/onnx_pair.h"
#include "model/plans.h"
#include "pair.h"

using namespace import_test;
using namespace oneadapt;

#define NEEDS_ONNX_RUNTIME() \
  if (onnx_runtime_version().empty()) GTEST_SKIP() << "this build has no ONNX Runtime"

namespace {

constexpr const char *kYolo = "YOLOv8, YOLOv9, YOLO11, YOLO12";

std::string bytes_in(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}
void write(const std::string &path, const std::string &bytes) { std::ofstream(path, std::ios::binary) << bytes; }

onnx::ModelProto kept_by(const Folder &folder) {
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(bytes_in(folder.path("m.pt.onnx"))));
  return model;
}

std::string record_in(const std::string &model) {
  torch::jit::ExtraFilesMap extra{{kOnnxRecordFile, ""}};
  torch::jit::load(model, torch::kCPU, extra);
  return extra[kOnnxRecordFile];
}

/// Imports the file as m.pt. Returns what was printed.
std::string imported(const OnnxFile &file, const Folder &folder, std::vector<std::string> options = {}) {
  options.insert(options.begin(), {file.write(folder), folder.path("m.pt")});
  const Outcome outcome = import_test::import(options);
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  return outcome.out;
}

std::string import_detector(const std::string &family, const Folder &folder) {
  for (const DetectorFile &detector : detector_files()) {
    if (family != detector.family) continue;
    DetectorGraph graph(detector.opset, family == "YOLO-NAS" ? "uint8" : "float");
    detector.build(graph);
    return imported(graph.file, folder);
  }
  ADD_FAILURE() << family;
  return {};
}

/// One box whose score is the mean of the picture's red; sizes follow the picture unless they are given. `middle`
/// stands before: from "x" to "y".
OnnxFile one_box(const Dims &shape = {1, 3, 0, 0}) {
  OnnxFile file(shape);
  file.floats("boxes", {1, 4}, {4, 4, 12, 12})
      .ints("zero", {0})
      .ints("one", {1})
      .ints("axis", {1})
      .ints("label", {0})
      .ints("row", {1});
  return file;
}
void finish(OnnxFile &file, const std::string &picture) {
  file.node("Slice", {picture, "zero", "one", "axis"}, {"red"});
  set(set(file.node("ReduceMean", {"red"}, {"mean"}), "axes", Dims{1, 2, 3}), "keepdims", 0);
  file.node("Reshape", {"mean", "row"}, {"score"});
  file.output("boxes").output("score").output("label");
}
const std::vector<std::string> kOneBox{"--layout",       "boxes", "--box-outputs", "0", "--score-outputs", "1",
                                       "--label-output", "2",     "--labels"};
std::vector<std::string> one_box_options(const Folder &folder, std::vector<std::string> more = {}) {
  write(folder.path("labels.txt"), "thing\n");
  std::vector<std::string> options = kOneBox;
  options.push_back(folder.path("labels.txt"));
  options.insert(options.end(), more.begin(), more.end());
  return options;
}

ModelOptions options_for(const Folder &folder, const std::string &plan) {
  ModelOptions options;
  options.path = folder.path("m.pt");
  options.device = "cpu";
  options.plan = plan;
  options.plan_seconds = 100;
  return options;
}

struct Pixels {
  unsigned width, height;
  std::vector<std::uint8_t> rgb;
  Pixels(unsigned w, unsigned h) : width(w), height(h), rgb(std::size_t(3) * w * h) {
    for (std::size_t i = 0; i < rgb.size(); ++i) rgb[i] = std::uint8_t(128 + 127 * std::sin(0.013 * double(i)));
  }
  RgbFrame frame() const { return {rgb.data(), std::size_t(3) * width, width, height}; }
};

void expect_same(const std::vector<Detection> &found, const std::vector<Detection> &expected, double side) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].label, expected[i].label);
    EXPECT_NEAR(found[i].score, expected[i].score, 1e-3);
    for (const auto edge : {&Box::x0, &Box::y0, &Box::x1, &Box::y1})
      EXPECT_NEAR(found[i].box.*edge * side, expected[i].box.*edge * side, 0.5);
  }
}

/// XDG_CACHE_HOME of a test's own.
struct Cache {
  explicit Cache(const Folder &folder) { setenv("XDG_CACHE_HOME", folder.path("cache").c_str(), 1); }
  ~Cache() {
    if (before.empty())
      unsetenv("XDG_CACHE_HOME");
    else
      setenv("XDG_CACHE_HOME", before.c_str(), 1);
  }
  const std::string before = std::getenv("XDG_CACHE_HOME") ? std::getenv("XDG_CACHE_HOME") : "";
};

}  // namespace

TEST(Pair, TheModelTellsOfItsGraph) {
  const Folder folder;
  const std::string out = import_detector(kYolo, folder);
  const std::string graph = bytes_in(folder.path("m.pt.onnx"));
  ASSERT_FALSE(graph.empty()) << out;
  EXPECT_EQ(record_in(folder.path("m.pt")), onnx_record(graph)) << "after it was described, too";
  EXPECT_NE(out.find("m.pt.onnx: the graph for ONNX Runtime"), std::string::npos) << out;
  EXPECT_NE(out.find(onnx_runtime_version().empty() ? "not compared" : "gives the same"), std::string::npos) << out;
}

TEST(Pair, OtherInputsAreWeights) {
  const Folder folder;
  import_detector("RT-DETR, D-FINE, DEIM", folder);
  const onnx::ModelProto model = kept_by(folder);
  ASSERT_EQ(model.graph().input_size(), 1);
  const auto &weights = model.graph().initializer();
  EXPECT_TRUE(std::any_of(weights.begin(), weights.end(),
                          [](const Tensor &weight) { return weight.name() == "orig_target_sizes"; }));
}

TEST(Pair, TheSizeIsOpenWhereTheModelFollowsIt) {
  const Folder folder;
  OnnxFile file = one_box({1, 3, 64, 64});
  finish(file, "x");
  for (const bool follows : {false, true}) {
    const std::vector<std::string> sizes =
        follows ? std::vector<std::string>{"--multiple-of", "16"} : std::vector<std::string>{"--fixed"};
    const std::string out = imported(file, folder, one_box_options(folder, sizes));
    const onnx::ModelProto model = kept_by(folder);
    const auto &shape = model.graph().input(0).type().tensor_type().shape();
    EXPECT_EQ(shape.dim(2).has_dim_value(), !follows) << out;
    EXPECT_EQ(shape.dim(3).has_dim_value(), !follows) << out;
    if (!follows) continue;
    NEEDS_ONNX_RUNTIME();
    EXPECT_NE(out.find("gives the same"), std::string::npos) << out;
  }
}

TEST(Pair, WeightsOfOtherFilesAreInIt) {
  const Folder folder;
  OnnxFile file = one_box({1, 3, 64, 64});
  const float factor[] = {0.5F};
  write(folder.path("weights"), std::string(reinterpret_cast<const char *>(factor), 4));
  Tensor &weight = file.weight("factor", {1}, Tensor::FLOAT);
  weight.set_data_location(Tensor::EXTERNAL);
  auto &location = *weight.add_external_data();
  location.set_key("location");
  location.set_value("weights");
  file.node("Mul", {"x", "factor"}, {"y"});
  finish(file, "y");
  const std::string out = imported(file, folder, one_box_options(folder));
  const onnx::ModelProto model = kept_by(folder);
  for (const Tensor &kept : model.graph().initializer()) {
    EXPECT_NE(kept.data_location(), Tensor::EXTERNAL);
    if (kept.name() == "factor") {
      EXPECT_EQ(kept.raw_data(), std::string(reinterpret_cast<const char *>(factor), 4));
    }
  }
  if (!onnx_runtime_version().empty()) {
    EXPECT_NE(out.find("gives the same"), std::string::npos) << out;
  }
}

TEST(Pair, ColoursComeFirst) {
  const Folder folder;
  OnnxFile file = one_box({1, 32, 64, 3});
  set(file.node("Transpose", {"x"}, {"y"}), "perm", Dims{0, 3, 1, 2});
  finish(file, "y");
  const std::string out = imported(file, folder, one_box_options(folder));
  const onnx::ModelProto model = kept_by(folder);
  const auto &shape = model.graph().input(0).type().tensor_type().shape();
  EXPECT_EQ(shape.dim(1).dim_value(), 3);
  EXPECT_EQ(shape.dim(2).dim_value(), 32);
  EXPECT_EQ(shape.dim(3).dim_value(), 64);
  if (!onnx_runtime_version().empty()) {
    EXPECT_NE(out.find("gives the same"), std::string::npos) << out;
  }
}

TEST(Pair, ChosenOutputsAreItsOwn) {
  const Folder folder;
  OnnxFile file = one_box({1, 3, 64, 64});
  finish(file, "x");
  file.node("Identity", {"score"}, {"twin"});
  file.output("twin");
  const std::string out =
      imported(file, folder, one_box_options(folder, {"--output", "boxes", "--output", "twin", "--output", "label"}));
  const onnx::ModelProto model = kept_by(folder);
  ASSERT_EQ(model.graph().output_size(), 3);
  EXPECT_EQ(model.graph().output(1).name(), "twin");
  if (!onnx_runtime_version().empty()) {
    EXPECT_NE(out.find("gives the same"), std::string::npos) << out;
  }
}

TEST(Pair, APictureOfBytesHasNone) {
  const Folder folder;
  const std::string out = import_detector("YOLO-NAS", folder);
  EXPECT_NE(out.find("No graph is kept for ONNX Runtime: its picture is of the type UINT8"), std::string::npos) << out;
  EXPECT_FALSE(std::filesystem::exists(folder.path("m.pt.onnx")));
  EXPECT_EQ(record_in(folder.path("m.pt")), "");
}

TEST(Pair, ACopyHasItsGraph) {
  const Folder folder;
  import_detector(kYolo, folder);
  const Outcome outcome =
      import_test::import({"--describe", folder.path("m.pt"), "--set", "threshold=0.4", "-o", folder.path("copy.pt")});
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(record_in(folder.path("copy.pt")), onnx_record(bytes_in(folder.path("copy.pt.onnx"))));
}

class PairOfDetector : public testing::TestWithParam<DetectorFile> {};

TEST_P(PairOfDetector, FindsTheSame) {
  NEEDS_ONNX_RUNTIME();
  const Folder folder;
  const std::string out = import_detector(GetParam().family, folder);
  ASSERT_NE(out.find("m.pt.onnx: the graph for ONNX Runtime, which gives the same"), std::string::npos) << out;
  const auto plain = Model::load(options_for(folder, "plain"));
  const auto model = Model::load(options_for(folder, kOnnxRuntimePlan));
  EXPECT_EQ(model->plan().results, kOnnxRuntimePlan) << model->plan().problem;
  EXPECT_NE(model->plan().gradients, kOnnxRuntimePlan);
  const Pixels picture(kPictureSide, kPictureSide);
  expect_same(model->infer(picture.frame()), plain->infer(picture.frame()), kPictureSide);
  Gradient gradient, expected;
  model->infer_for_gradient(picture.frame());
  model->backward(gradient);
  plain->infer_for_gradient(picture.frame());
  plain->backward(expected);
  EXPECT_NEAR(gradient.z, expected.z, 1e-3);
}
INSTANTIATE_TEST_SUITE_P(All, PairOfDetector, testing::ValuesIn([] {
                           std::vector<DetectorFile> all;
                           for (const DetectorFile &detector : detector_files())
                             if (detector.import == Import::DescribesItself &&
                                 detector.family != std::string("YOLO-NAS"))
                               all.push_back(detector);
                           return all;
                         }()),
                         [](const auto &test) {
                           std::string name;
                           for (const char c : std::string(test.param.family))
                             if (std::isalnum(static_cast<unsigned char>(c))) name += c;
                           return name;
                         });

TEST(PairPlan, PicturesOfSeveralSizesAndThreads) {
  NEEDS_ONNX_RUNTIME();
  const Folder folder;
  OnnxFile file = one_box({1, 3, 64, 64});
  finish(file, "x");
  imported(file, folder, one_box_options(folder, {"--multiple-of", "16", "--threshold", "0"}));
  ModelOptions one = options_for(folder, kOnnxRuntimePlan), two = one;
  one.threads = 1;
  two.threads = 2;
  const auto first = Model::load(one), second = Model::load(two), plain = Model::load(options_for(folder, "plain"));
  for (const unsigned side : {64U, 256U, 32U, 640U, 48U}) {
    const Pixels picture(2 * side, side);
    const auto expected = plain->infer(picture.frame());
    ASSERT_EQ(expected.size(), 1U);
    expect_same(first->infer(picture.frame()), expected, side);
    expect_same(second->infer(picture.frame()), expected, side);
    EXPECT_EQ(first->plan_problem(), "");
  }
}

TEST(PairPlan, AWrongGraphIsNotUsed) {
  NEEDS_ONNX_RUNTIME();
  const Folder folder;
  const Cache cache(folder);
  import_detector(kYolo, folder);
  std::string graph = bytes_in(folder.path("m.pt.onnx"));
  graph[graph.size() / 2] = char(graph[graph.size() / 2] ^ 1);
  write(folder.path("m.pt.onnx"), graph);
  for (const char *plan : {"auto", kOnnxRuntimePlan, "auto"}) {
    const auto model = Model::load(options_for(folder, plan));
    EXPECT_NE(model->plan().results, kOnnxRuntimePlan);
    EXPECT_NE(model->plan().problem.find("m.pt.onnx' is not the graph"), std::string::npos) << model->plan().problem;
  }
}

TEST(PairPlan, AGraphThatIsGoneIsSaidWhenItIsAskedFor) {
  NEEDS_ONNX_RUNTIME();
  const Folder folder;
  import_detector(kYolo, folder);
  std::filesystem::remove(folder.path("m.pt.onnx"));
  EXPECT_EQ(Model::load(options_for(folder, "auto"))->plan().problem, "");
  try {
    Model::load(options_for(folder, kOnnxRuntimePlan));
    ADD_FAILURE() << "it was loaded";
  } catch (const ModelError &e) {
    EXPECT_EQ(e.kind(), ModelError::Kind::Plan);
    EXPECT_NE(std::string(e.what()).find("m.pt.onnx', which does not exist"), std::string::npos) << e.what();
  }
}

TEST(PairPlan, AnotherGraphIsSaidWhenItIsImported) {
  NEEDS_ONNX_RUNTIME();
  const Folder folder;
  OnnxFile file = one_box({1, 3, 64, 64}), other = one_box({1, 3, 64, 64});
  finish(file, "x");
  other.node("Sqrt", {"x"}, {"y"});
  finish(other, "y");
  import::ConvertOptions options;
  options.sizes = import::Sizes::Fixed;
  auto converted = import::convert(import::read_onnx(file.write(folder)), options);
  const import::Pair pair =
      import::make_pair_of(import::read_onnx(other.write(folder)), converted, false, folder.path("m.pt"));
  EXPECT_TRUE(pair.differs);
  EXPECT_FALSE(pair.compared);
  EXPECT_EQ(pair.graph, "");
  EXPECT_EQ(converted.onnx_record, "");
  std::ostringstream out;
  import::write_graph(pair, folder.path("m.pt"), out);
  EXPECT_EQ(out.str().find("Warning: ONNX Runtime gives something else"), 0U) << out.str();
  EXPECT_NE(out.str().find("output 1 differs"), std::string::npos) << out.str();
}

// The example picture is 320×256, where this graph is as good as the model; elsewhere it fails.
TEST(PairPlan, WhereTheGraphFailsLibTorchGoesOn) {
  NEEDS_ONNX_RUNTIME();
  const Folder folder;
  OnnxFile file = one_box({1, 3, 64, 64});
  finish(file, "x");
  imported(file, folder, one_box_options(folder, {"--multiple-of", "16", "--threshold", "0"}));
  OnnxFile stiff = one_box();
  stiff.ints("parts", {-1, 3 * 320 * 256});
  stiff.node("Shape", {"x"}, {"shape"});
  stiff.node("Reshape", {"x", "parts"}, {"flat"}).set_name("there");
  stiff.node("Reshape", {"flat", "shape"}, {"y"}).set_name("back");
  finish(stiff, "y");
  // As if it had been imported.
  const std::string graph = bytes_in(stiff.write(folder));
  torch::jit::ExtraFilesMap extra{{"oneadapt.json", ""}};
  torch::jit::Module module = torch::jit::load(folder.path("m.pt"), torch::kCPU, extra);
  extra[kOnnxRecordFile] = onnx_record(graph);
  module.save(folder.path("m.pt"), extra);
  write(folder.path("m.pt.onnx"), graph);
  const auto model = Model::load(options_for(folder, kOnnxRuntimePlan));
  ASSERT_EQ(model->plan().results, kOnnxRuntimePlan) << model->plan().problem;
  const Pixels small(64, 48);
  EXPECT_EQ(model->plan_problem(), "");
  expect_same(model->infer(small.frame()), Model::load(options_for(folder, "plain"))->infer(small.frame()), 64);
  EXPECT_NE(model->plan_problem().find("failed on a picture of 64×48"), std::string::npos) << model->plan_problem();
  EXPECT_NE(model->plan().results, kOnnxRuntimePlan);
}

/// So that the first start of oneadaptdnn does not.
TEST(Pair, PlansAreTriedWhenTheFileIsWritten) {
  const Folder folder;
  const Cache cache(folder);
  import_detector(kYolo, folder);
  std::ifstream in(folder.path("cache/oneadapt/plans.json"));
  const auto all = nlohmann::json::parse(in, nullptr, false);
  ASSERT_TRUE(all.is_object()) << "no plans.json";
  const auto entry = all.find(std::filesystem::canonical(folder.path("m.pt")).string());
  ASSERT_NE(entry, all.end()) << all.dump();
  EXPECT_GE(entry->at("trials").size(), 2u) << entry->dump();
  EXPECT_TRUE(Model::load(options_for(folder, "auto"))->plan().remembered);
}

TEST(PairPlan, IsRememberedForThisGraph) {
  NEEDS_ONNX_RUNTIME();
  const Folder folder;
  const Cache cache(folder);
  import_detector(kYolo, folder);
  const PlanReport first = Model::load(options_for(folder, "auto"))->plan();
  EXPECT_TRUE(std::any_of(first.trials.begin(), first.trials.end(), [](const PlanTrial &trial) {
    return trial.name == kOnnxRuntimePlan && trial.problem.empty() && trial.milliseconds > 0;
  }));
  const PlanReport second = Model::load(options_for(folder, "auto"))->plan();
  EXPECT_TRUE(second.remembered);
  EXPECT_EQ(second.results, first.results);
  std::filesystem::last_write_time(folder.path("m.pt.onnx"),
                                   std::filesystem::file_time_type::clock::now() + std::chrono::hours(1));
  EXPECT_FALSE(Model::load(options_for(folder, "auto"))->plan().remembered);
}
