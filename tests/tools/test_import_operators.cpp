// SPDX-License-Identifier: LGPL-2.1-or-later
// Operators of oneadapt-import that know no pictures, against numbers worked by hand.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>

#include "graph_file.h"
#include "operators.h"

using namespace import_test;

namespace {

/// Runs `graph`'s node "y" twice: with "a" a constant, and with "a" taken from the picture at run time.
void expect_both(const std::function<void(GraphFile &)> &add_nodes, const Dims &shape, const std::vector<float> &values,
                 const Dims &result_shape, const std::vector<double> &result, const std::string &output = "y") {
  ASSERT_EQ(values.size() % 3, 0U);
  const Dims picture{1, 3, 1, std::int64_t(values.size() / 3)};
  const Numbers numbers{picture, {values.begin(), values.end()}};
  {
    SCOPED_TRACE("a constant");
    GraphFile graph(picture);
    graph.floats("a", shape, values);
    add_nodes(graph);
    expect_numbers(run(graph, output, numbers), result_shape, result);
  }
  {
    SCOPED_TRACE("from the picture");
    GraphFile graph(picture);
    graph.ints("a/shape", std::vector<int>(shape.begin(), shape.end())).node("Reshape", "a", {"x", "a/shape"});
    add_nodes(graph);
    expect_numbers(run(graph, output, numbers), result_shape, result);
  }
}

struct Elementwise {
  std::string op;
  std::vector<double> result;
};

}  // namespace

TEST(Operators, OneValue) {
  const std::vector<float> a{-2, 0.25, 9};
  const auto each = [&](double (*f)(double)) { return std::vector<double>{f(-2), f(0.25), f(9)}; };
  const std::vector<Elementwise> cases{
      {"Abs", {2, 0.25, 9}},
      {"Elu", {std::exp(-2) - 1, 0.25, 9}},
      {"Exp", each(std::exp)},
      {"Floor", {-2, 0, 9}},
      {"Identity", {-2, 0.25, 9}},
      {"Neg", {2, -0.25, -9}},
      {"Relu", {0, 0.25, 9}},
      {"Relu6", {0, 0.25, 6}},
      {"Round", {-2, 0, 9}},
      {"Sigmoid", each([](double v) { return 1 / (1 + std::exp(-v)); })},
      {"Softmax", {1.66990e-05, 0.000158435, 0.999824867}},
      {"Square", {4, 0.0625, 81}},
      {"StopGradient", {-2, 0.25, 9}},
      {"Tanh", each(std::tanh)},
  };
  for (const auto &c : cases) {
    SCOPED_TRACE(c.op);
    expect_both([&](GraphFile &g) { g.node(c.op, "y", {"a"}); }, {3}, a, {3}, c.result);
  }
  for (const auto &c : {Elementwise{"Sqrt", {2, 3, 0.5}}, Elementwise{"Rsqrt", {0.5, 1.0 / 3, 2}},
                        Elementwise{"Log", {std::log(4), std::log(9), -std::log(4)}}}) {
    SCOPED_TRACE(c.op);
    expect_both([&](GraphFile &g) { g.node(c.op, "y", {"a"}); }, {3}, {4, 9, 0.25}, {3}, c.result);
  }
  expect_both(
      [](GraphFile &g) {
        g.node("LeakyRelu", "y", {"a"}, {{"alpha", number(0.1)}});
      },
      {3}, a, {3}, {-0.2, 0.25, 9});
  expect_both([](GraphFile &g) { g.node("LeakyRelu", "y", {"a"}); }, {3}, a, {3}, {-0.4, 0.25, 9});
  expect_both(
      [](GraphFile &g) {
        g.floats("s", {3}, {0.5, 1, 2}).node("Prelu", "y", {"a", "s"});
      },
      {3}, a, {3}, {-1, 0.25, 9});
}

