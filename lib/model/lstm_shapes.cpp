// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/lstm_shapes.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/lstm_native.h>
#include <torch/library.h>

#include <string>
#include <tuple>

namespace oneadapt {
namespace {

using Results = std::tuple<at::Tensor, at::Tensor, at::Tensor>;

struct Shape {
  std::int64_t features, batch;  ///< of the input
  std::int64_t layers;
  bool biases, both_directions;
};

void expect(const at::Tensor &tensor, const std::string &what, at::IntArrayRef wanted) {
  TORCH_CHECK(tensor.defined() && tensor.sizes() == wanted, "torch.lstm: ", what, " has shape ", tensor.sizes(),
              ", and what goes with it wants ", wanted);
}

/// Compares with the shapes that torch.nn.LSTM documents. Each layer and direction has a row in both states, h and c,
/// and a set of weights: W_ih, W_hh, b_ih, b_hh, W_hr. The last one is there when h is narrower than c (a projection).
void check(const Shape &shape, at::TensorList states, at::TensorList weights) {
  TORCH_CHECK(states.size() == 2, "torch.lstm: there are ", states.size(),
              " states instead of a hidden and a cell state");
  for (const at::Tensor &state : states)
    TORCH_CHECK(state.defined() && state.dim() == 3, "torch.lstm: a state has shape ", state.sizes(),
                " instead of layers × batch × width");
  const std::int64_t directions = shape.both_directions ? 2 : 1, sets = shape.layers * directions;
  const std::int64_t cell = states[1].size(2), hidden = states[0].size(2), gates = 4 * cell;
  expect(states[0], "the hidden state", {sets, shape.batch, hidden});
  expect(states[1], "the cell state", {sets, shape.batch, cell});
  const bool projected = hidden != cell;
  const std::size_t a_set = 2 + (shape.biases ? 2 : 0) + (projected ? 1 : 0);
  TORCH_CHECK(weights.size() == a_set * std::size_t(sets), "torch.lstm: there are ", weights.size(),
              " weights and biases instead of ", a_set, " for each of ", sets, " layers and directions");
  for (std::size_t i = 0; i < weights.size(); i += a_set) {
    const bool first = i < a_set * std::size_t(directions);
    const std::string of = " of layer " + std::to_string(i / a_set / std::size_t(directions));
    expect(weights[i], "the input weight" + of, {gates, first ? shape.features : hidden * directions});
    expect(weights[i + 1], "the hidden weight" + of, {gates, hidden});
    for (std::size_t bias = i + 2; shape.biases && bias < i + 4; ++bias) expect(weights[bias], "a bias" + of, {gates});
    if (projected) expect(weights[i + a_set - 1], "the projection" + of, {hidden, cell});
  }
}

Results lstm_input(const at::Tensor &input, at::TensorList states, at::TensorList weights, bool biases,
                   std::int64_t layers, double dropout, bool train, bool both_directions, bool batch_first) {
  TORCH_CHECK(input.dim() == 3, "torch.lstm: the input has shape ", input.sizes(), " instead of three dimensions");
  check({input.size(2), input.size(batch_first ? 0 : 1), layers, biases, both_directions}, states, weights);
  return at::native::lstm(input, states, weights, biases, layers, dropout, train, both_directions, batch_first);
}

/// Takes packed sequences of several lengths.
Results lstm_data(const at::Tensor &data, const at::Tensor &batch_sizes, at::TensorList states, at::TensorList weights,
                  bool biases, std::int64_t layers, double dropout, bool train, bool both_directions) {
  TORCH_CHECK(data.dim() == 2 && batch_sizes.dim() == 1 && batch_sizes.size(0) > 0,
              "torch.lstm: the packed input has shape ", data.sizes(), " and its batches ", batch_sizes.sizes());
  const auto batch = batch_sizes[0].item<std::int64_t>();
  check({data.size(1), batch, layers, biases, both_directions}, states, weights);
  return at::native::lstm(data, batch_sizes, states, weights, biases, layers, dropout, train, both_directions);
}

/// A program and a plugin may bring two copies of this code into one process. One of them is enough.
bool registered(const char *overload, c10::DispatchKey key) {
  const auto found = c10::Dispatcher::singleton().findSchema({"aten::lstm", overload});
  return !found || found->hasKernelForDispatchKey(key);
}

}  // namespace

void check_lstm_shapes() {
  static const bool once = [] {
    // LibTorch composes lstm of other operators. It has no kernel of its own for these keys (with autograd, without).
    for (const c10::DispatchKey key : {c10::DispatchKey::AutogradCPU, c10::DispatchKey::CPU}) {
      if (registered("input", key) || registered("data", key)) continue;
      auto &library = *new torch::Library(torch::Library::IMPL, "aten", key, __FILE__, __LINE__);  // for good
      library.impl("lstm.input", lstm_input);
      library.impl("lstm.data", lstm_data);
    }
    return true;
  }();
  (void)once;
}

}  // namespace oneadapt
