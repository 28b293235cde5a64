// SPDX-License-Identifier: LGPL-2.1-or-later
// ONNX: operators that move values about: shapes, slices, joins, pads.
#include <algorithm>
#include <cmath>
#include <map>

#include "onnx_helpers.h"
#include "operators.h"

namespace oneadapt::import {
namespace {

/// Far enough for any size, and a literal of TorchScript.
constexpr std::int64_t far = std::int64_t(1) << 62;

Values constant(const at::Tensor &tensor) {
  Value value;
  value.constant = tensor;
  return {value};
}

at::Tensor numbers(const Dims &values) { return at::tensor(at::ArrayRef<std::int64_t>(values), at::dtype(at::kLong)); }

Values reshape(Context &context) {
  Value &x = context.input(0);
  std::pair<std::string, Dims> target;
  if (context.has(1))
    target = context.sizes(1);
  else
    target.second = context.node.ints("shape"), target.first = literal(target.second);
  Dims &sizes = target.second;
  const std::string name = context.in(0);
  if (target.first[0] != '[') return context.one("torch.reshape(" + name + ", " + target.first + ")");
  const bool keep_zero = context.node.flag("allowzero");
  const bool open = std::count(sizes.begin(), sizes.end(), -1) > 0;
  if (context.varies(x) && !open) {
    Dims filled = sizes;
    for (std::size_t i = 0; i < filled.size(); ++i)
      if (filled[i] == 0 && !keep_zero && i < x.rank()) filled[i] = x.shape()[i];
    std::string list = flexible_shape(context, x, filled);
    for (auto at = list.find("{}"); at != std::string::npos; at = list.find("{}")) list.replace(at, 2, name);
    return context.one("torch.reshape(" + name + ", " + list + ")");
  }
  std::string list;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    list += i ? ", " : "";
    if (sizes[i] == 0 && !keep_zero) {
      if (i >= x.rank()) context.fail("keeps a size that the input does not have");
      list += name + ".size(" + text(std::int64_t(i)) + ")";
    } else {
      list += text(sizes[i]);
    }
  }
  // A list of none has no type.
  if (list.empty()) return context.one("torch.select(torch.reshape(" + name + ", [1]), 0, 0)");
  return context.one("torch.reshape(" + name + ", [" + list + "])");
}

Values transpose(Context &context) {
  const std::size_t rank = context.input(0).rank();
  Dims perm = context.node.ints("perm");
  if (perm.empty()) {
    perm = identity_perm(rank);
    std::reverse(perm.begin(), perm.end());
  }
  Dims sorted = perm;
  std::sort(sorted.begin(), sorted.end());
  if (sorted != identity_perm(rank)) context.fail("the permutation is none of the input's dimensions");
  return context.one("torch.permute(" + context.in(0) + ", " + literal(perm) + ")");
}

Values squeeze(Context &context) {
  const std::size_t rank = context.input(0).rank();
  const Dims shape = context.input(0).shape();
  Dims axes = axes_of(context, 1);
  for (auto &axis : axes) axis = axis_of(context, axis, rank);
  if (axes.empty())
    for (std::size_t i = 0; i < rank; ++i)
      if (shape[i] == 1) axes.push_back(std::int64_t(i));
  std::sort(axes.rbegin(), axes.rend());
  std::string x = context.in(0);
  for (const auto axis : axes) {
    if (shape[std::size_t(axis)] != 1) context.fail("squeezes a size of " + text(shape[std::size_t(axis)]));
    x = "torch.squeeze(" + x + ", " + text(axis) + ")";
  }
  return context.one(x);
}

Values unsqueeze(Context &context) {
  Dims axes = axes_of(context, 1);
  if (axes.size() > 8) context.fail("adds too many dimensions");
  const std::size_t rank = context.input(0).rank() + axes.size();
  for (auto &axis : axes) axis = axis_of(context, axis, rank);
  std::sort(axes.begin(), axes.end());
  std::string x = context.in(0);
  for (const auto axis : axes) x = "torch.unsqueeze(" + x + ", " + text(axis) + ")";
  return context.one(x);
}

Values flatten(Context &context) {
  const auto rank = std::int64_t(context.input(0).rank());
  auto axis = context.node.integer("axis", 1);
  if (axis < -rank || axis > rank) context.fail("the axis is outside the input's shape");
  if (axis < 0) axis += rank;
  const std::string x = context.in(0);
  if (axis == 0) return context.one("torch.reshape(" + x + ", [1, -1])");
  if (axis == rank) return context.one("torch.reshape(" + x + ", [-1, 1])");
  return context.one("torch.flatten(torch.flatten(" + x + ", " + text(axis) + ", -1), 0, " + text(axis - 1) + ")");
}

Values shape_of(Context &context) {
  Value &x = context.input(0);
  const auto rank = std::int64_t(x.rank());
  const auto clamp = [&](std::int64_t i) { return std::clamp<std::int64_t>(i < 0 ? i + rank : i, 0, rank); };
  const auto start = clamp(context.node.integer("start", 0)), end = clamp(context.node.integer("end", rank));
  if (context.varies(x)) {
    const std::string name = context.in(0);
    Value sizes = context.source.emit("torch.slice(torch.to(torch._shape_as_tensor(" + name + "), " + name +
                                      ".device), 0, " + text(start) + ", " + text(end) + ")");
    sizes.of_sizes = true;
    return {sizes};
  }
  const Dims shape = x.shape();
  return constant(numbers(Dims(shape.begin() + start, shape.begin() + std::max(start, end))));
}

Values size_of(Context &context) {
  if (context.varies(context.input(0))) {
    Value size = context.source.emit("torch.prod(torch.to(torch._shape_as_tensor(" + context.in(0) + "), " +
                                     context.in(0) + ".device))");
    size.of_sizes = true;
    return {size};
  }
  std::int64_t count = 1;
  for (const auto size : context.input(0).shape()) count *= size;
  return constant(at::full({}, count, at::dtype(at::kLong)));
}

Values concat(Context &context) {
  const auto axis = axis_of(context, context.node.integer("axis", 1), context.input(0).rank());
  std::string list;
  Dims whole = context.input(0).shape();
  whole[std::size_t(axis)] = 0;
  for (std::size_t i = 0; i < context.inputs.size(); ++i) {
    const Dims shape = context.input(i).shape();
    if (shape.size() != whole.size()) context.fail("joins values of different rank");
    whole[std::size_t(axis)] += shape[std::size_t(axis)];
    list += (i ? ", " : "") + context.in(i);
  }
  context.bound(whole);
  return context.one("torch.cat([" + list + "], " + text(axis) + ")");
}

Values split(Context &context) {
  const auto axis = axis_of(context, context.node.integer("axis", 0), context.input(0).rank());
  Dims sizes = context.has(1) ? context.ints(1) : context.node.ints("split");
  if (sizes.empty()) {
    const auto n = std::int64_t(context.node.outputs), whole = context.input(0).shape()[std::size_t(axis)];
    if (context.varies(context.input(0), std::size_t(axis)))
      context.not_convolutional("splits along a size that depends on the picture");
    const auto said = context.node.integer("num_outputs", n);
    if (said != n) context.fail("has " + text(n) + " outputs, and num_outputs=" + text(said));
    // Since opset 18 the last part may be smaller.
    if (context.opset < 18 && whole % n) context.fail("splits a size of " + text(whole) + " into " + text(n));
    const auto part = (whole + n - 1) / n;
    sizes.assign(std::size_t(n), part);
    sizes.back() = whole - part * (n - 1);
    if (sizes.back() < 0) context.fail("splits a size of " + text(whole) + " into " + text(n));
  }
  return context.source.emit_all("torch.split_with_sizes(" + context.in(0) + ", " + literal(sizes) + ", " + text(axis) +
                                 ")");
}

Values slice(Context &context) {
  const bool old = !context.has(1);
  const std::size_t rank = context.input(0).rank();
  const auto bounds = [&](std::size_t input, const char *key) {
    if (!old) return context.sizes(input);
    const Dims values = context.node.ints(key);
    return std::pair<std::string, Dims>{literal(values), values};
  };
  const auto [starts_text, starts] = bounds(1, "starts");
  const auto [ends_text, ends] = bounds(2, "ends");
  Dims axes = old ? context.node.ints("axes") : context.has(3) ? context.ints(3) : Dims{};
  if (axes.empty()) axes = identity_perm(starts.size());
  const Dims steps = context.has(4) ? context.ints(4) : Dims(starts.size(), 1);
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size())
    context.fail("starts, ends, axes and steps differ in length");
  std::string x = context.in(0);
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const auto axis = axis_of(context, axes[i], rank);
    const auto bound = [&](const std::string &list, std::int64_t value) {
      return list[0] == '[' ? text(std::clamp(value, -far, far)) : list + "[" + text(std::int64_t(i)) + "]";
    };
    if (steps[i] == 0) context.fail("has a step of 0");
    if (steps[i] > 0) {
      x = "torch.slice(" + x + ", " + text(axis) + ", " + bound(starts_text, starts[i]) + ", " +
          bound(ends_text, ends[i]) + ", " + text(steps[i]) + ")";
      continue;
    }
    // Backwards: what LibTorch lacks is a list of indices.
    if (context.varies(context.input(0), std::size_t(axis))) {
      if (steps[i] != -1 || starts[i] != -1 || ends[i] > -16384)
        context.not_convolutional("runs backwards along a size that depends on the picture");
      x = "torch.flip(" + x + ", [" + text(axis) + "])";
      continue;
    }
    const auto size = context.input(0).shape()[std::size_t(axis)];
    const auto start = std::clamp<std::int64_t>(starts[i] < 0 ? starts[i] + size : starts[i], -1, size - 1);
    const auto end = std::clamp<std::int64_t>(ends[i] < 0 ? std::max(ends[i], -far) + size : ends[i], -1, size);
    Dims picked;
    const auto step = std::max(steps[i], -far);
    for (auto k = start; k > end && k >= 0; k += step) picked.push_back(k);
    x = "torch.index_select(" + x + ", " + text(axis) + ", " + context.source.buffer(numbers(picked)) + ")";
  }
  return context.one(x);
}

