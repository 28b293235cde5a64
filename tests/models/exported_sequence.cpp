// SPDX-License-Identifier: LGPL-2.1-or-later
// Usage: exported-sequence MODEL.pt. Words of a second of random sound, DNNGrad of the blocks where it is largest and
// of the first, against central differences sample by sample. One line: words, elements, relative error, cosine.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <random>
#include <set>
#include <stdexcept>

#include "../support/agreement.h"
#include "core/gradient/gradient.h"
#include "model/sequence_model.h"

using namespace oneadapt;

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  try {
    ModelOptions options;
    options.path = argv[1];
    options.device = "cpu";
    const auto model = SequenceModel::load(options);
    std::mt19937 random(7);
    std::normal_distribution<float> normal(0, 0.1f);
    std::vector<float> sound(model->description().sample_rate);
    for (float &v : sound) v = normal(random);
    const auto run = [&] {
      Gradient gradient;
      model->infer_for_gradient(sound, 0, sound.size());
      model->backward(gradient);
      return gradient;
    };
    const std::size_t words = model->infer(sound).size();
    const Gradient gradient = run();
    const std::vector<float> &blocks = gradient.map.values;

    std::vector<std::size_t> order(blocks.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return blocks[a] > blocks[b]; });
    std::set<std::size_t> where(order.begin(), order.begin() + 3);
    where.insert(0);
    oneadapt_test::Agreement agreement;
    for (const std::size_t b : where) {
      const std::size_t first = b * gradient.map.block_size, n = gradient.map.pixels(unsigned(b), 0);
      double sum = 0;
      for (std::size_t i = first; i < first + n; ++i) {
        const float kept = sound[i];
        sound[i] = kept + 1e-3f;
        const double up = run().z, above = sound[i];
        sound[i] = kept - 1e-3f;
        sum += std::abs(up - run().z) / (above - double(sound[i]));
        sound[i] = kept;
      }
      agreement.add(sum / double(n), blocks[b]);
    }
    if (!(agreement.norm > 0)) throw std::runtime_error("the sound does not reach the scores");
    std::printf("%zu %u %.3g %.4f\n", words, gradient.elements, agreement.relative_error(), agreement.cosine());
    return 0;
  } catch (const std::exception &e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
