// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/newer_operators.h"

#include <ATen/ATen.h>
#include <torch/csrc/jit/runtime/custom_operator.h>
#include <torch/csrc/jit/runtime/operator.h>

#include <cmath>
#include <memory>
#include <optional>

namespace oneadapt {
namespace {

struct Hidden {
  at::Tensor given;
  bool causal = false;
};

/// softmax(query · keyᵀ · scale + mask) · value
at::Tensor attend(const at::Tensor &query, const at::Tensor &key, const at::Tensor &value, const Hidden &mask,
                  std::optional<double> scale) {
  const double factor = scale.value_or(1 / std::sqrt(double(query.size(-1))));
  at::Tensor products = at::matmul(query.mul(factor), key.transpose(-2, -1));
  const double none = -INFINITY;
  if (mask.causal) {
    const at::Tensor later = at::ones({query.size(-2), key.size(-2)}, query.options().dtype(at::kBool)).triu(1);
    products = products.masked_fill(later, none);
  }
  if (mask.given.defined())
    products = mask.given.scalar_type() == at::kBool ? products.masked_fill(mask.given.logical_not(), none)
                                                     : products.add(mask.given);
  return at::matmul(products.softmax(-1), value);
}

/// In the order of the schema below, the last argument on top.
void run_attention(torch::jit::Stack &stack) {
  const bool grouped = torch::jit::pop(stack).toBool();
  const c10::IValue factor = torch::jit::pop(stack);
  Hidden mask;
  mask.causal = torch::jit::pop(stack).toBool();
  torch::jit::pop(stack);  // dropout: a model that is loaded is in evaluation mode
  const c10::IValue given = torch::jit::pop(stack);
  if (given.isTensor()) mask.given = given.toTensor();
  at::Tensor value = torch::jit::pop(stack).toTensor(), key = torch::jit::pop(stack).toTensor();
  const at::Tensor query = torch::jit::pop(stack).toTensor();
  if (grouped && query.dim() > 2) {
    key = key.repeat_interleave(query.size(-3) / key.size(-3), -3);
    value = value.repeat_interleave(query.size(-3) / value.size(-3), -3);
  }
  std::optional<double> scale;
  if (!factor.isNone()) scale = factor.toDouble();
  torch::jit::push(stack, attend(query, key, value, mask, scale));
}

}  // namespace

void register_newer_operators() {
  static const auto registered = [] {
    std::unique_ptr<torch::jit::RegisterOperators> made;
    const auto name = c10::Symbol::fromQualString("aten::scaled_dot_product_attention");
    if (torch::jit::getAllOperatorsFor(name).empty())
      made = std::make_unique<
          torch::jit::RegisterOperators>(std::vector<c10::optional<torch::jit::Operator>>{torch::jit::Operator(
          "aten::scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float "
          "dropout_p=0.0, bool is_causal=False, *, float? scale=None, bool enable_gqa=False) -> Tensor",
          run_attention, c10::AliasAnalysisKind::FROM_SCHEMA)});
    return made;
  }();
}

}  // namespace oneadapt