Values expand(Context &context) {
  const auto [sizes, values] = context.sizes(1);
  context.bound(values);
  if (values.empty()) return {context.input(0)};
  return context.one("self.broadcast(" + context.in(0) + ", " + sizes + ")");
}

Values tile(Context &context) {
  const auto [sizes, values] = context.sizes(1);
  Dims shape = context.input(0).shape();
  shape.insert(shape.end(), values.begin(), values.end());
  context.bound(shape);
  return context.one("torch.tile(" + context.in(0) + ", " + sizes + ")");
}

/// How much each side grows: of all dimensions, or of those that the fourth input names (opset 18).
struct Growth {
  Dims before, after;
};

Growth growth_of(const Context &context, std::size_t rank) {
  const Dims pads = context.has(1) ? context.ints(1) : context.node.ints("pads");
  Dims axes = context.has(3) ? context.ints(3) : identity_perm(rank);
  if (pads.size() != 2 * axes.size()) context.fail("the pads do not fit the input's shape");
  Growth growth{Dims(rank, 0), Dims(rank, 0)};
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = std::size_t(axis_of(context, axes[i], rank));
    growth.before[axis] = pads[i];
    growth.after[axis] = pads[axes.size() + i];
    for (const auto p : {growth.before[axis], growth.after[axis]})
      if (p < -far / 4 || p > far / 4) context.fail("a pad is absurd");
  }
  return growth;
}

