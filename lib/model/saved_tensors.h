// SPDX-License-Identifier: LGPL-2.1-or-later
// What a forward pass with autograd keeps for the way back. Internal; sees LibTorch.
#pragma once
#include <ATen/record_function.h>
#include <torch/csrc/autograd/saved_variable.h>

#include <memory>

#include "model/model.h"

namespace oneadapt {

/// While it lives, forward passes of this thread keep less for the gradient of their input than LibTorch does.
///
/// Nothing is lost with GradientMemory::Exact. LibTorch's convolution keeps its input for the gradient of its weights,
/// which is never computed here (paper §4.1), so sizes do; so they do for max pooling, whose 64-bit indices are kept
/// as 32-bit ones, and for batch normalisation with fixed statistics on the CPU. Of the input of a (leaky) ReLU and
/// of a clamp only one bit counts: it is kept in a byte.
/// GradientMemory::Half keeps in 16 bits what else is kept in 32: inputs of SiLU, sigmoid, hard swish and the like,
/// factors of products.
class SavedTensorsGuard {
 public:
  /// `leaf` and `end`: nothing is kept of what lies before the places where the way back ends (backward.h); the graph
  /// begins there.
  explicit SavedTensorsGuard(GradientMemory memory, at::IntArrayRef leaf = {}, double end = 0);
  ~SavedTensorsGuard();
  SavedTensorsGuard(const SavedTensorsGuard &) = delete;
  SavedTensorsGuard &operator=(const SavedTensorsGuard &) = delete;

 private:
  bool on_ = false;
  at::CallbackHandle callback_ = 0;
};

/// The mask (of type bool: true between the bounds) that such a guard kept in the place of a tensor; undefined: it kept
/// none. `node` is the one that saved the tensor.
at::Tensor saved_mask(const torch::autograd::SavedVariable &saved, std::shared_ptr<torch::autograd::Node> node);

}  // namespace oneadapt
