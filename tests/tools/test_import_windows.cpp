// SPDX-License-Identifier: LGPL-2.1-or-later
// Convolutions, pools and resizes of oneadapt-import against numbers worked by hand from TensorFlow's definitions.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

#include "graph_file.h"

using namespace import_test;

namespace {

const std::vector<double> nine{1, 2, 3, 4, 5, 6, 7, 8, 9};
const std::vector<double> sixteen{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

Json window(const std::string &format, const std::string &padding, long stride, long dilation = 1) {
  const bool nhwc = format == "NHWC";
  const auto list = [&](long n) { return nhwc ? integers({1, n, n, 1}) : integers({1, 1, n, n}); };
  return {{"data_format", text(format)},
          {"padding", text(padding)},
          {"strides", list(stride)},
          {"dilations", list(dilation)}};
}

Json pool(const std::string &padding, long size, long stride) {
  return {{"padding", text(padding)},
          {"ksize", integers({1, size, size, 1})},
          {"strides", integers({1, stride, stride, 1})}};
}

/// Weights k×k×3×1 that add up the first colour.
std::vector<float> sum_first(int k) {
  std::vector<float> weights;
  for (int i = 0; i < k * k; ++i) weights.insert(weights.end(), {1, 0, 0});
  return weights;
}

Dims dims(std::initializer_list<std::int64_t> list) { return list; }

struct Convolution {
  Dims picture, kernel;
  std::vector<float> weights;
  Json attributes;
};

/// What it makes of a picture.
void expect_convolution(const Convolution &c, const Numbers &picture, const Dims &shape,
                        const std::vector<double> &values) {
  GraphFile graph(c.picture);
  graph.floats("w", c.kernel, c.weights).node("Conv2D", "y", {"x", "w"}, c.attributes);
  expect_numbers(run(graph, "y", picture), shape, values);
}

/// 1 2 / 3 4 in the first colour, enlarged to 4×4 with a stride of 2 by weights for that colour.
void expect_enlarged(std::int64_t side, const std::vector<float> &kernel, const std::vector<double> &values) {
  GraphFile graph({1, 2, 2, 3});
  std::vector<float> weights;
  for (const float w : kernel) weights.insert(weights.end(), {w, 0, 0});
  graph.ints("size", {1, 4, 4, 1})
      .floats("w", {side, side, 1, 3}, weights)
      .node("Conv2DBackpropInput", "y", {"size", "w", "x"}, window("NHWC", "SAME", 2));
  expect_numbers(run(graph, "y", first_colour({1, 2, 2, 3}, {1, 2, 3, 4})), {1, 4, 4, 1}, values);
}

}  // namespace

TEST(Conv2DBackpropInput, Same) {
  // Each pixel is spread over 2×2.
  expect_enlarged(2, {1, 2, 3, 4}, {1, 2, 2, 4, 3, 4, 6, 8, 3, 6, 4, 8, 9, 12, 12, 16});
}

TEST(Conv2DBackpropInput, WhatReachesBeyondIsCut) {
  // 5×5 before, of which the last row and column are cut: the first pad of a total of 1 is 0.
  expect_enlarged(3, std::vector<float>(9, 1), {1, 1, 3, 2, 1, 1, 3, 2, 4, 4, 10, 6, 3, 3, 7, 4});
}

TEST(DepthToSpace, BlocksOfChannels) {
  // The picture's three colours, and one of zeros: a 2×2 block of one channel for each pixel.
  GraphFile graph({1, 1, 2, 3});
  graph.ints("pads", {4, 2}, {0, 0, 0, 0, 0, 0, 0, 1})
      .node("Pad", "four", {"x", "pads"})
      .node("DepthToSpace", "y", {"four"}, {{"block_size", integer(2)}, {"data_format", text("NHWC")}});
  expect_numbers(run(graph, "y", {{1, 1, 2, 3}, {1, 2, 3, 4, 5, 6}}), {1, 2, 4, 1}, {1, 2, 4, 5, 3, 0, 6, 0});
}

TEST(Conv2D, Valid) {
  // A square picture with three colours reads as NCHW.
  expect_convolution({{1, 3, 3, 3}, {2, 2, 3, 1}, sum_first(2), window("NCHW", "VALID", 1)},
                     first_colour({1, 3, 3, 3}, nine), {1, 1, 2, 2}, {12, 16, 24, 28});
}

TEST(Conv2D, SameWithStrideTwoPadsBelowAndRight) {
  // 4 → 2 with a window of 3: one row and one column of zeros, and TensorFlow puts them at the end.
  for (const std::string format : {"NHWC", "NCHW"}) {
    const bool nhwc = format == "NHWC";
    const Dims shape = nhwc ? Dims{1, 4, 4, 3} : Dims{1, 3, 4, 4};
    GraphFile graph(shape);
    graph.floats("w", {3, 3, 3, 1}, sum_first(3)).node("Conv2D", "y", {"x", "w"}, window(format, "SAME", 2));
    expect_numbers(run(graph, "y", first_colour(shape, sixteen)), nhwc ? Dims{1, 2, 2, 1} : Dims{1, 1, 2, 2},
                   {54, 45, 72, 54});
  }
}

TEST(Conv2D, SameWithEvenWindow) {
  expect_convolution({{1, 4, 4, 3}, {2, 2, 3, 1}, sum_first(2), window("NHWC", "SAME", 1)},
                     first_colour({1, 4, 4, 3}, sixteen), {1, 4, 4, 1},
                     {14, 18, 22, 12, 30, 34, 38, 20, 46, 50, 54, 28, 27, 29, 31, 16});
}

TEST(Conv2D, SameWithOddWindowPadsAllAround) {
  expect_convolution({{1, 3, 3, 3}, {3, 3, 3, 1}, sum_first(3), window("NCHW", "SAME", 1)},
                     first_colour({1, 3, 3, 3}, nine), {1, 1, 3, 3}, {12, 21, 16, 27, 45, 33, 24, 39, 28});
}

TEST(Conv2D, DilationAndExplicitPads) {
  expect_convolution({{1, 3, 3, 3}, {2, 2, 3, 1}, sum_first(2), window("NCHW", "VALID", 1, 2)},
                     first_colour({1, 3, 3, 3}, nine), {1, 1, 1, 1}, {20});

  Json attributes = window("NCHW", "EXPLICIT", 2);
  attributes["explicit_paddings"] = integers({0, 0, 0, 0, 1, 0, 1, 0});
  expect_convolution({{1, 3, 3, 3}, {2, 2, 3, 1}, sum_first(2), attributes}, first_colour({1, 3, 3, 3}, nine),
                     {1, 1, 2, 2}, {1, 5, 11, 28});
}

TEST(Conv2D, WeightsOrderIsHeightWidthInOut) {
  // One pixel (1, 10, 100); out 0 = in 0 + 2·in 1 + 3·in 2, out 1 = 4·in 0 + 5·in 1 + 6·in 2.
  expect_convolution({{1, 1, 1, 3}, {1, 1, 3, 2}, {1, 4, 2, 5, 3, 6}, window("NHWC", "VALID", 1)},
                     {{1, 1, 1, 3}, {1, 10, 100}}, {1, 1, 1, 2}, {321, 654});
}

TEST(Conv2D, GroupsFollowFromTheShapes) {
  expect_convolution({{1, 1, 1, 3}, {1, 1, 1, 3}, {2, 3, 4}, window("NHWC", "VALID", 1)}, {{1, 1, 1, 3}, {1, 10, 100}},
                     {1, 1, 1, 3}, {2, 30, 400});
}

TEST(Depthwise, MultiplierTwo) {
  GraphFile graph({1, 1, 1, 3});
  graph.floats("w", {1, 1, 3, 2}, {1, 2, 3, 4, 5, 6})
      .node("DepthwiseConv2dNative", "y", {"x", "w"}, window("NHWC", "SAME", 1));
  expect_numbers(run(graph, "y", {{1, 1, 1, 3}, {1, 10, 100}}), {1, 1, 1, 6}, {1, 2, 30, 40, 500, 600});
}

TEST(Depthwise, SameWithStrideTwo) {
  GraphFile graph({1, 3, 4, 4});
  graph.floats("w", {3, 3, 3, 1}, std::vector<float>(27, 1))
      .node("DepthwiseConv2dNative", "y", {"x", "w"}, window("NCHW", "SAME", 2));
  const auto y = run(graph, "y", first_colour({1, 3, 4, 4}, sixteen));
  expect_numbers(y, {1, 3, 2, 2}, {54, 45, 72, 54, 0, 0, 0, 0, 0, 0, 0, 0});
}

TEST(FusedConv2D, BiasAndActivation) {
  const std::vector<std::pair<Json, std::vector<double>>> cases{
      {texts({"BiasAdd"}), {-9, 0, 90}},
      {texts({"BiasAdd", "Relu"}), {0, 0, 90}},
      {texts({"BiasAdd", "Relu6"}), {0, 0, 6}},
      {texts({"BiasAdd", "LeakyRelu"}), {-4.5, 0, 90}},
  };
  for (const auto &[fused, expected] : cases) {
    GraphFile graph({1, 1, 1, 3});
    Json attributes = window("NHWC", "VALID", 1);
    attributes["fused_ops"] = fused;
    attributes["leakyrelu_alpha"] = number(0.5);
    graph.floats("w", {1, 1, 1, 3}, {1, 1, 1})
        .floats("b", {3}, {-10, -10, -10})
        .node("_FusedConv2D", "y", {"x", "w", "b"}, attributes);
    expect_numbers(run(graph, "y", {{1, 1, 1, 3}, {1, 10, 100}}), {1, 1, 1, 3}, expected);
  }
  GraphFile graph({1, 1, 1, 3});
  Json attributes = window("NHWC", "VALID", 1);
  attributes["fused_ops"] = texts({"BiasAdd", "Prelu"});
  graph.floats("w", {1, 1, 3, 1}, {1, 1, 1}).floats("b", {3}, {-2, -20, 0}).floats("a", {3}, {0.5, 0.25, 0.125});
  graph.node("FusedDepthwiseConv2dNative", "y", {"x", "w", "b", "a"}, attributes);
  expect_numbers(run(graph, "y", {{1, 1, 1, 3}, {1, 10, 100}}), {1, 1, 1, 3}, {-0.5, -2.5, 100});
}

TEST(Conv2D, ABiasThatFollowsJoinsIt) {
  for (const std::string op : {"Add", "AddV2", "BiasAdd"}) {
    GraphFile graph({1, 1, 1, 3});
    graph.floats("w", {1, 1, 1, 3}, {2, 3, 4}).floats("b", {3}, {5, 6, 7});
    graph.node("Conv2D", "c", {"x", "w"}, window("NHWC", "VALID", 1)).node(op, "y", {"c", "b"});
    const Runnable runnable(graph, {"y"});
    expect_numbers(runnable({{1, 1, 1, 3}, {1, 10, 100}})[0], {1, 1, 1, 3}, {7, 36, 407});
    EXPECT_EQ(runnable.converted.source.find("torch.add"), std::string::npos) << runnable.converted.source;
  }
}

TEST(Conv2D, ABiasDoesNotJoinWhenOthersReadTheConvolution) {
  GraphFile graph({1, 1, 1, 3});
  graph.floats("w", {1, 1, 1, 3}, {2, 3, 4}).floats("b", {3}, {5, 6, 7});
  graph.node("Conv2D", "c", {"x", "w"}, window("NHWC", "VALID", 1))
      .node("AddV2", "y", {"c", "b"})
      .node("Neg", "n", {"c"});
  const auto results = Runnable(graph, {"y", "n"})({{1, 1, 1, 3}, {1, 10, 100}});
  expect_numbers(results[0], {1, 1, 1, 3}, {7, 36, 407});
  expect_numbers(results[1], {1, 1, 1, 3}, {-2, -30, -400});
}

TEST(Conv2D, ASumAcrossPixelsIsNoBias) {
  // In NHWC a constant of shape 3×1×1 runs along the height, not along the channels.
  GraphFile graph({1, 3, 1, 3});
  graph.json["modelTopology"]["node"][0]["attr"]["shape"]["shape"]["dim"][3]["size"] = "1";  // NCHW 1×3×1×1
  graph.floats("w", {1, 1, 1, 3}, {1, 1, 1}).floats("b", {3, 1, 1}, {5, 6, 7}).ints("nhwc", {0, 2, 3, 1});
  graph.node("Transpose", "t", {"x", "nhwc"})
      .node("Conv2D", "c", {"t", "w"}, window("NHWC", "VALID", 1))
      .node("AddV2", "y", {"c", "b"});
  expect_numbers(run(graph, "y", {{1, 3, 1, 1}, {1, 10, 100}}), {1, 3, 1, 3}, {6, 15, 105, 7, 16, 106, 8, 17, 107});
}

TEST(Pad, JoinsTheConvolutionThroughATranspose) {
  GraphFile graph({1, 3, 3, 3});
  graph.ints("p", {4, 2}, {0, 0, 0, 0, 1, 1, 1, 1}).ints("nhwc", {0, 2, 3, 1}).floats("w", {3, 3, 3, 1}, sum_first(3));
  graph.node("Pad", "a", {"x", "p"})
      .node("Transpose", "t", {"a", "nhwc"})
      .node("Conv2D", "y", {"t", "w"}, window("NHWC", "VALID", 1));
  const Runnable runnable(graph, {"y"});
  expect_numbers(runnable(first_colour({1, 3, 3, 3}, nine))[0], {1, 3, 3, 1}, {12, 21, 16, 27, 45, 33, 24, 39, 28});
  EXPECT_EQ(runnable.converted.source.find("pad_nd"), std::string::npos) << runnable.converted.source;
  EXPECT_EQ(runnable.converted.source.find("torch.permute(x"), std::string::npos) << runnable.converted.source;
}

TEST(Pad, OnOneSideOrWithAValueStaysItsOwn) {
  GraphFile one({1, 3, 3, 3});
  one.ints("p", {4, 2}, {0, 0, 0, 0, 1, 0, 0, 0}).floats("w", {2, 3, 3, 1}, std::vector<float>(18, 1));
  one.node("Pad", "a", {"x", "p"}).node("Conv2D", "y", {"a", "w"}, window("NCHW", "VALID", 1));
  expect_numbers(run(one, "y", first_colour({1, 3, 3, 3}, nine)), {1, 1, 3, 1}, {6, 21, 39});

  GraphFile value({1, 3, 3, 3});
  value.ints("p", {4, 2}, {0, 0, 0, 0, 1, 1, 1, 1}).floats("v", {}, {100}).floats("w", {3, 3, 3, 1}, sum_first(3));
  value.node("PadV2", "a", {"x", "p", "v"}).node("Conv2D", "y", {"a", "w"}, window("NCHW", "VALID", 1));
  expect_numbers(run(value, "y", first_colour({1, 3, 3, 3}, nine)), {1, 1, 3, 3},
                 {512, 321, 516, 327, 45, 333, 524, 339, 528});
}

TEST(Pad, OfOtherReadersAndOfConstants) {
  GraphFile graph({1, 3, 1, 1});
  graph.ints("p", {4, 2}, {0, 0, 1, 0, 0, 0, 0, 1}).floats("k", {2}, {1, 2}).ints("q", {1, 2}, {1, 2});
  graph.node("Pad", "y", {"x", "p"}).node("Pad", "z", {"k", "q"});
  const auto results = Runnable(graph, {"y", "z"})({{1, 3, 1, 1}, {7, 8, 9}});
  expect_numbers(results[0], {1, 4, 1, 2}, {0, 0, 7, 0, 8, 0, 9, 0});
  expect_numbers(results[1], {5}, {0, 1, 2, 0, 0});
}

TEST(MaxPool, SamePadsNeverWin) {
  std::vector<double> negative;
  for (double v : nine) negative.push_back(-v);
  // One row and column of pads at the end.
  GraphFile graph({1, 3, 3, 3});
  graph.ints("nhwc", {0, 2, 3, 1})
      .node("Transpose", "t", {"x", "nhwc"})
      .node("MaxPool", "y", {"t"}, pool("SAME", 2, 2));
  expect_numbers(run(graph, "y", first_colour({1, 3, 3, 3}, negative)), {1, 2, 2, 3},
                 {-1, 0, 0, -3, 0, 0, -7, 0, 0, -9, 0, 0});
  // All around.
  GraphFile around({1, 3, 3, 3});
  around.ints("nhwc", {0, 2, 3, 1})
      .node("Transpose", "t", {"x", "nhwc"})
      .node("MaxPool", "y", {"t"}, pool("SAME", 3, 2));
  expect_numbers(run(around, "y", first_colour({1, 3, 3, 3}, negative)), {1, 2, 2, 3},
                 {-1, 0, 0, -2, 0, 0, -4, 0, 0, -5, 0, 0});
}

TEST(MaxPool, PadsOfTheGraphCount) {
  std::vector<double> negative;
  for (double v : nine) negative.push_back(-v);
  const auto pooled = [&](float value) {
    GraphFile graph({1, 3, 3, 3});
    graph.ints("p", {4, 2}, {0, 0, 0, 0, 1, 1, 1, 1}).floats("v", {}, {value}).ints("nhwc", {0, 2, 3, 1});
    graph.node("PadV2", "a", {"x", "p", "v"})
        .node("Transpose", "t", {"a", "nhwc"})
        .node("MaxPool", "y", {"t"}, pool("VALID", 3, 2));
    graph.ints("first", {0}).scalar("axis", 3).node("GatherV2", "g", {"y", "first", "axis"});
    return run(graph, "g", first_colour({1, 3, 3, 3}, negative));
  };
  expect_numbers(pooled(0), {1, 2, 2, 1}, {0, 0, 0, 0});
  expect_numbers(pooled(-3.4028235e38F), {1, 2, 2, 1}, {-1, -2, -4, -5});
  expect_numbers(pooled(-INFINITY), {1, 2, 2, 1}, {-1, -2, -4, -5});
}

TEST(AvgPool, CountsPixelsInsideOnly) {
  GraphFile graph({1, 3, 3, 3});
  graph.ints("nhwc", {0, 2, 3, 1})
      .node("Transpose", "t", {"x", "nhwc"})
      .node("AvgPool", "a", {"t"}, pool("SAME", 3, 1));
  graph.ints("first", {0}).scalar("axis", -1).node("GatherV2", "y", {"a", "first", "axis"});
  expect_numbers(run(graph, "y", first_colour({1, 3, 3, 3}, nine)), {1, 3, 3, 1}, {3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7});
}

namespace {
Numbers resized(const std::string &op, const std::vector<double> &row, int target, bool corners, bool half) {
  const auto width = std::int64_t(row.size());
  GraphFile graph({1, 1, width, 3});
  graph.ints("size", {1, target})
      .node(op, "r", {"x", "size"}, {{"align_corners", flag(corners)}, {"half_pixel_centers", flag(half)}});
  graph.ints("first", {0}).scalar("axis", 3).node("GatherV2", "y", {"r", "first", "axis"});
  return run(graph, "y", first_colour({1, 1, width, 3}, row));
}
}  // namespace

TEST(Resize, Bilinear) {
  expect_numbers(resized("ResizeBilinear", {0, 10}, 4, false, true), dims({1, 1, 4, 1}), {0, 2.5, 7.5, 10});
  expect_numbers(resized("ResizeBilinear", {0, 10}, 4, false, false), dims({1, 1, 4, 1}), {0, 5, 10, 10});
  expect_numbers(resized("ResizeBilinear", {0, 9}, 4, true, false), dims({1, 1, 4, 1}), {0, 3, 6, 9});
  expect_numbers(resized("ResizeBilinear", {0, 1, 2, 3}, 2, false, true), dims({1, 1, 2, 1}), {0.5, 2.5});
  expect_numbers(resized("ResizeBilinear", {0, 1, 2, 3}, 2, false, false), dims({1, 1, 2, 1}), {0, 2});
}

TEST(Resize, BilinearRowsOfCorners) {
  GraphFile graph({1, 2, 1, 3});
  graph.ints("size", {4, 2}).node("ResizeBilinear", "y", {"x", "size"});
  expect_numbers(run(graph, "y", {{1, 2, 1, 3}, {0, 1, 2, 10, 11, 12}}), {1, 4, 2, 3},
                 {0, 1, 2, 0, 1, 2, 5, 6, 7, 5, 6, 7, 10, 11, 12, 10, 11, 12, 10, 11, 12, 10, 11, 12});
}

TEST(Resize, Nearest) {
  expect_numbers(resized("ResizeNearestNeighbor", {0, 10}, 4, false, false), dims({1, 1, 4, 1}), {0, 0, 10, 10});
  // 3 → 2: 0·1.5 and 1·1.5 fall on 0 and 1; with half pixels 0.75 and 2.25 fall on 0 and 2.
  expect_numbers(resized("ResizeNearestNeighbor", {0, 1, 2}, 2, false, false), dims({1, 1, 2, 1}), {0, 1});
  expect_numbers(resized("ResizeNearestNeighbor", {0, 1, 2}, 2, false, true), dims({1, 1, 2, 1}), {0, 2});
}

TEST(BatchNorm, IsAnAffineMapOfEachChannel) {
  // scale·(x − mean)/√(variance + ε) + offset
  GraphFile graph({1, 1, 1, 3});
  graph.floats("s", {3}, {1, 2, 3}).floats("o", {3}, {0, 1, 2}).floats("m", {3}, {1, 1, 1}).floats("v", {3}, {3, 3, 3});
  graph.node("FusedBatchNormV3", "y", {"x", "s", "o", "m", "v"},
             {{"epsilon", number(1.0)}, {"is_training", flag(false)}});
  expect_numbers(run(graph, "y", {{1, 1, 1, 3}, {5, 5, 5}}), {1, 1, 1, 3}, {2, 5, 8});
}
