// SPDX-License-Identifier: LGPL-2.1-or-later
// DNNGrad against its definition, and the shorter ways to it.
#include <gtest/gtest.h>

#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <random>

#include "central_differences.h"
#include "model/backward.h"
#include "model/convolution_gradient.h"
#include "model/saved_tensors.h"
#include "model/tensor_memory.h"
#include "model/torch_model.h"
#include "model_rig.h"
#include "test_models.h"

namespace {

using namespace oneadapt;
using namespace oneadapt_test;
using Kind = ModelError::Kind;

TEST(DnnGrad, EqualsCentralDifferences) {
  double worst = 0;
  unsigned with_elements = 0;
  for (unsigned seed = 0; seed < 100; ++seed) {
    TemporaryFolder folder;
    TorchModel model(cpu_options(save_random_nanodet(folder, seed)));
    ASSERT_EQ(model.type(), at::kDouble);
    std::mt19937 random(seed);
    const unsigned width = 20 + random() % 30, height = 12 + random() % 20;  // so that most are resized, both ways
    if (seed % 3 == 1) model.set_input_size(64, 48);
    if (seed % 3 == 2) model.set_input_size(16, 16);
    at::manual_seed(seed + 1000);
    const at::Tensor y = at::rand({1, 3, height, width}, at::TensorOptions().dtype(at::kDouble));
    double z = 0;
    model.run_for_gradient(y.clone());
    const at::Tensor g = model.pixel_gradient(z);
    ASSERT_EQ(g.sizes(), y.sizes());
    EXPECT_NEAR(z, z_of(model, y), 1e-9);
    const double largest = g.max().item<double>();
    if (largest <= 0) continue;
    ++with_elements;

    Agreement agreement;
    std::vector<std::int64_t> where{g.argmax().item<std::int64_t>()};
    for (int i = 0; i < 12; ++i) where.push_back(std::int64_t(random() % std::size_t(y.numel())));
    for (std::int64_t i : where) agreement.add(central_difference(model, y, i, 1e-6), g.view(-1)[i].item<double>());
    const double relative = agreement.relative_error();
    worst = std::max(worst, relative);
    EXPECT_LE(relative, 1e-3) << "seed " << seed;
  }
  EXPECT_GE(with_elements, 95u);
  RecordProperty("worst_relative_error", std::to_string(worst));
  std::cout << "worst relative error " << worst << " over " << with_elements << " seeds\n";
}

TEST(DnnGrad, BlockMapIsTheMeanOfThePixelGradient) {
  TemporaryFolder folder;
  TorchModel model(cpu_options(save_random_nanodet(folder, 7)));
  const auto pixels = random_rgb(37, 21);
  const RgbFrame frame = frame_of(pixels, 37, 21);
  model.infer_for_gradient(frame);
  double z = 0;
  const at::Tensor g = model.pixel_gradient(z).squeeze(0).sum(0);
  model.infer_for_gradient(frame);
  Gradient gradient;
  model.backward(gradient);
  EXPECT_EQ(gradient.z, z);
  ASSERT_EQ(gradient.map.columns(), 3u);
  ASSERT_EQ(gradient.map.rows(), 2u);
  for (unsigned r = 0; r < 2; ++r)
    for (unsigned c = 0; c < 3; ++c) {
      double sum = 0;
      for (unsigned y = 16 * r; y < std::min(21u, 16 * r + 16); ++y)
        for (unsigned x = 16 * c; x < std::min(37u, 16 * c + 16); ++x) sum += g[y][x].item<double>();
      EXPECT_NEAR(gradient.map.at(c, r), sum / gradient.map.pixels(c, r), 1e-6 * sum);
    }
  EXPECT_GT(total(gradient.map), 0);
}

TEST(DnnGrad, NoWeightEverGetsAGradient) {
  TemporaryFolder folder;
  TorchModel model(cpu_options(save_random_nanodet(folder, 1)));
  const auto pixels = plain_rgb(32, 32, 200, 10, 90);
  for (int i = 0; i < 3; ++i) {
    model.infer_for_gradient(frame_of(pixels, 32, 32));
    Gradient g;
    model.backward(g);
  }
  int weights = 0;
  for (const at::Tensor &t : model.module().parameters()) {
    ++weights;
    EXPECT_FALSE(t.requires_grad());
    EXPECT_FALSE(t.grad().defined());
  }
  EXPECT_EQ(weights, 3);
  for (const at::Tensor &t : model.module().buffers()) EXPECT_FALSE(t.requires_grad() || t.grad().defined());
}

TEST(DnnGrad, BothForwardPassesGiveTheSameResults) {
  TemporaryFolder folder;
  TorchModel model(cpu_options(save_random_nanodet(folder, 5)));
  const auto pixels = random_rgb(64, 48);
  const RgbFrame frame = frame_of(pixels, 64, 48);
  for (int round = 0; round < 3; ++round) {
    const auto a = model.infer(frame), b = model.infer_for_gradient(frame);
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].label, b[i].label);
      EXPECT_NEAR(a[i].score, b[i].score, 1e-12);
      EXPECT_NEAR(a[i].box.x0, b[i].box.x0, 1e-12);
    }
    Gradient g;
    model.backward(g);
  }
}

