// SPDX-License-Identifier: LGPL-2.1-or-later
// The way back from z to the picture. Internal; sees LibTorch.
#pragma once
#include <ATen/ATen.h>

namespace oneadapt {

/// How far a gradient is followed, and how closely.
struct WayBack {
  /// A convolution whose result has cells of less than so many pixels of the leaf passes back one gradient for all
  /// channels of its input (mean_over_channels()); all else passes back what it always does. 0: everywhere exactly.
  double fine_cell = 0;
  /// The way ends at each operator whose result has cells of so many pixels or less. 0: at the leaf.
  double end_cell = 0;
  /// It ends there, and goes on to the leaf all the same.
  bool both = false;
};

/// |∂z/∂leaf| of 1×C×H×W, exact or about, as `way` says; `z` is a scalar with a graph that leads to `leaf`. Frees the
/// graph.
///
/// Where the way ends early, what comes there, as a root of the sum of squares over channels, is summed up in `ends`
/// (1×1×H×W), known but for a factor, that of the layers left out. With `both` it goes on to the leaf all the same,
/// which tells the factor; else the result is undefined unless nothing ended early.
///
/// Runs in the calling thread. Throws what LibTorch throws.
at::Tensor gradient_of_leaf(const at::Tensor &z, const at::Tensor &leaf, const WayBack &way = {},
                            at::Tensor *ends = nullptr);

/// Whether the way back to a leaf of that size ends at an operator with a result of this size: it has more channels
/// and its cells are no larger than `end` pixels of the leaf.
bool way_ends_at(at::IntArrayRef result, at::IntArrayRef leaf, double end);

}  // namespace oneadapt
