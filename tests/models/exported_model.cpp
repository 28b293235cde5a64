// SPDX-License-Identifier: LGPL-2.1-or-later
// Usage: exported-model MODEL.pt. Objects of a random picture, DNNGrad against central differences at the pixels where
// it is largest and at random ones; in double precision. One line: objects, relative error, cosine.
#include <cmath>
#include <cstdio>
#include <random>

#include "../support/central_differences.h"
#include "model/torch_model.h"

using namespace oneadapt;
using namespace oneadapt_test;

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  try {
    ModelOptions options;
    options.path = argv[1];
    options.device = "cpu";
    TorchModel model(options);
    at::manual_seed(1);
    const at::Tensor y = at::rand({1, 3, 96, 128}, at::TensorOptions().dtype(model.type()));
    double z = 0;
    const std::size_t objects = model.run_for_gradient(y.clone()).size();
    const at::Tensor g = model.pixel_gradient(z).to(at::kDouble).contiguous();
    if (!(std::abs(z - z_of(model, y)) < 1e-6 * (1 + std::abs(z))))
      throw std::runtime_error("z differs between two passes");

    std::vector<std::int64_t> where;
    const at::Tensor largest = std::get<1>(g.view(-1).topk(4));
    for (int i = 0; i < 4; ++i) where.push_back(largest[i].item<std::int64_t>());
    std::mt19937 random(7);
    for (int i = 0; i < 2; ++i) where.push_back(std::int64_t(random() % std::size_t(y.numel())));
    Agreement agreement;
    for (const std::int64_t i : where)
      agreement.add(central_difference(model, y, i, 1e-5), g.view(-1)[i].item<double>());
    std::printf("%zu %.3g %.4f\n", objects, agreement.relative_error(), agreement.cosine());
    return 0;
  } catch (const std::exception &e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
