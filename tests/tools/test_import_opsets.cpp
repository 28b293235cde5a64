// SPDX-License-Identifier: LGPL-2.1-or-later
// What opsets 18 to 22 of ONNX changed, and what has to be refused, on models of one node. Numbers are worked by hand
// or are those of the operators' specification: Debian 12's test data end at opset 17.
#include <cmath>

#include "opset_rig.h"

using namespace import_test;

TEST(Opset18, AxesOfReductionsAreAnInput) {
  const at::Tensor x = counting({1, 3, 1, 2});  // 1 2 | 3 4 | 5 6
  const std::vector<std::pair<const char *, std::vector<double>>> cases{
      {"ReduceL1", {9, 12}},
      {"ReduceL2", {std::sqrt(35), std::sqrt(56)}},
      {"ReduceLogSum", {std::log(9), std::log(12)}},
      {"ReduceLogSumExp",
       {std::log(std::exp(1) + std::exp(3) + std::exp(5)), std::log(std::exp(2) + std::exp(4) + std::exp(6))}},
      {"ReduceMax", {5, 6}},
      {"ReduceMean", {3, 4}},
      {"ReduceMin", {1, 2}},
      {"ReduceProd", {15, 48}},
      {"ReduceSum", {9, 12}},
      {"ReduceSumSquare", {35, 56}}};
  for (const auto &[op, expected] : cases) {
    SCOPED_TRACE(op);
    const std::string name = op;
    expect_result(
        18, x,
        [&](OnnxFile &f) {
          f.ints("axes", {-3});
          set(f.node(name, {"x", "axes"}, {"y"}), "keepdims", 0);
        },
        {1, 1, 2}, expected);
    if (name == "ReduceSum") continue;  // since 13
    expect_result(
        17, x, [&](OnnxFile &f) { set(f.node(name, {"x"}, {"y"}), "axes", Dims{1}); }, {1, 1, 1, 2}, expected);
  }
}

TEST(Opset18, NothingReducedLeavesTheRestOfTheReduction) {
  const at::Tensor x = torch::tensor({-2.0F, 3.0F, 4.0F}).reshape({1, 3, 1, 1});
  const auto noop = [](const std::string &op) {
    return [op](OnnxFile &f) { set(f.node(op, {"x"}, {"y"}), "noop_with_empty_axes", 1); };
  };
  expect_result(18, x, noop("ReduceMean"), {1, 3, 1, 1}, {-2, 3, 4});
  expect_result(18, x, noop("ReduceL1"), {1, 3, 1, 1}, {2, 3, 4});
  expect_result(18, x, noop("ReduceSumSquare"), {1, 3, 1, 1}, {4, 9, 16});
}

TEST(Opset18, ReductionsOfWholeNumbersStayWhole) {
  // 1 2 4 → a mean of 2 (cut), a length of √21 → 4.
  const at::Tensor x = torch::tensor({1.0F, 2.0F, 4.0F}).reshape({1, 3, 1, 1});
  for (const auto &[op, expected] : {std::pair{"ReduceMean", 2.0}, {"ReduceL2", 4.0}, {"ReduceSum", 7.0}}) {
    const std::string name = op;
    const at::Tensor y = result(18, x, [&](OnnxFile &f) {
      set(f.node("Cast", {"x"}, {"whole"}), "to", int(Tensor::INT32));
      f.ints("axes", {1}).node(name, {"whole", "axes"}, {"y"});
    });
    EXPECT_EQ(y.scalar_type(), torch::kInt) << op;
    EXPECT_EQ(y.item<double>(), expected) << op;
  }
}

TEST(Opset18, SplitIntoSoManyOutputs) {
  const at::Tensor x = counting({1, 3, 1, 5});
  const auto into = [](int said) {
    return [said](OnnxFile &f) {
      auto &node = set(f.node("Split", {"x"}, {"a", "b", "y"}), "axis", 3);
      if (said) set(node, "num_outputs", said);
    };
  };
  expect_result(18, x, into(3), {1, 3, 1, 1}, {5, 10, 15});  // 2, 2, and the rest
  expect_refusal(18, {1, 3, 1, 5}, into(2), "node Split_node (Split): has 3 outputs, and num_outputs=2");
  expect_refusal(17, {1, 3, 1, 5}, into(0), "splits a size of 5 into 3");
}

