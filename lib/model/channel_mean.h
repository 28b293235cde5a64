// SPDX-License-Identifier: LGPL-2.1-or-later
// Backpropagation that spares the convolutions (paper, Appendix B). Internal; sees LibTorch.
#pragma once
#include <ATen/ATen.h>

namespace oneadapt {

/// |∂z/∂leaf| in 1×C×H×W, about; `z` is a scalar with a graph that leads to `leaf`. Frees the graph.
///
/// A convolution whose result has cells of less than `cell` pixels of the leaf passes back, instead of the gradient of
/// each of its input's channels, one for all of them (of a group): √(Σ_o g_o² ⊛ mean_c w_oc²), the root mean square
/// over channels when the terms' signs are random. Appendix B takes the mean of |w| instead; there, gradients add
/// up whose signs differ, and the map follows the exact one less. All other operators, and
/// convolutions with larger cells, pass back what they always do.
///
/// Runs in the calling thread. Throws what LibTorch throws.
at::Tensor channel_mean_gradient(const at::Tensor &z, const at::Tensor &leaf, double cell);

}  // namespace oneadapt
