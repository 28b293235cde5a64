// SPDX-License-Identifier: LGPL-2.1-or-later
// Convolutions, pools, resizes, batch normalisation: whatever knows height, width and channels.
#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "operators.h"

namespace oneadapt::import {
namespace {

/// A 4-d operator's data format: how the graph sees a picture that lies in memory as NCHW.
struct Format {
  bool nhwc = true;
  Dims perm() const { return nhwc ? Dims{0, 2, 3, 1} : Dims{}; }
  /// Height's and width's entries of a list with one entry a dimension.
  std::array<std::int64_t, 2> spatial(const Context &context, const Dims &list) const {
    if (list.size() != 4) context.fail("expects four numbers in strides, dilations and ksize");
    return nhwc ? std::array<std::int64_t, 2>{list[1], list[2]} : std::array<std::int64_t, 2>{list[2], list[3]};
  }
};

Format format_of(const Context &context) {
  const auto text = context.node.text("data_format", "NHWC");
  if (text != "NHWC" && text != "NCHW") context.fail("the data format " + text + " is not supported");
  return {text == "NHWC"};
}

using Pads = std::array<std::int64_t, 4>;  ///< top, bottom, left, right

/// The sliding window of a convolution or pool.
struct Window {
  std::array<std::int64_t, 2> kernel{1, 1}, stride{1, 1}, dilation{1, 1};
};

/// What TensorFlow's padding rule comes to for the given input size.
Pads same_pads(const Window &window, std::int64_t height, std::int64_t width) {
  Pads pads{};
  const std::int64_t sizes[] = {height, width};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t reach = (window.kernel[i] - 1) * window.dilation[i] + 1;
    const std::int64_t steps = (sizes[i] + window.stride[i] - 1) / window.stride[i];
    const std::int64_t total = std::max<std::int64_t>((steps - 1) * window.stride[i] + reach - sizes[i], 0);
    pads[2 * i] = total / 2;
    pads[2 * i + 1] = total - total / 2;
  }
  return pads;
}

Pads rule_pads(Context &context, const Format &format, const Window &window, const Value &x) {
  const auto rule = context.node.text("padding", "VALID");
  if (rule == "VALID") return {};
  if (rule == "EXPLICIT") {
    const Dims list = context.node.ints("explicit_paddings");
    if (list.size() != 8) context.fail("explicit_paddings must have eight numbers");
    const std::size_t at = format.nhwc ? 2 : 4;
    return {list[at], list[at + 1], list[at + 2], list[at + 3]};
  }
  if (rule != "SAME") context.fail("the padding " + rule + " is not supported");
  const auto for_probe = [&](std::size_t probe) {
    const Dims shape = x.shape(probe);
    return format.nhwc ? same_pads(window, shape.at(1), shape.at(2)) : same_pads(window, shape.at(2), shape.at(3));
  };
  const Pads pads = for_probe(0);
  if (context.source.dynamic() && !x.is_constant())
    for (std::size_t probe = 1; probe < context.source.probes(); ++probe)
      if (for_probe(probe) != pads) context.not_convolutional("pads in a way that depends on the size of the picture");
  return pads;
}

/// The picture in NCHW and the symmetric pads that the operator has to apply itself; other pads are emitted.
/// `own_value`: what the operator itself pads with.
std::pair<std::string, Dims> padded_picture(Context &context, const Format &format, Pads pads, double own_value,
                                            const Window &limit) {
  Source &source = context.source;
  Value x = context.input(0);
  if (x.is_constant()) {
    const std::string var = source.stored(x, format.perm());
    x = source.emit(var, format.perm());
  }
  if (x.perm != format.perm()) {
    source.apply_pads(x);
    const std::string var = source.stored(x, format.perm());
    if (var != x.var) x = source.emit(var, format.perm());
    x.perm = format.perm();
  }
  const bool lowest = own_value < 0;
  const auto joins = [&] {
    if (x.pads.empty()) return true;
    if (x.pads[0] || x.pads[1] || x.pads[2] || x.pads[3]) return false;
    return lowest ? x.pad_value <= own_value : x.pad_value == own_value;
  };
  if (!joins()) source.apply_pads(x);
  for (std::size_t i = 0; i < 4 && !x.pads.empty(); ++i) pads[i] += x.pads[4 + i];
  x.pads.clear();
  // A pool of LibTorch pads by half its window at most.
  const bool symmetric = pads[0] == pads[1] && pads[2] == pads[3] && pads[0] >= 0 && pads[2] >= 0 &&
                         pads[0] <= limit.kernel[0] / 2 && pads[2] <= limit.kernel[1] / 2;
  if (symmetric) return {x.var, {pads[0], pads[2]}};
  x.pads = {0, 0, 0, 0, pads[0], pads[1], pads[2], pads[3]};
  x.pad_value = own_value;
  source.apply_pads(x);
  return {x.var, {0, 0}};
}

constexpr double zero = 0.0, lowest_value = -3.4e38;
const Window any_pads{{1 << 20, 1 << 20}, {}, {}};

Values convolution(Context &context) {
  const bool depthwise = context.node.op.find("epthwise") != std::string::npos;
  const Format format = format_of(context);
  Value &x = context.input(0);
  if (x.rank() != 4) context.fail("expects a picture of four dimensions");
  at::Tensor weights = context.constant(1);
  if (weights.dim() != 4) context.fail("expects weights of four dimensions");
  Window window;
  window.kernel = {weights.size(0), weights.size(1)};
  window.stride = format.spatial(context, context.node.ints("strides", {1, 1, 1, 1}));
  window.dilation = format.spatial(context, context.node.ints("dilations", {1, 1, 1, 1}));
  const std::int64_t channels = x.shape()[format.nhwc ? 3 : 1];
  std::int64_t groups = channels;
  if (depthwise) {
    if (weights.size(2) != channels) context.fail("the weights are for another number of channels");
    weights =
        weights.permute({2, 3, 0, 1}).reshape({weights.size(2) * weights.size(3), 1, weights.size(0), weights.size(1)});
  } else {
    if (!weights.size(2) || channels % weights.size(2)) context.fail("the weights are for another number of channels");
    groups = channels / weights.size(2);
    weights = weights.permute({3, 2, 0, 1});
  }
  const auto [picture, pads] = padded_picture(context, format, rule_pads(context, format, window, x), zero, any_pads);

  auto fused = context.node.texts("fused_ops");
  std::string bias = "None";
  std::size_t next = 2;
  if (!fused.empty() && fused[0] == "BiasAdd") {
    bias = context.source.buffer(context.constant(next++).reshape({-1}));
    fused.erase(fused.begin());
  }
  Value y = context.source.emit("torch.conv2d(" + picture + ", " + context.source.buffer(weights) + ", " + bias + ", " +
                                    literal(Dims{window.stride[0], window.stride[1]}) + ", " + literal(pads) + ", " +
                                    literal(Dims{window.dilation[0], window.dilation[1]}) + ", " +
                                    std::to_string(groups) + ")",
                                format.perm());
  // The slot is the statement just written; a bias that follows as a node of its own goes in there.
  if (bias == "None" && fused.empty()) y.bias_slot = context.source.last_statement();
  for (const auto &name : fused) {
    if (name == "Prelu") {
      const std::string slope = context.source.buffer(context.constant(next++).reshape({-1}));
      y = context.source.emit("torch.prelu(" + y.var + ", " + slope + ")", y.perm);
    } else {
      y = activation(context, name, y);
    }
  }
  return {y};
}

Values pool(Context &context) {
  const bool maximum = context.node.op == "MaxPool";
  const Format format = format_of(context);
  if (context.input(0).rank() != 4) context.fail("expects a picture of four dimensions");
  Window window;
  window.kernel = format.spatial(context, context.node.ints("ksize"));
  window.stride = format.spatial(context, context.node.ints("strides", {1, 1, 1, 1}));
  const Pads pads = rule_pads(context, format, window, context.input(0));
  if (!maximum) {
    // TensorFlow's mean is over pixels inside the picture, so pads of the graph itself must not mix with the rule's.
    context.source.apply_pads(context.input(0));
    if (pads[0] != pads[1] || pads[2] != pads[3]) context.fail("padding on one side only is not supported");
  }
  const auto [picture, own] = padded_picture(context, format, pads, maximum ? lowest_value : zero, window);
  const std::string shape = literal(Dims{window.kernel[0], window.kernel[1]}) + ", " +
                            literal(Dims{window.stride[0], window.stride[1]}) + ", " + literal(own);
  return {context.source.emit(maximum ? "torch.max_pool2d(" + picture + ", " + shape + ")"
                                      : "torch.avg_pool2d(" + picture + ", " + shape + ", False, False)",
                              format.perm())};
}

/// The gradient of a convolution, with which networks enlarge: a transposed convolution. SAME makes each side so many
/// times larger as the stride says; what its window adds beyond that is cut away, as the convolution's pads were.
Values transposed_convolution(Context &context) {
  const Format format = format_of(context);
  Source &source = context.source;
  Value &x = context.input(2);
  const at::Tensor weights = context.constant(1);
  if (x.rank() != 4 || weights.dim() != 4) context.fail("expects a picture and weights of four dimensions");
  const auto stride = format.spatial(context, context.node.ints("strides", {1, 1, 1, 1}));
  const auto dilation = format.spatial(context, context.node.ints("dilations", {1, 1, 1, 1}));
  const auto rule = context.node.text("padding", "VALID");
  if (dilation[0] != 1 || dilation[1] != 1 || (rule != "SAME" && rule != "VALID"))
    context.fail("the padding " + rule + " with dilations of " + literal(Dims{dilation[0], dilation[1]}) +
                 " is not supported");
  const std::array<std::int64_t, 2> kernel{weights.size(0), weights.size(1)};
  const std::string picture = source.stored(x, format.perm());
  Dims more;
  for (std::size_t i = 0; i < 2; ++i) more.push_back(std::max<std::int64_t>(stride[i] - kernel[i], 0));
  std::string result = "torch.conv_transpose2d(" + picture + ", " + source.buffer(weights.permute({3, 2, 0, 1})) +
                       ", None, " + literal(Dims{stride[0], stride[1]}) + ", [0, 0], " + literal(more) + ")";
  for (std::size_t i = 0; rule == "SAME" && i < 2; ++i) {
    const auto extra = std::max<std::int64_t>(kernel[i] - stride[i], 0);
    if (!extra) continue;
    const std::string axis = std::to_string(i + 2), first = std::to_string(extra / 2);
    result = "torch.slice(" + result + ", " + axis + ", " + first + ", " + first + " + " + picture + ".size(" + axis +
             ") * " + std::to_string(stride[i]) + ")";
  }
  return {source.emit(result, format.perm())};
}

Values depth_to_space(Context &context) {
  const Format format = format_of(context);
  Value &x = context.input(0);
  const auto block = context.node.integer("block_size", 2);
  if (x.rank() != 4 || block < 1) context.fail("expects a picture of four dimensions");
  const auto depth = x.shape()[format.nhwc ? 3 : 1];
  if (depth % (block * block)) context.fail("the depth does not fit the block");
  const std::string picture = context.source.stored(x, format.perm()), b = std::to_string(block),
                    channels = std::to_string(depth / (block * block));
  const auto size = [&](int axis) { return picture + ".size(" + std::to_string(axis) + ")"; };
  return {context.source.emit("torch.reshape(torch.permute(torch.reshape(" + picture + ", [" + size(0) + ", " + b +
                                  ", " + b + ", " + channels + ", " + size(2) + ", " + size(3) +
                                  "]), [0, 3, 4, 1, 5, 2]), [" + size(0) + ", " + channels + ", " + size(2) + " * " +
                                  b + ", " + size(3) + " * " + b + "])",
                              format.perm())};
}

/// How a size of the output follows from the input's in a resize: a whole factor, or a whole part.
std::string ratio(Context &context, std::int64_t from, std::int64_t to) {
  if (from < 1 || to < 1 || (from % to && to % from))
    context.not_convolutional("resizes " + std::to_string(from) + " to " + std::to_string(to) +
                              ", which is no whole factor");
  return literal(double(to) / double(from));
}

Values resize(Context &context) {
  Source &source = context.source;
  Value &x = context.input(0);
  const Dims target = context.ints(1);
  if (x.rank() != 4 || target.size() != 2) context.fail("expects a picture of four dimensions and two sizes");
  const bool nearest = context.node.op == "ResizeNearestNeighbor";
  const bool corners = context.node.flag("align_corners"), half = context.node.flag("half_pixel_centers");
  if (corners && (half || nearest)) context.fail("this mix of align_corners and half_pixel_centers is not supported");
  const Dims perm = Format{true}.perm();
  const Dims from = x.shape();
  const std::string picture = source.stored(x, perm);
  const bool follows = source.dynamic() && !x.is_constant() && x.shape(0) != x.shape(1);
  std::string sizes = literal(target), factors = "None";
  if (follows) {
    sizes = "None";
    factors = "[" + ratio(context, from[1], target[0]) + ", " + ratio(context, from[2], target[1]) + "]";
  }
  if (nearest) {
    const std::string name = half ? "torch._upsample_nearest_exact2d(" : "torch.upsample_nearest2d(";
    return {source.emit(name + picture + ", " + sizes + ", " + factors + ")", perm)};
  }
  if (corners || half)
    return {source.emit("torch.upsample_bilinear2d(" + picture + ", " + sizes + ", " + (corners ? "True" : "False") +
                            ", " + factors + ")",
                        perm)};
  std::string height = std::to_string(target[0]), width = std::to_string(target[1]);
  const auto follow = [&](int dimension, std::int64_t a, std::int64_t b) {
    const std::string size = picture + ".size(" + std::to_string(dimension) + ")";
    return b >= a ? size + " * " + std::to_string(b / a) : size + " // " + std::to_string(a / b);
  };
  if (follows) {
    height = follow(2, from[1], target[0]);
    width = follow(3, from[2], target[1]);
  }
  return {source.emit("self.resize_corner(" + picture + ", " + height + ", " + width + ")", perm)};
}

Values batch_norm(Context &context) {
  const Format format = format_of(context);
  if (context.node.flag("is_training")) context.fail("is_training must be false");
  Source &source = context.source;
  const std::string picture = source.stored(context.input(0), format.perm());
  std::string text = "torch.batch_norm(" + picture;
  for (std::size_t i = 1; i <= 4; ++i) text += ", " + source.buffer(context.constant(i));
  return {
      source.emit(text + ", False, 0.0, " + literal(context.node.number("epsilon", 1e-4)) + ", False)", format.perm())};
}

}  // namespace

const std::vector<OperatorRow> &window_operators() {
  static const std::vector<OperatorRow> rows{
      {"AvgPool", pool},
      {"Conv2D", convolution},
      {"Conv2DBackpropInput", transposed_convolution},
      {"DepthToSpace", depth_to_space},
      {"DepthwiseConv2dNative", convolution},
      {"FusedBatchNormV3", batch_norm},
      {"FusedDepthwiseConv2dNative", convolution},
      {"MaxPool", pool},
      {"ResizeBilinear", resize},
      {"ResizeNearestNeighbor", resize},
      {"_FusedConv2D", convolution},
  };
  return rows;
}

}  // namespace oneadapt::import