TEST(Opset18, PadsOfSomeAxes) {
  const at::Tensor x = counting({1, 3, 1, 2});
  const auto pad = [](const char *mode, const std::vector<std::int64_t> &pads, const std::vector<std::int64_t> &axes) {
    return [=](OnnxFile &f) {
      f.ints("pads", pads).ints("axes", axes).floats("value", {}, {9});
      const bool constant = std::string(mode) == "constant";
      set(f.node("Pad", {"x", "pads", constant ? "value" : "", "axes"}, {"y"}), "mode", mode);
    };
  };
  expect_result(18, x, pad("constant", {1, 0}, {-1}), {1, 3, 1, 3}, {9, 1, 2, 9, 3, 4, 9, 5, 6});
  expect_result(18, x, pad("edge", {0, -2, 1, 0}, {3, 1}), {1, 1, 1, 3}, {5, 6, 6});
  expect_refusal(18, {1, 3, 1, 2}, pad("constant", {1, 0, 0}, {3}), "the pads do not fit");
  // 19: as on a ring, also when it goes round more than once; negative pads cut first.
  expect_result(19, x, pad("wrap", {3, 1}, {3}), {1, 3, 1, 6}, {2, 1, 2, 1, 2, 1, 4, 3, 4, 3, 4, 3, 6, 5, 6, 5, 6, 5});
  expect_result(19, x, pad("wrap", {-1, 2}, {1}), {1, 4, 1, 2}, {3, 4, 5, 6, 3, 4, 5, 6});
  expect_refusal(19, {1, 3, 1, 2}, pad("spiral", {1, 0}, {3}), "the mode spiral is not supported");
}

TEST(Opset18, GroupNormalisation) {
  const at::Tensor x = counting({1, 3, 1, 2}) - 3.5;  // −2.5 … 2.5
  const double unit = 1 / std::sqrt(35.0 / 12 + 1e-5);
  const auto norm = [](const std::vector<float> &scale) {
    return [=](OnnxFile &f) {
      f.floats("s", {std::int64_t(scale.size())}, scale);
      f.floats("b", {std::int64_t(scale.size())}, std::vector<float>(scale.size(), 1.0F));
      set(set(f.node("GroupNormalization", {"x", "s", "b"}, {"y"}), "num_groups", 1), "epsilon", 1e-5F);
    };
  };
  const auto expected = [unit](const std::vector<double> &scale) {
    std::vector<double> values;
    for (int i = 0; i < 6; ++i) values.push_back(1 + unit * scale[std::size_t(i / 2)] * (i - 2.5));
    return values;
  };
  // A number a group until opset 20, a number a channel since then.
  expect_result(18, x, norm({2}), {1, 3, 1, 2}, expected({2, 2, 2}));
  expect_result(21, x, norm({1, 2, 3}), {1, 3, 1, 2}, expected({1, 2, 3}));
  expect_refusal(18, {1, 3, 1, 2}, norm({1, 2, 3}), "scale and bias must have 1 numbers");
  expect_refusal(21, {1, 3, 1, 2}, norm({2}), "scale and bias must have 3 numbers");
}

TEST(Opset20, Activations) {
  const at::Tensor x = torch::tensor({-1.0F, 0.0F, 1.0F}).reshape({1, 3, 1, 1});
  const auto gelu = [](const char *way) {
    return [way](OnnxFile &f) { set(f.node("Gelu", {"x"}, {"y"}), "approximate", way); };
  };
  expect_result(20, x, gelu("none"), {1, 3, 1, 1}, {-0.158655, 0, 0.841345});
  expect_result(20, x, gelu("tanh"), {1, 3, 1, 1}, {-0.158808, 0, 0.841192});
  expect_refusal(20, {1, 3, 1, 1}, gelu("sigmoid"), "approximate=sigmoid is not supported");
  expect_result(22, x, [](OnnxFile &f) { f.node("Mish", {"x"}, {"y"}); }, {1, 3, 1, 1}, {-0.303401, 0, 0.865098});
}

