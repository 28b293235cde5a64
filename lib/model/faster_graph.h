// SPDX-License-Identifier: LGPL-2.1-or-later
// Operators of a TorchScript program exchanged for ones that compute the same faster on the CPU. Internal; sees
// LibTorch.
#pragma once
#include <torch/csrc/jit/ir/ir.h>

namespace oneadapt {

/// Has convolutions computed by oneDNN that LibTorch would not give to it (those of 1×1 with one thread, and small
/// ones; in another layout than its own it computes those as matrix products), and the attention of transformers by
/// attention(). The graph must be frozen.
void call_faster_operators(torch::jit::Graph &graph);

}  // namespace oneadapt