/// constant_pad_nd counts from the last dimension.
std::string padded(const Context &context, const std::string &x, const Growth &growth, double value) {
  Dims list;
  for (std::size_t i = growth.before.size(); i-- > 0;) {
    list.push_back(growth.before[i]);
    list.push_back(growth.after[i]);
  }
  return "torch.constant_pad_nd(" + x + ", " + literal(list) + ", " +
         (is_float(context.input(0)) ? literal(value) : text(std::int64_t(value))) + ")";
}

/// Where the number at a place outside comes from.
std::int64_t place_inside(const std::string &mode, std::int64_t k, std::int64_t size) {
  const auto modulo = [k](std::int64_t n) { return (k % n + n) % n; };
  if (mode == "edge") return std::clamp<std::int64_t>(k, 0, size - 1);
  if (mode == "wrap") return modulo(size);
  // A mirror image of the mirror image, when the pad is longer than the side.
  const auto period = std::max<std::int64_t>(2 * (size - 1), 1), phase = modulo(period);
  return phase < size ? phase : period - phase;
}

Values pad(Context &context) {
  Value &x = context.input(0);
  const std::size_t rank = x.rank();
  const std::string mode = context.node.text("mode", "constant");
  const Growth growth = growth_of(context, rank);
  Dims shape = x.shape();
  for (std::size_t i = 0; i < rank; ++i) {
    shape[i] += growth.before[i] + growth.after[i];
    if (shape[i] < 0) context.fail("the pads leave nothing");
  }
  context.bound(shape);
  if (mode == "constant")
    return context.one(
        padded(context, context.in(0), growth, context.has(2) ? context.number(2) : context.node.number("value", 0)));
  if (mode != "reflect" && mode != "edge" && mode != "wrap") context.fail("the mode " + mode + " is not supported");
  std::string result = context.in(0);
  for (std::size_t i = 0; i < rank; ++i) {
    if (!growth.before[i] && !growth.after[i]) continue;
    if (context.varies(x, i))
      context.not_convolutional("repeats what lies at a side whose size depends on the picture");
    // Negative pads cut first: what is repeated is what is left.
    const auto cut = std::max<std::int64_t>(-growth.before[i], 0),
               size = x.shape()[i] - cut - std::max<std::int64_t>(-growth.after[i], 0);
    if (size < 1) context.fail("pads a side of nothing");
    Dims picked;
    const auto last = size + std::max<std::int64_t>(growth.after[i], 0);
    context.bound({shape[i]});  // also beside a side of nothing
    for (auto k = std::min<std::int64_t>(-growth.before[i], 0); k < last; ++k)
      picked.push_back(cut + place_inside(mode, k, size));
    result = "torch.index_select(" + result + ", " + text(std::int64_t(i)) + ", " +
             context.source.buffer(numbers(picked)) + ")";
  }
  return context.one(result);
}