TEST(Opset19, PoolsWithDilations) {
  const at::Tensor x = counting({1, 1, 4, 4}).repeat({1, 3, 1, 1});
  const auto pool = [](const std::string &op, int p) {
    return [=](OnnxFile &f) {
      auto &node = set(set(f.node(op, {"x"}, {"all"}), "kernel_shape", Dims{2, 2}), "dilations", Dims{2, 2});
      if (p) set(node, "p", p);
      f.ints("one", {0}).node("Gather", {"all", "one"}, {"y"});
      set(f.graph().mutable_node()->at(1), "axis", 1);
    };
  };
  expect_result(19, x, pool("AveragePool", 0), {1, 1, 2, 2}, {6, 7, 10, 11});
  expect_result(18, x, pool("LpPool", 1), {1, 1, 2, 2}, {24, 28, 40, 44});
  expect_result(18, x, pool("LpPool", 2), {1, 1, 2, 2},
                {std::sqrt(212), std::sqrt(264), std::sqrt(468), std::sqrt(552)});
}

TEST(Opset22, AWindowThatBeginsBehindThePictureIsNone) {
  // 2 and a pad of 1 behind it: the second window, in steps of 2 or 3, would begin in the pad.
  const at::Tensor x = counting({1, 3, 2, 2});
  for (const char *op : {"MaxPool", "AveragePool", "LpPool"}) {
    const std::string name = op;
    for (const std::int64_t stride : {2, 3}) {
      expect_result(22, x,
                    [&](OnnxFile &f) {
                      auto &node = f.node(name, {"x"}, {"y"});
                      set(set(node, "kernel_shape", Dims{1, 1}), "strides", Dims{stride, stride});
                      set(set(node, "pads", Dims{0, 0, 1, 1}), "ceil_mode", 1);
                    },
                    {1, 3, 1, 1}, {1, 5, 9});
    }
  }
}

TEST(Opset18, ReductionsOfScatters) {
  const at::Tensor x = torch::tensor({1.0F, 2.0F, 3.0F}).reshape({1, 3, 1, 1});
  const std::vector<std::tuple<const char *, double, double>> cases{
      {"add", 1 + 5 - 4, 3 + 2}, {"mul", 1 * 5 * -4, 3 * 2}, {"max", 5, 3}, {"min", -4, 2}};
  for (const auto &[way, first, last] : cases) {
    SCOPED_TRACE(way);
    const char *reduction = way;
    expect_result(18, x,
                  [&](OnnxFile &f) {
                    f.weight("i", {1, 3, 1, 1}, Tensor::INT64);
                    for (const int i : {0, -3, 2}) f.graph().mutable_initializer(0)->add_int64_data(i);
                    f.floats("u", {1, 3, 1, 1}, {5, -4, 2});
                    set(set(f.node("ScatterElements", {"x", "i", "u"}, {"y"}), "axis", 1), "reduction", reduction);
                  },
                  {1, 3, 1, 1}, {first, 2, last});
    expect_result(18, x,
                  [&](OnnxFile &f) {
                    f.weight("i", {3, 2}, Tensor::INT64);
                    for (const int i : {0, 0, 0, -3, 0, 2}) f.graph().mutable_initializer(0)->add_int64_data(i);
                    f.floats("u", {3, 1, 1}, {5, -4, 2});
                    set(f.node("ScatterND", {"x", "i", "u"}, {"y"}), "reduction", reduction);
                  },
                  {1, 3, 1, 1}, {first, 2, last});
  }
}

TEST(Opset18, CutOrPaddedAroundTheMiddle) {
  const at::Tensor x = counting({1, 3, 1, 4});
  const auto centre = [](const std::vector<std::int64_t> &sizes, const Dims &axes) {
    return [=](OnnxFile &f) { set(f.ints("z", sizes).node("CenterCropPad", {"x", "z"}, {"y"}), "axes", axes); };
  };
  expect_result(18, x, centre({1, 1}, {-1, 1}), {1, 1, 1, 1}, {6});
  expect_result(18, x, centre({1, 7}, {1, 3}), {1, 1, 1, 7}, {0, 5, 6, 7, 8, 0, 0});
}

