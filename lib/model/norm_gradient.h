// SPDX-License-Identifier: LGPL-2.1-or-later
// Backward passes through normalisations, where LibTorch's cannot be trusted. Internal; includes LibTorch.
#pragma once
#include <ATen/ATen.h>
#include <torch/csrc/autograd/function.h>

namespace oneadapt {

/// ∂z/∂input of a batch normalisation with fixed statistics, where `g` is ∂z/∂result: each channel times a number.
/// LibTorch's own is wrong on the CPU where `g` lies in memory in another order than the input did, as behind
/// flatten(2).transpose(1, 2). Undefined when `node` is none.
at::Tensor norm_gradient(torch::autograd::Node &node, const at::Tensor &g);

/// Gives `g` the order of memory of the node's input, where a backward pass of LibTorch reads one as if it had the
/// order of the other: a normalisation by the picture's own statistics (instance normalisation is made of it), and
/// GELU, which oneDNN computes. Other nodes get it as it is.
void lay_gradient(torch::autograd::Node &node, at::Tensor &g);

}  // namespace oneadapt
