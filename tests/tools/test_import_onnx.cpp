// SPDX-License-Identifier: LGPL-2.1-or-later
// ONNX files as their users have them: weights in every form, sizes that follow the picture, and what bad files get.
#include <gtest/gtest.h>
#include <torch/script.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <sstream>

#include "import_run.h"
#include "onnx_file.h"

using namespace import_test;
using namespace oneadapt::import;

namespace {

/// A model that gives the weight w, of one dimension, and the picture.
std::vector<double> weights_back(OnnxFile &file) {
  file.node("Identity", {"w"}, {"y"});
  file.output("y").output("x");
  return values(read(file), torch::zeros({1, 3, 1, 1}));
}

/// One line on it, and nothing written.
void expect_refused(const std::string &path, const Folder &folder, const std::string &what) {
  expect_import_error({path, folder.path("out.pt")}, folder, what);
}
void expect_refused(const OnnxFile &file, const std::string &what) {
  const Folder folder;
  expect_refused(file.write(folder), folder, what);
}

}  // namespace

TEST(OnnxWeights, RawAndTypedFields) {
  OnnxFile raw({1, 3, 1, 1});
  const float numbers[] = {1.5F, -2.0F};
  raw.weight("w", {2}, Tensor::FLOAT).set_raw_data(std::string(reinterpret_cast<const char *>(numbers), 8));
  EXPECT_EQ(weights_back(raw), (std::vector<double>{1.5, -2}));

  OnnxFile typed({1, 3, 1, 1});
  Tensor &w = typed.weight("w", {3}, Tensor::INT64);
  for (const std::int64_t value : {std::int64_t(1) << 40, std::int64_t(-1), std::int64_t(0)}) w.add_int64_data(value);
  EXPECT_EQ(weights_back(typed), (std::vector<double>{1099511627776.0, -1, 0}));
}

TEST(OnnxWeights, NarrowTypes) {
  const struct {
    int type;
    std::vector<int> field;
    std::vector<double> expected;
  } cases[] = {
      {Tensor::FLOAT16, {0x3c00, 0xc000, 0x3555}, {1, -2, 0.333251953125}},
      {Tensor::BFLOAT16, {0x3f80, 0xc000}, {1, -2}},
      {Tensor::UINT8, {0, 200, 255}, {0, 200, 255}},
      {Tensor::INT8, {-128, 5}, {-128, 5}},
      {Tensor::UINT16, {65535, 1}, {65535, 1}},
      {Tensor::INT16, {-3, 4}, {-3, 4}},
      {Tensor::BOOL, {0, 1}, {0, 1}},
  };
  for (const auto &c : cases) {
    OnnxFile file({1, 3, 1, 1});
    Tensor &w = file.weight("w", {std::int64_t(c.field.size())}, c.type);
    for (const int value : c.field) w.add_int32_data(value);
    EXPECT_EQ(weights_back(file), c.expected) << "type " << c.type;
  }
}

class ExternalData : public testing::Test {
 protected:
  ExternalData() {
    const float numbers[] = {9, 1, 2, 3};
    std::ofstream(folder.path("w.bin"), std::ios::binary).write(reinterpret_cast<const char *>(numbers), 16);
  }
  OnnxFile file(const std::string &location, const std::string &offset, const std::string &length) {
    OnnxFile model({1, 3, 1, 1});
    Tensor &w = model.weight("w", {3}, Tensor::FLOAT);
    w.set_data_location(Tensor::EXTERNAL);
    for (const auto &[key, value] : std::vector<std::pair<std::string, std::string>>{
             {"location", location}, {"offset", offset}, {"length", length}}) {
      auto *entry = w.add_external_data();
      entry->set_key(key);
      entry->set_value(value);
    }
    model.node("Identity", {"w"}, {"y"});
    model.output("y").output("x");
    return model;
  }
  void refused(const OnnxFile &model, const std::string &what) { expect_refused(model.write(folder), folder, what); }
  Folder folder;
};

TEST_F(ExternalData, IsRead) {
  ConvertOptions options;
  const Converted converted = convert(read_onnx(file("w.bin", "4", "12").write(folder)), options);
  EXPECT_EQ(values(converted, torch::zeros({1, 3, 1, 1})), (std::vector<double>{1, 2, 3}));
}

TEST_F(ExternalData, IsNowhereElse) {
  file("w.bin", "4", "12").write(folder);  // so that the folder has as many files before as after
  refused(file("../w.bin", "0", "12"), "which is not in the model's folder");
  refused(file("/etc/passwd", "0", "12"), "which is not in the model's folder");
  refused(file("", "0", "12"), "which is not in the model's folder");
  refused(file("none.bin", "0", "12"), "does not exist");
  refused(file("w.bin", "8", "12"), "too short");
  refused(file("w.bin", "99999999999999999", "12"), "too short");
  refused(file("w.bin", "-4", "12"), "is no offset");
  refused(file("w.bin", "4", "8"), "takes 12 bytes");
}