TEST(Operators, TwoValues) {
  const std::vector<Elementwise> cases{{"Add", {-5, 4, 11}},
                                       {"AddV2", {-5, 4, 11}},
                                       {"BiasAdd", {-5, 4, 11}},
                                       {"Sub", {-9, 0, 7}},
                                       {"Mul", {-14, 4, 18}},
                                       {"RealDiv", {-3.5, 1, 4.5}},
                                       {"Div", {-3.5, 1, 4.5}},
                                       {"FloorDiv", {-4, 1, 4}},
                                       {"FloorMod", {1, 0, 1}},
                                       {"Maximum", {2, 2, 9}},
                                       {"Minimum", {-7, 2, 2}},
                                       {"Pow", {49, 4, 81}},
                                       {"SquaredDifference", {81, 0, 49}},
                                       {"Equal", {0, 1, 0}},
                                       {"Greater", {0, 0, 1}},
                                       {"GreaterEqual", {0, 1, 1}},
                                       {"Less", {1, 0, 0}}};
  for (const auto &c : cases) {
    SCOPED_TRACE(c.op);
    expect_both(
        [&](GraphFile &g) {
          g.floats("b", {3}, {2, 2, 2}).node(c.op, "y", {"a", "b"});
        },
        {3}, {-7, 2, 9}, {3}, c.result);
  }
}

TEST(Operators, BroadcastAsInNumPy) {
  // 2×3 + 2×1, and a number in front of a matrix.
  expect_both(
      [](GraphFile &g) {
        g.floats("b", {2, 1}, {10, 20}).node("AddV2", "y", {"a", "b"});
      },
      {2, 3}, {1, 2, 3, 4, 5, 6}, {2, 3}, {11, 12, 13, 24, 25, 26});
  expect_both(
      [](GraphFile &g) {
        g.floats("b", {}, {100}).node("Sub", "y", {"b", "a"});
      },
      {2, 3}, {1, 2, 3, 4, 5, 6}, {2, 3}, {99, 98, 97, 96, 95, 94});
}

TEST(Operators, BroadcastInTheGraphsOrderNotInMemorys) {
  // The picture lies in memory as NCHW; the graph sees NHWC, so (10, 20) run along the width.
  GraphFile graph({1, 1, 2, 3});
  graph.floats("c", {3}, {10, 20, 30})
      .floats("w", {2, 1}, {100, 200})
      .node("AddV2", "s", {"x", "c"})
      .node("AddV2", "y", {"w", "s"});
  expect_numbers(run(graph, "y", {{1, 1, 2, 3}, {1, 2, 3, 4, 5, 6}}), {1, 1, 2, 3}, {111, 122, 133, 214, 225, 236});
}

TEST(Operators, ValuesInDifferentOrdersMeet) {
  // x (NHWC 1×2×2×3 seen as NCHW) plus itself transposed in height and width.
  GraphFile graph({1, 2, 2, 3});
  graph.ints("swap", {0, 2, 1, 3}).node("Transpose", "t", {"x", "swap"}).node("Sub", "y", {"x", "t"});
  expect_numbers(run(graph, "y", {{1, 2, 2, 3}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}}), {1, 2, 2, 3},
                 {0, 0, 0, -3, -3, -3, 3, 3, 3, 0, 0, 0});
}

TEST(Operators, BiasAddInNchw) {
  GraphFile graph({1, 3, 1, 2});
  graph.floats("b", {3}, {10, 20, 30}).node("BiasAdd", "y", {"x", "b"}, {{"data_format", text("NCHW")}});
  expect_numbers(run(graph, "y", {{1, 3, 1, 2}, {1, 2, 3, 4, 5, 6}}), {1, 3, 1, 2}, {11, 12, 23, 24, 35, 36});
}

TEST(Operators, Transpose) {
  expect_both(
      [](GraphFile &g) {
        g.ints("p", {1, 0}).node("Transpose", "y", {"a", "p"});
      },
      {2, 3}, {1, 2, 3, 4, 5, 6}, {3, 2}, {1, 4, 2, 5, 3, 6});
  expect_both(
      [](GraphFile &g) {
        g.ints("p", {2, 0, 1}).node("Transpose", "t", {"a", "p"}).node("Transpose", "y", {"t", "p"});
      },
      {1, 2, 3}, {1, 2, 3, 4, 5, 6}, {2, 3, 1}, {1, 2, 3, 4, 5, 6});
}

