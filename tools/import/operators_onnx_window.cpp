// SPDX-License-Identifier: LGPL-2.1-or-later
// ONNX: convolutions, pools, resizes, normalisations: whatever knows channels and places.
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
    const auto need = [&](std::int64_t size) {
      const auto inside = size + w.before[i] + w.after[i] - w.reach(i);
      return (w.stride[i] - inside % w.stride[i]) % w.stride[i];
    };
    const auto more = need(x.shape()[i + 2]);
    if (context.varies(x, i + 2) && need(x.shape(1)[i + 2]) != more)
      context.not_convolutional("pads in a way that depends on the size of the picture");
    w.after[i] += more;
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

Values average_pool(Context &context) {
  Window w = pool_window(context);
  const bool ceiling = context.node.flag("ceil_mode"), count_pads = context.node.flag("count_include_pad");
  const std::string x = context.in(0);
  for (const auto d : w.dilation)
    if (d != 1) context.fail("dilations are not supported");
  if (own_pads(w)) return context.one(mean_pool(x, w, w.before, ceiling, count_pads));
  const Dims before = w.before, after = w.after, none(w.rank(), 0);
  if (ceiling) pad_for_ceiling(context, w, context.input(0));
  const std::string sum = mean_pool(padded(x, w.before, w.after, 0), w, none, false, true);
  if (count_pads && !ceiling) return context.one(sum);
  // The mean of what counts: the sum over the share of the window that counts.
  std::string counts = "torch.ones_like(" + x + ")";
  if (count_pads) {
    counts = padded(counts, before, after, 1);
    for (std::size_t i = 0; i < w.rank(); ++i) w.before[i] = 0, w.after[i] -= after[i];
  }
  return context.one("torch.div(" + sum + ", " + mean_pool(padded(counts, w.before, w.after, 0), w, none, false, true) +
                     ")");
}

