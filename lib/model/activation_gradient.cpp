// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/activation_gradient.h"

#include <ATen/Parallel.h>
#include <torch/csrc/autograd/generated/Functions.h>

#include <cstdint>
#include <cstring>
#include <utility>

#include "model/saved_tensors.h"
#include "model/vector_width.h"

namespace oneadapt {
namespace {

namespace ag = torch::autograd;
namespace made = torch::autograd::generated;

constexpr std::int64_t kNumbersOfAThread = 32768;

/// By bits, without a branch: compilers turn a choice between two numbers into slower code.
FOR_EACH_VECTOR_WIDTH void scale_outside(float *g, const bool *inside, std::int64_t count, float factor) {
  const float one = 1;
  std::int32_t bits_of_factor = 0, bits_of_one = 0;
  std::memcpy(&bits_of_factor, &factor, sizeof factor);
  std::memcpy(&bits_of_one, &one, sizeof one);
  const std::int32_t differing = bits_of_factor ^ bits_of_one;
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int32_t bits = bits_of_factor ^ (differing & -std::int32_t(inside[i]));
    float times;
    std::memcpy(&times, &bits, sizeof times);
    g[i] *= times;
  }
}

FOR_EACH_VECTOR_WIDTH void find_between(const float *t, bool *inside, std::int64_t count, float low, float high) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) inside[i] = (t[i] > low) & (t[i] < high);
}

struct Masked {
  at::Tensor inside;   ///< of type bool; undefined: there is none
  double outside = 0;  ///< what a gradient is multiplied with there
};

Masked mask_of(ag::Node &node) {
  const auto self = [&] { return node.shared_from_this(); };
  if (auto *const leaky = dynamic_cast<made::LeakyReluBackward0 *>(&node))
    return {saved_mask(leaky->self_, self()), leaky->negative_slope.toDouble()};
  if (auto *const leaky = dynamic_cast<made::LeakyReluBackward1 *>(&node))
    return {saved_mask(leaky->result_, self()), leaky->negative_slope.toDouble()};
  if (auto *const relu = dynamic_cast<made::ReluBackward0 *>(&node)) return {saved_mask(relu->result_, self()), 0};
  if (auto *const clamp = dynamic_cast<made::HardtanhBackward0 *>(&node)) return {saved_mask(clamp->self_, self()), 0};
  return {};
}

bool same_places(const at::Tensor &a, const at::Tensor &b) {
  return a.sizes() == b.sizes() && a.strides() == b.strides() && a.is_non_overlapping_and_dense();
}

}  // namespace

bool is_exclusive(const at::Tensor &t) {
  return t.use_count() == 1 && t.storage().use_count() == 1 && t.is_non_overlapping_and_dense();
}

at::Tensor mask_between(const at::Tensor &t, double low, double high) {
  if (!t.is_cpu() || t.scalar_type() != at::kFloat || !t.is_non_overlapping_and_dense())
    return t.gt(low).logical_and_(t.lt(high));
  at::Tensor mask = at::empty_strided(t.sizes(), t.strides(), t.options().dtype(at::kBool).requires_grad(false));
  const float *const numbers = t.data_ptr<float>();
  bool *const inside = mask.data_ptr<bool>();
  at::parallel_for(0, t.numel(), kNumbersOfAThread, [&](std::int64_t begin, std::int64_t end) {
    find_between(numbers + begin, inside + begin, end - begin, float(low), float(high));
  });
  return mask;
}

at::Tensor masked_gradient(ag::Node &node, at::Tensor &g) {
  if (!g.is_cpu() || g.scalar_type() != at::kFloat) return {};
  const Masked mask = mask_of(node);
  if (!mask.inside.defined() || mask.inside.sizes() != g.sizes() || !mask.inside.is_non_overlapping_and_dense())
    return {};
  at::Tensor result = std::move(g);
  if (!is_exclusive(result) || !same_places(result, mask.inside))
    result = at::empty_strided(mask.inside.sizes(), mask.inside.strides(), result.options()).copy_(result);
  float *const numbers = result.data_ptr<float>();
  const bool *const inside = mask.inside.data_ptr<bool>();
  at::parallel_for(0, result.numel(), kNumbersOfAThread, [&](std::int64_t begin, std::int64_t end) {
    scale_outside(numbers + begin, inside + begin, end - begin, float(mask.outside));
  });
  return result;
}

}  // namespace oneadapt