TEST(Operators, TransposesThatCancelCostNothing) {
  GraphFile graph({1, 3, 2, 2});
  graph.ints("nhwc", {0, 2, 3, 1}).ints("nchw", {0, 3, 1, 2}).floats("c", {3}, {1, 2, 3});
  graph.node("Transpose", "t", {"x", "nhwc"})
      .node("Relu", "r", {"t"})
      .node("AddV2", "s", {"r", "c"})
      .node("Transpose", "y", {"s", "nchw"});
  const Runnable runnable(graph, {"y"});
  EXPECT_EQ(runnable.converted.source.find("permute"), std::string::npos) << runnable.converted.source;
  expect_numbers(runnable({{1, 3, 2, 2}, {-1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}})[0], {1, 3, 2, 2},
                 {1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14});
}

TEST(Operators, Shapes) {
  const std::vector<float> six{1, 2, 3, 4, 5, 6};
  const std::vector<double> same{1, 2, 3, 4, 5, 6};
  expect_both([](GraphFile &g) { g.ints("s", {3, -1}).node("Reshape", "y", {"a", "s"}); }, {2, 3}, six, {3, 2}, same);
  expect_both([](GraphFile &g) { g.scalar("d", 1).node("ExpandDims", "y", {"a", "d"}); }, {2, 3}, six, {2, 1, 3}, same);
  expect_both(
      [](GraphFile &g) {
        g.scalar("d", -1).node("ExpandDims", "y", {"a", "d"});
      },
      {2, 3}, six, {2, 3, 1}, same);
  expect_both(
      [](GraphFile &g) {
        g.node("Squeeze", "y", {"a"}, {{"squeeze_dims", integers({-1})}});
      },
      {1, 6, 1}, six, {1, 6}, same);
  expect_both([](GraphFile &g) { g.node("Squeeze", "y", {"a"}); }, {1, 6, 1}, six, {6}, same);
  expect_both([](GraphFile &g) { g.node("Shape", "y", {"a"}); }, {2, 3}, six, {2}, {2, 3});
  expect_both(
      [](GraphFile &g) {
        g.node("Pack", "y", {"a", "a"}, {{"axis", integer(1)}});
      },
      {3, 2}, six, {3, 2, 2}, {1, 2, 1, 2, 3, 4, 3, 4, 5, 6, 5, 6});
}

TEST(Operators, ReshapeSeesTheGraphsOrder) {
  // NHWC 1×1×2×3 flattens to pixel by pixel, though memory is colour by colour.
  GraphFile graph({1, 1, 2, 3});
  graph.ints("s", {6}).node("Reshape", "y", {"x", "s"});
  expect_numbers(run(graph, "y", {{1, 1, 2, 3}, {1, 2, 3, 4, 5, 6}}), {6}, {1, 2, 3, 4, 5, 6});
}

TEST(Operators, ConcatAndSplit) {
  const std::vector<float> six{1, 2, 3, 4, 5, 6};
  expect_both(
      [](GraphFile &g) {
        g.floats("b", {2, 1}, {8, 9}).scalar("d", 1).node("ConcatV2", "y", {"a", "b", "d"});
      },
      {2, 3}, six, {2, 4}, {1, 2, 3, 8, 4, 5, 6, 9});
  const auto split_v = [](GraphFile &g) { g.ints("n", {1, -1}).scalar("d", 1).node("SplitV", "y", {"a", "n", "d"}); };
  expect_both(split_v, {2, 3}, six, {2, 1}, {1, 4}, "y:0");
  expect_both(split_v, {2, 3}, six, {2, 2}, {2, 3, 5, 6}, "y:1");
  const auto split = [](GraphFile &g) {
    g.scalar("d", -1).node("Split", "y", {"d", "a"}, {{"num_split", integer(3)}});
  };
  expect_both(split, {2, 3}, six, {2, 1}, {3, 6}, "y:2");
}

