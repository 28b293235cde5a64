// SPDX-License-Identifier: LGPL-2.1-or-later
// What networks made at random grow from (random_network.h).
#pragma once
#include <torch/script.h>

#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace oneadapt_test {

/// A network that grows part by part. `x` is a map 1×C×H×W all the time; parts that work on tokens come back to it.
class Growing {
 public:
  Growing(unsigned seed, std::int64_t width, std::int64_t height)
      : random(seed), channels(3), rows(height), columns(width) {
    at::manual_seed(seed);
  }

  std::mt19937 random;
  std::int64_t channels, rows, columns;
  std::string lines;
  torch::jit::Module module{"Model"};

  std::int64_t tokens() const { return rows * columns; }
  int pick(int count) { return int(random() % unsigned(count)); }
  void line(const std::string &text) { lines += "    " + text + "\n"; }
  void x(const std::string &expression) { line("x = " + expression); }

  /// A buffer's name.
  std::string keep(const at::Tensor &tensor) {
    const std::string name = "w" + std::to_string(count_++);
    module.register_buffer(name, tensor);
    return "self." + name;
  }
  /// Weights that keep the variance of what goes through them.
  std::string weight(const std::vector<std::int64_t> &shape) {
    std::int64_t fan = 1;
    for (std::size_t i = 1; i < shape.size(); ++i) fan *= shape[i];
    return keep(at::randn(shape) * std::sqrt(1.6 / double(fan)));
  }
  std::string near_one(std::int64_t n) { return keep(at::rand({n}) + 0.5); }
  std::string near_zero(std::int64_t n) { return keep(at::randn({n}) * 0.3); }
  static std::string of(std::int64_t number) { return std::to_string(number); }

  void conv(std::int64_t out, int kernel, int stride = 1, int groups = 1, int dilation = 1) {
    const int padding = dilation * (kernel / 2);
    x("torch.conv2d(x, " + weight({out, channels / groups, kernel, kernel}) + ", " + near_zero(out) + ", [" +
      of(stride) + ", " + of(stride) + "], [" + of(padding) + ", " + of(padding) + "], [" + of(dilation) + ", " +
      of(dilation) + "], " + of(groups) + ")");
    channels = out;
    const std::int64_t reach = dilation * (kernel - 1) + 1;
    rows = (rows + 2 * padding - reach) / stride + 1;
    columns = (columns + 2 * padding - reach) / stride + 1;
  }

 private:
  int count_ = 0;
};

using Grow = std::function<void(Growing &)>;
struct Part {
  const char *kind;
  Grow grow;
};

const std::vector<Part> &norms();
const std::vector<Part> &activations();
const std::vector<Part> &others();
const std::vector<Part> &token_parts();

}  // namespace oneadapt_test
