// SPDX-License-Identifier: LGPL-2.1-or-later
// The program as its users meet it: weights in every encoding, the file it writes, and what bad input gets.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <sstream>

#include "graph_file.h"
#include "import_run.h"
#include "model/model.h"

using namespace import_test;

namespace {

std::string read(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}
void write(const std::string &path, const std::string &text) { std::ofstream(path, std::ios::binary) << text; }

/// Two boxes in pixels, scores and labels, all constants: what a layout "boxes" model gives.
GraphFile boxes() {
  GraphFile graph({1, 3, 8, 8});
  graph.floats("boxes", {2, 4}, {0, 0, 4, 4, 2, 2, 8, 8}).floats("scores", {2}, {0.9F, 0.2F}).ints("labels", {1, 0});
  graph.node("Mean", "mean", {"x", "axes"}).ints("axes", {0, 1, 2, 3}).floats("zero", {}, {0});
  // The picture takes part, so that the model has an input.
  graph.node("Mul", "nothing", {"mean", "zero"}).node("AddV2", "all", {"scores", "nothing"});
  graph.node("Identity", "b", {"boxes"}).node("Identity", "l", {"labels"});
  return graph;
}

class Program : public testing::Test {
 protected:
  Program() {
    write(folder.path("labels.txt"), "cat\ndog\r\n\n");
    target = folder.path("out.pt");
  }
  std::vector<std::string> arguments(const std::string &json) const {
    return {json,
            "-o",
            target,
            "--layout",
            "boxes",
            "--labels",
            folder.path("labels.txt"),
            "--output",
            "b",
            "--output",
            "all",
            "--output",
            "l",
            "--box-outputs",
            "0",
            "--score-outputs",
            "1",
            "--label-output",
            "2"};
  }
  /// One line that names `what`, status 1, nothing left behind.
  void expect_error(const std::vector<std::string> &given, const std::string &what) const {
    expect_import_error(given, folder, what);
  }
  void expect_bad(const GraphFile &graph, const std::string &what) const {
    const std::string json = graph.write(folder);
    expect_error(arguments(json), what);
  }

  Folder folder;
  std::string target;
};

}  // namespace

TEST(Weights, Float16) {
  // 1, −2, 1/3 as near as it goes, the smallest subnormal, 65504, −0.
  const std::string bytes{"\x00\x3c\x00\xc0\x55\x35\x01\x00\xff\x7b\x00\x80", 12};
  GraphFile graph({1, 3, 1, 1});
  graph.raw("y", "float32", {6}, bytes, {{"dtype", "float16"}});
  const auto y = run(graph, "y", {{1, 3, 1, 1}, {0, 0, 0}});
  expect_numbers(y, {6}, {1, -2, 0.333251953125, std::ldexp(1, -24), 65504, 0}, 1e-12);
  EXPECT_TRUE(std::signbit(y.values[5]));
}

TEST(Weights, Float16Infinity) {
  GraphFile graph({1, 3, 1, 1});
  graph.raw("y", "float32", {2}, std::string("\x00\xfc\x01\x7c", 4), {{"dtype", "float16"}});
  const auto y = run(graph, "y", {{1, 3, 1, 1}, {0, 0, 0}});
  EXPECT_EQ(y.values.at(0), -INFINITY);
  EXPECT_TRUE(std::isnan(y.values.at(1)));
}

TEST(Weights, Uint8Uint16AndIntegers) {
  GraphFile graph({1, 3, 1, 1});
  graph.raw("a", "float32", {3}, std::string("\x00\x02\xff", 3), {{"dtype", "uint8"}, {"scale", 0.5}, {"min", -1}});
  graph.raw("b", "float32", {2}, std::string("\x01\x00\x00\x01", 4), {{"dtype", "uint16"}, {"scale", 2}, {"min", 10}});
  graph.raw("c", "int32", {2}, std::string("\x00\x03", 2), {{"dtype", "uint8"}, {"scale", 1.5}, {"min", -2}});
  graph.raw("d", "bool", {2}, std::string("\x00\x01", 2));
  graph.ints("e", {-5, 1 << 30});
  const auto results = Runnable(graph, {"a", "b", "c", "d", "e"})({{1, 3, 1, 1}, {0, 0, 0}});
  expect_numbers(results[0], {3}, {-1, 0, 126.5});
  expect_numbers(results[1], {2}, {12, 522});
  expect_numbers(results[2], {2}, {-2, 3});  // 2.5 rounds away from 0
  expect_numbers(results[3], {2}, {0, 1});
  expect_numbers(results[4], {2}, {-5, 1 << 30});
}

