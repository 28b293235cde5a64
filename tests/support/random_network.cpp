// SPDX-License-Identifier: LGPL-2.1-or-later
#include "random_network.h"

#include <torch/script.h>

#include <cmath>
#include <functional>
#include <random>
#include <utility>

#include "central_differences.h"

namespace oneadapt_test {
namespace {

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

std::string to_tokens(Growing &g) {
  static const char *const ways[] = {"x.flatten(2).transpose(1, 2)", "x.permute([0, 2, 3, 1]).flatten(1, 2)",
                                     "torch.einsum(\"bcn->bnc\", [x.flatten(2)])"};
  return ways[g.pick(3)];
}

void to_map(Growing &g) {
  const std::string shape =
      "[1, " + Growing::of(g.channels) + ", " + Growing::of(g.rows) + ", " + Growing::of(g.columns) + "]";
  g.x(g.pick(2) ? "t.transpose(1, 2).reshape(" + shape + ")"
                : "t.reshape([1, " + Growing::of(g.rows) + ", " + Growing::of(g.columns) + ", " +
                      Growing::of(g.channels) + "]).permute([0, 3, 1, 2])");
}

/// `expression` of the tokens t, N×C each.
Grow on_tokens(std::function<void(Growing &)> work) {
  return [work](Growing &g) {
    g.line("t = " + to_tokens(g));
    work(g);
    to_map(g);
  };
}

Grow expression(const std::string &text) {
  return [text](Growing &g) { g.x(text); };
}

/// `text` has {} for the channels.
Grow with_channels(const std::string &text, bool weights) {
  return [text, weights](Growing &g) {
    std::string line = text;
    const auto put = [&](const std::string &what, const std::string &by) {
      for (auto at = line.find(what); at != std::string::npos; at = line.find(what)) line.replace(at, what.size(), by);
    };
    if (weights) {
      put("$w", g.near_one(g.channels));
      put("$b", g.near_zero(g.channels));
      put("$m", g.near_zero(g.channels));
      put("$v", g.near_one(g.channels));
    }
    put("{}", Growing::of(g.channels));
    put("$h", Growing::of(g.rows));
    put("$c", Growing::of(g.columns));
    g.x(line);
  };
}

const std::vector<Part> &norms() {
  static const std::vector<Part> all{
      {"batch norm", with_channels("torch.batch_norm(x, $w, $b, $m, $v, False, 0.0, 1e-5, False)", true)},
      {"instance norm", with_channels("torch.instance_norm(x, $w, $b, None, None, True, 0.0, 1e-5, False)", true)},
      {"group norm", with_channels("torch.group_norm(x, 2, $w, $b, 1e-5, False)", true)},
      {"layer norm of a map", with_channels("torch.layer_norm(x, [{}, $h, $c], None, None, 1e-5, False)", false)},
      {"layer norm of pixels",
       with_channels("torch.layer_norm(x.permute([0, 2, 3, 1]), [{}], $w, $b, 1e-5, False).permute([0, 3, 1, 2])",
                     true)},
      {"local response norm",
       expression("x / torch.pow(1.0 + torch.avg_pool3d(torch.square(x).unsqueeze(1), [3, 1, 1], [1, 1, 1], "
                  "[1, 0, 0], False, True).squeeze(1), 0.75)")},
      {"length norm", expression("3.0 * x / torch.sqrt(torch.sum(torch.square(x), [1], True) + 1e-3)")},
      {"mean and deviation",
       expression("(x - x.mean([2, 3], True)) / torch.sqrt(torch.var(x, [2, 3], False, True) + 1e-3)")},
  };
  return all;
}

const std::vector<Part> &activations() {
  static const std::vector<Part> all{
      {"relu", expression("torch.relu(x)")},
      {"leaky relu", expression("torch.leaky_relu(x, 0.1)")},
      {"silu", expression("torch.silu(x)")},
      {"gelu", expression("torch.gelu(x)")},
      {"gelu by tanh", expression("torch.gelu(x, approximate=\"tanh\")")},
      {"prelu", with_channels("torch.prelu(x, $w)", true)},
      {"logarithm of a softmax", expression("0.5 * torch.log_softmax(x, 1)")},
      {"sigmoid", expression("2.0 * torch.sigmoid(x)")},
      {"tanh", expression("torch.tanh(x)")},
      {"hard swish", expression("torch.hardswish(x)")},
      {"mish", expression("torch.mish(x)")},
      {"elu", expression("torch.elu(x)")},
      {"softplus", expression("torch.softplus(x)")},
      {"clamp", expression("torch.clamp(x, -1.5, 2.0)")},
      {"hard tanh", expression("torch.hardtanh(x, 0.0, 6.0)")},
      {"where", expression("torch.where(x > 0.2, x, 0.3 * torch.square(x))")},
      {"softmax of channels", expression("4.0 * torch.softmax(x, 1)")},
  };
  return all;
}

void halve(Growing &g) {
  g.rows /= 2;
  g.columns /= 2;
}

void pixel_shuffle(Growing &g) {
  g.conv(16, 1);
  g.x("torch.pixel_shuffle(x, 2)");
  g.channels = 4;
  g.rows *= 2;
  g.columns *= 2;
}

void focus(Growing &g) {
  if (g.rows % 2 || g.columns % 2) return;
  g.x("torch.cat([x[:, :, ::2, ::2], x[:, :, 1::2, ::2], x[:, :, ::2, 1::2], x[:, :, 1::2, 1::2]], 1)");
  g.channels *= 4;
  halve(g);
}

void squeeze_excite(Growing &g) {
  g.line("s = torch.adaptive_avg_pool2d(x, [1, 1])");
  g.line("s = torch.relu(torch.conv2d(s, " + g.weight({4, g.channels, 1, 1}) + "))");
  g.x("x * torch.hardsigmoid(torch.conv2d(s, " + g.weight({g.channels, 4, 1, 1}) + "))");
}

void split_and_join(Growing &g) {
  g.line("a, b = torch.chunk(x, 2, 1)");
  g.line("c = torch.silu(torch.conv2d(b, " + g.weight({g.channels / 2, g.channels / 2, 3, 3}) +
         ", None, [1, 1], [1, 1])) + b");
  g.x("torch.cat([a, b, c], 1)");
  g.channels = g.channels / 2 * 3;
}

/// Along one picture's own grid, a little turned.
void sample(Growing &g) {
  const std::string theta = g.keep(at::tensor({0.9f, 0.2f, 0.05f, -0.15f, 0.85f, 0.1f}).reshape({1, 2, 3}));
  g.x("torch.grid_sampler(x, torch.affine_grid_generator(" + theta + ", [1, " + Growing::of(g.channels) + ", " +
      Growing::of(g.rows) + ", " + Growing::of(g.columns) + "], False), " + Growing::of(g.pick(2) ? 0 : 2) + ", " +
      Growing::of(g.pick(3)) + ", False)");
}

void resize(Growing &g) {
  static const char *const ways[] = {
      "torch.upsample_nearest2d(x, $s, None)",         "torch._upsample_nearest_exact2d(x, $s, None)",
      "torch.upsample_bilinear2d(x, $s, False, None)", "torch.upsample_bilinear2d(x, $s, True, None)",
      "torch.upsample_bicubic2d(x, $s, False, None)",  "torch._upsample_bilinear2d_aa(x, $s, False, None)"};
  if (g.rows > 40) return;
  const std::int64_t times = 1 + g.pick(2);
  g.rows = g.rows * times + g.pick(2);
  g.columns = g.columns * times + g.pick(2);
  std::string text = ways[g.pick(6)];
  text.replace(text.find("$s"), 2, "[" + Growing::of(g.rows) + ", " + Growing::of(g.columns) + "]");
  g.x(text);
}

void transposed(Growing &g) {
  if (g.rows > 40) return;
  g.x("torch.conv_transpose2d(x, " + g.weight({g.channels, 8, 2, 2}) + ", None, [2, 2])");
  g.channels = 8;
  g.rows *= 2;
  g.columns *= 2;
}

void pool(Growing &g) {
  if (g.rows < 6 || g.columns < 6) return;
  static const char *const ways[] = {"torch.max_pool2d(x, [2, 2])", "torch.avg_pool2d(x, [2, 2])",
                                     "torch.max_pool2d(x, [3, 3], [2, 2], [1, 1])[:, :, :$h, :$c]",
                                     "torch.adaptive_avg_pool2d(x, [$h, $c])",
                                     "torch.adaptive_max_pool2d(x, [$h, $c])[0]"};
  halve(g);
  std::string text = ways[g.pick(5)];
  for (const auto &[what, value] : {std::pair<std::string, std::int64_t>{"$h", g.rows}, {"$c", g.columns}})
    if (const auto at = text.find(what); at != std::string::npos) text.replace(at, 2, Growing::of(value));
  g.x(text);
}

const std::vector<Part> &others() {
  static const std::vector<Part> all{
      {"convolution 3×3", [](Growing &g) { g.conv(8, 3); }},
      {"convolution 1×1", [](Growing &g) { g.conv(12, 1); }},
      {"strided convolution", [](Growing &g) { g.conv(16, 3, 2); }},
      {"dilated convolution", [](Growing &g) { g.conv(8, 3, 1, 1, 2); }},
      {"depthwise convolution", [](Growing &g) { g.conv(int(g.channels), 3, 1, int(g.channels)); }},
      {"transposed convolution", transposed},
      {"pool", pool},
      {"pools in a row", expression("torch.cat([x[:, :8], torch.max_pool2d(x, [5, 5], [1, 1], [2, 2])[:, 8:]], 1) + "
                                    "torch.avg_pool2d(x, [3, 3], [1, 1], [1, 1])")},
      {"resize", resize},
      {"pixel shuffle", pixel_shuffle},
      {"focus", focus},
      {"grid sampler", sample},
      {"squeeze and excitation", squeeze_excite},
      {"split and join", split_and_join},
      {"gate", expression("x * torch.sigmoid(x.roll([1, 2], [2, 3]))")},
      {"residual",
       [](Growing &g) {
         g.line("y = x");
         const std::int64_t before = g.channels;
         g.conv(before, 3);
         g.x("x + y");
       }},
      {"pads", expression("torch.replication_pad2d(torch.reflection_pad2d(x, [1, 1, 1, 1]), [1, 0, 0, 1])[:, :, 1:-2, "
                          "1:-2] * 1.1 + torch.constant_pad_nd(x, [1, 1, 1, 1], 0.5)[:, :, :-2, :-2]")},
      {"flips", expression("torch.flip(x, [2]) + 0.5 * x.flip([1, 3])")},
      {"channel shuffle",
       [](Growing &g) {
         if (g.channels % 2) g.conv(8, 1);
         g.x("x.view([1, 2, " + Growing::of(g.channels / 2) + ", " + Growing::of(g.rows) + ", " +
             Growing::of(g.columns) + "]).transpose(1, 2).reshape([1, " + Growing::of(g.channels) + ", " +
             Growing::of(g.rows) + ", " + Growing::of(g.columns) + "])");
       }},
      {"einsum of a map",
       [](Growing &g) {
         g.x("torch.einsum(\"bchw,dc->bdhw\", [x, " + g.weight({10, g.channels}) + "])");
         g.channels = 10;
       }},
      {"product with a map",
       [](Growing &g) {
         g.x("torch.matmul(" + g.weight({10, g.channels}) + ", x.flatten(2)).view([1, 10, " + Growing::of(g.rows) +
             ", " + Growing::of(g.columns) + "])");
         g.channels = 10;
       }},
      {"maxima of a neighbourhood", expression("x + torch.amax(x, [1], True) - torch.logsumexp(x, [1], True) * 0.5")},
      {"columns", expression("x * torch.cumsum(torch.softmax(x, 3), 3)")},
  };
  return all;
}

/// Queries, keys and values of the tokens t, in heads.
void attention(Growing &g, bool by_einsum) {
  if (g.tokens() > 400) {
    g.line("t = t * 1.1");
    return;
  }
  const std::int64_t width = g.channels;
  for (const char *name : {"q", "k", "v"})
    g.line(std::string(name) + " = torch.matmul(t, " + g.weight({width, 8}) + " ).reshape([1, " +
           Growing::of(g.tokens()) + ", 2, 4]).permute([0, 2, 1, 3])");
  if (by_einsum) {
    g.line("p = torch.softmax(torch.einsum(\"bhnd,bhmd->bhnm\", [q, k]) * 0.5, -1)");
    g.line("o = torch.einsum(\"bhnm,bhmd->bnhd\", [p, v]).flatten(2)");
  } else {
    g.line("o = torch.matmul(torch.softmax(torch.matmul(q, k.transpose(-2, -1)) / 2.0, -1), v)");
    g.line("o = o.permute([0, 2, 1, 3]).reshape([1, " + Growing::of(g.tokens()) + ", 8])");
  }
  g.line("t = t + torch.matmul(o, " + g.weight({8, width}) + ")");
}

const std::vector<Part> &token_parts() {
  static const std::vector<Part> all{
      {"linear layer", on_tokens([](Growing &g) {
         g.line("t = torch.relu(torch.matmul(t, " + g.weight({g.channels, 12}) + ") + " + g.near_zero(12) + ")");
         g.channels = 12;
       })},
      {"linear function", on_tokens([](Growing &g) {
         g.line("t = torch.linear(t, " + g.weight({12, g.channels}) + ", " + g.near_zero(12) + ")");
         g.channels = 12;
       })},
      {"layer norm of tokens", on_tokens([](Growing &g) {
         g.line("t = torch.layer_norm(t, [" + Growing::of(g.channels) + "], " + g.near_one(g.channels) + ", " +
                g.near_zero(g.channels) + ", 1e-5, False)");
       })},
      {"attention", on_tokens([](Growing &g) { attention(g, false); })},
      {"attention by einsum", on_tokens([](Growing &g) { attention(g, true); })},
      {"batch norm of tokens", on_tokens([](Growing &g) {
         g.line("t = torch.batch_norm(t.transpose(1, 2), " + g.near_one(g.channels) + ", " + g.near_zero(g.channels) +
                ", " + g.near_zero(g.channels) + ", " + g.near_one(g.channels) +
                ", False, 0.0, 1e-5, False).transpose(1, 2)");
       })},
      {"convolution of tokens", on_tokens([](Growing &g) {
         g.line("t = torch.conv1d(t.transpose(1, 2), " + g.weight({g.channels, g.channels, 3}) +
                ", None, [1], [1]).transpose(1, 2)");
       })},
      {"instance norm of tokens", on_tokens([](Growing &g) {
         g.line("t = torch.instance_norm(t.transpose(1, 2), " + g.near_one(g.channels) + ", " +
                g.near_zero(g.channels) + ", None, None, True, 0.0, 1e-5, False).transpose(1, 2)");
       })},
      {"mean over tokens",
       on_tokens([](Growing &g) { g.line("t = t - t.mean([1], True) + torch.std(t, [2], True, True)"); })},
  };
  return all;
}

std::vector<const Part *> all_parts() {
  std::vector<const Part *> all;
  for (const auto *parts : {&norms(), &activations(), &others(), &token_parts()})
    for (const Part &part : *parts) all.push_back(&part);
  return all;
}

/// Scores of every place, however they come there.
void head(Growing &g) {
  const std::string weight = g.weight({3, g.channels});
  static const char *const ways[] = {
      "t = torch.matmul(x.flatten(2).transpose(1, 2), $w.t())[0]",
      "t = torch.einsum(\"bchw,kc->bhwk\", [x, $w]).reshape([-1, 3])",
      "t = torch.conv2d(x, $w.view([3, -1, 1, 1])).permute([0, 2, 3, 1]).reshape([-1, 3])",
      "t = torch.matmul($w, x.flatten(2))[0].t()"};
  std::string line = ways[g.pick(4)];
  line.replace(line.find("$w"), 2, weight);
  g.line(line);
  g.line("s = torch.sigmoid(t - 0.5).max(1)[0]");
  g.line("i = torch.arange(s.size(0), device=x.device, dtype=x.dtype) * 10");
  g.line("return torch.stack([i, i, i + 5, i + 5], 1), s, torch.zeros([s.size(0)], dtype=4, device=x.device)");
}

const char *const kDescription = R"({"format": 1, "input": {"width": $w, "height": $h},
  "output": {"layout": "boxes", "boxes": [0], "scores": [1], "labels": 2, "nms_iou": 1},
  "labels": ["a"], "slope": 4, "floor": 0})";

