// SPDX-License-Identifier: LGPL-2.1-or-later
// Backpropagation that spares the convolutions (paper, Appendix B). Internal; sees LibTorch.
#pragma once
#include <ATen/ATen.h>

namespace oneadapt {

/// |∂z/∂leaf| of 1×C×H×W, about; `z` is a scalar with a graph that leads to `leaf`. Frees the graph.
///
/// A convolution whose result has cells of less than `cell` pixels of the leaf passes back, instead of the gradient of
/// each of its input's channels, one for all of them (of a group): √(Σ_o g_o² ⊛ mean_c w_oc²), the root mean square
/// over channels when the terms' signs are random. Appendix B takes the mean of |w| instead; there, gradients add
/// up whose signs differ, and the map follows the exact one less. All other operators, and
/// convolutions with larger cells, pass back what they always do.
///
/// Runs in the calling thread. Throws what LibTorch throws.
///
/// With `end` > 0 the way back also ends at each operator whose result has cells of `end` pixels or less: what comes
/// there, as a root of the sum of squares over channels, is summed up in `ends` (1×1×H×W), known but for a factor, that
/// of the layers left out. With `both` it goes on to the leaf all the same, which tells the factor; else the result is
/// undefined unless nothing ended early.
at::Tensor channel_mean_gradient(const at::Tensor &z, const at::Tensor &leaf, double cell, double end = 0,
                                 bool both = false, at::Tensor *ends = nullptr);

/// Whether the way back to a leaf of that size ends at an operator with a result of this size: it has more channels
/// and its cells are no larger than `end` pixels of the leaf.
bool way_ends_at(at::IntArrayRef result, at::IntArrayRef leaf, double end);

}  // namespace oneadapt
