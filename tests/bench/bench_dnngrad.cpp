// SPDX-License-Identifier: LGPL-2.1-or-later
// What DNNGrad costs, as a share of inference (paper §4.1: one backward pass an interval, no weight gradients).
//   bench-dnngrad MODEL.pt [WIDTH HEIGHT [ROUNDS [DEVICE]]]
// Prints, for each way to compute it, the cost at 10 frames an interval:
//   ((forward with autograd − forward) + backward) / (10 · forward)
// in time, and in CPU time of the process, which says more where others use the machine, too: medians over rounds in
// which the ways take turns, each pass with a gradient right after some without, as in a stream; the greatest sum of
// all tensors that lived at a time, weights left out, and the cosine to the exact block map. Exit status 1 when no way
// with a cosine of 0.9 or more costs 8 % or less.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <vector>

#include "model/model.h"
#include "model/tensor_memory.h"
#include "picture.h"
#include "timing.h"

using oneadapt::BlockMap;

namespace {

/// The median of what DNNGrad adds to ten frames.
double share(const std::vector<double> &forward, const std::vector<double> &with_autograd,
             const std::vector<double> &backward, bool own_pass) {
  std::vector<double> shares;
  for (std::size_t i = 0; i < forward.size(); ++i)
    shares.push_back((with_autograd[i] - (own_pass ? 0 : forward[i]) + backward[i]) / (10 * forward[i]));
  return median(shares);
}

double cosine(const BlockMap &a, const BlockMap &b) {
  double ab = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    ab += double(a.values[i]) * double(b.values[i]);
    aa += double(a.values[i]) * double(a.values[i]);
    bb += double(b.values[i]) * double(b.values[i]);
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : 0;
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s MODEL.pt [WIDTH HEIGHT [ROUNDS [DEVICE]]]\n", argv[0]);
    return 2;
  }
  const unsigned width = argument(argc, argv, 2, 3, 416), height = argument(argc, argv, 3, 3, 416);
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
    const BlockMap exact = gradient.map;
    struct Mode {
      const char *name;
      oneadapt::GradientMethod method;
      oneadapt::GradientMemory memory;
      double size = 1;  ///< of the DNN's input; a smaller one takes a pass of its own
      Times forward = {}, with_autograd = {}, backward = {};
      double cosine = 0, peak = 0;
    };
    using Method = oneadapt::GradientMethod;
    using Memory = oneadapt::GradientMemory;
    Mode modes[] = {{"exact, memory all", Method::Exact, Memory::All},
                    {"exact", Method::Exact, Memory::Exact},
                    {"exact, memory half", Method::Exact, Memory::Half},
                    {"channel-mean, memory all", Method::ChannelMean, Memory::All},
                    {"channel-mean", Method::ChannelMean, Memory::Exact},
                    {"channel-mean, memory half", Method::ChannelMean, Memory::Half},
                    {"exact, 3/4 of the size", Method::Exact, Memory::Exact, 0.75},
                    {"exact, half the size", Method::Exact, Memory::Exact, 0.5}};
    for (int round = -2; round < rounds; ++round) {
      for (Mode &mode : modes) {
        model->set_gradient(mode.method, mode.memory);
        model->infer(frame);  // what the last way left in caches and in malloc is not this one's
        mode.forward.take([&] { model->infer(frame); }, round >= 0);
        if (mode.size < 1) model->set_input_size(unsigned(width * mode.size), unsigned(height * mode.size));
        mode.with_autograd.take([&] { model->infer_for_gradient(frame); }, round >= 0);
        mode.backward.take([&] { model->backward(gradient); }, round >= 0);
        model->set_input_size(0, 0);
        mode.cosine = cosine(gradient.map, exact);
      }
    }
    const double plain = oneadapt::peak_of_tensors([&] { model->infer(frame); });
    Times forward;
    for (const Mode &mode : modes) {
      forward.wall.insert(forward.wall.end(), mode.forward.wall.begin(), mode.forward.wall.end());
      forward.cpu.insert(forward.cpu.end(), mode.forward.cpu.begin(), mode.forward.cpu.end());
    }
    const double f = median(forward.wall), f_cpu = median(forward.cpu);
    std::printf("%ux%u on %s, medians of %d rounds, %u elements in z\n", width, height, model->device().c_str(), rounds,
                gradient.elements);
    std::printf("forward %.2f ms, CPU %.2f ms, tensors' peak %.1f MB\n", f, f_cpu, plain / 1e6);
    std::printf("%-26s %-14s %-9s %-13s %-8s %-14s %s\n", "gradient", "with autograd", "backward", "of inference",
                "by CPU", "tensors' peak", "cosine");
    double least = 1;
    for (Mode &mode : modes) {
      model->set_gradient(mode.method, mode.memory);
      mode.peak = oneadapt::peak_of_tensors([&] {
        if (mode.size < 1) model->set_input_size(unsigned(width * mode.size), unsigned(height * mode.size));
        model->infer_for_gradient(frame);
        model->backward(gradient);
        model->set_input_size(0, 0);
      });
      const double wall = share(mode.forward.wall, mode.with_autograd.wall, mode.backward.wall, mode.size < 1);
      const double cpu = share(mode.forward.cpu, mode.with_autograd.cpu, mode.backward.cpu, mode.size < 1);
      if (mode.cosine >= 0.9) least = std::min(least, wall);
      std::printf("%-26s %-14.2f %-9.2f %-13.3f %-8.3f %-14.2f %.4f\n", mode.name, median(mode.with_autograd.wall) / f,
                  median(mode.backward.wall) / f, wall, cpu, mode.peak / plain, mode.cosine);
    }
    std::printf("times and peaks in those of forward; of inference: at 10 frames an interval (bar: 0.08)\n");
    if (gradient.elements == 0) std::printf("no element above the floor: nothing was backpropagated\n");
    return least <= 0.08 && gradient.elements > 0 ? 0 : 1;
  } catch (const std::exception &e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 2;
  }
}