TEST(Operators, ConcatAndSplitOfPictures) {
  // Colours 0 and 2 swapped, in the graph's NHWC.
  GraphFile graph({1, 1, 2, 3});
  graph.ints("n", {1, 2}).scalar("d", 3).node("SplitV", "p", {"x", "n", "d"}).node("ConcatV2", "y", {"p:1", "p", "d"});
  expect_numbers(run(graph, "y", {{1, 1, 2, 3}, {1, 2, 3, 4, 5, 6}}), {1, 1, 2, 3}, {2, 3, 1, 5, 6, 4});
}

TEST(Operators, Slices) {
  const auto slice = [](std::vector<int> begin, std::vector<int> end, std::vector<int> step, Json masks) {
    return [=](GraphFile &g) {
      g.ints("b", begin).ints("e", end).ints("s", step).node("StridedSlice", "y", {"a", "b", "e", "s"}, masks);
    };
  };
  const std::vector<float> six{1, 2, 3, 4, 5, 6};
  expect_both(slice({0, 1}, {2, 3}, {1, 1}, Json::object()), {2, 3}, six, {2, 2}, {2, 3, 5, 6});
  expect_both(slice({0, 0}, {0, 0}, {1, 2}, {{"begin_mask", integer(3)}, {"end_mask", integer(3)}}), {2, 3}, six,
              {2, 2}, {1, 3, 4, 6});
  expect_both(slice({1, 0}, {2, -1}, {1, 1}, {{"shrink_axis_mask", integer(1)}}), {2, 3}, six, {2}, {4, 5});
}

TEST(Operators, GatherAndTopK) {
  expect_both(
      [](GraphFile &g) {
        g.ints("i", {2, 2}, {2, 0, 1, 1}).scalar("d", 1).node("GatherV2", "y", {"a", "i", "d"});
      },
      {2, 3}, {1, 2, 3, 4, 5, 6}, {2, 2, 2}, {3, 1, 2, 2, 6, 4, 5, 5});
  const auto top = [](GraphFile &g) { g.scalar("k", 2).node("TopKV2", "y", {"a", "k"}); };
  expect_both(top, {2, 3}, {1, 3, 2, 6, 4, 5}, {2, 2}, {3, 2, 6, 5}, "y:0");
  expect_both(top, {2, 3}, {1, 3, 2, 6, 4, 5}, {2, 2}, {1, 2, 0, 2}, "y:1");
}

TEST(Operators, Reductions) {
  const std::vector<float> six{1, 2, 3, 4, 5, 9};
  const auto reduce = [](const std::string &op, bool keep) {
    return [=](GraphFile &g) { g.ints("d", {-1}).node(op, "y", {"a", "d"}, {{"keep_dims", flag(keep)}}); };
  };
  expect_both(reduce("Mean", true), {2, 3}, six, {2, 1}, {2, 6});
  expect_both(reduce("Mean", false), {2, 3}, six, {2}, {2, 6});
  expect_both(reduce("Sum", false), {2, 3}, six, {2}, {6, 18});
  expect_both(reduce("Max", false), {2, 3}, six, {2}, {3, 9});
  expect_both(reduce("Min", true), {2, 3}, six, {2, 1}, {1, 4});
  // Mean over height and width of a picture that lies in memory in another order.
  GraphFile graph({1, 1, 2, 3});
  graph.ints("d", {1, 2}).node("Mean", "y", {"x", "d"}, {{"keep_dims", flag(true)}});
  expect_numbers(run(graph, "y", {{1, 1, 2, 3}, {1, 2, 3, 5, 6, 7}}), {1, 1, 1, 3}, {3, 4, 5});
}

