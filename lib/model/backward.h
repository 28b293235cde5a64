// SPDX-License-Identifier: LGPL-2.1-or-later
// The backward pass from z to the picture. Internal; includes LibTorch.
#pragma once
#include <ATen/ATen.h>

namespace oneadapt {

/// How far the backward pass goes, and how exact it is.
struct WayBack {
  /// A convolution whose result has cells smaller than this (in pixels of the leaf) passes back one gradient for all
  /// channels of its input (mean_over_channels()). All other operators are exact. 0: every operator is exact.
  double fine_cell = 0;
  /// The backward pass ends at each operator whose result has cells of this many pixels or less. 0: at the leaf.
  double end_cell = 0;
  /// Records the gradient at `end_cell` and continues to the leaf all the same.
  bool continue_past_end = false;
  /// ∂z/∂leaf instead of its magnitude.
  bool with_signs = false;
};

/// |∂z/∂leaf| of 1×C×H×W, exact or approximate, as `way` says. `z` is a scalar with a graph that leads to `leaf`. Frees
/// the graph.
///
/// Where the pass ends early, the gradient there (the root of the sum of squares over channels) is added to `ends`
/// (1×1×H×W). It is known up to the factor of the layers that are left out. With `continue_past_end` the pass continues
/// to the leaf, which gives the factor. Otherwise the result is undefined, unless the pass ended nowhere early.
///
/// Runs in the calling thread. Throws what LibTorch throws.
at::Tensor gradient_of_leaf(const at::Tensor &z, const at::Tensor &leaf, const WayBack &way = {},
                            at::Tensor *ends = nullptr);

/// Whether the backward pass to a leaf of that size ends at an operator with a result of this size: the result has more
/// channels, and its cells are at most `end` pixels of the leaf.
bool way_ends_at(at::IntArrayRef result, at::IntArrayRef leaf, double end);

}  // namespace oneadapt