TEST(Weights, ShardsMayCutAWeight) {
  GraphFile graph({1, 3, 1, 1});
  graph.floats("y", {3}, {1.5F, 2.5F, 3.5F});
  const Folder folder;
  const auto read_back = oneadapt::import::read_tfjs(graph.write(folder, 5));
  EXPECT_EQ(read_back.weights.at("y").floats, (std::vector<float>{1.5F, 2.5F, 3.5F}));
}

TEST(Graph, OutputsComeFromTheSignatureInNaturalOrder) {
  GraphFile graph({1, 3, 1, 1});
  Json outputs = Json::object();
  for (const std::string name : {"Identity_10", "Identity", "Identity_2"}) {
    graph.node("Identity", name, {"x"});
    outputs[name + ":0"] = {{"name", name + ":0"}};
  }
  graph.node("Identity", "unused", {"x"});
  const Folder folder;
  const auto names = [&] {
    std::string text;
    for (const auto &edge : oneadapt::import::read_tfjs(graph.write(folder)).outputs) text += edge.node + " ";
    return text;
  };
  EXPECT_EQ(names(), "Identity Identity_2 Identity_10 unused ");
  graph.json["signature"]["outputs"] = outputs;
  EXPECT_EQ(names(), "Identity Identity_2 Identity_10 ");
}

