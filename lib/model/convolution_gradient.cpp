// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/convolution_gradient.h"

#include <ATen/Context.h>
#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <c10/core/SymInt.h>
#include <torch/csrc/autograd/generated/Functions.h>

#include <algorithm>
#include <cstdint>
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

/// `weight` is undefined where `node` is none.
Convolution convolution_of(ag::Node &node, const at::Tensor &g) {
  Convolution c;
  auto *const n = dynamic_cast<made::ConvolutionBackward0 *>(&node);
  if (!n || n->transposed || g.dim() != 4) return c;
  const auto self = node.shared_from_this();
  const at::Tensor weight = n->weight_.unpack(self);
  if (weight.dim() != 4) return c;
  c.in = n->input_.unpack(self).sizes().vec();
  c.stride = two(n->stride);
  c.padding = two(n->padding);
  c.dilation = two(n->dilation);
  c.groups = plain(n->groups);
  c.weight = weight;
  return c;
}

/// A 1×1 convolution. LibTorch's own choice would be its matrix product where it runs on one thread, and that goes to a
/// reference BLAS on Debian.
at::Tensor product(const at::Tensor &x, const at::Tensor &weight) {
  const std::vector<std::int64_t> one{1, 1}, none{0, 0};
  if (x.scalar_type() == at::kFloat && at::hasMKLDNN() && at::globalContext().userEnabledMkldnn())
    return at::mkldnn_convolution(x, weight, {}, none, one, one, 1);
  return at::conv2d(x, weight, at::Tensor(), one, none, one, 1);
}

/// The places (row · columns + column) where any channel is not zero; all of them are not worth it: then none, and
/// `few` is false.
template <typename Scalar>
std::vector<std::int64_t> places(const Scalar *g, std::int64_t channels, std::int64_t count, bool &few) {
  std::vector<std::uint8_t> any(std::size_t(count), 0);
  few = false;
  for (std::int64_t c = 0; c < channels; ++c) {
    const Scalar *const plane = g + c * count;
    for (std::int64_t i = 0; i < count; ++i) any[std::size_t(i)] |= std::uint8_t(plane[i] != 0);
    if (c % 16 != 15) continue;
    std::int64_t found = 0;
    for (const std::uint8_t a : any) found += a;
    if (found * kSparse > count) return {};
  }
  std::vector<std::int64_t> result;
  for (std::int64_t i = 0; i < count; ++i)
    if (any[std::size_t(i)]) result.push_back(i);
  few = std::int64_t(result.size()) * kSparse <= count;
  return result;
}

/// Where `g` is zero at most places; undefined elsewhere.
template <typename Scalar>
at::Tensor from_places(const Convolution &c, const at::Tensor &g) {
  const std::int64_t outputs = g.size(1), rows = g.size(2), columns = g.size(3), count = rows * columns;
  const std::int64_t inputs = c.in[1], height = c.in[2], width = c.in[3];
  const std::int64_t taps_down = c.weight.size(2), taps_across = c.weight.size(3), taps = taps_down * taps_across;
  const Scalar *const from = g.data_ptr<Scalar>();
  bool few = false;
  const std::vector<std::int64_t> where = places(from, outputs, count, few);
  if (!few) return {};
  at::Tensor result = at::zeros(c.in, g.options());
  if (where.empty()) return result;

  // What stands at those places, times the weights: places × (inputs · taps).
  const auto n = std::int64_t(where.size()), padded = (n + kTogether - 1) / kTogether * kTogether;
  const at::Tensor gathered = at::zeros({padded, outputs, 1, 1}, g.options());
  Scalar *const into = gathered.data_ptr<Scalar>();
  for (std::int64_t j = 0; j < n; ++j)
    for (std::int64_t o = 0; o < outputs; ++o) into[j * outputs + o] = from[o * count + where[std::size_t(j)]];
  const at::Tensor shares = product(c.weight.reshape({1, outputs, 1, inputs * taps}), gathered).contiguous();

  // Each share to where its tap looked.
  std::vector<std::int64_t> to(std::size_t(n * taps));
  for (std::int64_t j = 0; j < n; ++j)
    for (std::int64_t t = 0; t < taps; ++t) {
      const std::int64_t y =
          where[std::size_t(j)] / columns * c.stride[0] - c.padding[0] + t / taps_across * c.dilation[0];
      const std::int64_t x =
          where[std::size_t(j)] % columns * c.stride[1] - c.padding[1] + t % taps_across * c.dilation[1];
      to[std::size_t(j * taps + t)] = y < 0 || y >= height || x < 0 || x >= width ? -1 : y * width + x;
    }
  const Scalar *const share = shares.data_ptr<Scalar>();
  Scalar *const out = result.data_ptr<Scalar>();
  at::parallel_for(0, inputs, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      for (std::int64_t j = 0; j < n; ++j)
        for (std::int64_t t = 0; t < taps; ++t)
          if (const std::int64_t at = to[std::size_t(j * taps + t)]; at >= 0)
            out[i * height * width + at] += share[(j * inputs + i) * taps + t];
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
    const at::Tensor planes = g.contiguous();
    const at::Tensor result =
        g.scalar_type() == at::kFloat ? from_places<float>(c, planes) : from_places<double>(c, planes);
    if (result.defined()) return result;
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
