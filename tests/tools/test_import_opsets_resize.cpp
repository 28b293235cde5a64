// SPDX-License-Identifier: LGPL-2.1-or-later
// What resizes or samples a picture, since opset 10 of ONNX, on models of one node. Numbers are worked by hand or are
// those of the specification.
#include <cmath>

#include "opset_rig.h"

using namespace import_test;

TEST(Opset18, ResizeOfSomeAxes) {
  const at::Tensor x = counting({1, 3, 1, 2});
  const auto resize = [](const Dims &axes, const std::vector<float> &scales) {
    return [=](OnnxFile &f) {
      f.floats("scales", {std::int64_t(scales.size())}, scales);
      set(f.node("Resize", {"x", "", "scales"}, {"y"}), "axes", axes);
    };
  };
  expect_result(18, x, resize({3}, {2}), {1, 3, 1, 4}, {1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6});
  expect_result(18, x, resize({-1, 2}, {1, 2}), {1, 3, 2, 2}, {1, 2, 1, 2, 3, 4, 3, 4, 5, 6, 5, 6});
  expect_refusal(18, {1, 3, 1, 2}, resize({3}, {1, 2}), "the sizes do not fit");
}

TEST(Opset11, ARegionIsCutOutAndResized) {
  // The right half of 1 2 3, and as much beyond the picture, where 9 is said to be: places 1, 2.5 and 4.
  const auto resize = [](float end) {
    return [end](OnnxFile &f) {
      f.floats("region", {8}, {0, 0, 0, 0.5F, 1, 1, 1, end}).ints("sizes", {1, 3, 1, 3});
      auto &node = set(f.node("Resize", {"x", "region", "", "sizes"}, {"y"}), "mode", "linear");
      set(set(node, "coordinate_transformation_mode", "tf_crop_and_resize"), "extrapolation_value", 9.0F);
    };
  };
  expect_result(13, counting({1, 3, 1, 3}), resize(2), {1, 3, 1, 3}, {2, 9, 9, 5, 9, 9, 8, 9, 9});
  expect_result(13, counting({1, 3, 1, 3}), resize(1), {1, 3, 1, 3}, {2, 2.5, 3, 5, 5.5, 6, 8, 8.5, 9});
  expect_refusal(13, {1, 3, 1, 3}, resize(std::nanf("")), "the region is out of range");
}

TEST(Opset18, ResizeThatKeepsTheShape) {
  // 2×4 into 7×8: the scales are 3.5 and 2.
  const auto resize = [](const char *policy) {
    return [=](OnnxFile &f) {
      f.ints("sizes", {7, 8});
      set(set(f.node("Resize", {"x", "", "", "sizes"}, {"y"}), "axes", Dims{2, 3}), "keep_aspect_ratio_policy", policy);
    };
  };
  const at::Tensor x = counting({1, 3, 2, 4});
  EXPECT_EQ(result(18, x, resize("not_larger")).sizes().vec(), (Dims{1, 3, 4, 8}));
  EXPECT_EQ(result(18, x, resize("not_smaller")).sizes().vec(), (Dims{1, 3, 7, 14}));
  EXPECT_EQ(result(18, x, resize("stretch")).sizes().vec(), (Dims{1, 3, 7, 8}));
  expect_refusal(18, {1, 3, 2, 4}, resize("crop"), "keep_aspect_ratio_policy=crop is not supported");
}

TEST(Opset18, ResizeThatAveragesWhatItLeavesOut) {
  // The specification's own example: 1 to 16, 0.6 of it in both directions.
  const auto resize = [](int antialias) {
    return [=](OnnxFile &f) {
      f.floats("scales", {4}, {1, 1, 0.6F, 0.6F});
      set(set(f.node("Resize", {"x", "", "scales"}, {"y"}), "mode", "linear"), "antialias", antialias);
    };
  };
  at::Tensor x = counting({1, 1, 4, 4}).repeat({1, 3, 1, 1});
  const at::Tensor y = result(18, x, resize(1)).select(1, 0).contiguous();
  const auto *numbers = y.data_ptr<float>();
  const std::vector<float> expected{2.875F, 4.5F, 9.375F, 11};
  ASSERT_EQ(y.numel(), 4);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(numbers[i], expected[i], 1e-5);
  EXPECT_FALSE(torch::allclose(result(18, x, resize(0)).select(1, 0), y));
}

