// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/convolution_gradient.h"

#include <ATen/Context.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <c10/core/SymInt.h>
#include <torch/csrc/autograd/generated/Functions.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace oneadapt {
namespace {

namespace ag = torch::autograd;
namespace made = torch::autograd::generated;

/// Of all places, the share up to which it pays to take them one by one, and how many must be there at all.
constexpr std::int64_t kSparse = 4, kPlaces = 400;
/// Places are taken by so many at once, so that oneDNN meets few sizes: it compiles a program for each.
constexpr std::int64_t kTogether = 64;
/// Channels of a picture, and more.
constexpr std::int64_t kFewChannels = 4;
constexpr auto kChannelsLast = at::MemoryFormat::ChannelsLast;

// LibTorch 2 has symbolic integers where 1.13 has some plain ones.
[[maybe_unused]] std::int64_t plain(std::int64_t value) { return value; }
[[maybe_unused]] std::int64_t plain(const c10::SymInt &value) { return value.expect_int(); }
/// One for height and one for width; a single number stands for both.
template <typename Integers>
std::vector<std::int64_t> two(const Integers &values) {
  std::vector<std::int64_t> result;
  for (const auto &value : values) result.push_back(plain(value));
  if (result.size() == 1) result.push_back(result[0]);
  return result;
}

/// A 2D convolution, as its node has it.
struct Convolution {
  at::Tensor weight;             ///< outputs × inputs of a group × height × width
  std::vector<std::int64_t> in;  ///< sizes of its input, batch × channels × height × width
  std::vector<std::int64_t> stride, padding, dilation;
  std::int64_t groups = 1;
};

/// What the nodes of convolution() and mkldnn_convolution() have alike.
template <typename Node>
Convolution read(Node &node, ag::SavedVariable &input, const std::shared_ptr<ag::Node> &self) {
  Convolution c;
  c.weight = node.weight_.unpack(self);
  c.in = input.unpack(self).sizes().vec();
  c.stride = two(node.stride);
  c.padding = two(node.padding);
  c.dilation = two(node.dilation);
  c.groups = plain(node.groups);
  return c;
}

/// `weight` is undefined where `node` is none.
Convolution convolution_of(ag::Node &node, const at::Tensor &g) {
  if (g.dim() != 4) return {};
  Convolution c;
  if (auto *const n = dynamic_cast<made::ConvolutionBackward0 *>(&node)) {
    if (!n->transposed) c = read(*n, n->input_, node.shared_from_this());
  } else if (auto *const m = dynamic_cast<made::MkldnnConvolutionBackward0 *>(&node)) {
    c = read(*m, m->self_, node.shared_from_this());
  }
  return c.weight.defined() && c.weight.dim() == 4 ? c : Convolution();
}

/// A 1×1 convolution. LibTorch's own choice would be its matrix product where it runs on one thread, and that goes to a
/// reference BLAS on Debian.
at::Tensor product(const at::Tensor &x, const at::Tensor &weight) {
  const std::vector<std::int64_t> one{1, 1}, none{0, 0};
  if (x.scalar_type() == at::kFloat && at::hasMKLDNN() && at::globalContext().userEnabledMkldnn())
    return at::mkldnn_convolution(x, weight, {}, none, one, one, 1);
  return at::conv2d(x, weight, at::Tensor(), one, none, one, 1);
}

/// The places (row · columns + column) where any channel is not zero; none, where that are too many to be worth it.
/// `g` has the channels of a place side by side.
template <typename Scalar>
std::optional<std::vector<std::int64_t>> places(const Scalar *g, std::int64_t channels, std::int64_t count) {
  std::vector<std::int64_t> result;
  for (std::int64_t i = 0; i < count; ++i) {
    const Scalar *const place = g + i * channels;
    if (std::all_of(place, place + channels, [](Scalar value) { return value == 0; })) continue;
    result.push_back(i);
    if (std::int64_t(result.size()) * kSparse > count) return std::nullopt;
  }
  return result;
}

/// Where `g`, channels last, is zero at most places; undefined elsewhere. The result's channels are last, too.
template <typename Scalar>
at::Tensor from_places(const Convolution &c, const at::Tensor &g) {
  const std::int64_t outputs = g.size(1), rows = g.size(2), columns = g.size(3);
  const std::int64_t inputs = c.in[1], height = c.in[2], width = c.in[3];
  const std::int64_t taps_down = c.weight.size(2), taps_across = c.weight.size(3), taps = taps_down * taps_across;
  const Scalar *const from = g.data_ptr<Scalar>();
  const auto where = places(from, outputs, rows * columns);
  if (!where) return {};
  at::Tensor result = at::empty(c.in, g.options().memory_format(kChannelsLast)).zero_();
  if (where->empty()) return result;

  // What stands at those places, times the weights: places × (taps · inputs).
  const auto n = std::int64_t(where->size()), padded = (n + kTogether - 1) / kTogether * kTogether;
  const at::Tensor gathered = at::zeros({padded, outputs, 1, 1}, g.options());
  Scalar *const into = gathered.data_ptr<Scalar>();
  for (std::int64_t j = 0; j < n; ++j)
    std::copy_n(from + (*where)[std::size_t(j)] * outputs, outputs, into + j * outputs);
  const at::Tensor weights = c.weight.permute({0, 2, 3, 1}).reshape({1, outputs, 1, taps * inputs});
  const at::Tensor shares = product(weights, gathered).contiguous();

  // Each share to where its tap looked.
  std::vector<std::int64_t> to(std::size_t(n * taps));
  for (std::int64_t j = 0; j < n; ++j)
    for (std::int64_t t = 0; t < taps; ++t) {
      const std::int64_t at = (*where)[std::size_t(j)];
      const std::int64_t y = at / columns * c.stride[0] - c.padding[0] + t / taps_across * c.dilation[0];
      const std::int64_t x = at % columns * c.stride[1] - c.padding[1] + t % taps_across * c.dilation[1];
      to[std::size_t(j * taps + t)] = y < 0 || y >= height || x < 0 || x >= width ? -1 : y * width + x;
    }
  const Scalar *const share = shares.data_ptr<Scalar>();
  Scalar *const out = result.data_ptr<Scalar>();
  at::parallel_for(0, inputs, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t k = 0; k < n * taps; ++k) {
      const std::int64_t at = to[std::size_t(k)];
      if (at < 0) continue;
      for (std::int64_t i = begin; i < end; ++i) out[at * inputs + i] += share[k * inputs + i];
    }
  });
  return result;
}