TEST(Operators, MatMul) {
  const auto add = [](GraphFile &g) { g.floats("b", {3, 2}, {1, 2, 3, 4, 5, 6}).node("MatMul", "y", {"a", "b"}); };
  expect_both(add, {1, 3}, {1, 10, 100}, {1, 2}, {531, 642});
  expect_both(
      [](GraphFile &g) {
        g.floats("b", {2, 3}, {1, 3, 5, 2, 4, 6}).node("MatMul", "y", {"a", "b"}, {{"transpose_b", flag(true)}});
      },
      {1, 3}, {1, 10, 100}, {1, 2}, {531, 642});
  expect_both(
      [](GraphFile &g) {
        g.floats("b", {3, 2}, {1, 2, 3, 4, 5, 6}).floats("c", {2}, {-600, -600});
        g.node("_FusedMatMul", "y", {"a", "b", "c"}, {{"fused_ops", texts({"BiasAdd", "Relu"})}});
      },
      {1, 3}, {1, 10, 100}, {1, 2}, {0, 42});
}

TEST(Operators, AddNUnpackAndBatchMatMul) {
  GraphFile graph({1, 1, 2, 3});
  graph.node("AddN", "sum", {"x", "x", "x"})
      .node("Unpack", "parts", {"x"}, {{"axis", integer(2)}, {"num", integer(2)}})
      .node("Identity", "second", {"parts:1"})
      .node("BatchMatMulV2", "product", {"x", "x"}, {{"adj_x", flag(false)}, {"adj_y", flag(true)}});
  const Numbers picture{{1, 1, 2, 3}, {1, 2, 3, 4, 5, 6}};
  expect_numbers(run(graph, "sum", picture), {1, 1, 2, 3}, {3, 6, 9, 12, 15, 18});
  expect_numbers(run(graph, "second", picture), {1, 1, 3}, {4, 5, 6});
  expect_numbers(run(graph, "product", picture), {1, 1, 2, 2}, {14, 32, 32, 77});
}

TEST(Operators, CastTruncates) {
  expect_both(
      [](GraphFile &g) {
        g.node("Cast", "y", {"a"}, {{"DstT", type("DT_INT32")}});
      },
      {3}, {1.9F, -1.9F, 3}, {3}, {1, -1, 3});
  expect_both(
      [](GraphFile &g) {
        g.node("Cast", "y", {"a"}, {{"DstT", type("DT_BOOL")}});
      },
      {3}, {0, -1, 3}, {3}, {0, 1, 1});
}

TEST(Operators, SparseToDense) {
  GraphFile empty({1, 3, 1, 1});
  empty.ints("i", {0, 1}, {})
      .ints("s", {3})
      .ints("v", {0}, {})
      .scalar("z", 7)
      .node("SparseToDense", "y", {"i", "s", "v", "z"});
  expect_numbers(run(empty, "y", {{1, 3, 1, 1}, {0, 0, 0}}), {3}, {7, 7, 7});
  GraphFile two({1, 3, 1, 1});
  two.ints("i", {2, 2}, {0, 1, 1, 0}).ints("s", {2, 2}).floats("v", {2}, {5, 6}).floats("z", {}, {1});
  two.node("SparseToDense", "y", {"i", "s", "v", "z"});
  expect_numbers(run(two, "y", {{1, 3, 1, 1}, {0, 0, 0}}), {2, 2}, {1, 5, 6, 1});
}

TEST(Operators, ConstantsFold) {
  GraphFile graph({1, 3, 1, 2});
  graph.ints("a", {1, 6}).ints("b", {0, 0}).node("AddV2", "s", {"a", "b"}).node("Reshape", "y", {"x", "s"});
  const Runnable runnable(graph, {"y"});
  EXPECT_EQ(runnable.converted.source.find("torch.add"), std::string::npos) << runnable.converted.source;
  expect_numbers(runnable({{1, 3, 1, 2}, {1, 2, 3, 4, 5, 6}})[0], {1, 6}, {1, 2, 3, 4, 5, 6});
}

TEST(Operators, TheTableIsSortedAndWhole) {
  const auto names = oneadapt::import::operator_names();
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
  for (const char *name : {"Conv2D", "SparseToDense", "ResizeBilinear", "Const", "Placeholder"})
    EXPECT_TRUE(std::binary_search(names.begin(), names.end(), name)) << name;
  EXPECT_EQ(oneadapt::import::find_operator("NonMaxSuppressionV5"), nullptr);
}