TEST(Opset18, ColumnsToPicture) {
  // Two windows of 2 that overlap in the middle of 3 pixels: each number goes back where it came from.
  const at::Tensor x = counting({1, 3, 2, 2});
  expect_result(18, x,
                [](OnnxFile &f) {
                  f.ints("columns", {1, 6, 2}).ints("image", {1, 3}).ints("block", {1, 2});
                  f.node("Reshape", {"x", "columns"}, {"c"});
                  f.node("Col2Im", {"c", "image", "block"}, {"y"});
                },
                {1, 3, 1, 3}, {1, 2 + 3, 4, 5, 6 + 7, 8, 9, 10 + 11, 12});
  // Pads are where nothing comes back from.
  expect_result(18, x,
                [](OnnxFile &f) {
                  f.ints("columns", {1, 3, 4}).ints("image", {1, 3}).ints("block", {1, 1});
                  f.node("Reshape", {"x", "columns"}, {"c"});
                  set(f.node("Col2Im", {"c", "image", "block"}, {"y"}), "pads", Dims{0, 0, 0, 1});
                },
                {1, 3, 1, 3}, {1, 2, 3, 5, 6, 7, 9, 10, 11});
}

TEST(Opset18, BitsOfWholeNumbers) {
  const at::Tensor x = torch::tensor({12.0F, 10.0F, -1.0F}).reshape({1, 3, 1, 1});
  const std::vector<std::pair<const char *, std::vector<double>>> cases{{"BitwiseAnd", {8, 10, 10}},
                                                                        {"BitwiseOr", {14, 10, -1}},
                                                                        {"BitwiseXor", {6, 0, -11}},
                                                                        {"BitwiseNot", {-13, -11, 0}}};
  for (const auto &[op, expected] : cases) {
    const std::string name = op;
    expect_result(
        18, x,
        [&](OnnxFile &f) {
          set(f.node("Cast", {"x"}, {"bits"}), "to", int(Tensor::INT64));
          f.ints("ten", {10});
          const bool one = name == "BitwiseNot";
          f.node(name, one ? std::vector<std::string>{"bits"} : std::vector<std::string>{"bits", "ten"}, {"y"});
        },
        {1, 3, 1, 1}, expected);
  }
}

TEST(Opset22, LengthsBecomeOne) {
  const at::Tensor x = torch::tensor({3.0F, 0.0F, 4.0F, 0.0F, 0.0F, 0.0F}).reshape({1, 3, 1, 2});
  expect_result(22, x, [](OnnxFile &f) { set(f.node("LpNormalization", {"x"}, {"y"}), "axis", 1); }, {1, 3, 1, 2},
                {0.6, 0, 0.8, 0, 0, 0});
}

TEST(Opset21, WeightsOfFourAndEightBits) {
  // 4 bits: two numbers a byte. 8-bit floating point: 1.5, the largest, the smallest; what is not a number.
  const auto weight = [](int type, int count, const std::string &bytes) {
    return [=](OnnxFile &f) {
      f.weight("w", {count}, type).set_raw_data(bytes);
      f.node("Identity", {"w"}, {"y"});
    };
  };
  const at::Tensor x = counting({1, 3, 1, 1});
  expect_result(21, x, weight(21, 3, "\xf1\x08"), {3}, {1, 15, 8});
  expect_result(21, x, weight(22, 3, "\xf1\x08"), {3}, {1, -1, -8});
  expect_result(19, x, weight(17, 3, "\x3c\x7e\x81"), {3}, {1.5, 448, -std::ldexp(1.0, -9)});
  expect_result(19, x, weight(18, 2, "\x44\x7f"), {2}, {1.5, 240});
  expect_result(19, x, weight(19, 2, "\x3e\x7b"), {2}, {1.5, 57344});
  expect_result(19, x, weight(20, 2, "\x42\x7f"), {2}, {1.5, 57344});
  for (const auto &[type, bits] : {std::pair{17, "\x7f"}, {18, "\x80"}, {19, "\x7e"}, {20, "\x80"}})
    EXPECT_TRUE(std::isnan(result(19, x, weight(type, 1, bits)).item<float>())) << type;
  EXPECT_TRUE(std::isinf(result(19, x, weight(19, 1, "\xfc")).item<float>()));
  expect_refusal(21, {1, 3, 1, 1}, weight(21, 3, "\xf1"), "takes 2 bytes, the file has 1");
  expect_refusal(23 - 1, {1, 3, 1, 1}, weight(23, 2, "\x12"), "weight w has the type FLOAT4E2M1");
}