TEST(Opset19, ResizeAroundTheMiddle) {
  // Of the specification: 2 pixels · 2.94 = 5.88 → 5.
  const at::Tensor x = torch::tensor({1.0F, 2.0F, 3.0F, 4.0F, 5.0F, 6.0F}).reshape({1, 3, 1, 2});
  const at::Tensor y = result(19, x, [](OnnxFile &f) {
    f.floats("scales", {4}, {1, 1, 1, 2.94F});
    set(set(f.node("Resize", {"x", "", "scales"}, {"y"}), "mode", "linear"), "coordinate_transformation_mode",
        "half_pixel_symmetric");
  });
  const at::Tensor expected = torch::tensor({1.0F, 1.15986395F, 1.5F, 1.84013605F, 2.0F});
  EXPECT_TRUE(torch::allclose(y[0][0][0], expected, 1e-5, 1e-5)) << y[0][0][0];
}

TEST(Opset10, ResizeCountsPixelsInSinglePrecision) {
  // As a float 1.3 is a little less than 1.3, and 10 times as much still 13.
  const at::Tensor x = counting({1, 3, 10, 10});
  for (const char *mode : {"nearest", "linear"}) {
    EXPECT_EQ(result(10, x,
                     [&](OnnxFile &f) {
                       f.floats("scales", {4}, {1, 1, 1.3F, 1.5F});
                       set(f.node("Resize", {"x", "scales"}, {"y"}), "mode", mode);
                     })
                  .sizes()
                  .vec(),
              (Dims{1, 3, 13, 15}));
  }
  // And where the size follows the picture.
  OnnxFile file({1, 3, 10, 10}, 13);
  file.floats("scales", {4}, {1, 1, 1.3F, 1.3F});
  set(set(file.node("Resize", {"x", "", "scales"}, {"y"}), "mode", "linear"), "coordinate_transformation_mode",
      "half_pixel");
  file.output("y");
  const auto converted = read(file, 10);
  for (const std::int64_t side : {10, 20, 30}) {
    const auto y = converted.module->module.forward({torch::zeros({1, 3, side, side})}).toTupleRef().elements()[0];
    EXPECT_EQ(y.toTensor().size(3), side / 10 * 13);
  }
}

TEST(Opset20, SamplesOfAGrid) {
  const at::Tensor x = counting({1, 3, 2, 2});
  // The middle; with aligned corners (1, −1) is the upper right pixel, whatever is between pixels.
  for (const auto &[mode, opset] : {std::pair{"bilinear", 16}, {"linear", 20}, {"linear", 22}}) {
    const char *name = mode;
    expect_result(opset, x,
                  [&](OnnxFile &f) {
                    f.floats("grid", {1, 1, 1, 2}, {0, 0});
                    set(f.node("GridSample", {"x", "grid"}, {"y"}), "mode", name);
                  },
                  {1, 3, 1, 1}, {2.5, 6.5, 10.5});
  }
  expect_result(20, x,
                [](OnnxFile &f) {
                  f.floats("grid", {1, 1, 1, 2}, {1, -1});
                  set(set(f.node("GridSample", {"x", "grid"}, {"y"}), "mode", "cubic"), "align_corners", 1);
                },
                {1, 3, 1, 1}, {2, 6, 10});
  // A grid that is the picture's own.
  expect_result(20, x,
                [](OnnxFile &f) {
                  f.floats("theta", {1, 2, 3}, {1, 0, 0, 0, 1, 0}).ints("size", {1, 3, 2, 2});
                  f.node("AffineGrid", {"theta", "size"}, {"grid"});
                  f.node("GridSample", {"x", "grid"}, {"y"});
                },
                {1, 3, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
}

TEST(OnnxResize, WholeScalesFollowThePicture) {
  // Half pixels and rounding, which ONNX takes when nothing is said: each pixel becomes four all the same.
  OnnxFile file({1, 3, 2, 2}, 18);
  file.floats("scales", {2}, {2, 2});
  set(file.node("Resize", {"x", "", "scales"}, {"y"}), "axes", Dims{2, 3});
  file.output("y");
  const auto converted = read(file, 2);
  const at::Tensor x = counting({1, 3, 4, 6});
  const auto y = converted.module->module.forward({x}).toTupleRef().elements()[0].toTensor();
  EXPECT_TRUE(torch::equal(y, x.repeat_interleave(2, 2).repeat_interleave(2, 3)));
}
