// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/torch_passes.h"

#include <torch/csrc/jit/runtime/graph_executor.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "model/backward.h"
#include "model/heads.h"

namespace oneadapt {

using Kind = ModelError::Kind;

namespace {

/// What is inside, in order: YOLOv5 gives (predictions, [maps]) unless it was told that it is exported.
void collect(const c10::IValue &value, const std::string &of, std::vector<at::Tensor> &tensors) {
  if (value.isTensor()) {
    tensors.push_back(value.toTensor());
  } else if (value.isTensorList()) {
    for (const at::Tensor &tensor : value.toTensorVector()) tensors.push_back(tensor);
  } else if (value.isTuple()) {
    for (const c10::IValue &element : value.toTupleRef().elements()) collect(element, "tuple", tensors);
  } else if (value.isList()) {
    for (const c10::IValue &element : value.toListRef()) collect(element, "list", tensors);
  } else if (value.isNone() && !of.empty()) {
    tensors.emplace_back();
  } else {
    throw ModelError(Kind::Run, of.empty() ? "the model gave a " + value.tagKind() +
                                                 "; forward() must return a tensor, or a tuple or list of tensors"
                                           : "the model gave a " + of + " with a " + value.tagKind() +
                                                 " in it; forward() must return tensors only");
  }
}

}  // namespace

std::vector<at::Tensor> tensors_of(const c10::IValue &value) {
  std::vector<at::Tensor> tensors;
  collect(value, "", tensors);
  return tensors;
}

void expect_graph(const at::Tensor &scores) {
  if (!scores.requires_grad())
    throw ModelError(
        Kind::Run,
        "the model's scores do not depend on its input through autograd, so there is no gradient; trace or "
        "script it without torch.no_grad() and detach()");
}

c10::IValue TorchPasses::call(torch::jit::Module program, const at::Tensor &input, const std::string &on,
                              const char *remedy) {
  std::vector<c10::IValue> inputs;
  if (takes_list_)
    inputs.emplace_back(std::vector<at::Tensor>{input.squeeze(0)});
  else
    inputs.emplace_back(input);
  return call(std::move(program), std::move(inputs), on, remedy);
}

c10::IValue TorchPasses::call(torch::jit::Module program, std::vector<c10::IValue> inputs, const std::string &on,
                              const char *remedy) {
  // The optimising executor profiles the first runs and compiles on the second, seconds at a time and again for every
  // new size; a network's time is in its convolutions and products, which it does not touch.
  torch::jit::GraphOptimizerEnabledGuard plain(false);
  try {
    return program.forward(std::move(inputs));
  } catch (const std::exception &e) {
    throw ModelError(Kind::Run, "the model failed on " + on + ": " + first_sentence(e) + "; check " + remedy);
  }
}

at::Tensor TorchPasses::gradient_of(const at::Tensor &sum, const at::Tensor &leaf) {
  return gradient_of_leaf(sum, leaf);
}

at::Tensor TorchPasses::input_gradient(double &z) {
  const Graph graph = std::exchange(graph_, {});  // also when this throws
  if (!graph.leaf.defined()) throw ModelError(Kind::Run, "there is no forward pass to backpropagate through");
  const auto none = [&] { return at::zeros(graph.leaf.sizes(), graph.leaf.options().requires_grad(false)); };
  z = 0;
  if (graph.scores.size(0) == 0) return none();
  return guarded("backpropagation failed", [&] {
    expect_graph(graph.scores);
    at::AutoGradMode with_grad(true);
    const at::Tensor sum = utility(graph.scores, theta_, description_.slope);
    z = sum.item<double>();
    const at::Tensor gradient = gradient_of(sum, graph.leaf);
    return gradient.defined() ? gradient : none();
  });
}

void TorchPasses::backpropagate(Gradient &gradient) {
  const at::Tensor scores = graph_.scores.defined() ? graph_.scores.detach() : at::Tensor();
  guarded("backpropagation failed", [&] {
    const TensorPool::Use pool(shared_->pool);
    threads_.use();
    at::NoGradGuard no_grad;
    const std::int64_t count = scores.defined() ? scores.size(0) : 0;
    const std::int64_t confident = count ? scores.to(at::kDouble).ge(theta_).sum().item<std::int64_t>() : 0;
    double z = 0;
    BlockMap map = map_of(input_gradient(z));
    if (!std::isfinite(z)) fail_not_finite();
    gradient.z = z;
    gradient.elements = unsigned(count);
    gradient.confident = unsigned(confident);
    gradient.theta = theta_;
    gradient.slope = description_.slope;
    gradient.domain = domain();
    gradient.map = std::move(map);
  });
}

void TorchPasses::fill(BlockMap &map, const at::Tensor &means) const {
  const at::Tensor plain = means.to(at::kFloat).cpu().contiguous();  // only the means come back from a GPU
  std::memcpy(map.values.data(), plain.data_ptr<float>(), map.values.size() * sizeof(float));
  if (!std::all_of(map.values.begin(), map.values.end(), [](float value) { return std::isfinite(value); }))
    fail_not_finite();
}

void TorchPasses::fail_not_finite() const {
  throw ModelError(Kind::NotFinite,
                   std::string("the model's gradient is not finite; this ") + words_.unit + " gives none");
}

}  // namespace oneadapt
