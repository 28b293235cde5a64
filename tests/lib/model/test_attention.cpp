// SPDX-License-Identifier: LGPL-2.1-or-later
// Attention a few rows at a time: that it is what LibTorch's operators give, and which programs get it.
#include <gtest/gtest.h>
#include <torch/script.h>

#include <cmath>

#include "model/attention.h"
#include "model/faster_graph.h"

namespace {

using namespace oneadapt;

at::Tensor numbers(at::IntArrayRef sizes, double step) {
  return at::arange(c10::multiply_integers(sizes), at::kFloat).mul(step).sin().reshape(sizes);
}

at::Tensor by_libtorch(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const AttentionScale &scale) {
  const at::Tensor products = at::matmul(q, k);
  return at::matmul((scale.divides ? products.div(scale.factor) : products.mul(scale.factor)).softmax(-1), v);
}

void expect_same(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const AttentionScale &scale) {
  const at::NoGradGuard no_grad;
  const at::Tensor expected = by_libtorch(q, k, v, scale), found = attention(q, k, v, scale);
  ASSERT_EQ(found.sizes(), expected.sizes());
  EXPECT_EQ(found.scalar_type(), expected.scalar_type());
  EXPECT_LT((found - expected).abs().max().item<double>(), 2e-6) << q.sizes() << k.sizes();
}

AttentionScale times(double factor) { return {at::scalar_tensor(factor), false}; }
AttentionScale over(double factor) { return {at::scalar_tensor(factor), true}; }

/// The program of a function of q, k, v and m with oneadapt's operators.
std::string rewritten(const std::string &result, const std::string &before = "") {
  torch::jit::Module module("attention");
  module.define("def forward(self, q, k, v, m):\n" + before + "  return " + result + "\n");
  const auto graph = module.get_method("forward").graph();
  call_faster_operators(*graph);
  const at::NoGradGuard no_grad;
  const std::vector<c10::IValue> inputs{numbers({1, 2, 5, 4}, 0.7), numbers({1, 2, 4, 6}, 0.9),
                                        numbers({1, 2, 6, 3}, 1.1), numbers({1, 2, 5, 6}, 1.3)};
  module.define("def same(self, q, k, v, m):\n" + before + "  return " + result + "\n");
  const at::Tensor expected = module.run_method("same", inputs[0], inputs[1], inputs[2], inputs[3]).toTensor();
  EXPECT_LT((module.forward(inputs).toTensor() - expected).abs().max().item<double>(), 2e-6) << result;
  return graph->toString();
}

}  // namespace

// The products of the query are ln 3 and 0: weights of 3/4 and 1/4 of the values 8 and 4.
TEST(Attention, WeighsTheValues) {
  const at::NoGradGuard no_grad;
  const at::Tensor q = at::full({1, 2}, 0.5), v = at::full({2, 1}, 8.0);
  const at::Tensor k = at::zeros({2, 2});
  k.select(1, 0).fill_(std::log(3.0));
  v[1].fill_(4);
  EXPECT_NEAR(attention(q, k, v, times(1)).item<double>(), 7.0, 1e-5);
  EXPECT_NEAR(attention(q, k, v, over(0.5)).item<double>(), 0.9 * 8 + 0.1 * 4, 1e-5);  // 9 to 1
}

TEST(Attention, IsTheSameAsLibTorchs) {
  expect_same(numbers({7, 4}, 0.7), numbers({4, 9}, 0.9), numbers({9, 5}, 1.1), times(0.3));
  expect_same(numbers({3, 7, 4}, 0.7), numbers({3, 4, 9}, 0.9), numbers({3, 9, 5}, 1.1), times(-2));
  expect_same(numbers({2, 3, 70, 16}, 0.7), numbers({2, 3, 16, 50}, 0.9), numbers({2, 3, 50, 8}, 1.1), over(4));
  // More rows than are held at a time, and not a multiple of them.
  expect_same(numbers({1, 701, 8}, 0.7), numbers({1, 8, 900}, 0.9), numbers({1, 900, 8}, 1.1), over(0.5));
  // As a layer has them: cut out of one tensor.
  const at::Tensor all = numbers({1, 40, 3, 2, 8}, 0.37).permute({2, 0, 3, 1, 4});
  expect_same(all[0], all[1].transpose(-2, -1), all[2], over(std::sqrt(8.0)));
}

TEST(Attention, KeepsTheExtremes) {
  const at::NoGradGuard no_grad;
  const at::Tensor k = at::full({1, 2}, 1.0), v = at::full({2, 1}, 5.0);
  k[0][1].fill_(-1);
  v[1].fill_(-5);
  EXPECT_EQ(attention(at::full({1, 1}, 1e6), k, v, times(1)).item<double>(), 5.0);
  EXPECT_EQ(attention(at::full({1, 1}, -1e6), k, v, times(1)).item<double>(), -5.0);
  EXPECT_TRUE(std::isnan(attention(at::full({1, 1}, NAN), k, v, times(1)).item<double>()));
}

TEST(Attention, WhatIsUnusualGoesTheUsualWay) {
  const at::Tensor q = numbers({2, 7, 4}, 0.7), k = numbers({2, 4, 9}, 0.9), v = numbers({2, 9, 5}, 1.1);
  expect_same(q.to(at::kDouble), k.to(at::kDouble), v.to(at::kDouble), {at::scalar_tensor(0.5, at::kDouble), false});
  expect_same(q, k[0].unsqueeze(0), v, times(0.5));           // broadcast
  expect_same(q, k, v, {numbers({7, 9}, 0.3).abs(), false});  // a number for each product
  const at::Tensor leaf = q.clone().requires_grad_(true);
  EXPECT_TRUE(attention(leaf, k, v, times(0.5)).requires_grad());
}

TEST(FasterGraph, AttentionIsOneOperator) {
  for (const char *scaled :
       {"q.matmul(k)", "q.matmul(k) / 2.0", "q.matmul(k) * 0.5", "torch.mul(q.matmul(k), q[0, 0, 0, 0])"}) {
    const std::string program = rewritten("(" + std::string(scaled) + ").softmax(-1).matmul(v)");
    EXPECT_NE(program.find("oneadapt::attention"), std::string::npos) << program;
    EXPECT_EQ(program.find("softmax"), std::string::npos) << program;
    EXPECT_EQ(program.find("matmul"), std::string::npos) << program;
  }
  const std::string batch = rewritten("torch.bmm(torch.softmax(torch.bmm(q[0], k[0]), 2), v[0])");
  EXPECT_NE(batch.find("oneadapt::attention"), std::string::npos) << batch;
}

TEST(FasterGraph, WhatIsNoAttentionStays) {
  for (const char *other : {
           "(q.matmul(k) + m).softmax(-1).matmul(v)",  // with a mask
           "q.matmul(k).softmax(-2).matmul(v)",        // over the queries
           "m.softmax(-1).matmul(v)",                  // weights that come from elsewhere
           "v.transpose(-2, -1).matmul(q.matmul(k).softmax(-1).transpose(-2, -1))",
       }) {
    const std::string program = rewritten(other);
    EXPECT_EQ(program.find("oneadapt::attention"), std::string::npos) << program;
  }
  // Somebody else reads the weights.
  const std::string kept = rewritten("w.matmul(v) + w.sum()", "  w = q.matmul(k).softmax(-1)\n");
  EXPECT_EQ(kept.find("oneadapt::attention"), std::string::npos) << kept;
}
