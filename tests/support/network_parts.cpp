// SPDX-License-Identifier: LGPL-2.1-or-later
// Parts that work on maps.
#include <utility>

#include "growing_network.h"

namespace oneadapt_test {
namespace {

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

/// Where it is read depends on the map itself.
void sample_by_itself(Growing &g) {
  g.line("g = torch.tanh(torch.conv2d(x, " + g.weight({2, g.channels, 1, 1}) + ")).permute([0, 2, 3, 1]) * 0.8");
  g.x("x + torch.grid_sampler(x, g, 0, " + Growing::of(g.pick(3)) + ", False)");
}

void pool_with_ceil(Growing &g) {
  if (g.rows < 6 || g.columns < 6) return;
  halve(g);
  g.x("torch.avg_pool2d(x, [3, 3], [2, 2], [1, 1], True, " + std::string(g.pick(2) ? "True" : "False") +
      ")[:, :, :" + Growing::of(g.rows) + ", :" + Growing::of(g.columns) + "]");
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

}  // namespace

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
      {"where", expression("torch.where(x > 0.2, x, 0.188 + 0.3 * torch.square(x))")},
      {"softmax of channels", expression("4.0 * torch.softmax(x, 1)")},
      {"erf", expression("torch.erf(x)")},
      {"softsign", expression("2.0 * x / (1.0 + torch.abs(x))")},
      {"celu", expression("torch.celu(x, 0.8)")},
      {"selu", expression("torch.selu(x)")},
      {"trigonometry", expression("torch.sin(x) + 0.5 * torch.cos(2.0 * x) * torch.atan(x)")},
      {"hyperbolic functions", expression("torch.asinh(x) + 0.5 * torch.sinh(torch.clamp(x, -1.0, 1.0))")},
      {"exponential and logarithm", expression("torch.log(1.0 + torch.exp(-torch.abs(x))) + torch.relu(x)")},
      {"powers", expression("torch.pow(torch.abs(x) + 0.1, 1.5) * torch.rsqrt(1.0 + torch.square(x))")},
      {"reciprocal", expression("2.0 * x * torch.reciprocal(1.5 + torch.square(x))")},
      {"extrema of two", expression("torch.maximum(torch.minimum(x, 0.8 * x.flip([3])), -torch.square(x))")},
      {"interpolation", expression("torch.lerp(x, x.flip([2]), 0.3)")},
  };
  return all;
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
      {"best of a row", expression("x + 0.5 * x.gather(3, torch.argmax(x, 3, True).expand_as(x))")},
      {"order of a row", with_channels("x + 0.5 * torch.topk(x, $c, 3)[0]", false)},
      {"scattered", with_channels("x + torch.scatter_add(torch.zeros_like(x), 3, torch.flip(torch.arange($c), "
                                  "[0]).view([1, 1, 1, -1]).expand_as(x), 0.5 * x)",
                                  false)},
      {"chosen rows", with_channels("x + torch.index_select(x, 2, torch.flip(torch.arange($h), [0])) * "
                                    "torch.index_select(x, 3, torch.zeros([$c], dtype=4))",
                                    false)},
      {"written slices",
       [](Growing &g) {
         g.line("y = x * 1.0");
         g.line("y[:, :, ::2] = torch.tanh(x[:, :, ::2])");
         g.x("y");
       }},
      {"repeated", with_channels("x * x.mean([2, 3], True).expand_as(x) + torch.repeat_interleave(x, 2, 3)[:, :, :, "
                                 "1:$c + 1] + torch.tile(x, [1, 1, 2, 1])[:, :, 1:$h + 1]",
                                 false)},
      {"extrema of axes", expression("x + torch.amin(x, [2], True) - torch.amax(x, [3], True) + 0.2 * "
                                     "torch.prod(0.5 * torch.tanh(x[:, :3]) + 1.0, 1, True)")},
      {"lengths of axes", expression("x / (0.5 + x.abs().mean([1], True) + 0.1 * "
                                     "torch.sqrt(torch.sum(torch.square(x), [2, 3], True) + 1e-6))")},
      {"dilated pool",
       expression("torch.max_pool2d(torch.constant_pad_nd(x, [1, 1, 1, 1]), [3, 3], [1, 1], [1, 1], [2, 2])")},
      {"pool with ceil", pool_with_ceil},
      {"greatest of a map", expression("x * torch.sigmoid(torch.amax(x, [2, 3], True))")},
      {"grouped transposed convolution",
       [](Growing &g) {
         g.x("torch.conv_transpose2d(x, " + g.weight({g.channels, 1, 3, 3}) + ", None, [1, 1], [1, 1], [0, 0], " +
             Growing::of(g.channels) + ")");
       }},
      {"grid sampler by the map", sample_by_itself},
  };
  return all;
}

}  // namespace oneadapt_test
