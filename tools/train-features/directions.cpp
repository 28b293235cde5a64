// SPDX-License-Identifier: LGPL-2.1-or-later
#include "directions.h"

#include <ATen/ATen.h>

namespace oneadapt::train_features {
namespace {

/// Columns: the principal directions of rows that are taken around their mean.
at::Tensor largest(const at::Tensor &rows, std::int64_t channels) {
  const at::Tensor x = rows - rows.mean(0);
  const at::Tensor vectors = std::get<1>(at::linalg_eigh(x.t().matmul(x) / double(x.size(0))));
  return vectors.narrow(1, vectors.size(1) - channels, channels).flip(1);
}

}  // namespace

Directions principal(const at::Tensor &features, std::int64_t channels) {
  const at::Tensor v = largest(features.to(at::kDouble), channels);
  return {v.t().contiguous(), v.contiguous()};
}

Directions weighted(const at::Tensor &features, const at::Tensor &gradients, std::int64_t channels, double floor) {
  const at::Tensor x = features.to(at::kDouble), g = gradients.to(at::kDouble);
  at::Tensor m = g.t().matmul(g) / double(g.size(0));
  const double scale = m.diagonal().mean().item<double>();
  const at::Tensor eye = at::eye(m.size(0), m.options());
  m = scale > 0 ? m / scale + floor * eye : eye;
  const auto [values, vectors] = at::linalg_eigh(m);
  const at::Tensor root = vectors.matmul(at::diag(values.sqrt())).matmul(vectors.t());
  const at::Tensor inverse = vectors.matmul(at::diag(values.rsqrt())).matmul(vectors.t());
  const at::Tensor v = largest(x.matmul(root), channels);
  return {v.t().matmul(root).contiguous(), inverse.matmul(v).contiguous()};
}

}  // namespace oneadapt::train_features
