// SPDX-License-Identifier: LGPL-2.1-or-later
// Which graphs can follow the size of their picture, and that those that do are right at other sizes.
#include <gtest/gtest.h>

#include <cstdint>

#include "graph_file.h"

using namespace import_test;
using oneadapt::import::ConvertOptions;
using oneadapt::import::ImportError;
using oneadapt::import::Sizes;

namespace {

Json stride(long n, const std::string &padding) {
  return {{"strides", integers({1, n, n, 1})}, {"padding", text(padding)}};
}

/// A picture of ramps: colour c of pixel (y, x) is 100·c + 10·y + x.
Numbers ramps(std::int64_t height, std::int64_t width) {
  Numbers picture{{1, height, width, 3}, {}};
  for (std::int64_t y = 0; y < height; ++y)
    for (std::int64_t x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c) picture.values.push_back(100.0 * c + 10.0 * double(y) + double(x));
  return picture;
}

/// Half the size, back to the whole by a resize to a constant, added up, flattened by a constant shape.
GraphFile pyramid(const std::string &resize, bool half_pixels) {
  GraphFile graph({1, 4, 8, 3});
  graph.floats("w", {1, 1, 1, 3}, {1, 1, 1}).ints("size", {4, 8}).ints("flat", {1, 32, 3});
  graph.node("Conv2D", "down", {"x", "w"}, stride(2, "SAME"));
  graph.node(resize, "up", {"down", "size"}, {{"half_pixel_centers", flag(half_pixels)}});
  graph.node("AddV2", "sum", {"x", "up"}).node("Reshape", "y", {"sum", "flat"});
  return graph;
}

}  // namespace

TEST(Dynamic, ResizeAndReshapeFollowThePicture) {
  for (const std::string resize : {"ResizeBilinear", "ResizeNearestNeighbor"}) {
    SCOPED_TRACE(resize);
    const Runnable runnable(pyramid(resize, true), {"y"}, 2);
    EXPECT_EQ(runnable.converted.fixed_because, "");
    EXPECT_EQ(runnable.converted.description.multiple_of, 2U);
    const auto y = runnable(ramps(2, 4))[0];
    // The half picture holds pixels x = 0 and 2 of row 0.
    if (resize == "ResizeNearestNeighbor")
      expect_numbers(y, {1, 8, 3}, {0,  200, 400, 1,  201, 401, 4,  204, 404, 5,  205, 405,
                                    10, 210, 410, 11, 211, 411, 14, 214, 414, 15, 215, 415});
    else
      expect_numbers(y, {1, 8, 3}, {0,  200, 400, 1.5,  201.5, 401.5, 3.5,  203.5, 403.5, 5,  205, 405,
                                    10, 210, 410, 11.5, 211.5, 411.5, 13.5, 213.5, 413.5, 15, 215, 415});
  }
}

TEST(Dynamic, ResizeByCornersFollowsThePicture) {
  const Runnable runnable(pyramid("ResizeBilinear", false), {"y"}, 2);
  EXPECT_EQ(runnable.converted.fixed_because, "");
  // Up: 0, 1, 2, 2.
  expect_numbers(runnable(ramps(2, 4))[0], {1, 8, 3}, {0,  200, 400, 2,  202, 402, 4,  204, 404, 5,  205, 405,
                                                       10, 210, 410, 12, 212, 412, 14, 214, 414, 15, 215, 415});
}

TEST(Dynamic, ReshapeThatSplitsChannels) {
  // H×W×3 → HW×1×3: the 1 and the 3 stand.
  GraphFile graph({1, 4, 4, 3});
  graph.ints("s", {1, 16, 1, 3}).node("Reshape", "y", {"x", "s"});
  const Runnable runnable(graph, {"y"}, 2);
  EXPECT_EQ(runnable.converted.fixed_because, "");
  EXPECT_EQ(runnable(ramps(2, 6))[0].shape, (Dims{1, 12, 1, 3}));
}

TEST(Dynamic, ReshapeOverAllDimensionsTakesTheChannelsAlong) {
  GraphFile graph({1, 4, 4, 3});
  graph.ints("s", {48}).node("Reshape", "y", {"x", "s"});
  const Runnable runnable(graph, {"y"}, 2);
  EXPECT_EQ(runnable(ramps(2, 6))[0].shape, (Dims{36}));
}

