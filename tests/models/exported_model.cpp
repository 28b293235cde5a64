// SPDX-License-Identifier: LGPL-2.1-or-later
// Usage: exported-model MODEL.pt. Objects of a random picture, DNNGrad against central differences at the pixels where
// it is largest and at random ones; in double precision. One line: objects, relative error, cosine.
#include <cmath>
#include <cstdio>
#include <random>

#include "model/torch_model.h"

using namespace oneadapt;

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  try {
    ModelOptions options;
    options.path = argv[1];
    options.device = "cpu";
    TorchModel model(options);
    at::manual_seed(1);
    const at::Tensor y = at::rand({1, 3, 96, 128}, at::TensorOptions().dtype(model.type()));
    const auto z_of = [&](const at::Tensor &at_y) {
      at::NoGradGuard no_grad;
      const Elements e = model.forward(model.prepare(at_y), model.description().floor);
      return utility(e.scores, model.theta(), model.description().slope).item<double>();
    };
    double z = 0;
    const std::size_t objects = model.run_for_gradient(y.clone()).size();
    const at::Tensor g = model.pixel_gradient(z).to(at::kDouble).contiguous();
    if (!(std::abs(z - z_of(y)) < 1e-6 * (1 + std::abs(z)))) throw std::runtime_error("z differs between two passes");

    std::vector<std::int64_t> where;
    const at::Tensor largest = std::get<1>(g.view(-1).topk(4));
    for (int i = 0; i < 4; ++i) where.push_back(largest[i].item<std::int64_t>());
    std::mt19937 random(7);
    for (int i = 0; i < 2; ++i) where.push_back(std::int64_t(random() % std::size_t(y.numel())));
    double error = 0, norm = 0, dot = 0, own = 0;
    const double h = 1e-5;
    for (const std::int64_t i : where) {
      at::Tensor up = y.clone(), down = y.clone();
      up.view(-1)[i] += h;
      down.view(-1)[i] -= h;
      const double numeric = std::abs(z_of(up) - z_of(down)) / (2 * h), analytic = g.view(-1)[i].item<double>();
      error += (numeric - analytic) * (numeric - analytic);
      norm += numeric * numeric;
      dot += numeric * analytic;
      own += analytic * analytic;
    }
    std::printf("%zu %.3g %.4f\n", objects, std::sqrt(error / norm), dot / std::sqrt(norm * own));
    return 0;
  } catch (const std::exception &e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
