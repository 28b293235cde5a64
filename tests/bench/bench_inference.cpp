// SPDX-License-Identifier: LGPL-2.1-or-later
// What one frame costs: inference, and inference with the gradient. One line of JSON: milliseconds a frame, CPU time of
// the whole process and wall time, medians over the frames; which library answers for BLAS; threads of the process.
// tests/bench/blas.py runs it with one BLAS after the other.
//   bench-inference MODEL.pt [WIDTH HEIGHT [THREADS [FRAMES [PLAN]]]]
#include <dlfcn.h>
#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

#include "model/model.h"
#include "picture.h"
#include "timing.h"

namespace {

using nlohmann::json;

json measure(const std::function<void()> &work, int frames) {
  Times times;
  for (int i = -2; i < frames; ++i) times.take(work, i >= 0);  // the first two warm caches and memory up
  return {{"cpu", median(times.cpu)}, {"wall", median(times.wall)}};
}

/// The file of the library that multiplies matrices for LibTorch.
std::string blas() {
  Dl_info info = {};
  void *multiply = dlsym(RTLD_DEFAULT, "sgemm_");
  if (!multiply || !dladdr(multiply, &info)) return "LibTorch's own";
  return std::filesystem::canonical(info.dli_fname).string();
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s MODEL.pt [WIDTH HEIGHT [THREADS [FRAMES [PLAN]]]]\n", argv[0]);
    return 2;
  }
  const unsigned width = argument(argc, argv, 2, 3, 768), height = argument(argc, argv, 3, 3, 576);
  const int frames = argc > 5 ? std::max(1, std::atoi(argv[5])) : 15;
  try {
    oneadapt::ModelOptions options;
    options.path = argv[1];
    options.device = "cpu";
    options.threads = argument(argc, argv, 4, 4, 1);
    if (argc > 6) options.plan = argv[6];
    const auto model = oneadapt::Model::load(options);
    const std::vector<std::uint8_t> pixels = picture(width, height, 1);
    const oneadapt::RgbFrame frame{pixels.data(), std::size_t(3) * width, width, height};
    oneadapt::Gradient gradient;
    json line{{"blas", blas()}, {"threads", options.threads}};
    line["inference"] = measure([&] { model->infer(frame); }, frames);
    line["gradient"] = measure(
        [&] {
          model->infer_for_gradient(frame);
          model->backward(gradient);
        },
        frames);
    line["elements"] = gradient.elements;
    std::printf("%s\n", line.dump().c_str());
    return 0;
  } catch (const std::exception &e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 2;
  }
}