TEST(OnnxModel, ConvolutionByHand) {
  // A 2×2 window of ones on the first colour, steps of 2, bias 10.
  OnnxFile file({1, 3, 2, 4});
  Tensor &w = file.weight("w", {1, 3, 2, 2}, Tensor::FLOAT);
  for (int i = 0; i < 12; ++i) w.add_float_data(i < 4 ? 1.0F : 0.0F);
  file.weight("b", {1}, Tensor::FLOAT).add_float_data(10);
  auto &node = file.node("Conv", {"x", "w", "b"}, {"y"});
  auto *strides = node.add_attribute();
  strides->set_name("strides");
  strides->set_type(onnx::AttributeProto::INTS);
  strides->add_ints(2);
  strides->add_ints(2);
  file.output("y");
  at::Tensor x = torch::zeros({1, 3, 2, 4});
  x[0][0] = torch::arange(8).reshape({2, 4});
  EXPECT_EQ(values(read(file), x), (std::vector<double>{10 + 0 + 1 + 4 + 5, 10 + 2 + 3 + 6 + 7}));
}

TEST(OnnxModel, SoftmaxBeforeOpset13TakesAllThatFollows) {
  for (const int opset : {11, 13}) {
    OnnxFile file({1, 3, 1, 2}, opset);
    set(file.node("Softmax", {"x"}, {"y"}), "axis", 1);
    file.output("y");
    const auto y = values(read(file), torch::zeros({1, 3, 1, 2}));
    EXPECT_NEAR(y.at(0), opset < 13 ? 1.0 / 6 : 1.0 / 3, 1e-6) << opset;
  }
}

TEST(OnnxModel, SizesFollowThePicture) {
  // Shape → Gather → Concat → Reshape, as exporters write x.view(1, 3, h * w).
  OnnxFile file({1, 3, 0, 0});
  file.ints("two", {2}).ints("three", {3}).ints("head", {1, 3});
  file.node("Shape", {"x"}, {"shape"});
  file.node("Gather", {"shape", "two"}, {"h"});
  file.node("Gather", {"shape", "three"}, {"w"});
  file.node("Mul", {"h", "w"}, {"hw"});
  set(file.node("Concat", {"head", "hw"}, {"sizes"}), "axis", 0);
  file.node("Reshape", {"x", "sizes"}, {"y"});
  file.output("y");
  ConvertOptions options;
  options.sizes = Sizes::Dynamic;
  options.description.width = options.description.height = 32;
  options.description.multiple_of = 16;
  const Folder folder;
  const Converted converted = convert(read_onnx(file.write(folder)), options);
  const auto result = converted.module->module.forward({torch::zeros({1, 3, 48, 64})});
  EXPECT_EQ(result.toTupleRef().elements().at(0).toTensor().sizes().vec(), (Dims{1, 3, 48 * 64}));
}

TEST(OnnxModel, AnOutputMayBeAnyValue) {
  OnnxFile file({1, 3, 1, 1});
  set(file.node("Split", {"x"}, {"a", "b", "c"}), "axis", 1);
  file.node("Relu", {"b"}, {"y"});
  file.output("y");
  const Folder folder;
  const Graph graph = read_onnx(file.write(folder));
  ConvertOptions options;
  options.outputs = {graph.edge("c")};
  const at::Tensor x = torch::tensor({1.0F, 2.0F, 3.0F}).reshape({1, 3, 1, 1});
  EXPECT_EQ(values(convert(graph, options), x), (std::vector<double>{3}));
}