TEST(DnnGrad, NeedsAGraph) {
  TemporaryFolder folder;
  const auto model = Model::load(cpu_options(save_colours(folder)));
  Gradient g;
  error_of(Kind::Run, [&] { model->backward(g); });
  const auto pixels = plain_rgb(32, 24, 255, 0, 0);
  const RgbFrame frame = frame_of(pixels, 32, 24);
  model->infer_for_gradient(frame);
  model->backward(g);
  error_of(Kind::Run, [&] { model->backward(g); });
  model->infer_for_gradient(frame);
  model->infer(frame);
  error_of(Kind::Run, [&] { model->backward(g); });
  model->infer_for_gradient(frame);
  model->drop_graph();
  error_of(Kind::Run, [&] { model->backward(g); });
}

TEST(ChannelMean, OneGradientForAllChannels) {
  const at::Tensor x = at::rand({1, 2, 16, 16}).requires_grad_(true);
  const at::Tensor w = at::tensor({3.f, 4.f}).reshape({1, 2, 1, 1});
  const at::Tensor mean = gradient_of_leaf(at::conv2d(x, w).sum(), x, {8});
  EXPECT_TRUE(at::allclose(mean, at::full({1, 2, 16, 16}, std::sqrt((9. + 16.) / 2))));
  // Cells too large for it: backpropagation.
  const at::Tensor exact = gradient_of_leaf(at::conv2d(x, w).sum(), x, {1});
  EXPECT_TRUE(at::allclose(exact, w.expand({1, 2, 16, 16})));
}

TEST(ChannelMean, TermsAddUpAsIfTheirSignsWereRandom) {
  const at::Tensor x = at::rand({1, 1, 16, 16}).requires_grad_(true);
  const at::Tensor y = at::conv2d(x, at::ones({1, 1, 3, 3}), {}, 1, 1);
  const at::Tensor g = gradient_of_leaf(y.sum(), x, {8})[0][0];
  EXPECT_NEAR(g[5][5].item<float>(), 3, 1e-5);  // √9
  EXPECT_NEAR(g[0][0].item<float>(), 2, 1e-5);  // √4: the corner is in four windows
  EXPECT_NEAR(g[0][7].item<float>(), std::sqrt(6.), 1e-5);
}

TEST(ChannelMean, GroupsStridesAndBroadcasts) {
  const at::Tensor x = at::rand({1, 2, 16, 16}).requires_grad_(true);
  const at::Tensor w = at::cat({at::ones({1, 1, 2, 2}), at::full({1, 1, 2, 2}, 2.)});
  // Windows side by side, a group a channel: nothing is averaged. The product is broadcast.
  const at::Tensor y =
      at::conv2d(x, w, at::Tensor(), at::IntArrayRef{2, 2}, at::IntArrayRef{0, 0}, at::IntArrayRef{1, 1}, 2)
          .mean({2, 3}, true) *
      at::full({1, 2, 8, 8}, -1.);
  const at::Tensor g = gradient_of_leaf(y.sum(), x, {8});
  EXPECT_TRUE(at::allclose(g, at::tensor({1.f, 2.f}).reshape({1, 2, 1, 1}).expand({1, 2, 16, 16})));
}

TEST(ChannelMean, EndsWhereCellsAreSmall) {
  const at::Tensor x = at::rand({1, 1, 16, 16}).requires_grad_(true);
  const at::Tensor w = at::full({4, 1, 4, 4}, 3.);
  const auto z = [&] { return at::conv2d(x, w, {}, 4).sum(); };  // cells of 4 pixels, 4 channels
  at::Tensor ends;
  EXPECT_FALSE(gradient_of_leaf(z(), x, {8, 4, false}, &ends).defined());
  EXPECT_TRUE(at::equal(ends, at::full({1, 1, 16, 16}, 2.)));  // √(1 + 1 + 1 + 1)
  ends = at::Tensor();
  const at::Tensor both = gradient_of_leaf(z(), x, {8, 4, true}, &ends);
  EXPECT_TRUE(at::equal(ends, at::full({1, 1, 16, 16}, 2.)));
  EXPECT_TRUE(at::allclose(both, at::full({1, 1, 16, 16}, 6.)));  // √(4 · 3²)
  ends = at::Tensor();
  EXPECT_TRUE(at::allclose(gradient_of_leaf(z(), x, {8, 3.9, false}, &ends), both));
  EXPECT_FALSE(ends.defined());
}

