// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/norm_gradient.h"

#include <torch/csrc/autograd/generated/Functions.h>

#include <cstdint>
#include <vector>

namespace oneadapt {

namespace made = torch::autograd::generated;

at::Tensor norm_gradient(torch::autograd::Node &node, const at::Tensor &g) {
  auto *const norm = dynamic_cast<made::NativeBatchNormBackward0 *>(&node);
  if (!norm || norm->training) return {};
  const auto self = node.shared_from_this();
  const at::Tensor variance = norm->running_var_.unpack(self), weight = norm->weight_.unpack(self);
  if (!variance.defined() || g.dim() < 2) return {};
  at::Tensor scale = variance.add(norm->eps).rsqrt_();
  if (weight.defined()) scale.mul_(weight);
  std::vector<std::int64_t> shape(std::size_t(g.dim()), 1);
  shape[1] = -1;
  return g.mul(scale.to(g.scalar_type()).reshape(shape));
}

void lay_gradient(torch::autograd::Node &node, at::Tensor &g) {
  torch::autograd::SavedVariable *input = nullptr;
  if (auto *const norm = dynamic_cast<made::NativeBatchNormBackward0 *>(&node)) input = &norm->input_;
  if (auto *const gelu = dynamic_cast<made::GeluBackward0 *>(&node)) input = &gelu->self_;
  if (!input) return;
  const at::Tensor x = input->unpack(node.shared_from_this());
  if (x.sizes() != g.sizes() || x.strides() == g.strides()) return;
  if (x.is_non_overlapping_and_dense())
    g = at::empty_strided(x.sizes(), x.strides(), g.options()).copy_(g);
  else
    g = g.contiguous(x.suggest_memory_format());
}

}  // namespace oneadapt