TEST_F(Program, WritesAModelThatLoads) {
  auto given = arguments(boxes().write(folder, 2));
  given.insert(given.end(),
               {"--name",      "Two boxes", "--licence", "none", "--source", "a test", "--colour",  "BGR", "--range",
                "255",         "--mean",    "1",         "2",    "3",        "--std",  "4",         "5",   "6",
                "--threshold", "0.5",       "--slope",   "8",    "--floor",  "0.3",    "--nms-iou", "0.7"});
  const Outcome outcome = import(given);
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  oneadapt::ModelOptions options;
  options.path = target;
  options.device = "cpu";
  const auto model = oneadapt::Model::load(options);
  const auto &d = model->description();
  EXPECT_EQ(d.name, "Two boxes");
  EXPECT_EQ(d.licence, "none");
  EXPECT_EQ(d.source, "a test");
  EXPECT_EQ(d.colour, "BGR");
  EXPECT_EQ(d.range, 255);
  EXPECT_EQ(d.mean, (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(d.std, (std::vector<double>{4, 5, 6}));
  EXPECT_EQ(d.slope, 8);
  EXPECT_EQ(d.floor, 0.3);
  EXPECT_EQ(d.nms_iou, 0.7);
  EXPECT_EQ(d.width, 8U);
  EXPECT_EQ(d.multiple_of, 0U);
  EXPECT_EQ(d.labels, (std::vector<std::string>{"cat", "dog"}));
  const std::vector<std::uint8_t> pixels(8 * 8 * 3);
  oneadapt::RgbFrame frame;
  frame.data = pixels.data();
  frame.stride = 24;
  frame.width = frame.height = 8;
  const auto found = model->infer(frame);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(model->labels().at(std::size_t(found[0].label)), "dog");
  EXPECT_NEAR(found[0].score, 0.9, 1e-6);
  EXPECT_NEAR(found[0].box.x1, 0.5, 1e-6);
  EXPECT_EQ(outcome.out.find("Two boxes") == std::string::npos, false);
  struct stat status {};
  ASSERT_EQ(stat(target.c_str(), &status), 0);
  const mode_t mask = umask(0);
  umask(mask);
  EXPECT_EQ(status.st_mode & 0777, 0666 & ~mask);
}

TEST_F(Program, UnknownOperatorsAreNamedAllAtOnce) {
  GraphFile graph = boxes();
  graph.node("Zeta", "z", {"x"}).node("Eta", "h", {"z"});
  auto given = arguments(graph.write(folder));
  given.insert(given.end(), {"--output", "h"});
  const Outcome outcome = import(given);
  EXPECT_EQ(outcome.status, 1);
  EXPECT_NE(outcome.err.find("operator Zeta of node z is not supported"), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("operator Eta of node h is not supported"), std::string::npos) << outcome.err;
  EXPECT_NE(access(target.c_str(), F_OK), 0);
}

TEST_F(Program, BadJson) {
  expect_error(arguments(folder.path("none.json")), "none.json does not exist");
  write(folder.path("model.json"), "{\"format\": ");
  expect_error(arguments(folder.path("model.json")), "model.json is not a TensorFlow.js graph model");
  write(folder.path("model.json"), "[]");
  expect_error(arguments(folder.path("model.json")), "model.json is not a TensorFlow.js graph model");
  write(folder.path("model.json"), "{}");
  expect_error(arguments(folder.path("model.json")), "modelTopology");
  write(folder.path("model.json"), "{\"format\": \"layers-model\"}");
  expect_error(arguments(folder.path("model.json")), "convert it to a graph model");
  GraphFile number = boxes();
  number.json["modelTopology"]["node"][0]["attr"]["shape"]["shape"]["dim"][0]["size"] = "many";
  expect_bad(number, "bad number");
}

TEST_F(Program, BadWeights) {
  {
    GraphFile graph = boxes();
    graph.weights.pop_back();
    expect_bad(graph, "too short");
  }
  {
    GraphFile graph = boxes();
    graph.weights += "abc";
    expect_bad(graph, "they belong to another model");
  }
  {
    const std::string json = boxes().write(folder, 2);
    std::remove(folder.path("group1-shard2.bin").c_str());
    expect_error(arguments(json), "group1-shard2.bin does not exist");
  }
  const auto with = [](const std::string &key, const Json &value) {
    GraphFile graph = boxes();
    graph.json["weightsManifest"][0]["weights"][0][key] = value;
    return graph;
  };
  expect_bad(with("dtype", "complex64"), "'complex64'; known are float32");
  expect_bad(with("quantization", {{"dtype", "int4"}}), "'int4'; known are float16");
  expect_bad(with("quantization", {{"dtype", "uint8"}}), "scale");
  expect_bad(with("shape", {-1}), "negative");
  expect_bad(with("shape", {1LL << 40, 1LL << 40}), "impossible size");
  expect_bad(with("shape", {1 << 30}), "too short");
  {
    GraphFile graph = boxes();
    graph.node("Const", "lost", {}).json["modelTopology"]["node"].back()["name"] = "lost";
    auto given = arguments(graph.write(folder));
    given.insert(given.end(), {"--output", "lost"});
    expect_error(given, "no value for the constant lost");
  }
}

TEST_F(Program, BadGraph) {
  const auto plus = [&](GraphFile graph, const std::string &output) {
    auto given = arguments(graph.write(folder));
    given.insert(given.end(), {"--output", output});
    return given;
  };
  expect_error(plus(boxes(), "nowhere"), "no node nowhere");
  expect_error(plus(boxes().node("Relu", "r", {"ghost"}), "r"), "node r reads ghost");
  expect_error(plus(boxes().node("Relu", "r", {"s"}).node("Relu", "s", {"r"}), "r"), "cycle");
  expect_error(plus(boxes().node("Relu", "r", {"r"}), "r"), "cycle through node r");
  expect_error(plus(boxes().node("Enter", "e", {"n"}).node("NextIteration", "n", {"e"}), "e"), "the graph has a loop");
  expect_error(plus(boxes().node("Relu", "r", {"boxes:1"}), "r"), "reads output 1 of boxes");
  expect_error(plus(boxes(), "all:3"), "no output 3");
  expect_error(plus(boxes().node("Relu", "r", {}), "r"), "node r (Relu): input 0 is missing");
  expect_error(plus(boxes().node("Placeholder", "p", {}, {{"shape", {{"shape", Json::object()}}}}), "p"),
               "the graph also takes p (a number)");
  expect_error(plus(boxes().node("AddV2", "r", {"boxes", "l"}), "r"), "node r (AddV2)");
  expect_error(plus(boxes().node("Reshape", "r", {"x", "x"}), "r"), "must be a constant");
  expect_error(plus(boxes().node("Conv2D", "c", {"x", "boxes"}), "c"), "weights of four dimensions");
  GraphFile grey({1, 1, 8, 8});
  grey.node("Relu", "b", {"x"}).node("Relu", "all", {"x"}).node("Relu", "l", {"x"});
  expect_bad(grey, "no dimension of 3 colours");
}

TEST_F(Program, ADescriptionThatDoesNotFitTheGraph) {
  const std::string json = boxes().write(folder);
  const std::vector<std::string> base{json, "-o", target};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return more;
  };
  expect_error(with({"--preset", "yolo"}), "no preset yolo");
  expect_error(with({"--preset", "nanodet"}), "no node Identity");
  expect_error(with({"--layout", "boxes"}), "--labels FILE");
  expect_error(with({"--layout", "boxes", "--labels", folder.path("none.txt")}), "none.txt cannot be read");
  const std::string labels = folder.path("labels.txt");
  expect_error(with({"--layout", "rings", "--labels", labels}), "'rings' is unknown");
  expect_error(with({"--layout", "boxes", "--labels", labels}), "one score output and one box output");
  expect_error(with({"--layout", "nanodet", "--labels", labels, "--strides", "8"}), "for each stride");
  expect_error(
      with({"--layout", "boxes", "--labels", labels, "--output", "all", "--score-outputs", "0", "--box-outputs", "0"}),
      "output 0 (boxes) is 2");
  expect_error(with({"--layout", "boxes", "--labels", labels, "--output", "b", "--output", "all", "--score-outputs",
                     "1", "--box-outputs", "0", "--label-output", "7"}),
               "output 7, the graph has 2");
  auto wide = arguments(json);
  wide.insert(wide.end(), {"--width", "16"});
  expect_error(wide, "leave the size out");
  auto colour = arguments(json);
  colour.insert(colour.end(), {"--colour", "HSV"});
  expect_error(colour, "colour");
  auto flexible = arguments(json);
  flexible.push_back("--dynamic");
  expect_error(flexible, "cannot follow the size of its input");
}

TEST_F(Program, NowhereToWrite) {
  const std::string json = boxes().write(folder);
  target = folder.path("missing/out.pt");
  expect_error(arguments(json), "OUTPUT: \"" + target + "\" cannot be written (No such file or directory); make its");
  target = folder.path("");  // a folder
  expect_error(arguments(json), "OUTPUT: \"" + target + "\" cannot be written");
  target = "/dev/full";
  expect_error(arguments(json), "OUTPUT: \"/dev/full\" cannot be written (No space left on device); make room");
  expect_error({json}, "no file to write given");
  expect_error({}, "no model given");
}

/// The model with other paths of its weights.
static std::string with_paths(const std::string &json, const std::vector<std::string> &paths) {
  Json root = Json::parse(read(json));
  root["weightsManifest"][0]["paths"] = paths;
  write(json, root.dump());
  return json;
}

TEST_F(Program, WeightsAreBesideTheModel) {
  const std::string json = boxes().write(folder);
  const std::string secret = "/etc/passwd", up = "../../../../../../../etc/passwd";
  for (const std::string &path : {secret, up, std::string("a/../../b"), std::string("")})
    expect_error(arguments(with_paths(json, {path})), "which is not in the model's folder");
  EXPECT_EQ(mkfifo(folder.path("pipe").c_str(), 0600), 0);
  expect_error(arguments(with_paths(json, {"pipe"})), "no file");
  EXPECT_EQ(std::remove(folder.path("pipe").c_str()), 0);
}

TEST_F(Program, APipeIsNoModel) {
  const std::string pipe = folder.path("pipe");
  EXPECT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  expect_import_error({pipe, "-o", target}, folder, "no file");
  expect_import_error({"--describe", pipe}, folder, "pipe");
  EXPECT_EQ(std::remove(pipe.c_str()), 0);
}

TEST_F(Program, DepthIsBounded) {
  const std::string deep = std::string(200000, '[') + std::string(200000, ']');
  const std::string json = folder.path("deep.json");
  write(json, R"({"format": "graph-model", "modelTopology": {"node": []}, "a": )" + deep + "}");
  expect_error(arguments(json), "64 levels deep");
  auto described = std::vector<std::string>{boxes().write(folder), "-o", target, "--description", json};
  expect_error(described, "no JSON object");
}

TEST_F(Program, AChainOfManyNodesIsRefused) {
  GraphFile graph = boxes();
  std::string last = "all";
  for (int i = 0; i < 20001; ++i)
    graph.node("Identity", last = "n" + std::to_string(i), {i ? "n" + std::to_string(i - 1) : "all"});
  expect_bad(graph, "nodes; more than 20000 are not converted");
}

TEST_F(Program, AFailureLeavesTheOldFileAlone) {
  write(target, "precious");
  GraphFile graph = boxes();
  graph.weights.pop_back();
  expect_bad(graph, "too short");
  EXPECT_EQ(read(target), "precious");
  // The new one takes its place in one step.
  EXPECT_EQ(import(arguments(boxes().write(folder))).status, 0);
  EXPECT_NE(read(target), "precious");
}

TEST_F(Program, TheOutputMayComeSecond) {
  auto given = arguments(boxes().write(folder));
  given.erase(given.begin() + 1);  // -o
  EXPECT_EQ(import(given).status, 0);
  EXPECT_EQ(access(target.c_str(), F_OK), 0);
}

TEST_F(Program, Lists) {
  const Outcome operators = import({"--operators"});
  EXPECT_EQ(operators.status, 0);
  for (const char *name : {"Conv2D\n", "PadV2\n", "SplitV\n"}) EXPECT_NE(operators.out.find(name), std::string::npos);
  const Outcome presets = import({"--presets"});
  EXPECT_EQ(presets.status, 0);
  EXPECT_NE(presets.out.find("nanodet"), std::string::npos);
  EXPECT_EQ(import({"--help"}).status, 0);
  EXPECT_EQ(import({"--version"}).status, 0);
  EXPECT_EQ(import({"--nonsense"}).status, 1);
  EXPECT_EQ(import({"--fixed", "--dynamic", "x"}).status, 1);
}