TEST(ChannelMean, AModelTellsTheMagnitudeOnce) {
  TemporaryFolder folder;
  const std::string path = folder.file("m.pt");
  torch::jit::Module module("M");
  at::manual_seed(3);
  module.register_buffer("a", at::randn({8, 3, 4, 4}));
  module.define(
      "\ndef forward(self, x):\n    y = torch.relu(torch.conv2d(x, self.a, None, [4, 4]))\n"
      "    return torch.zeros([1, 4]) + 5, torch.sigmoid(y.mean()).unsqueeze(0) * 0.999, torch.zeros([1])\n");
  module.save(path, {{"oneadapt.json", colours_description()}});
  const auto pixels = plain_rgb(32, 32, 200, 90, 30);
  TorchModel model(cpu_options(path));
  Gradient exact, first, next;
  const auto gradient = [&](Gradient &g) {
    model.infer_for_gradient(frame_of(pixels, 32, 32));
    model.backward(g);
  };
  gradient(exact);
  ASSERT_GT(total(exact.map), 0);
  model.set_gradient(GradientMethod::ChannelMean, GradientMemory::Exact);
  gradient(first);  // all the way
  gradient(next);   // only to where it ends, of the same magnitude
  EXPECT_GT(total(first.map), 0);
  EXPECT_NEAR(total(next.map), total(first.map), 1e-4 * total(first.map));
}

TEST(ShortWaysBack, AConvolutionOfMostlyZeros) {
  at::manual_seed(5);
  struct Case {
    std::int64_t stride, padding, dilation, window;
    at::ScalarType type;
  };
  for (const Case &c : {Case{1, 1, 1, 3, at::kFloat}, Case{2, 1, 1, 3, at::kFloat}, Case{1, 0, 1, 1, at::kFloat},
                        Case{1, 2, 2, 3, at::kFloat}, Case{1, 2, 1, 5, at::kDouble}, Case{2, 0, 1, 2, at::kDouble}}) {
    const at::Tensor x = at::rand({1, 24, 61, 58}, c.type).requires_grad_(true);
    const at::Tensor w = at::randn({40, 24, c.window, c.window}, c.type);
    const at::Tensor y = at::conv2d(x, w, {}, c.stride, c.padding, c.dilation);
    // Corners, edges, and somewhere: places at which a tap looks outside, or at what another one has seen.
    at::Tensor g = at::zeros(y.sizes(), c.type);
    const std::int64_t bottom = y.size(2) - 1, right = y.size(3) - 1;
    for (const auto &[row, column] : {std::pair<std::int64_t, std::int64_t>{0, 0},
                                      {0, right},
                                      {bottom, 0},
                                      {bottom, right},
                                      {7, 9},
                                      {7, 10},
                                      {8, 9},
                                      {bottom, 13}})
      g.select(2, row).select(2, column).copy_(at::randn({1, 40}, c.type));
    const at::Tensor theirs = torch::autograd::grad({y}, {x}, {g}, true)[0];
    const at::Tensor ours = short_convolution_gradient(*y.grad_fn(), g);
    ASSERT_TRUE(ours.defined());
    EXPECT_TRUE(at::allclose(ours, theirs, 1e-4, 1e-4)) << c.window << "/" << c.stride << "/" << c.dilation;
    EXPECT_TRUE(at::equal(short_convolution_gradient(*y.grad_fn(), at::zeros_like(g)), at::zeros_like(theirs)));
    const at::Tensor dense = at::randn(y.sizes(), c.type);
    const at::Tensor way = short_convolution_gradient(*y.grad_fn(), dense);
    ASSERT_EQ(way.defined(), c.window == 1) << "not sparse: only a product of matrices is shorter";
    if (way.defined()) {
      EXPECT_TRUE(at::allclose(way, torch::autograd::grad({y}, {x}, {dense}, true)[0], 1e-4, 1e-4));
    }
  }
}

TEST(ShortWaysBack, ToAPicture) {
  at::manual_seed(6);
  for (const std::int64_t window : {3, 6, 7})
    for (const std::int64_t stride : {1, 2, 4})
      for (const std::int64_t dilation : {1, 2}) {
        const at::Tensor x = at::rand({1, 3, 45, 38}).requires_grad_(true);
        const at::Tensor y = at::conv2d(x, at::randn({8, 3, window, window}), {}, stride, window / 2, dilation);
        const at::Tensor g = at::randn(y.sizes());
        const at::Tensor ours = short_convolution_gradient(*y.grad_fn(), g);
        ASSERT_TRUE(ours.defined());
        EXPECT_TRUE(at::allclose(ours, torch::autograd::grad({y}, {x}, {g})[0], 1e-3, 1e-4)) << window << "/" << stride;
      }
}