Values lp_pool(Context &context) {
  Window w = pool_window(context);
  const std::string p = literal(context.node.number("p", 2));
  double count = 1;
  for (const auto k : w.kernel) count *= double(k);
  const std::string powers = padded("torch.pow(torch.abs(" + context.in(0) + "), " + p + ")", w.before, w.after, 0);
  return context.one("torch.pow(torch.mul(" + mean_pool(powers, w, Dims(w.rank(), 0), false, true) + ", " +
                     literal(count) + "), " + literal(1 / context.node.number("p", 2)) + ")");
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

// --- normalisations

Values batch_norm(Context &context) {
  if (context.node.flag("training_mode")) context.fail("is in training mode; export the model in evaluation mode");
  // With a mean for each place of each channel, as opset 6 to 8 had as an option, it is another operator.
  if (!context.node.flag("spatial", true)) context.fail("spatial=0 is not supported");
  std::string all = "torch.batch_norm(" + context.in(0);
  for (std::size_t i = 1; i <= 4; ++i) all += ", " + context.in(i);
  return context.one(all + ", False, 0.0, " + literal(context.node.number("epsilon", 1e-5)) + ", False)");
}

Values instance_norm(Context &context) {
  return context.one("torch.instance_norm(" + context.in(0) + ", " + context.in(1) + ", " + context.in(2) +
                     ", None, None, True, 0.0, " + literal(context.node.number("epsilon", 1e-5)) + ", False)");
}

Values layer_norm(Context &context) {
  const Value &x = context.input(0);
  const auto axis = axis_of(context, context.node.integer("axis", -1), x.rank());
  Dims shape = x.shape();
  for (auto i = std::size_t(axis); i < shape.size(); ++i)
    if (context.varies(x, i)) context.not_convolutional("normalises a size that depends on the picture");
  shape.erase(shape.begin(), shape.begin() + axis);
  Values results = context.source.emit_all("torch.native_layer_norm(" + context.in(0) + ", " + literal(shape) + ", " +
                                           context.in(1) + ", " + (context.has(2) ? context.in(2) : "None") + ", " +
                                           literal(context.node.number("epsilon", 1e-5)) + ")");
  return results;
}

Values mean_variance_norm(Context &context) {
  const Dims axes = context.node.ints("axes", {0, 2, 3});
  const std::string x = context.in(0), tail = ", " + literal(axes) + ", True)";
  return context.one("torch.div(torch.sub(" + x + ", torch.mean(" + x + tail + "), torch.add(torch.sqrt(torch.sub(" +
                     "torch.mean(torch.square(" + x + ")" + tail + ", torch.square(torch.mean(" + x + tail +
                     "))), 1e-9))");
}

Values local_response(Context &context) {
  if (context.input(0).rank() != 4) context.fail("expects a picture of four dimensions");
  const auto size = context.node.integer("size", 1);
  if (size < 1 || size > 4096) context.fail("the size is out of range");
  const double alpha = context.node.number("alpha", 1e-4), beta = context.node.number("beta", 0.75),
               bias = context.node.number("bias", 1);
  const std::string x = context.in(0);
  const auto before = (size - 1) / 2, after = size - 1 - before;
  const std::string squares = "torch.constant_pad_nd(torch.unsqueeze(torch.square(" + x + "), 1), [0, 0, 0, 0, " +
                              text(before) + ", " + text(after) + "], 0.0)";
  return context.one("torch.div(" + x + ", torch.pow(torch.add(torch.mul(torch.squeeze(torch.avg_pool3d(" + squares +
                     ", [" + text(size) + ", 1, 1], [1, 1, 1], [0, 0, 0], False, True), 1), " + literal(alpha) + "), " +
                     literal(bias) + "), " + literal(beta) + "))");
}

// --- resizes

/// How a place of the result finds its place in the input.
struct Mapping {
  std::string mode = "half_pixel", rounding = "round_prefer_floor", kind = "nearest";
  double cubic = -0.75;
  bool exclude_outside = false;
  double start = 0, end = 1;  ///< tf_crop_and_resize
  double outside = 0;         ///< the value there

  double place(std::int64_t i, double scale, std::int64_t from, std::int64_t to) const {
    const double x = double(i), in = double(from), out = double(to);
    if (mode == "asymmetric") return x / scale;
    if (mode == "align_corners") return to > 1 ? x * (in - 1) / (out - 1) : 0;
    if (mode == "pytorch_half_pixel" && to <= 1) return 0;
    if (mode == "tf_half_pixel_for_nn") return (x + 0.5) / scale;
    if (mode == "tf_crop_and_resize")
      return to > 1 ? start * (in - 1) + x * (end - start) * (in - 1) / (out - 1) : 0.5 * (start + end) * (in - 1);
    return (x + 0.5) / scale - 0.5;
  }
  double rounded(double x) const {
    if (rounding == "floor") return std::floor(x);
    if (rounding == "ceil") return std::ceil(x);
    if (rounding == "round_prefer_ceil") return std::floor(x + 0.5);
    return std::ceil(x - 0.5);
  }
  /// Rows: places of the result; columns: shares of the input's.
  at::Tensor matrix(double scale, std::int64_t from, std::int64_t to) const {
    at::Tensor m = at::zeros({to, from});
    auto cells = m.accessor<float, 2>();
    const auto inside = [&](std::int64_t k) { return std::clamp<std::int64_t>(k, 0, from - 1); };
    for (std::int64_t i = 0; i < to; ++i) {
      const double x = place(i, scale, from, to);
      if (mode == "tf_crop_and_resize" && (x < 0 || x > double(from - 1))) continue;
      if (kind == "nearest") {
        cells[i][inside(std::int64_t(rounded(x)))] = 1;
        continue;
      }
      const double base = std::floor(x), t = x - base;
      const auto first = std::int64_t(base);
      if (kind == "linear") {
        cells[i][inside(first)] += float(1 - t);
        cells[i][inside(first + 1)] += float(t);
        continue;
      }
      double sum = 0;
      std::array<double, 4> shares{};
      for (std::size_t k = 0; k < 4; ++k) {
        const double d = std::abs(double(k) - 1 - t), a = cubic;
        shares[k] = d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
        const auto at = first - 1 + std::int64_t(k);
        if (exclude_outside && (at < 0 || at >= from)) shares[k] = 0;
        sum += shares[k];
      }
      for (std::size_t k = 0; k < 4; ++k)
        cells[i][inside(first - 1 + std::int64_t(k))] += float(exclude_outside ? shares[k] / sum : shares[k]);
    }
    return m;
  }
};

/// What LibTorch has a function for, on the last two of four dimensions.
std::string resize_function(const Mapping &m) {
  const bool half = m.mode == "half_pixel" || m.mode == "pytorch_half_pixel";
  if (m.kind == "nearest" && m.mode == "asymmetric" && m.rounding == "floor") return "torch.upsample_nearest2d(";
  if (m.kind == "linear" && (half || m.mode == "align_corners")) return "torch.upsample_bilinear2d(";
  return "";
}

Values resize_to(Context &context, Mapping mapping, const std::vector<double> &scales, const Dims &target,
                 const std::string &dynamic_sizes) {
  Value &x = context.input(0);
  const Dims from = x.shape();
  const std::size_t rank = from.size();
  if ((scales.empty() ? target.size() : scales.size()) != rank) context.fail("the sizes do not fit the input's shape");
  Dims to = target;
  std::vector<double> factors = scales;
  for (std::size_t i = 0; i < rank; ++i) {
    if (!scales.empty()) {
      if (!(scales[i] > 0 && scales[i] <= 4096)) context.fail("a scale is out of range");
      to.push_back(std::int64_t(std::floor(double(from[i]) * scales[i])));
    } else {
      factors.push_back(double(target[i]) / double(from[i]));
    }
    if (to[i] < 1 || from[i] < 1) context.fail("a size is 0");
  }
  context.bound(to);
  const std::string function = resize_function(mapping);
  const bool picture = rank == 4 && from[0] == to[0] && from[1] == to[1];
  const std::string align = mapping.kind == "linear" ? mapping.mode == "align_corners" ? ", True" : ", False" : "";
  // The half-pixel rules differ for results of one pixel only; LibTorch's function follows the plain one.
  const bool ordinary = picture && (mapping.mode != "pytorch_half_pixel" || (to[2] > 1 && to[3] > 1));
  if (!function.empty() && ordinary && is_float(x)) {
    std::string sizes = literal(Dims{to[2], to[3]}), by = "None";
    if (!dynamic_sizes.empty()) {
      sizes = "[" + dynamic_sizes + "[2], " + dynamic_sizes + "[3]]";
    } else if (!scales.empty()) {
      sizes = "None";
      by = "[" + literal(factors[2]) + ", " + literal(factors[3]) + "]";
    } else if (context.varies(x)) {
      context.not_convolutional("resizes to a fixed size");
    }
    return context.one(function + context.in(0) + ", " + sizes + align + ", " + by + ")");
  }
  if (context.varies(x)) context.not_convolutional("resizes in a way that is supported for a fixed size only");
  std::string result = context.in(0);
  const bool whole = !is_float(x);
  if (whole) result = "torch.to(" + result + ", 6)";
  at::Tensor valid;
  for (std::size_t i = 0; i < rank; ++i) {
    if (from[i] == to[i] && mapping.mode != "tf_crop_and_resize") continue;
    if (mapping.mode == "tf_crop_and_resize") {
      const at::Tensor roi = context.constant(1).to(at::kDouble).reshape({-1});
      if (roi.numel() != std::int64_t(2 * rank)) context.fail("the region does not fit the input's shape");
      mapping.start = roi[std::int64_t(i)].item<double>();
      mapping.end = roi[std::int64_t(rank + i)].item<double>();
    }
    context.bound({from[i], to[i]});
    const at::Tensor m = mapping.matrix(factors[i], from[i], to[i]);
    Dims along(rank, 1);
    along[i] = to[i];
    const at::Tensor inside = m.abs().sum(1).gt(0).to(at::kFloat).reshape(along);
    valid = valid.defined() ? valid.mul(inside) : inside;
    const auto axis = text(std::int64_t(i));
    result = "torch.transpose(torch.matmul(torch.transpose(" + result + ", " + axis + ", -1), " +
             context.source.buffer(m.t()) + "), " + axis + ", -1)";
  }
  if (mapping.mode == "tf_crop_and_resize" && valid.defined())
    result = "torch.add(" + result + ", " + context.source.buffer(valid.neg().add(1).mul(mapping.outside)) + ")";
  if (whole) result = "torch.to(torch.round(" + result + "), " + text(int(type_of(x))) + ")";
  return context.one(result);
}

std::vector<double> scales_of(const Context &context, std::size_t index) {
  if (!context.has(index) || (context.input(index).is_constant() && context.input(index).constant.numel() == 0))
    return {};
  const at::Tensor list = context.constant(index).to(at::kDouble).contiguous();
  return {list.data_ptr<double>(), list.data_ptr<double>() + list.numel()};
}

Values resize(Context &context) {
  Mapping mapping;
  mapping.kind = context.node.text("mode", "nearest");
  if (context.opset < 11) {
    mapping.mode = "asymmetric";
    mapping.rounding = "floor";
    return resize_to(context, mapping, scales_of(context, 1), {}, "");
  }
  mapping.mode = context.node.text("coordinate_transformation_mode", "half_pixel");
  mapping.rounding = context.node.text("nearest_mode", "round_prefer_floor");
  mapping.cubic = context.node.number("cubic_coeff_a", -0.75);
  mapping.exclude_outside = context.node.flag("exclude_outside");
  mapping.outside = context.node.number("extrapolation_value", 0);
  if (mapping.kind != "nearest" && mapping.kind != "linear" && mapping.kind != "cubic")
    context.fail("the mode " + mapping.kind + " is not supported");
  const auto scales = scales_of(context, 2);
  if (!scales.empty()) return resize_to(context, mapping, scales, {}, "");
  const auto [sizes, values] = context.sizes(3);
  return resize_to(context, mapping, {}, values, sizes[0] == '[' ? "" : sizes);
}

Values upsample(Context &context) {
  Mapping mapping;
  mapping.kind = context.node.text("mode", "nearest");
  mapping.mode = "asymmetric";
  mapping.rounding = "floor";
  std::vector<double> scales = scales_of(context, 1);
  const auto attribute = context.node.attributes.find("scales");
  if (attribute != context.node.attributes.end()) scales = attribute->second.floats;
  return resize_to(context, mapping, scales, {}, "");
}

Values grid_sample(Context &context) {
  const std::string mode = context.node.text("mode", "bilinear"), pads = context.node.text("padding_mode", "zeros");
  const int kind = mode == "bilinear" ? 0 : mode == "nearest" ? 1 : mode == "bicubic" ? 2 : -1;
  const int edge = pads == "zeros" ? 0 : pads == "border" ? 1 : pads == "reflection" ? 2 : -1;
  if (kind < 0 || edge < 0) context.fail("the mode " + mode + " with " + pads + " is not supported");
  return context.one("torch.grid_sampler(" + context.in(0) + ", " + context.in(1) + ", " + text(kind) + ", " +
                     text(edge) + (context.node.flag("align_corners") ? ", True)" : ", False)"));
}

}  // namespace

const std::vector<OperatorRow> &onnx_window_operators() {
  static const std::vector<OperatorRow> rows{{"AveragePool", average_pool},
                                             {"BatchNormalization", batch_norm},
                                             {"Conv", convolution},
                                             {"ConvTranspose", transposed_convolution},
                                             {"GlobalAveragePool", global_pool},
                                             {"GlobalLpPool", global_pool},
                                             {"GlobalMaxPool", global_pool},
                                             {"GridSample", grid_sample},
                                             {"InstanceNormalization", instance_norm},
                                             {"LRN", local_response},
                                             {"LayerNormalization", layer_norm},
                                             {"LpPool", lp_pool},
                                             {"MaxPool", max_pool},
                                             {"MeanVarianceNormalization", mean_variance_norm},
                                             {"Resize", resize},
                                             {"Upsample", upsample}};
  return rows;
}

}  // namespace oneadapt::import
