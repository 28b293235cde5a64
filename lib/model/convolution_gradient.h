// SPDX-License-Identifier: LGPL-2.1-or-later
// Backward passes through a convolution that are faster than LibTorch's. Internal; includes LibTorch.
#pragma once
#include <ATen/ATen.h>
#include <torch/csrc/autograd/function.h>

namespace oneadapt {

/// ∂z/∂input of a 2D convolution, where `g` is ∂z/∂result. It equals LibTorch's except for rounding, and takes less
/// time. Returns an undefined tensor when `node` is not such a convolution, or when LibTorch is as fast. It is used on
/// the CPU, where
/// - `g` is zero at most places, as in a detector's head, where only the elements' cells count. Only the other places
///   are multiplied with the weights (paper §4.1: a cropped part of the network, here without loss);
/// - the input has few channels, as a picture has. LibTorch then takes many times the time of the convolution itself.
at::Tensor short_convolution_gradient(torch::autograd::Node &node, const at::Tensor &g);

/// One gradient for all channels of a group (paper, Appendix B): √(Σ_o g_o² ⊛ mean_c w_oc²), the root mean square
/// over channels when the terms' signs are random. Appendix B takes the mean of |w| instead. Gradients with different
/// signs then add up, and the map is less similar to the exact one. Undefined when `node` is not a 2D convolution.
at::Tensor mean_over_channels(torch::autograd::Node &node, const at::Tensor &g);

}  // namespace oneadapt
