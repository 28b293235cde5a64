// SPDX-License-Identifier: LGPL-2.1-or-later
// Ways back through activations by their masks, and through convolutions of oneDNN.
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "model/activation_gradient.h"
#include "model/backward.h"
#include "model/convolution_gradient.h"
#include "model/saved_tensors.h"
#include "model/tensor_memory.h"

namespace {

using namespace oneadapt;

const std::vector<std::int64_t> kSizes{1, 8, 64, 64};  // large enough for a mask to be worth it
constexpr auto kLast = at::MemoryFormat::ChannelsLast;

at::Tensor leaf_of(at::IntArrayRef sizes, std::uint64_t seed) {
  at::manual_seed(seed);
  return at::randn(sizes).contiguous(kLast).requires_grad_(true);
}

/// What `activation` gives for a leaf, with a mask kept of it.
template <typename Activation>
at::Tensor with_mask(const at::Tensor &x, Activation activation) {
  const SavedTensorsGuard guard(GradientMemory::Exact);
  return activation(x);
}

}  // namespace

TEST(Mask, IsTrueBetweenTheBounds) {
  const at::Tensor t = at::tensor({-1.f, 0.f, 2.f, 6.f, 7.f});
  const auto expect = [&](double low, double high, std::vector<bool> inside) {
    for (const at::Tensor &each : {t, t.to(at::kDouble), t.repeat_interleave(2).slice(0, 0, 10, 2)}) {
      const at::Tensor mask = mask_between(each, low, high);
      ASSERT_EQ(mask.scalar_type(), at::kBool);
      for (std::size_t i = 0; i < inside.size(); ++i)
        EXPECT_EQ(mask[std::int64_t(i)].item<bool>(), inside[i]) << i << " of " << each.scalar_type();
    }
  };
  expect(0, 6, {false, false, true, false, false});
  expect(0, INFINITY, {false, false, true, true, true});
}

TEST(MaskedGradient, IsTheGradientAndTakesItsMemory) {
  const at::Tensor x = leaf_of(kSizes, 1);
  const std::vector<std::function<at::Tensor(const at::Tensor &)>> activations{
      [](const at::Tensor &t) { return at::leaky_relu(t, 0.1); },
      [](const at::Tensor &t) { return (t + 0).relu_(); },
      [](const at::Tensor &t) { return at::hardtanh(t, -0.5, 0.5); },
      [](const at::Tensor &t) {
        at::Tensor copy = t.mul(1);
        return at::leaky_relu_(copy, 0.25);
      },
  };
  for (const auto &activation : activations) {
    const at::Tensor y = with_mask(x, activation);
    at::Tensor g = at::randn(kSizes).contiguous(kLast);
    const at::Tensor whole = activation(x), theirs = torch::autograd::grad({whole}, {x}, {g})[0];
    const void *const memory = g.data_ptr();
    const at::Tensor ours = masked_gradient(*y.grad_fn(), g);
    ASSERT_TRUE(ours.defined());
    EXPECT_TRUE(at::equal(ours, theirs));
    EXPECT_EQ(ours.data_ptr(), memory) << "nobody else had it";
  }
}

TEST(MaskedGradient, LeavesToOthersWhatTheyHave) {
  const at::Tensor x = leaf_of(kSizes, 2);
  const at::Tensor y = with_mask(x, [](const at::Tensor &t) { return at::leaky_relu(t, 0.1); });
  // Somebody has it; it is in another layout; a part of another; the same number at all places.
  const at::Tensor kept = at::randn(kSizes), both = at::randn({1, 16, 64, 64});
  for (at::Tensor g : {kept, both.narrow(1, 4, 8), at::ones({1}).expand(kSizes)}) {
    const at::Tensor before = g.clone();
    at::Tensor given = g;
    const at::Tensor ours = masked_gradient(*y.grad_fn(), given);
    EXPECT_TRUE(at::allclose(ours, at::where(x.detach() > 0, before, before * 0.1)));
    EXPECT_TRUE(at::equal(g, before));
  }
  at::Tensor g = at::randn(kSizes);
  const at::Tensor again = g;
  EXPECT_FALSE(masked_gradient(*at::leaky_relu(x, 0.1).grad_fn(), g).defined()) << "it has no mask";
  EXPECT_FALSE(masked_gradient(*at::silu(x).grad_fn(), g).defined());
  EXPECT_TRUE(at::equal(g, again));
}

// The sums of two ways meet in one tensor, which is nobody's but theirs.
TEST(MaskedGradient, WholeWaysBackAreAutograds) {
  const at::Tensor x = leaf_of({1, 3, 96, 64}, 3);
  const at::Tensor u = at::randn({8, 16, 1, 1}), v = at::randn({16, 16, 3, 3}) * 0.1, w = at::randn({16, 3, 3, 3});
  const auto z_of = [&] {
    const std::vector<std::int64_t> one{1, 1}, none{0, 0};
    at::Tensor a = at::leaky_relu(at::mkldnn_convolution(x, w, {}, one, one, one, 1), 0.1);
    const at::Tensor b = at::relu(at::mkldnn_convolution(a, v, {}, one, {2, 2}, one, 1));
    a = at::cat({at::upsample_nearest2d(b, {96, 64}), a}, 1).narrow(1, 8, 16) + a + a * 0.5;
    return at::mkldnn_convolution(at::hardtanh(a, 0, 6), u, {}, none, one, one, 1).square().sum();
  };
  const at::Tensor theirs = torch::autograd::grad({z_of()}, {x})[0].abs();
  at::Tensor z;
  const double kept = bytes_of_tensors([&] {
                        const SavedTensorsGuard guard(GradientMemory::Exact);
                        z = z_of();
                      }).kept,
               all = bytes_of_tensors([&] { z_of(); }).peak;
  EXPECT_LT(kept, 0.7 * all) << "inputs of oneDNN's convolutions are not kept";
  const at::Tensor ours = gradient_of_leaf(z, x);
  EXPECT_LT((ours - theirs).norm().item<double>(), 1e-5 * theirs.norm().item<double>());
}

TEST(ShortWaysBack, ThroughConvolutionsOfOneDnnInBothLayouts) {
  at::manual_seed(4);
  const std::vector<std::int64_t> one{1, 1};
  const at::Tensor w = at::randn({12, 8, 3, 3});
  for (const auto layout : {at::MemoryFormat::Contiguous, kLast}) {
    const at::Tensor x = at::rand(kSizes).contiguous(layout).requires_grad_(true);
    const at::Tensor y = at::mkldnn_convolution(x, w.contiguous(layout), {}, one, {2, 2}, one, 1);
    at::Tensor g = at::zeros(y.sizes()).contiguous(layout);
    for (const std::int64_t at : {0, 31, 200, 1023}) g.select(2, at / 32).select(2, at % 32).normal_();
    const at::Tensor ours = short_convolution_gradient(*y.grad_fn(), g);
    ASSERT_TRUE(ours.defined());
    EXPECT_TRUE(ours.is_contiguous(layout));
    EXPECT_TRUE(at::allclose(ours, torch::autograd::grad({y}, {x}, {g})[0], 1e-4, 1e-4));
  }
}
