// SPDX-License-Identifier: LGPL-2.1-or-later
// An LSTM whose tensors do not fit each other is an error. Without the check, LibTorch reads and writes outside of its
// memory, and this test crashes.
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/script.h>

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "model/lstm_shapes.h"

namespace {

using Tensors = std::vector<at::Tensor>;

/// All operands of a call, with the shapes that torch.nn.LSTM gives them.
struct Lstm {
  std::int64_t features = 5, width = 4, layers = 1, batch = 2, steps = 3, projection = 0;
  bool biases = true, both_directions = false, batch_first = false;
  at::Tensor input;
  Tensors states, weights;

  Lstm &make() {
    at::manual_seed(1);
    const std::int64_t directions = both_directions ? 2 : 1, given = projection ? projection : width;
    input = batch_first ? at::randn({batch, steps, features}) : at::randn({steps, batch, features});
    states = {at::randn({layers * directions, batch, given}), at::randn({layers * directions, batch, width})};
    weights.clear();
    for (std::int64_t i = 0; i < layers * directions; ++i) {
      weights.push_back(at::randn({4 * width, i < directions ? features : given * directions}));
      weights.push_back(at::randn({4 * width, given}));
      for (int bias = 0; biases && bias < 2; ++bias) weights.push_back(at::randn({4 * width}));
      if (projection) weights.push_back(at::randn({given, width}));
    }
    return *this;
  }
  at::Tensor run() const {
    return std::get<0>(at::lstm(input, states, weights, biases, layers, 0, false, both_directions, batch_first));
  }
  at::Tensor run_packed() const {
    return std::get<0>(at::lstm(input.reshape({steps * batch, features}), at::full({steps}, batch, at::kLong), states,
                                weights, biases, layers, 0, false, both_directions));
  }
};

/// Expects an error that says `what`: with and without autograd, as one sequence and packed.
void expect_refused(const Lstm &lstm, const std::string &what) {
  const auto refused = [&](auto run) {
    try {
      run();
      ADD_FAILURE() << "there was no error: " << what;
    } catch (const c10::Error &e) {
      EXPECT_NE(std::string(e.what_without_backtrace()).find(what), std::string::npos) << e.what_without_backtrace();
    }
  };
  for (const bool grad : {true, false}) {
    at::AutoGradMode mode(grad);
    refused([&] { lstm.run(); });
    refused([&] { lstm.run_packed(); });
  }
  c10::InferenceMode mode;
  refused([&] { lstm.run(); });
}

class LstmShapes : public testing::Test {
 protected:
  void SetUp() override { oneadapt::check_lstm_shapes(); }
};

}  // namespace

TEST_F(LstmShapes, WhatDoesNotFitIsRefused) {
  Lstm l;
  l.make().weights[0] = at::randn({16, 3});
  expect_refused(l, "the input weight of layer 0 has shape [16, 3], and what goes with it wants [16, 5]");
  l.make().weights[1] = at::randn({16, 3});
  expect_refused(l, "the hidden weight of layer 0");
  l.make().weights[3] = at::randn({12});
  expect_refused(l, "a bias of layer 0");
  l.make().weights.pop_back();
  expect_refused(l, "there are 3 weights and biases instead of 4 for each of 1 layers and directions");
  l.make().states[0] = at::randn({1, 1, 4});
  expect_refused(l, "the hidden state");
  l.make().states[1] = at::randn({1, 7, 4});
  expect_refused(l, "the cell state");
  l.make().states[1] = at::randn({1, 2});
  expect_refused(l, "a state has shape [1, 2]");
  l.make().states.pop_back();
  expect_refused(l, "there are 1 states");
}

TEST_F(LstmShapes, TheOtherLayersAreCheckedToo) {
  Lstm l;
  l.layers = 2;
  l.make().weights[4] = at::randn({16, 5});  // as wide as the input, not as the first layer's output
  expect_refused(l, "the input weight of layer 1 has shape [16, 5], and what goes with it wants [16, 4]");
  l.make().states[1] = at::randn({1, 2, 4});  // fewer cell states than hidden ones
  expect_refused(l, "the cell state has shape [1, 2, 4], and what goes with it wants [2, 2, 4]");
  l.both_directions = true;
  l.make().weights[9] = at::randn({16, 1});
  expect_refused(l, "the hidden weight of layer 1");
}

TEST_F(LstmShapes, AnInputOfAnotherFormIsRefused) {
  Lstm l;
  l.make().input = at::randn({3, 5});
  EXPECT_THROW(l.run(), c10::Error);
  l.input = at::randn({1, 3, 2, 5});
  EXPECT_THROW(l.run(), c10::Error);
}

TEST_F(LstmShapes, WhatFitsIsComputedAsBefore) {
  Lstm l;
  for (const bool biases : {true, false}) {
    l.biases = biases;
    l.make();
    l.input.requires_grad_(true);
    at::Tensor h = l.states[0][0], c = l.states[1][0];
    Tensors steps;
    for (std::int64_t t = 0; t < l.steps; ++t) {
      std::tie(h, c) = at::lstm_cell(l.input[t], {h, c}, l.weights[0], l.weights[1],
                                     biases ? l.weights[2] : at::Tensor(), biases ? l.weights[3] : at::Tensor());
      steps.push_back(h);
    }
    const at::Tensor wanted = at::stack(steps), got = l.run();
    EXPECT_TRUE(at::allclose(got, wanted, 1e-4, 1e-5));
    EXPECT_TRUE(at::allclose(l.run_packed().view_as(wanted), wanted, 1e-4, 1e-5));
    const auto slope = [&](const at::Tensor &y) { return torch::autograd::grad({y.square().sum()}, {l.input})[0]; };
    EXPECT_TRUE(at::allclose(slope(got), slope(wanted), 1e-3, 1e-4));
  }
}

TEST_F(LstmShapes, EveryFormThatThereIsRuns) {
  for (unsigned form = 0; form < 16; ++form) {
    Lstm l;
    l.layers = form & 1 ? 3 : 1;
    l.both_directions = form & 2;
    l.batch_first = form & 4;
    l.projection = form & 8 ? 3 : 0;
    const at::Tensor y = l.make().run();
    const std::int64_t wide = (l.projection ? 3 : l.width) * (l.both_directions ? 2 : 1);
    const std::vector<std::int64_t> outer =
        l.batch_first ? std::vector<std::int64_t>{l.batch, l.steps} : std::vector<std::int64_t>{l.steps, l.batch};
    EXPECT_EQ(y.sizes().vec(), (std::vector<std::int64_t>{outer[0], outer[1], wide})) << form;
    EXPECT_TRUE(y.isfinite().all().item<bool>()) << form;
  }
}
