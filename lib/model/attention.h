// SPDX-License-Identifier: LGPL-2.1-or-later
// Attention of transformers, a few rows at a time. Internal; sees LibTorch.
#pragma once
#include <ATen/ATen.h>

namespace oneadapt {

/// How products of queries and keys are scaled: divided by a tensor, or multiplied with it.
struct AttentionScale {
  at::Tensor factor;
  bool divides = false;
};

/// softmax(`queries` · `keys`, scaled) · `values`, the softmax over the last dimension; `queries` is …×N×E, `keys`
/// …×E×M, `values` …×M×F, and the result …×N×F, contiguous. As operators of LibTorch it makes and reads three tensors
/// of …×N×M; here only so many rows of them exist at a time as the processor's cache holds. That is for tensors of
/// floats on the CPU whose leading sizes are the same, without autograd, and a scale of one number. All else is
/// computed by LibTorch's operators.
at::Tensor attention(const at::Tensor &queries, const at::Tensor &keys, const at::Tensor &values,
                     const AttentionScale &scale);

/// Makes it an operator of TorchScript, once: `oneadapt::attention(Tensor queries, Tensor keys, Tensor values, t
/// factor, bool divides) -> Tensor`.
void register_attention();

}  // namespace oneadapt