TEST(ShortWaysBack, NotForOthers) {
  const at::Tensor x = at::rand({1, 8, 32, 32}).requires_grad_(true);
  const auto none = [&](const at::Tensor &y) {
    return !short_convolution_gradient(*y.grad_fn(), at::zeros(y.sizes())).defined();
  };
  EXPECT_TRUE(none(at::relu(x)));
  EXPECT_TRUE(none(at::conv_transpose2d(x, at::rand({8, 4, 3, 3}))));
  EXPECT_TRUE(none(at::conv2d(x, at::rand({8, 1, 3, 3}), {}, 1, 1, 1, 8)));          // in groups
  EXPECT_TRUE(none(at::conv2d(at::cat({x, x}), at::rand({8, 8, 3, 3}), {}, 1, 1)));  // two pictures
  EXPECT_TRUE(none(at::conv2d(x, at::rand({8, 8, 20, 20}))));                        // few places
  EXPECT_TRUE(none(at::conv1d(x.reshape({1, 8, 1024}), at::rand({8, 8, 3}))));
}

TEST(SavedTensors, NothingIsKeptBeforeTheWayEnds) {
  const at::Tensor leaf = at::rand({1, 3, 64, 64}).requires_grad_(true);
  const at::Tensor a = at::randn({16, 3, 4, 4}), b = at::randn({16, 16, 3, 3});
  const auto z_of = [&](double end) {
    const SavedTensorsGuard guard(GradientMemory::Exact, leaf.sizes(), end);
    at::Tensor x = at::conv2d(leaf, a, {}, 4);  // cells of 4 pixels
    x = x.relu_();                              // in place, as ResNets have it
    x = at::hardswish(at::hardswish(x));
    return at::silu(at::conv2d(x, b, {}, 2)).sum();
  };
  at::Tensor kept, whole;
  const double with = bytes_of_tensors([&] { kept = z_of(4); }).kept,
               without = bytes_of_tensors([&] { whole = z_of(0); }).kept;
  EXPECT_LT(with, 0.5 * without);
  at::Tensor ends, others;
  EXPECT_FALSE(gradient_of_leaf(kept, leaf, {8, 4, false}, &ends).defined());
  EXPECT_FALSE(gradient_of_leaf(whole, leaf, {8, 4, false}, &others).defined());
  ASSERT_TRUE(ends.defined());
  EXPECT_GT(ends.sum().item<double>(), 0);
  EXPECT_TRUE(at::equal(ends, others));
}

TEST(SavedTensors, LessIsKeptAndNothingIsLost) {
  at::manual_seed(1);
  const at::Tensor w = at::randn({16, 3, 3, 3}), v = at::randn({16, 16, 3, 3});
  const at::Tensor leaf = at::rand({1, 3, 64, 64}).requires_grad_(true);
  const auto gradient = [&](GradientMemory memory, double &peak) {
    at::Tensor g;
    peak = peak_of_tensors([&] {
      at::Tensor z;
      {
        const SavedTensorsGuard guard(memory);
        at::Tensor x = at::leaky_relu(at::conv2d(leaf, w, {}, 1, 1), 0.1);
        x = at::relu(at::conv2d(x, v, {}, 1, 1));
        x = at::hardtanh(at::conv2d(x, v, {}, 1, 1), 0, 6);
        x = at::batch_norm(at::conv2d(x, v, {}, 1, 1), {}, {}, at::zeros({16}), at::ones({16}), false, 0, 1e-5, false);
        for (int i = 0; i < 3; ++i) x = at::silu(at::conv2d(x, v * 0.1, {}, 1, 1));
        x = at::max_pool2d(x, 2);
        z = at::silu(at::conv2d(x, v, {}, 1, 1) * 0.01).sum();
      }
      g = torch::autograd::grad({z}, {leaf})[0];
    });
    return g;
  };
  double all = 0, exact = 0, half = 0;
  const at::Tensor a = gradient(GradientMemory::All, all), e = gradient(GradientMemory::Exact, exact),
                   h = gradient(GradientMemory::Half, half);
  EXPECT_TRUE(at::equal(a, e));
  EXPECT_TRUE(at::allclose(a, h, 1e-2, 1e-2 * a.abs().max().item<double>()));
  EXPECT_FALSE(at::equal(a, h));
  EXPECT_LT(exact, 0.6 * all);
  EXPECT_LT(half, exact);
}

}  // namespace