void grow(Growing &g, const Part &part, RandomNetwork &network) {
  network.kinds.insert(part.kind);
  part.grow(g);
}

}  // namespace

std::vector<std::string> network_kinds() {
  std::vector<std::string> names;
  for (const Part *part : all_parts()) names.push_back(part->kind);
  return names;
}

RandomNetwork save_random_network(const TemporaryFolder &folder, unsigned seed, const std::string &part) {
  RandomNetwork network;
  std::mt19937 sizes(seed);
  // Large maps are treated in other ways than small ones.
  const bool large = sizes() % 3 == 0;
  network.width = large ? 160 : 48;
  network.height = large ? 128 : 32;
  Growing g(seed, network.width, network.height);
  const auto any = [&](const std::vector<Part> &parts) -> const Part & {
    return parts[std::size_t(g.pick(int(parts.size())))];
  };
  g.conv(16, large ? 3 : 4, large ? 2 : 4);
  const int depth = 2 + g.pick(4), wanted = g.pick(depth);
  for (int i = 0; i < depth; ++i) {
    for (const Part *each : all_parts())
      if (i == wanted && part == each->kind) grow(g, *each, network);
    grow(g, any(norms()), network);
    if (g.pick(2)) grow(g, any(activations()), network);
    grow(g, any(g.pick(3) ? others() : token_parts()), network);
  }
  head(g);
  network.source = "def forward(self, x):\n" + g.lines;
  g.module.define(network.source);
  std::string description = kDescription;
  description.replace(description.find("$w"), 2, std::to_string(network.width));
  description.replace(description.find("$h"), 2, std::to_string(network.height));
  torch::jit::ExtraFilesMap extra{{"oneadapt.json", description}};
  network.single = folder.file("single.pt");
  network.twice = folder.file("twice.pt");
  g.module.save(network.single, extra);
  g.module.to(at::kDouble);
  g.module.save(network.twice, extra);
  return network;
}