/// Cut or padded with zeros on both sides, by one more at the end where it is an odd number.
Values center_crop_pad(Context &context) {
  Value &x = context.input(0);
  const std::size_t rank = x.rank();
  const Dims shape = x.shape(), sizes = context.ints(1);
  Dims axes = context.node.ints("axes");
  if (axes.empty()) axes = identity_perm(rank);
  if (axes.size() != sizes.size()) context.fail("the sizes do not fit the axes");
  Growth growth{Dims(rank, 0), Dims(rank, 0)};
  std::string result = context.in(0);
  Dims target = shape;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = axis_of(context, axes[i], rank), from = shape[std::size_t(axis)];
    if (context.varies(x, std::size_t(axis))) context.not_convolutional("cuts to a fixed size");
    if (sizes[i] < 0) context.fail("a size is negative");
    target[std::size_t(axis)] = sizes[i];
    const auto first = (std::max(from, sizes[i]) - std::min(from, sizes[i])) / 2;
    if (sizes[i] < from)
      result =
          "torch.slice(" + result + ", " + text(axis) + ", " + text(first) + ", " + text(first + sizes[i]) + ", 1)";
    if (sizes[i] <= from) continue;
    growth.before[std::size_t(axis)] = first;
    growth.after[std::size_t(axis)] = sizes[i] - from - first;
  }
  context.bound(target);
  return context.one(padded(context, result, growth, 0));
}

Values range(Context &context) {
  const auto type = type_of(context.input(0));
  Value &limit = context.input(1);
  if (!limit.is_constant() && limit.of_sizes)
    return context.one("torch.to(torch.arange(int(" + context.in(0) + "), int(" + context.in(1) + "), int(" +
                       context.in(2) + "), device=" + context.source.plain(limit) + ".device), " + text(int(type)) +
                       ")");
  const double start = context.number(0), end = context.number(1), step = context.number(2);
  if (step == 0) context.fail("has a step of 0");
  const double count = std::ceil((end - start) / step);
  if (!(std::abs(count) < 1e15)) context.fail("counts to infinity");
  context.bound({std::int64_t(std::max(count, 0.0))});
  return constant(at::arange(std::int64_t(std::max(count, 0.0)), at::dtype(at::kDouble)).mul(step).add(start).to(type));
}

at::Tensor fill_value(const Context &context) {
  const auto found = context.node.attributes.find("value");
  if (found == context.node.attributes.end() || found->second.tensors.empty()) return at::zeros({1});
  const at::Tensor value = to_tensor(found->second.tensors[0]);
  if (value.numel() != 1) context.fail("fills with " + text(value.numel()) + " numbers; one is expected");
  return value.reshape({1});
}