TEST(Dynamic, FixedWhereItCannotBe) {
  const auto reason = [](const GraphFile &graph) { return Runnable(graph, {"y"}, 2).converted.fixed_because; };
  {
    GraphFile graph({1, 4, 4, 3});  // a constant as large as the picture
    graph.floats("c", {4, 4, 1}, std::vector<float>(16, 1)).node("AddV2", "y", {"x", "c"});
    EXPECT_NE(reason(graph).find("node y (AddV2) does not fit pictures of another size"), std::string::npos)
        << reason(graph);
  }
  {
    GraphFile graph({1, 4, 4, 3});  // no whole factor
    graph.ints("size", {6, 6}).node("ResizeBilinear", "y", {"x", "size"}, {{"half_pixel_centers", flag(true)}});
    EXPECT_NE(reason(graph).find("resizes 4 to 6"), std::string::npos) << reason(graph);
  }
  {
    GraphFile graph({1, 4, 4, 3});  // height and width change places in one go
    graph.ints("s", {1, 8, 2, 3}).node("Reshape", "y", {"x", "s"});
    EXPECT_NE(reason(graph).find("several sizes depend on the picture"), std::string::npos) << reason(graph);
  }
  {
    GraphFile graph({1, 4, 4, 3});
    graph.node("Shape", "y", {"x"});
    EXPECT_NE(reason(graph).find("hands out a size"), std::string::npos) << reason(graph);
  }
  {
    GraphFile graph({1, 4, 4, 3});  // SAME with stride 3: the pads of 4 and of 6 or 8 differ
    graph.floats("w", {3, 3, 1, 3}, std::vector<float>(27, 1)).node("Conv2D", "y", {"x", "w"}, stride(3, "SAME"));
    EXPECT_NE(reason(graph).find("pads in a way that depends on the size"), std::string::npos) << reason(graph);
  }
  {
    GraphFile graph({1, 4, 4, 3});
    graph.node("Relu", "y", {"x"});
    EXPECT_EQ(Runnable(graph, {"y"}, 3).converted.fixed_because, "its own size is no multiple of 3");
  }
}

TEST(Dynamic, AFixedGraphStillGivesItsResult) {
  GraphFile graph({1, 1, 2, 3});
  graph.floats("c", {1, 2, 1}, {10, 20}).node("AddV2", "y", {"x", "c"});
  const Runnable runnable(graph, {"y"}, 1);
  EXPECT_NE(runnable.converted.fixed_because, "");
  EXPECT_EQ(runnable.converted.description.multiple_of, 0U);
  EXPECT_EQ(runnable.converted.description.width, 2U);
  EXPECT_EQ(runnable.converted.description.height, 1U);
  expect_numbers(runnable({{1, 1, 2, 3}, {1, 2, 3, 4, 5, 6}})[0], {1, 1, 2, 3}, {11, 12, 13, 24, 25, 26});
}

TEST(Dynamic, WhenAskedForItIsThatOrAnError) {
  const Folder folder;
  ConvertOptions options;
  options.sizes = Sizes::Dynamic;
  options.description.multiple_of = 2;
  const auto good = oneadapt::import::read_tfjs(pyramid("ResizeBilinear", true).write(folder));
  EXPECT_EQ(oneadapt::import::convert(good, options).description.multiple_of, 2U);
  GraphFile graph({1, 4, 4, 3});
  graph.floats("c", {4, 4, 1}, std::vector<float>(16, 1)).node("AddV2", "y", {"x", "c"});
  const auto bad = oneadapt::import::read_tfjs(graph.write(folder));
  EXPECT_THROW(oneadapt::import::convert(bad, options), ImportError);
}

TEST(Dynamic, TheInputsSizeMayBeOpen) {
  const Folder folder;
  GraphFile graph({1, -1, -1, 3});
  graph.node("Relu", "y", {"x"});
  const auto read = oneadapt::import::read_tfjs(graph.write(folder));
  ConvertOptions options;
  options.description.multiple_of = 4;
  EXPECT_THROW(oneadapt::import::convert(read, options), ImportError);
  options.description.width = 8;
  options.description.height = 4;
  const auto converted = oneadapt::import::convert(read, options);
  EXPECT_EQ(converted.shapes.at(0), (Dims{1, 4, 8, 3}));
  EXPECT_EQ(converted.description.multiple_of, 4U);
}