GradientCheck check_gradient(const RandomNetwork &network, const std::string &plan, unsigned seed) {
  oneadapt::ModelOptions options;
  options.device = "cpu";
  options.plan = plan;
  options.path = network.single;
  oneadapt::TorchModel model(options);
  options.path = network.twice;
  options.plan = "plain";
  oneadapt::TorchModel exact(options);
  at::manual_seed(seed);
  const at::Tensor y = at::rand({1, 3, network.height, network.width});
  double z = 0;
  model.run_for_gradient(y.clone());
  const at::Tensor g = model.pixel_gradient(z).contiguous().to(at::kDouble);
  const at::Tensor precise = y.to(at::kDouble);
  const double expected = z_of(exact, precise);
  const double off = std::abs(z - expected) / (1 + std::abs(expected));
  // Half of the places are at random: those that the gradient says nothing of may count all the same.
  std::vector<std::int64_t> where;
  const at::Tensor greatest = std::get<1>(g.view(-1).topk(8));
  for (std::int64_t i = 0; i < greatest.numel(); ++i) where.push_back(greatest[i].item<std::int64_t>());
  std::mt19937 random(seed);
  for (int i = 0; i < 16; ++i) where.push_back(std::int64_t(random() % std::size_t(y.numel())));
  Agreement agreement;
  for (const std::int64_t i : where)
    agreement.add(central_difference(exact, precise, i, 1e-6), g.view(-1)[i].item<double>());
  return {agreement.relative_error(), std::sqrt(agreement.norm), off};
}

}  // namespace oneadapt_test