TEST(Opset21, DequantisedByBlocks) {
  // Two numbers a block along the first axis; the last block is a short one.
  const at::Tensor x = counting({1, 3, 1, 1});
  expect_result(21, x,
                [](OnnxFile &f) {
                  f.weight("q", {3, 1}, Tensor::INT8).set_raw_data(std::string("\x02\xfe\x05", 3));
                  f.floats("scale", {2, 1}, {0.5F, 10});
                  f.weight("zero", {2, 1}, Tensor::INT8).set_raw_data(std::string("\x01\x02", 2));
                  set(set(f.node("DequantizeLinear", {"q", "scale", "zero"}, {"y"}), "axis", 0), "block_size", 2);
                },
                {3, 1}, {0.5, -1.5, 30});
}

TEST(Opset19, CastsThatMeanTheSame) {
  const auto cast = [](int type) {
    return [type](OnnxFile &f) { set(set(f.node("Cast", {"x"}, {"y"}), "to", type), "saturate", 0); };
  };
  const at::Tensor x = torch::tensor({1.75F, -1.75F, 3.0F}).reshape({1, 3, 1, 1});
  expect_result(19, x, cast(Tensor::INT32), {1, 3, 1, 1}, {1, -1, 3});
  expect_result(19, x, cast(Tensor::BFLOAT16), {1, 3, 1, 1}, {1.75, -1.75, 3});
  expect_refusal(19, {1, 3, 1, 1}, cast(19), "node Cast_node (Cast): a cast to the type FLOAT8E5M2 is not supported");
}

TEST(OnnxTraining, StatisticsOfTheBatchAreRefusedInEveryOpset) {
  const auto norm = [](int outputs, int training) {
    return [=](OnnxFile &f) {
      for (const char *name : {"s", "b", "m", "v"}) f.floats(name, {3}, {1, 1, 1});
      std::vector<std::string> names{"y", "mean", "var", "saved_mean", "saved_var"};
      names.resize(std::size_t(outputs));
      auto &node = f.node("BatchNormalization", {"x", "s", "b", "m", "v"}, names);
      if (training) set(node, "training_mode", 1);
    };
  };
  for (const int opset : {7, 9, 13}) {
    EXPECT_EQ(refusal(opset, {1, 3, 1, 1}, norm(1, 0)), "");
    expect_refusal(opset, {1, 3, 1, 1}, norm(5, 0), "is in training mode; export the model in evaluation mode");
  }
  for (const int opset : {14, 15, 22}) {
    EXPECT_EQ(refusal(opset, {1, 3, 1, 1}, norm(1, 0)), "");
    expect_refusal(opset, {1, 3, 1, 1}, norm(3, 1), "is in training mode; export the model in evaluation mode");
  }
}

TEST(OnnxAttributes, UnknownOnesAreRefusedByNameAndNode) {
  expect_refusal(
      22, {1, 3, 1, 1}, [](OnnxFile &f) { set(f.node("Relu", {"x"}, {"y"}), "negative_slope", 0.1F); },
      "attribute negative_slope of node Relu_node (Relu) is not known");
  // Of opset 23: the type of the result.
  expect_refusal(
      22, {1, 3, 1, 1},
      [](OnnxFile &f) {
        f.weight("q", {1}, Tensor::INT8).set_raw_data("\x02");
        f.floats("s", {}, {1});
        set(f.node("DequantizeLinear", {"q", "s"}, {"y"}), "output_dtype", 1);
      },
      "attribute output_dtype of node DequantizeLinear_node (DequantizeLinear) is not known");
  // Those without effect on a picture that passes once are no matter.
  EXPECT_EQ(refusal(22, {1, 3, 1, 1}, [](OnnxFile &f) { set(f.node("Dropout", {"x"}, {"y"}), "seed", 7); }), "");
}
