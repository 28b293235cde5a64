// SPDX-License-Identifier: LGPL-2.1-or-later
// What DNNGrad costs, as a share of inference (paper §4.1: one backward pass an interval, no weight gradients).
//   bench-dnngrad MODEL.pt [WIDTH HEIGHT [ROUNDS [DEVICE]]]
// Prints medians of one run in which the passes take turns, and the cost at 10 frames an interval:
//   ((forward with autograd − forward) + backward) / (10 · forward)
// Exit status 1 when that is above 15 %.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <random>
#include <vector>

#include "model/model.h"

namespace {

double milliseconds(const std::function<void()> &work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + std::ptrdiff_t(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// Coloured ellipses on grey: no objects are needed, any element above the floor will do for a backward pass.
std::vector<std::uint8_t> picture(unsigned width, unsigned height, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::uint8_t> pixels(std::size_t(width) * height * 3, 128);
  for (int shape = 0; shape < 12; ++shape) {
    const int cx = int(random() % width), cy = int(random() % height);
    const int rx = 8 + int(random() % (width / 6 + 1)), ry = 8 + int(random() % (height / 4 + 1));
    const std::uint8_t colour[3] = {std::uint8_t(random()), std::uint8_t(random()), std::uint8_t(random())};
    for (int y = 0; y < int(height); ++y)
      for (int x = 0; x < int(width); ++x) {
        const double dx = double(x - cx) / rx, dy = double(y - cy) / ry;
        if (dx * dx + dy * dy < 1)
          std::copy(colour, colour + 3, &pixels[(std::size_t(y) * width + std::size_t(x)) * 3]);
      }
  }
  return pixels;
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s MODEL.pt [WIDTH HEIGHT [ROUNDS [DEVICE]]]\n", argv[0]);
    return 2;
  }
  const unsigned width = argc > 3 ? unsigned(std::atoi(argv[2])) : 416;
  const unsigned height = argc > 3 ? unsigned(std::atoi(argv[3])) : 416;
  const int rounds = argc > 4 ? std::max(1, std::atoi(argv[4])) : 15;
  try {
    oneadapt::ModelOptions options;
    options.path = argv[1];
    if (argc > 5) options.device = argv[5];
    const auto model = oneadapt::Model::load(options);
    std::vector<std::uint8_t> pixels;
    oneadapt::RgbFrame frame;
    frame.stride = std::size_t(3) * width;
    frame.width = width;
    frame.height = height;

    oneadapt::Gradient gradient;
    for (unsigned seed = 1; seed <= 30 && gradient.elements == 0; ++seed) {
      pixels = picture(width, height, seed);
      frame.data = pixels.data();
      model->infer_for_gradient(frame);
      model->backward(gradient);
    }
    std::vector<double> forward, with_autograd, backward;
    for (int round = -2; round < rounds; ++round) {
      const double f = milliseconds([&] { model->infer(frame); });
      const double a = milliseconds([&] { model->infer_for_gradient(frame); });
      const double b = milliseconds([&] { model->backward(gradient); });
      if (round < 0) continue;  // warming up
      forward.push_back(f);
      with_autograd.push_back(a);
      backward.push_back(b);
    }
    const double f = median(forward), a = median(with_autograd), b = median(backward);
    const double share = (a - f + b) / (10 * f);
    std::printf("%ux%u on %s, medians of %d rounds, %u elements in z\n", width, height, model->device().c_str(), rounds,
                gradient.elements);
    std::printf("forward                %8.2f ms\n", f);
    std::printf("forward with autograd  %8.2f ms  %.2f of forward\n", a, a / f);
    std::printf("backward               %8.2f ms  %.2f of forward\n", b, b / f);
    std::printf("DNNGrad / inference at 10 frames an interval: %.1f %% (bar: 15 %%)\n", 100 * share);
    if (gradient.elements == 0) std::printf("no element above the floor: nothing was backpropagated\n");
    return share <= 0.15 && gradient.elements > 0 ? 0 : 1;
  } catch (const std::exception &e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 2;
  }
}
