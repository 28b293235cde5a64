// SPDX-License-Identifier: LGPL-2.1-or-later
// Backward passes through activations whose saved tensor is a mask. Internal; includes LibTorch.
#pragma once
#include <ATen/ATen.h>
#include <torch/csrc/autograd/function.h>

namespace oneadapt {

/// Where `low` < t < `high`, of type bool, with the places of `t`.
at::Tensor mask_between(const at::Tensor &t, double low, double high);

/// ∂z/∂input of a ReLU, a leaky one or a clamp of which SavedTensorsGuard kept a mask. `g` is ∂z/∂result; where nobody
/// else has it, the result takes its memory. LibTorch would make a tensor of numbers from the mask first. Undefined,
/// with `g` as it was, when `node` is none of these or has no mask.
at::Tensor masked_gradient(torch::autograd::Node &node, at::Tensor &g);

/// Whether nobody else can read the numbers of `t`, each of which has a place of its own: it may be written to.
bool is_exclusive(const at::Tensor &t);

}  // namespace oneadapt
