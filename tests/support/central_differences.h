// SPDX-License-Identifier: LGPL-2.1-or-later
// DNNGrad of a detector against central differences of z.
#pragma once
#include "agreement.h"
#include "model/torch_model.h"

namespace oneadapt_test {

/// z of the frame y, without autograd.
inline double z_of(oneadapt::TorchModel &model, const at::Tensor &y) {
  at::NoGradGuard no_grad;
  const oneadapt::Elements e = model.forward(model.prepare(y), model.description().floor);
  return oneadapt::utility(e.scores, model.theta(), model.description().slope).item<double>();
}

/// |∂z/∂y| of number i, by a difference of `h` to both sides.
inline double central_difference(oneadapt::TorchModel &model, const at::Tensor &y, std::int64_t i, double h) {
  at::Tensor up = y.clone(), down = y.clone();
  up.view(-1)[i] += h;
  down.view(-1)[i] -= h;
  return std::abs(z_of(model, up) - z_of(model, down)) / (2 * h);
}

}  // namespace oneadapt_test