TEST(OnnxErrors, NoWholeFile) {
  const Folder folder;
  OnnxFile file({1, 3, 4, 4});
  file.node("Relu", {"x"}, {"y"});
  file.output("y");
  const std::string path = file.write(folder);
  std::ifstream in(path, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  // Cut anywhere it is refused, or lacks something that is named; never worse.
  for (std::size_t length = 0; length < whole.size(); ++length) {
    std::ofstream(path, std::ios::binary) << whole.substr(0, length);
    EXPECT_THROW(
        {
          const Graph graph = read_onnx(path);
          convert(graph, {});
        },
        ImportError)
        << length;
  }
  std::ofstream(path, std::ios::binary) << "this is not ONNX";
  expect_refused(path, folder, "is no ONNX model");
  std::ofstream(path, std::ios::binary) << whole.substr(0, whole.size() / 2);
  expect_refused(path, folder, "only the first part of one");
  expect_refused(folder.path("none.onnx"), folder, "does not exist");
}

TEST(OnnxErrors, Opset) {
  for (const int opset : {1, 5, 23, 1000000}) {
    OnnxFile file({1, 3, 4, 4}, opset);
    file.node("Relu", {"x"}, {"y"});
    expect_refused(file.output("y"), "uses opset " + std::to_string(opset) + " of ONNX: oneadapt-import knows 6 to 22");
  }
}

TEST(OnnxErrors, UnknownOperatorsAreNamedWithARemedy) {
  OnnxFile file({1, 3, 4, 4});
  file.node("NonZero", {"x"}, {"y"});
  expect_refused(file.output("y"), "operator NonZero of node NonZero_node is not supported: export the model without");
  OnnxFile foreign({1, 3, 4, 4});
  foreign.node("Swish", {"x"}, {"y"}).set_domain("some.vendor");
  expect_refused(foreign.output("y"), "operator some.vendor.Swish");
}

TEST(OnnxErrors, SizesAreChecked) {
  OnnxFile weight({1, 3, 4, 4});
  weight.weight("w", {1 << 30, 1 << 30, 1 << 30}, Tensor::FLOAT);
  weight.node("Add", {"x", "w"}, {"y"});
  expect_refused(weight.output("y"), "impossible size");

  OnnxFile short_of({1, 3, 4, 4});
  short_of.weight("w", {1 << 20}, Tensor::FLOAT).set_raw_data("abcd");
  short_of.node("Add", {"x", "w"}, {"y"});
  expect_refused(short_of.output("y"), "the file has 4");

  OnnxFile negative({1, 3, 4, 4});
  negative.weight("w", {-1}, Tensor::FLOAT);
  negative.node("Add", {"x", "w"}, {"y"});
  expect_refused(negative.output("y"), "negative size");

  for (const char *op : {"ConstantOfShape", "Expand", "Tile"}) {
    OnnxFile huge({1, 3, 4, 4});
    huge.ints("s", {1 << 20, 1 << 20, 1 << 20, 1 << 20});
    if (std::string(op) == "ConstantOfShape")
      huge.node(op, {"s"}, {"y"});
    else
      huge.node(op, {"x", "s"}, {"y"});
    expect_refused(huge.output("y").output("x"), "would make a value of");
  }

  OnnxFile picture({1, 3, std::int64_t(1) << 40, 4});
  picture.node("Relu", {"x"}, {"y"});
  expect_refused(picture.output("y"), "16384×16384 is the most");
}

TEST(OnnxErrors, ABrokenGraph) {
  OnnxFile later({1, 3, 4, 4});
  later.node("Relu", {"z"}, {"y"});
  later.node("Relu", {"y"}, {"z"});
  expect_refused(later.output("y"), "which no node before it makes");
  OnnxFile twice({1, 3, 4, 4});
  twice.node("Relu", {"x"}, {"y"});
  twice.node("Relu", {"x"}, {"y"});
  expect_refused(twice.output("y"), "is made twice");
  OnnxFile nobody({1, 3, 4, 4});
  nobody.node("Relu", {"x"}, {"y"});
  expect_refused(nobody.output("other"), "is made by no node");
  OnnxFile axis({1, 3, 4, 4});
  set(axis.node("Softmax", {"x"}, {"y"}), "axis", 7);
  expect_refused(axis.output("y"), "node Softmax_node (Softmax): the axis 7 is outside");
  for (const int group : {0, -1, 2}) {
    OnnxFile grouped({1, 3, 4, 4});
    Tensor &w = grouped.weight("w", {1, 3, 1, 1}, Tensor::FLOAT);
    for (int i = 0; i < 3; ++i) w.add_float_data(1);
    set(grouped.node("Conv", {"x", "w"}, {"y"}), "group", group);
    expect_refused(grouped.output("y"), "does not fit 3 channels");
  }
  OnnxFile open({1, 3, 0, 0});
  open.node("Relu", {"x"}, {"y"});
  expect_refused(open.output("y"), "how large its input is");
}

TEST(OnnxErrors, BytesTurnedRoundNeverCrash) {
  const Folder folder;
  OnnxFile file({1, 3, 4, 4});
  file.ints("s", {1, 48});
  file.node("Relu", {"x"}, {"r"});
  file.node("Reshape", {"r", "s"}, {"y"});
  file.output("y");
  const std::string path = file.write(folder);
  std::ifstream in(path, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    for (const int mask : {0x01, 0x80, 0xff}) {
      std::string spoilt = whole;
      spoilt[i] = char(spoilt[i] ^ mask);
      std::ofstream(path, std::ios::binary) << spoilt;
      try {
        convert(read_onnx(path), {});
      } catch (const ImportError &) {  // nothing else may come out
      }
    }
  }
}

TEST(OnnxOperators, AreListedWithThoseThatAreNot) {
  const Outcome outcome = import({"--operators"});
  EXPECT_EQ(outcome.status, 0);
  const auto supported = outcome.out.find("ONNX, opset"), missing = outcome.out.find("ONNX, not supported:");
  ASSERT_NE(supported, std::string::npos);
  ASSERT_NE(missing, std::string::npos);
  EXPECT_LT(supported, outcome.out.find("\nConvTranspose\n"));
  EXPECT_GT(missing, outcome.out.find("\nConvTranspose\n"));
  EXPECT_LT(missing, outcome.out.find("\nNonMaxSuppression\n"));
}
