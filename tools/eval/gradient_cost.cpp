// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/gradient_cost.h"

#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>

#include "config.h"
#if HAVE_TORCH
#include "model/model.h"
#endif

namespace oneadapt::eval {

#if HAVE_TORCH
namespace {

double seconds(const std::function<void()> &work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Peak of this process's memory. Not getrusage's: that begins with what the parent had, when it was spawned by vfork.
double peak_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == "VmHWM:") {
      double kilobytes = 0;
      status >> kilobytes;
      return kilobytes / 1024;
    }
  return 0;
}

}  // namespace

int gradient_cost(const std::vector<std::string> &a) {
  constexpr std::size_t kFrames = 10;
  constexpr int kRounds = 5;
#ifdef __linux__
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // an evaluation that is interrupted does not wait for this
#endif
  try {
    if (a.size() != 6) throw std::runtime_error("wrong arguments");
    const auto modes = gradient_cost_modes();
    const std::size_t mode = std::size_t(std::find(modes.begin(), modes.end(), a[0]) - modes.begin());
    ModelOptions options;
    options.path = a[1];
    options.device = a[5];
    std::stringstream classes(a[2]);
    for (std::string name; std::getline(classes, name, ',');) options.classes.push_back(name);
    unsigned width = 0, height = 0;
    if (std::sscanf(a[4].c_str(), "%ux%u", &width, &height) != 2) throw std::runtime_error("wrong size");
    const std::size_t stride = (std::size_t(3) * width + 3) / 4 * 4;
    std::vector<std::uint8_t> pixels(stride * height * kFrames);
    std::ifstream file(a[3], std::ios::binary);
    file.read(reinterpret_cast<char *>(pixels.data()), std::streamsize(pixels.size()));
    const std::size_t frames = std::size_t(file.gcount()) / (stride * height);
    if (!frames) throw std::runtime_error("the clip has no frames");
    const auto model = Model::load(options);
    auto frame = [&](std::size_t i) {
      return RgbFrame{&pixels[(i % frames) * stride * height], stride, width, height};
    };
    auto plain = [&] {
      for (std::size_t i = 0; i < kFrames; ++i) model->infer(frame(i));
    };
    auto measured = [&] {
      Gradient gradient;
      for (std::size_t i = 0; i < kFrames; ++i) {
        if (mode == 0 || (mode == 3 && i + 1 < kFrames)) {
          model->infer(frame(i));
        } else {
          model->infer_for_gradient(frame(i));
          model->backward(gradient);
        }
      }
    };
    // The two take turns, so that what else the machine does hits both.
    std::vector<double> ratios;
    for (int round = -1; round < kRounds; ++round) {
      const double base = seconds(plain);
      if (mode == 1) model->set_weight_gradients(true);
      const double took = seconds(measured);
      if (mode == 1) model->set_weight_gradients(false);
      if (round >= 0) ratios.push_back(took / base);  // the first warms up
    }
    std::sort(ratios.begin(), ratios.end());
    std::printf(
        "%s\n",
        nlohmann::json{{"mode", a[0]}, {"time_ratio", ratios[kRounds / 2]}, {"memory_mb", peak_mb()}}.dump().c_str());
    return 0;
  } catch (const std::exception &e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 2;
  }
}
#else
int gradient_cost(const std::vector<std::string> &) {
  std::fprintf(stderr, "this build has no LibTorch; build with -Dtorch=enabled\n");
  return 2;
}
#endif

}  // namespace oneadapt::eval
