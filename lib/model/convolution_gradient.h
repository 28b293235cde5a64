// SPDX-License-Identifier: LGPL-2.1-or-later
// Ways back through a convolution that are shorter than LibTorch's. Internal; sees LibTorch.
#pragma once
#include <ATen/ATen.h>
#include <torch/csrc/autograd/function.h>

namespace oneadapt {

/// ∂z/∂input of a 2D convolution, `g` being ∂z/∂result: the same as LibTorch's but for rounding, in less time.
/// Undefined when `node` is no such convolution or LibTorch's own way is as short. On the CPU, where
/// - `g` is zero at most places, as it is in a detector's head, where only the elements' cells count: only those places
/// are
///   multiplied with the weights (paper §4.1: a cropped part of the network, but one that loses nothing);
/// - the input has few channels, as a picture has: LibTorch's way takes many times what the convolution itself took.
at::Tensor short_convolution_gradient(torch::autograd::Node &node, const at::Tensor &g);

/// One gradient for all channels of a group (paper, Appendix B): √(Σ_o g_o² ⊛ mean_c w_oc²), the root mean square
/// over channels when the terms' signs are random. Appendix B takes the mean of |w| instead; there, gradients add
/// up whose signs differ, and the map follows the exact one less. Undefined when `node` is no 2D convolution.
at::Tensor mean_over_channels(torch::autograd::Node &node, const at::Tensor &g);

}  // namespace oneadapt
