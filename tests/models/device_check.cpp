// SPDX-License-Identifier: LGPL-2.1-or-later
// Usage: device-check [--device cuda|cuda:N|cpu] [--size WIDTHxHEIGHT] [--repeat N] [--library FILE] MODEL.pt …
// Runs each model on the CPU and on the device, and compares: elements and DNNGrad within 1e-3, what crosses the bus
// (the frame once to the device, of the gradient the block map alone back), throughput and DNNGrad's share. One line
// each, "ok" or "WRONG" in front; exit status 1 when one is wrong. Needs lib/ and LibTorch only; tests/gpu.sh builds
// it. With --device cpu the CPU is compared with itself: that says that the program works, and nothing of a GPU.
//
// Without it RecordFunction::inputs() goes by a flag that LibTorch, built with it, never sets.
#ifndef NDEBUG
#define NDEBUG
#endif
#include <ATen/Context.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "../bench/picture.h"
#include "model/torch_model.h"

using namespace oneadapt;

namespace {

constexpr double kTolerance = 1e-3;

/// Bytes of each copy between two devices, or within one that an observer could see just as well.
struct Copies {
  std::vector<double> up, down, within;
};
std::mutex copies_lock;
Copies *copies = nullptr;

double bytes_of(const at::Tensor &t) { return double(t.numel()) * double(t.element_size()); }

std::unique_ptr<at::ObserverContext> on_call(const at::RecordFunction &call) {
  const std::string_view name = call.name();
  const bool copy = name == "aten::copy_", scalar = name == "aten::_local_scalar_dense";
  const std::lock_guard<std::mutex> lock(copies_lock);
  if (!copies || (!copy && !scalar)) return nullptr;
  const auto inputs = call.inputs();
  if (inputs.empty() || !inputs[0].isTensor()) return nullptr;
  const at::Tensor &to = inputs[0].toTensor();
  if (scalar) {
    if (!to.is_cpu()) copies->down.push_back(bytes_of(to));
  } else if (inputs.size() > 1 && inputs[1].isTensor()) {
    const at::Tensor &from = inputs[1].toTensor();
    (to.device() == from.device() ? copies->within
     : from.is_cpu()              ? copies->up
                                  : copies->down)
        .push_back(bytes_of(from));
  }
  return nullptr;
}

Copies copies_of(const std::function<void()> &work) {
  Copies result;
  const auto handle =
      at::addGlobalCallback(at::RecordFunctionCallback(on_call).needsInputs(true).scopes({at::RecordScope::FUNCTION}));
  {
    const std::lock_guard<std::mutex> lock(copies_lock);
    copies = &result;
  }
  work();
  {
    const std::lock_guard<std::mutex> lock(copies_lock);
    copies = nullptr;
  }
  at::removeCallback(handle);
  return result;
}

double sum(const std::vector<double> &values) {
  double total = 0;
  for (const double v : values) total += v;
  return total;
}
double greatest(const std::vector<double> &values) {
  return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}
double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + std::ptrdiff_t(values.size() / 2), values.end());
  return values[values.size() / 2];
}
double milliseconds(const std::function<void()> &work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

/// Of every element of `a` that is not just at the floor: the greatest difference to the element of `b` that is most
/// like it, in score and, as shares of the input, in coordinates. An element of another class is as different as can
/// be.
double difference(const Elements &a, const Elements &b, double floor, at::IntArrayRef input) {
  double worst = 0;
  for (const ScoredBox &one : a.boxes) {
    if (one.score < floor + 2 * kTolerance) continue;
    double best = 1;
    for (const ScoredBox &other : b.boxes) {
      if (other.label != one.label) continue;
      const double across = std::max(std::abs(one.box.x0 - other.box.x0), std::abs(one.box.x1 - other.box.x1));
      const double down = std::max(std::abs(one.box.y0 - other.box.y0), std::abs(one.box.y1 - other.box.y1));
      best = std::min(
          best, std::max({std::abs(one.score - other.score), across / double(input[3]), down / double(input[2])}));
    }
    worst = std::max(worst, best);
  }
  return worst;
}

bool failed = false;
void say(bool ok, const std::string &what) {
  failed = failed || !ok;
  std::printf("  %-5s %s\n", ok ? "ok" : "WRONG", what.c_str());
}
template <typename... Values>
std::string text(const char *format, Values... values) {
  char line[300];
  std::snprintf(line, sizeof line, format, values...);
  return line;
}

void check(ModelOptions options, unsigned width, unsigned height, int repeat) {
  const std::string device = options.device;
  options.device = "cpu";
  TorchModel cpu(options);
  options.device = device;
  TorchModel there(options);
  std::printf("%s on %s, %u×%u\n", options.path.c_str(), there.device().c_str(), width, height);

  // Whatever finds something will do.
  std::vector<std::uint8_t> pixels;
  RgbFrame frame;
  frame.width = width;
  frame.height = height;
  frame.stride = std::size_t(3) * width;
  Gradient expected;
  for (unsigned seed = 1; seed <= 30 && expected.elements == 0; ++seed) {
    pixels = picture(width, height, seed);
    frame.data = pixels.data();
    cpu.infer_for_gradient(frame);
    cpu.backward(expected);
  }
  say(expected.elements > 0, text("%u elements, z %.4f on the CPU", expected.elements, expected.z));

  // Numbers of 19 bits, which LibTorch lets cuDNN compute with, are no 1e-3.
  const auto compare = [&](bool tf32) {
    at::globalContext().setAllowTF32CuDNN(tf32);
    at::NoGradGuard no_grad;
    const double least = there.description().floor;
    const at::Tensor input = cpu.prepare(cpu.upload(frame));
    const Elements a = cpu.forward(input, least), b = there.forward(there.prepare(there.upload(frame)), least);
    return std::max(difference(a, b, least, input.sizes()), difference(b, a, least, input.sizes()));
  };
  const double elements = compare(false);
  say(elements <= kTolerance, text("elements differ by %.2g from the CPU's (at most %.0e)", elements, kTolerance));

  Gradient gradient;
  there.infer_for_gradient(frame);
  there.backward(gradient);
  double worst = 0, peak = 0;
  for (std::size_t i = 0; i < expected.map.values.size(); ++i) {
    worst = std::max(worst, std::abs(double(gradient.map.values[i]) - double(expected.map.values[i])));
    peak = std::max(peak, double(expected.map.values[i]));
  }
  say(peak > 0 && worst <= kTolerance * peak,
      text("DNNGrad differs by %.2g of its peak (at most %.0e)", worst / peak, kTolerance));

  // What crosses the bus.
  const Copies forward = copies_of([&] { there.infer_for_gradient(frame); });
  const Copies backward = copies_of([&] { there.backward(gradient); });
  const double frame_bytes = 3. * width * height, map_bytes = 4. * double(gradient.map.values.size());
  if (there.device() == "cpu") {
    say(!forward.within.empty() && forward.up.empty() && forward.down.empty() && backward.down.empty(),
        text("nothing crosses a bus: %zu copies on the way there, %zu on the way back, all within the CPU",
             forward.within.size(), backward.within.size()));
  } else {
    const auto frames = std::count_if(forward.up.begin(), forward.up.end(), [&](double b) { return b >= frame_bytes; });
    say(frames == 1 && sum(forward.up) < 2 * frame_bytes,
        text("the frame goes there once: %.0f bytes of %.0f", frame_bytes, sum(forward.up)));
    say(sum(backward.up) < frame_bytes / 10, text("on the way back %.0f bytes more go there", sum(backward.up)));
    // Besides the map: z, and how many elements are confident.
    say(greatest(backward.down) == map_bytes && sum(backward.down) <= map_bytes + 64,
        text("of the gradient the block map alone comes back: %.0f of %.0f bytes; of all pixels it would be %.0f",
             map_bytes, sum(backward.down), 4 * frame_bytes));
    at::globalContext().setAllowTF32CuDNN(true);
    std::printf("  with TF32, which is LibTorch's own choice, elements differ by %.2g\n", compare(true));
  }

  for (const auto &[name, method] :
       {std::pair{"exact", GradientMethod::Exact}, {"channel-mean", GradientMethod::ChannelMean}}) {
    there.set_gradient(method, GradientMemory::Exact);
    std::vector<double> plain, shares;
    for (int round = -2; round < repeat; ++round) {
      const double f = milliseconds([&] { there.infer(frame); });
      const double a = milliseconds([&] { there.infer_for_gradient(frame); });
      const double b = milliseconds([&] { there.backward(gradient); });
      if (round < 0) continue;
      plain.push_back(f);
      shares.push_back((a - f + b) / (10 * f));
    }
    std::printf("  %.1f frames/s; DNNGrad, %s: %.1f %% of inference at 10 frames an interval\n", 1e3 / median(plain),
                name, 100 * median(shares));
  }
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char **argv) {
  ModelOptions options;
  options.device = "cuda";
  unsigned width = 416, height = 416;
  int repeat = 20;
  std::vector<std::string> models;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const char *const value = i + 1 < argc ? argv[i + 1] : "";
    if (argument == "--device") {
      options.device = value;
    } else if (argument == "--size") {
      if (std::sscanf(value, "%ux%u", &width, &height) != 2) width = 0;
    } else if (argument == "--repeat") {
      repeat = std::atoi(value);
    } else if (argument == "--library") {
      options.operator_libraries.emplace_back(value);
    } else {
      models.push_back(argument);
      continue;
    }
    ++i;
  }
  if (models.empty() || !width || !height || repeat < 1) {
    std::fprintf(stderr, "usage: %s [--device NAME] [--size WIDTHxHEIGHT] [--repeat N] [--library FILE] MODEL.pt …\n",
                 argv[0]);
    return 2;
  }
  try {
    for (const std::string &model : models) {
      options.path = model;
      check(options, width, height, repeat);
    }
  } catch (const std::exception &e) {
    std::fprintf(stderr, "device-check: %s\n", e.what());
    return 1;
  }
  return failed ? 1 : 0;
}