/// To an input of few channels, row by row of the window: the weights' shares, laid over one another.
at::Tensor to_few_channels(const Convolution &c, const at::Tensor &g) {
  const std::int64_t inputs = c.in[1], down = c.weight.size(2), across = c.weight.size(3);
  // Wide enough for all that any tap reaches.
  const std::int64_t rows = g.size(2), columns = g.size(3);
  const auto reach = [](std::int64_t size, std::int64_t stride, std::int64_t taps, std::int64_t dilation) {
    return (size - 1) * stride + (taps - 1) * dilation + 1;
  };
  const std::int64_t height = std::max(reach(rows, c.stride[0], down, c.dilation[0]), c.in[2] + c.padding[0]);
  const std::int64_t width = std::max(reach(columns, c.stride[1], across, c.dilation[1]), c.in[3] + c.padding[1]);
  at::Tensor sum = at::zeros({1, inputs, height, width}, g.options());
  for (std::int64_t y = 0; y < down; ++y) {
    const at::Tensor kernel = c.weight.select(2, y).permute({2, 1, 0});  // across × inputs × outputs
    const at::Tensor shares = product(g, kernel.reshape({across * inputs, g.size(1), 1, 1}));
    for (std::int64_t x = 0; x < across; ++x) {
      const std::int64_t top = y * c.dilation[0], left = x * c.dilation[1];
      sum.slice(2, top, top + (rows - 1) * c.stride[0] + 1, c.stride[0])
          .slice(3, left, left + (columns - 1) * c.stride[1] + 1, c.stride[1])
          .add_(shares.narrow(1, x * inputs, inputs));
    }
  }
  return sum.slice(2, c.padding[0], c.padding[0] + c.in[2]).slice(3, c.padding[1], c.padding[1] + c.in[3]).contiguous();
}

}  // namespace

at::Tensor short_convolution_gradient(ag::Node &node, const at::Tensor &g) {
  if (!g.is_cpu() || (g.scalar_type() != at::kFloat && g.scalar_type() != at::kDouble)) return {};
  const Convolution c = convolution_of(node, g);
  if (!c.weight.defined() || c.groups != 1 || g.size(0) != 1 || c.weight.scalar_type() != g.scalar_type()) return {};
  const std::int64_t count = g.size(2) * g.size(3);
  // A dense one shows in its first channel.
  if (count >= kPlaces && g.select(1, 0).count_nonzero().item<std::int64_t>() * kSparse <= count) {
    const at::Tensor pixels = g.contiguous(kChannelsLast);
    const at::Tensor result =
        g.scalar_type() == at::kFloat ? from_places<float>(c, pixels) : from_places<double>(c, pixels);
    if (result.defined()) return g.is_contiguous(kChannelsLast) ? result : result.contiguous();
  }
  if (c.in[1] <= kFewChannels) return to_few_channels(c, g);
  const auto all = [](const std::vector<std::int64_t> &values, std::int64_t value) {
    return values[0] == value && values[1] == value;
  };
  const bool pointwise = c.weight.size(2) == 1 && c.weight.size(3) == 1 && all(c.stride, 1) && all(c.padding, 0);
  return pointwise ? product(g, c.weight.transpose(0, 1)) : at::Tensor();
}

at::Tensor mean_over_channels(ag::Node &node, const at::Tensor &g) {
  const Convolution c = convolution_of(node, g);
  if (!c.weight.defined()) return {};
  const std::int64_t outputs = c.weight.size(0) / c.groups, batch = g.size(0);
  const std::int64_t window = c.weight.size(2) * c.weight.size(3);
  // Each result's share for each place of its window, laid over one another: a 1×1 convolution and col2im. LibTorch's
  // transposed convolution to few channels is several times slower.
  const at::Tensor kernel = c.weight.square().mean(1).reshape({c.groups, outputs, window}).transpose(1, 2);
  const std::vector<std::int64_t> one{1, 1}, none{0, 0};
  const at::Tensor columns = at::conv2d(g.square(), kernel.reshape({c.groups * window, outputs, 1, 1}), at::Tensor(),
                                        one, none, one, c.groups);
  const at::Tensor squares = at::col2im(columns.flatten(2), at::IntArrayRef(c.in).slice(2), c.weight.sizes().slice(2),
                                        c.dilation, c.padding, c.stride);
  return squares.sqrt_()
      .unsqueeze(2)
      .expand({batch, c.groups, c.weight.size(1), c.in[2], c.in[3]})
      .reshape({batch, c.groups * c.weight.size(1), c.in[2], c.in[3]});
}

}  // namespace oneadapt
