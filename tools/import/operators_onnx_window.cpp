// SPDX-License-Identifier: LGPL-2.1-or-later
// ONNX: convolutions and pools.
#include <algorithm>
#include <array>
#include <cmath>

#include "onnx_helpers.h"
#include "operators.h"

namespace oneadapt::import {
namespace {

constexpr std::int64_t kMaxStep = 1 << 16;  ///< strides, pads and kernels beyond it are no network's

/// The sliding window of a convolution or pool, with an entry for each place's dimension.
struct Window {
  Dims kernel, stride, dilation, before, after;
  std::size_t rank() const { return kernel.size(); }
  bool symmetric() const { return before == after; }
  std::int64_t reach(std::size_t i) const { return (kernel[i] - 1) * dilation[i] + 1; }
};

Dims list_of(const Context &context, const char *key, std::size_t length, std::int64_t fallback, std::int64_t least) {
  const Dims list = context.node.ints(key, Dims(length, fallback));
  if (list.size() != length) context.fail(std::string(key) + " must have " + text(std::int64_t(length)) + " numbers");
  for (const auto n : list)
    if (n < least || n > kMaxStep) context.fail(text(n) + " is out of range in " + key);
  return list;
}

Window window_of(const Context &context, const Dims &kernel) {
  Window w;
  const std::size_t n = kernel.size();
  if (n < 1 || n > 3) context.fail("works on " + text(std::int64_t(n)) + " dimensions; 1 to 3 are supported");
  for (const auto k : kernel)
    if (k < 1 || k > kMaxStep) context.fail("a kernel of " + text(k) + " is out of range");
  w.kernel = kernel;
  w.stride = list_of(context, "strides", n, 1, 1);
  w.dilation = list_of(context, "dilations", n, 1, 1);
  const Dims pads = list_of(context, "pads", 2 * n, 0, 0);
  w.before.assign(pads.begin(), pads.begin() + std::ptrdiff_t(n));
  w.after.assign(pads.begin() + std::ptrdiff_t(n), pads.end());
  return w;
}

/// auto_pad, which goes by the size of the input.
void apply_auto_pad(const Context &context, Window &w, const Value &x) {
  const std::string rule = context.node.text("auto_pad", "NOTSET");
  if (rule == "NOTSET" || rule.empty()) return;
  w.before = w.after = Dims(w.rank(), 0);
  if (rule == "VALID") return;
  if (rule != "SAME_UPPER" && rule != "SAME_LOWER") context.fail("auto_pad=" + rule + " is not supported");
  const auto total = [&](std::size_t i, std::int64_t size) {
    const auto steps = (size + w.stride[i] - 1) / w.stride[i];
    return std::max<std::int64_t>((steps - 1) * w.stride[i] + w.reach(i) - size, 0);
  };
  for (std::size_t i = 0; i < w.rank(); ++i) {
    const auto pads = total(i, x.shape()[i + 2]);
    if (context.varies(x, i + 2) && total(i, x.shape(1)[i + 2]) != pads)
      context.not_convolutional("pads in a way that depends on the size of the picture");
    w.before[i] = rule == "SAME_UPPER" ? pads / 2 : pads - pads / 2;
    w.after[i] = pads - w.before[i];
  }
}

/// `value` on all sides of the places' dimensions.
std::string padded(const std::string &x, const Dims &before, const Dims &after, double value) {
  Dims list;
  for (std::size_t i = before.size(); i-- > 0;) {
    list.push_back(before[i]);
    list.push_back(after[i]);
  }
  return "torch.constant_pad_nd(" + x + ", " + literal(list) + ", " + literal(value) + ")";
}

Dims places(const Context &context, const Value &x) {
  const Dims shape = x.shape();
  if (shape.size() < 3) context.fail("expects a batch, channels and one dimension more");
  return {shape.begin() + 2, shape.end()};
}

/// LibTorch divides by it.
std::int64_t group_of(const Context &context, std::int64_t channels) {
  const auto group = context.node.integer("group", 1);
  if (group < 1 || channels % group)
    context.fail("group=" + text(group) + " does not fit " + text(channels) + " channels");
  return group;
}

Values convolution(Context &context) {
  Value &x = context.input(0);
  const Dims weights = context.input(1).shape();
  if (weights.size() != x.rank() || weights.size() < 3) context.fail("the weights do not fit the input");
  Window w = window_of(context, {weights.begin() + 2, weights.end()});
  apply_auto_pad(context, w, x);
  std::string picture = context.in(0);
  Dims shape = x.shape();
  for (std::size_t i = 0; i < w.rank(); ++i) shape[i + 2] += w.before[i] + w.after[i];
  shape[1] = std::max(shape[1], weights[0]);
  context.bound(shape);
  if (!w.symmetric()) {
    picture = padded(picture, w.before, w.after, 0);
    w.before = Dims(w.rank(), 0);
  }
  return context.one("torch.conv" + text(std::int64_t(w.rank())) + "d(" + picture + ", " + context.in(1) + ", " +
                     (context.has(2) ? context.in(2) : "None") + ", " + literal(w.stride) + ", " + literal(w.before) +
                     ", " + literal(w.dilation) + ", " + text(group_of(context, x.shape()[1])) + ")");
}

Values transposed_convolution(Context &context) {
  Value &x = context.input(0);
  const Dims weights = context.input(1).shape(), sizes = places(context, x);
  if (weights.size() != x.rank()) context.fail("the weights do not fit the input");
  Window w = window_of(context, {weights.begin() + 2, weights.end()});
  Dims extra = list_of(context, "output_padding", w.rank(), 0, 0);
  const Dims wanted = context.node.ints("output_shape");
  const std::string rule = context.node.text("auto_pad", "NOTSET");
  const auto group = group_of(context, x.shape()[1]);
  if (!wanted.empty() && wanted.size() < w.rank()) context.fail("output_shape does not fit the input");
  Dims shape = x.shape();
  shape[1] = weights[1] * group;
  for (std::size_t i = 0; i < w.rank(); ++i) {
    const auto full = w.stride[i] * (sizes[i] - 1) + extra[i] + w.reach(i);
    shape[i + 2] = full;
    const bool same = rule == "SAME_UPPER" || rule == "SAME_LOWER";
    if (wanted.empty() && !same) continue;
    if (context.varies(x, i + 2) && !wanted.empty())
      context.not_convolutional("has a fixed size where the picture's varies");
    const auto target = wanted.empty() ? sizes[i] * w.stride[i] : wanted[wanted.size() - w.rank() + i];
    auto total = full - target;
    // Beyond the full size there is nothing but the bias.
    if (total < 0) extra[i] -= total, total = 0;
    w.before[i] = rule == "SAME_UPPER" ? total / 2 : total - total / 2;
    w.after[i] = total - w.before[i];
  }
  context.bound(shape);
  const auto call = [&](const Dims &pads) {
    return "torch.conv_transpose" + text(std::int64_t(w.rank())) + "d(" + context.in(0) + ", " + context.in(1) + ", " +
           (context.has(2) ? context.in(2) : "None") + ", " + literal(w.stride) + ", " + literal(pads) + ", " +
           literal(extra) + ", " + text(group) + ", " + literal(w.dilation) + ")";
  };
  if (w.symmetric()) return context.one(call(w.before));
  Dims cut_before, cut_after;
  for (std::size_t i = 0; i < w.rank(); ++i) {
    cut_before.push_back(-w.before[i]);
    cut_after.push_back(-w.after[i]);
  }
  return context.one(padded(call(Dims(w.rank(), 0)), cut_before, cut_after, 0));
}

/// ceil_mode by pads at the end, for what LibTorch's own does not do.
void pad_for_ceiling(const Context &context, Window &w, const Value &x) {
  for (std::size_t i = 0; i < w.rank(); ++i) {
    // What the windows need behind the input. One that would begin behind it and its first pads is left out.
    const auto end = [&](std::int64_t size) {
      const auto inside = size + w.before[i] + w.after[i] - w.reach(i);
      auto last = (inside + w.stride[i] - 1) / w.stride[i] * w.stride[i];
      if (last >= size + w.before[i]) last -= w.stride[i];
      return last + w.reach(i) - size - w.before[i];
    };
    const auto after = end(x.shape()[i + 2]);
    if (context.varies(x, i + 2) && end(x.shape(1)[i + 2]) != after)
      context.not_convolutional("pads in a way that depends on the size of the picture");
    w.after[i] = after;
  }
}

Window pool_window(Context &context) {
  Value &x = context.input(0);
  Window w = window_of(context, context.node.ints("kernel_shape"));
  if (w.rank() != places(context, x).size()) context.fail("the kernel does not fit the input");
  apply_auto_pad(context, w, x);
  return w;
}

/// LibTorch pads a pool by half its window at most, the same on both sides.
bool own_pads(const Window &w) {
  for (std::size_t i = 0; i < w.rank(); ++i)
    if (w.before[i] > w.kernel[i] / 2) return false;
  return w.symmetric();
}

Values max_pool(Context &context) {
  if (context.node.outputs > 1) context.fail("the places of the maxima are not supported");
  Window w = pool_window(context);
  bool ceiling = context.node.flag("ceil_mode");
  Value &x = context.input(0);
  std::string picture = context.in(0);
  const bool whole = !is_float(x);
  if (whole) picture = "torch.to(" + picture + ", 6)";
  if (!own_pads(w)) {
    if (ceiling) pad_for_ceiling(context, w, x);
    ceiling = false;
    picture = padded(picture, w.before, w.after, -3.4e38);
    w.before = Dims(w.rank(), 0);
  }
  std::string result = "torch.max_pool" + text(std::int64_t(w.rank())) + "d(" + picture + ", " + literal(w.kernel) +
                       ", " + literal(w.stride) + ", " + literal(w.before) + ", " + literal(w.dilation) + ", " +
                       (ceiling ? "True" : "False") + ")";
  if (whole) result = "torch.to(" + result + ", " + text(int(type_of(x))) + ")";
  return context.one(result);
}

std::string mean_pool(const std::string &x, const Window &w, const Dims &pads, bool ceiling, bool count_pads) {
  return "torch.avg_pool" + text(std::int64_t(w.rank())) + "d(" + x + ", " + literal(w.kernel) + ", " +
         literal(w.stride) + ", " + literal(pads) + ", " + (ceiling ? "True" : "False") + ", " +
         (count_pads ? "True" : "False") + ")";
}

/// The mean over all of each window, on a value that is padded already.
std::string window_mean(Context &context, const std::string &x, const Window &w) {
  if (std::all_of(w.dilation.begin(), w.dilation.end(), [](auto d) { return d == 1; }))
    return mean_pool(x, w, Dims(w.rank(), 0), false, true);
  // LibTorch's pool has no dilations: a convolution of each channel with equal weights.
  const Value &value = context.input(0);
  const auto channels = value.shape()[1];
  Dims shape{channels, 1};
  shape.insert(shape.end(), w.kernel.begin(), w.kernel.end());
  context.bound(shape);
  at::Tensor weights = at::ones(shape, at::dtype(type_of(value)));
  weights = weights.div(weights[0].numel());
  return "torch.conv" + text(std::int64_t(w.rank())) + "d(" + x + ", " + context.source.buffer(weights) + ", None, " +
         literal(w.stride) + ", " + literal(Dims(w.rank(), 0)) + ", " + literal(w.dilation) + ", " + text(channels) +
         ")";
}

Values average_pool(Context &context) {
  Window w = pool_window(context);
  const bool ceiling = context.node.flag("ceil_mode"), count_pads = context.node.flag("count_include_pad");
  const std::string x = context.in(0);
  const bool dense = std::all_of(w.dilation.begin(), w.dilation.end(), [](auto d) { return d == 1; });
  if (dense && own_pads(w)) return context.one(mean_pool(x, w, w.before, ceiling, count_pads));
  const Dims before = w.before, after = w.after;
  if (ceiling) pad_for_ceiling(context, w, context.input(0));
  const std::string sum = window_mean(context, padded(x, w.before, w.after, 0), w);
  if (count_pads && !ceiling) return context.one(sum);
  // The mean of what counts: the sum over the share of the window that counts.
  std::string counts = "torch.ones_like(" + x + ")";
  if (count_pads) {
    counts = padded(counts, before, after, 1);
    for (std::size_t i = 0; i < w.rank(); ++i) w.before[i] = 0, w.after[i] -= after[i];
  }
  return context.one("torch.div(" + sum + ", " + window_mean(context, padded(counts, w.before, w.after, 0), w) + ")");
}

Values lp_pool(Context &context) {
  Window w = pool_window(context);
  if (context.node.flag("ceil_mode")) pad_for_ceiling(context, w, context.input(0));
  const double p = context.node.number("p", 2);
  double count = 1;
  for (const auto k : w.kernel) count *= double(k);
  const std::string powers =
      padded("torch.pow(torch.abs(" + context.in(0) + "), " + literal(p) + ")", w.before, w.after, 0);
  return context.one("torch.pow(torch.mul(" + window_mean(context, powers, w) + ", " + literal(count) + "), " +
                     literal(1 / p) + ")");
}

Values global_pool(Context &context) {
  const std::string &op = context.node.op;
  Dims axes;
  for (std::size_t i = 2; i < context.input(0).rank(); ++i) axes.push_back(std::int64_t(i));
  if (axes.empty()) context.fail("expects a batch, channels and one dimension more");
  const std::string x = context.in(0), tail = ", " + literal(axes) + ", True)";
  if (op == "GlobalAveragePool") return context.one("torch.mean(" + x + tail);
  if (op == "GlobalMaxPool") return context.one("torch.amax(" + x + tail);
  const double p = context.node.number("p", 2);
  return context.one("torch.pow(torch.sum(torch.pow(torch.abs(" + x + "), " + literal(p) + ")" + tail + ", " +
                     literal(1 / p) + ")");
}

/// Col2Im: windows, which may overlap, added up where they come from.
Values columns_to_image(Context &context) {
  const Dims image = context.ints(1), shape = context.input(0).shape();
  const Window w = window_of(context, context.ints(2));
  if (image.size() != w.rank() || shape.size() != 3) context.fail("the sizes of image and block do not fit the input");
  // Where each number of a channel lies in the image, row by row; `cells`: in a pad, which is left out.
  std::int64_t cells = 1, numbers = 1;
  Dims steps;
  for (std::size_t i = 0; i < w.rank(); ++i) {
    if (image[i] < 1 || image[i] > kMaxStep) context.fail("a size of " + text(image[i]) + " is out of range");
    const auto inside = image[i] + w.before[i] + w.after[i] - w.reach(i);
    if (inside < 0) context.fail("the block is larger than the image");
    steps.push_back(inside / w.stride[i] + 1);
    cells *= image[i];
    context.bound({cells});
    numbers *= w.kernel[i];
  }
  std::int64_t windows = 1;
  for (const auto n : steps) windows *= n;
  context.bound({numbers, windows});
  if (shape[1] % numbers || shape[2] != windows)
    context.fail("expects " + text(windows) + " windows of a multiple of " + text(numbers) + " numbers");
  at::Tensor place = at::zeros({1}, at::kLong), inside = at::ones({1}, at::kBool);
  for (std::size_t i = 0; i < w.rank(); ++i) {
    // Dimensions so far: kernel's and steps' places, each of them flat.
    const at::Tensor along = (at::arange(w.kernel[i], at::kLong) * w.dilation[i]).reshape({-1, 1}) +
                             at::arange(steps[i], at::kLong) * w.stride[i] - w.before[i];
    const auto k = place.dim() == 1 ? 1 : place.size(0), n = place.dim() == 1 ? 1 : place.size(1);
    const at::Tensor valid = along.ge(0).logical_and(along.lt(image[i]));
    const Dims outer{k, 1, n, 1}, inner{1, w.kernel[i], 1, steps[i]}, flat{k * w.kernel[i], n * steps[i]};
    place = (place.reshape(outer) * image[i] + along.reshape(inner)).reshape(flat);
    inside = inside.reshape(outer).logical_and(valid.reshape(inner)).reshape(flat);
  }
  const at::Tensor index = at::where(inside, place, at::full({}, cells, at::kLong)).reshape({-1});
  const auto channels = shape[1] / numbers;
  Dims result{shape[0], channels};
  result.insert(result.end(), image.begin(), image.end());
  context.bound(result);
  const std::string x = context.in(0), sizes = text(shape[0]) + ", " + text(channels);
  if (context.varies(context.input(0))) context.not_convolutional("makes a picture of a fixed size");
  return context.one("torch.reshape(torch.slice(torch.index_add(torch.new_zeros(" + x + ", [" + sizes + ", " +
                     text(cells + 1) + "]), 2, " + context.source.buffer(index) + ", torch.reshape(" + x + ", [" +
                     sizes + ", -1])), 2, 0, " + text(cells) + "), " + literal(result) + ")");
}

}  // namespace

const std::vector<OperatorRow> &onnx_window_operators() {
  // kernel_shape repeats what the weights of a convolution say; storage_order is for places of maxima.
  // Several rows a line.
  // clang-format off
  static const std::vector<OperatorRow> rows{
      {"AveragePool", average_pool, "auto_pad ceil_mode count_include_pad dilations kernel_shape pads strides"},
      {"Col2Im", columns_to_image, "dilations pads strides"},
      {"Conv", convolution, "auto_pad dilations group kernel_shape pads strides"},
      {"ConvTranspose", transposed_convolution, "auto_pad dilations group kernel_shape output_padding output_shape pads strides"},
      {"GlobalAveragePool", global_pool, ""}, {"GlobalLpPool", global_pool, "p"}, {"GlobalMaxPool", global_pool, ""},
      {"LpPool", lp_pool, "auto_pad ceil_mode dilations kernel_shape p pads strides"},
      {"MaxPool", max_pool, "auto_pad ceil_mode dilations kernel_shape pads storage_order strides"}};
  // clang-format on
  return rows;
}

}  // namespace oneadapt::import