Values constant_of_shape(Context &context) {
  const at::Tensor value = fill_value(context);
  const auto [sizes, values] = context.sizes(0);
  context.bound(values);
  for (const auto size : values)
    if (size < 0) context.fail("a size is negative");
  if (sizes[0] == '[') return constant(value.expand(values).contiguous());
  return context.one("torch.expand(" + context.source.buffer(value) + ", " + sizes + ")");
}

Values eye_like(Context &context) {
  const Dims shape = context.input(0).shape();
  if (shape.size() != 2) context.fail("expects a matrix");
  if (context.varies(context.input(0))) context.not_convolutional("makes a matrix whose size depends on the picture");
  static const std::map<std::int64_t, c10::ScalarType> types{
      {1, at::kFloat}, {2, at::kByte}, {3, at::kChar},   {5, at::kShort},   {6, at::kInt},
      {7, at::kLong},  {9, at::kBool}, {10, at::kFloat}, {11, at::kDouble}, {16, at::kFloat}};
  const auto type = types.find(context.node.integer("dtype", 0));
  at::Tensor eye = at::zeros(shape, at::dtype(type == types.end() ? type_of(context.input(0)) : type->second));
  const auto k = context.node.integer("k", 0);
  for (std::int64_t i = 0; i < shape[0]; ++i)
    if (i + k >= 0 && i + k < shape[1]) eye[i][i + k] = 1;
  return constant(eye);
}

/// Blocks of b×b become channels, or channels blocks.
Values depth_to_space(Context &context) {
  if (context.input(0).rank() != 4) context.fail("expects four dimensions");
  const auto b = context.node.integer("blocksize", 1), channels = context.input(0).shape()[1];
  if (b < 1 || b > 1024 || channels % (b * b)) context.fail("the block size does not fit the channels");
  const std::string x = context.in(0), n = x + ".size(0)", h = x + ".size(2)", w = x + ".size(3)", s = text(b),
                    rest = text(channels / (b * b));
  if (context.node.text("mode", "DCR") == "CRD") return context.one("torch.pixel_shuffle(" + x + ", " + s + ")");
  return context.one("torch.reshape(torch.permute(torch.reshape(" + x + ", [" + n + ", " + s + ", " + s + ", " + rest +
                     ", " + h + ", " + w + "]), [0, 3, 4, 1, 5, 2]), [" + n + ", " + rest + ", " + h + " * " + s +
                     ", " + w + " * " + s + "])");
}

Values space_to_depth(Context &context) {
  if (context.input(0).rank() != 4) context.fail("expects four dimensions");
  const auto b = context.node.integer("blocksize", 1), channels = context.input(0).shape()[1];
  if (b < 1 || b > 1024) context.fail("the block size is none");
  const std::string x = context.in(0), n = x + ".size(0)", h = x + ".size(2) // " + text(b),
                    w = x + ".size(3) // " + text(b), s = text(b);
  return context.one("torch.reshape(torch.permute(torch.reshape(" + x + ", [" + n + ", " + text(channels) + ", " + h +
                     ", " + s + ", " + w + ", " + s + "]), [0, 3, 5, 1, 2, 4]), [" + n + ", " + text(channels * b * b) +
                     ", " + h + ", " + w + "])");
}

}  // namespace

const std::vector<OperatorRow> &onnx_shape_operators() {
  // Several rows a line.
  // clang-format off
  static const std::vector<OperatorRow> rows{
      {"CenterCropPad", center_crop_pad, "axes"}, {"Concat", concat, "axis"},
      {"ConstantOfShape", constant_of_shape, "value"}, {"DepthToSpace", depth_to_space, "blocksize mode"},
      {"Expand", expand, ""}, {"EyeLike", eye_like, "dtype k"}, {"Flatten", flatten, "axis"},
      {"Pad", pad, "mode pads value"}, {"Range", range, ""}, {"Reshape", reshape, "allowzero shape"},
      {"Shape", shape_of, "end start"}, {"Size", size_of, ""}, {"Slice", slice, "axes ends starts"},
      {"SpaceToDepth", space_to_depth, "blocksize"}, {"Split", split, "axis num_outputs split"},
      {"Squeeze", squeeze, "axes"}, {"Tile", tile, ""}, {"Transpose", transpose, "perm"},
      {"Unsqueeze", unsqueeze, "axes"}};
  // clang-format on
  return rows;
}

}  // namespace oneadapt::import
