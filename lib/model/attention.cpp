// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/attention.h"

#include <ATen/Parallel.h>
#include <torch/csrc/jit/runtime/custom_operator.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "model/vector_width.h"

namespace oneadapt {
namespace {

/// Products of queries and keys that are held at a time: half a megabyte of them fits into a second-level cache.
constexpr std::int64_t kProducts = 128 * 1024;
constexpr std::int64_t kFewestRows = 32;

/// exp(x) of x ≤ 0, within 2e-7 of its value: 2^n · 2^f with f within ±0.5, and 2^f by its Taylor polynomial.
inline float exp_of_negative(float x) {
  const float t = std::max(x * 1.44269504f, -126.0f);
  const float magic = 12582912.0f;  // 1.5 · 2^23: adding it rounds to an integer
  const float n = (t + magic) - magic, f = (t - n) * 0.693147181f;
  float p = 1.0f / 720;
  p = p * f + 1.0f / 120;
  p = p * f + 1.0f / 24;
  p = p * f + 1.0f / 6;
  p = p * f + 0.5f;
  p = p * f + 1.0f;
  p = p * f + 1.0f;
  const std::int32_t bits = (std::int32_t(n) + 127) << 23;
  float power;
  std::memcpy(&power, &bits, sizeof power);
  return p * power;
}

/// Of row · scale, in place.
FOR_EACH_VECTOR_WIDTH void softmax(float *row, std::int64_t count, float scale) {
  float largest = row[0] * scale, sum = 0;
#pragma omp simd reduction(max : largest)
  for (std::int64_t i = 0; i < count; ++i) largest = std::max(largest, row[i] * scale);
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < count; ++i) {
    const float e = exp_of_negative(row[i] * scale - largest);
    row[i] = e;
    sum += e;
  }
  const float share = 1 / sum;
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) row[i] *= share;
}

/// `scratch` holds the products of some rows of queries.
void attend(const at::Tensor &queries, const at::Tensor &keys, const at::Tensor &values, float scale,
            const at::Tensor &scratch, at::Tensor result) {
  if (queries.dim() > 2) {
    for (std::int64_t i = 0; i < queries.size(0); ++i)
      attend(queries[i], keys[i], values[i], scale, scratch, result[i]);
    return;
  }
  const std::int64_t rows = queries.size(0), together = scratch.size(0), columns = scratch.size(1);
  for (std::int64_t begin = 0; begin < rows; begin += together) {
    const std::int64_t count = std::min(together, rows - begin);
    at::Tensor products = scratch.narrow(0, 0, count), out = result.narrow(0, begin, count);
    at::mm_out(products, queries.narrow(0, begin, count), keys);
    float *const first = products.data_ptr<float>();
    at::parallel_for(0, count, kFewestRows, [&](std::int64_t from, std::int64_t to) {
      for (std::int64_t row = from; row < to; ++row) softmax(first + row * columns, columns, scale);
    });
    at::mm_out(out, products, values);
  }
}

bool fits(const at::Tensor &queries, const at::Tensor &keys, const at::Tensor &values) {
  const std::int64_t dims = queries.dim();
  for (const at::Tensor *t : {&queries, &keys, &values})
    if (!t->is_cpu() || t->scalar_type() != at::kFloat || t->dim() != dims || dims < 2 || t->numel() == 0 ||
        t->sizes().slice(0, dims - 2) != queries.sizes().slice(0, dims - 2))
      return false;
  return !at::GradMode::is_enabled() && queries.size(-1) == keys.size(-2) && keys.size(-1) == values.size(-2);
}

}  // namespace

at::Tensor attention(const at::Tensor &queries, const at::Tensor &keys, const at::Tensor &values,
                     const AttentionScale &scale) {
  if (scale.factor.dim() != 0 || !fits(queries, keys, values)) {
    const at::Tensor products = at::matmul(queries, keys);
    return at::matmul((scale.divides ? products.div(scale.factor) : products.mul(scale.factor)).softmax(-1), values);
  }
  const double factor = scale.factor.item<double>();
  std::vector<std::int64_t> sizes = queries.sizes().vec();
  sizes.back() = values.size(-1);
  const std::int64_t columns = keys.size(-1);
  const std::int64_t rows = std::min(queries.size(-2), std::max(kFewestRows, kProducts / columns));
  at::Tensor result = at::empty(sizes, queries.options());
  attend(queries, keys, values, float(scale.divides ? 1 / factor : factor),
         at::empty({rows, columns}, queries.options()), result);
  return result;
}

void register_attention() {
  static const torch::jit::RegisterOperators registered({torch::jit::Operator(
      "oneadapt::attention(Tensor queries, Tensor keys, Tensor values, t factor, bool divides) -> Tensor",
      [](torch::jit::Stack &stack) {
        AttentionScale scale;
        scale.divides = torch::jit::pop(stack).toBool();
        const c10::IValue factor = torch::jit::pop(stack);
        scale.factor = factor.isTensor() ? factor.toTensor() : at::scalar_tensor(factor.toScalar());
        const at::Tensor values = torch::jit::pop(stack).toTensor(), keys = torch::jit::pop(stack).toTensor();
        const at::Tensor queries = torch::jit::pop(stack).toTensor();
        torch::jit::push(stack, attention(queries, keys, values, scale));
      },
      c10::AliasAnalysisKind::PURE_FUNCTION)});
}

}  // namespace oneadapt
