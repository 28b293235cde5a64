// SPDX-License-Identifier: LGPL-2.1-or-later
// Operators that move values about: shapes, slices, joins, pads.
#include <ATen/ATen.h>

#include <algorithm>

#include "operators.h"

namespace oneadapt::import {
namespace {

Values transpose(Context &context) {
  Value value = context.input(0);
  const Dims perm = context.ints(1);
  if (perm.size() != value.rank()) context.fail("the permutation has another length than the input's shape");
  auto sorted = perm;
  std::sort(sorted.begin(), sorted.end());
  if (sorted != identity_perm(perm.size())) context.fail("the permutation is none");
  if (value.is_constant()) {
    value.constant = value.constant.permute(perm).contiguous();
    return {value};
  }
  value.perm = compose(value.perm, perm);
  if (!context.sole_reader[0]) value.bias_slot = -1;
  return {value};
}

Values reshape(Context &context) {
  Value &value = context.input(0);
  Dims target = context.ints(1);
  const auto count = [](const Dims &shape) {
    std::int64_t n = 1;
    for (auto size : shape) n *= size;
    return n;
  };
  std::string sizes = literal(target);
  const bool open = std::count(target.begin(), target.end(), -1) > 0;
  if (context.source.dynamic() && !value.is_constant() && !open && value.shape(0) != value.shape(1))
    sizes = flexible_shape(context, value, target);
  else if (!open && count(target) != count(value.shape()))
    context.fail("reshapes " + literal(value.shape()) + " to " + literal(target));
  const std::string x = context.source.plain(value);
  for (auto at = sizes.find("{}"); at != std::string::npos; at = sizes.find("{}")) sizes.replace(at, 2, x);
  return {context.source.emit("torch.reshape(" + x + ", " + sizes + ")")};
}

Values expand_dims(Context &context) {
  std::int64_t axis = context.integer(1);
  if (axis < 0) axis += std::int64_t(context.input(0).rank()) + 1;
  return {context.source.emit("torch.unsqueeze(" + context.source.plain(context.input(0)) + ", " +
                              std::to_string(axis) + ")")};
}

Values squeeze(Context &context) {
  Value &value = context.input(0);
  const Dims shape = value.shape();
  Dims axes = context.node.ints("squeeze_dims");
  if (axes.empty())
    for (std::size_t i = 0; i < shape.size(); ++i)
      if (shape[i] == 1) axes.push_back(std::int64_t(i));
  for (auto &axis : axes) axis = axis < 0 ? axis + std::int64_t(shape.size()) : axis;
  std::sort(axes.rbegin(), axes.rend());
  std::string text = context.source.plain(value);
  for (auto axis : axes) text = "torch.squeeze(" + text + ", " + std::to_string(axis) + ")";
  return {context.source.emit(text)};
}

Values shape_of(Context &context) {
  Value &value = context.input(0);
  if (context.source.dynamic() && !value.is_constant() && value.shape(0) != value.shape(1))
    context.not_convolutional("hands out a size that depends on the picture");
  Value result;
  result.constant = at::tensor(value.shape(), at::kInt);
  return {result};
}

Values concat(Context &context) {
  const std::size_t n = context.inputs.size() - 1;
  std::int64_t axis = context.integer(n);
  const Dims perm = context.input(0).is_constant() ? Dims{} : context.input(0).perm;
  std::string list;
  for (std::size_t i = 0; i < n; ++i) list += (i ? ", " : "") + context.source.stored(context.input(i), perm);
  if (axis < 0) axis += std::int64_t(context.input(0).rank());
  if (!perm.empty()) axis = perm.at(std::size_t(axis));
  return {context.source.emit("torch.cat([" + list + "], " + std::to_string(axis) + ")", perm)};
}

Values pack(Context &context) {
  std::string list;
  for (std::size_t i = 0; i < context.inputs.size(); ++i)
    list += (i ? ", " : "") + context.source.plain(context.input(i));
  return {context.source.emit("torch.stack([" + list + "], " + std::to_string(context.node.integer("axis", 0)) + ")")};
}

Values unpack(Context &context) {
  return context.source.emit_all("torch.unbind(" + context.in(0) + ", " +
                                 std::to_string(context.node.integer("axis", 0)) + ")");
}

Values split_into(Context &context, std::size_t value, std::int64_t axis, const Dims &sizes) {
  const auto [x, perm] = context.as_stored(value);
  if (axis < 0) axis += std::int64_t(context.input(value).rank());
  if (!perm.empty()) axis = perm.at(std::size_t(axis));
  Values parts = context.source.emit_all("torch.split_with_sizes(" + x + ", " + literal(sizes) + ", " +
                                         std::to_string(axis) + ")");
  for (auto &part : parts) part.perm = perm;
  return parts;
}

std::int64_t size_along(Context &context, std::size_t value, std::int64_t axis) {
  const Value &v = context.input(value);
  const auto rank = std::int64_t(v.rank());
  const auto i = std::size_t(axis < 0 ? axis + rank : axis);
  if (i >= std::size_t(rank)) context.fail("the axis is outside the input's shape");
  if (context.source.dynamic() && !v.is_constant() && v.shape(0)[i] != v.shape(1)[i])
    context.not_convolutional("splits along a size that depends on the picture");
  return v.shape()[i];
}

Values split_v(Context &context) {
  Dims sizes = context.ints(1);
  const std::int64_t axis = context.integer(2), whole = size_along(context, 0, axis);
  std::int64_t known = 0;
  for (auto size : sizes) known += std::max<std::int64_t>(size, 0);
  for (auto &size : sizes) size = size < 0 ? whole - known : size;
  return split_into(context, 0, axis, sizes);
}

Values split(Context &context) {
  const std::int64_t axis = context.integer(0), whole = size_along(context, 1, axis),
                     n = context.node.integer("num_split", 1);
  if (n < 1 || whole % n) context.fail("splits a size of " + std::to_string(whole) + " into " + std::to_string(n));
  return split_into(context, 1, axis, Dims(std::size_t(n), whole / n));
}

Values pad(Context &context) {
  Value value = context.input(0);
  const Dims pads = context.ints(1);
  const double fill_value = context.inputs.size() > 2 ? context.number(2) : 0.0;
  if (pads.size() != 2 * value.rank()) context.fail("the pads do not fit the input's shape");
  if (std::any_of(pads.begin(), pads.end(), [](auto p) { return p < 0; })) context.fail("a pad is negative");
  if (value.is_constant()) {
    const std::string x = context.source.plain(value);
    value = context.source.emit(x);
  }
  context.source.apply_pads(value);
  value.pads.assign(pads.size(), 0);
  for (std::size_t i = 0; i < pads.size(); ++i) {
    const std::size_t dimension = value.perm.empty() ? i / 2 : std::size_t(value.perm[i / 2]);
    value.pads[2 * dimension + i % 2] = pads[i];
  }
  value.pad_value = fill_value;
  value.bias_slot = -1;
  if (context.folding) context.source.apply_pads(value);
  return {value};
}

Values sparse_to_dense(Context &context) {
  const at::Tensor indices = context.constant(0).to(at::kLong), values = context.constant(2),
                   initial = context.constant(3);
  Value result;
  result.constant = at::full(context.ints(1), initial.reshape({}).item(), initial.options());
  const auto count = indices.dim() ? indices.size(0) : 1;
  const auto points = indices.numel() ? indices.reshape({count, -1}) : indices.reshape({0, 1});
  for (std::int64_t i = 0; i < points.size(0); ++i) {
    at::Tensor cell = result.constant;
    for (std::int64_t d = 0; d < points.size(1); ++d) cell = cell.select(0, points[i][d].item<std::int64_t>());
    cell.copy_(values.dim() ? values[i] : values);
  }
  return {result};
}

Values strided_slice(Context &context) {
  const Dims begin = context.ints(1), end = context.ints(2), step = context.ints(3);
  const auto bit = [&](const char *mask, std::size_t i) { return (context.node.integer(mask, 0) >> i & 1) != 0; };
  if (context.node.integer("ellipsis_mask", 0) || context.node.integer("new_axis_mask", 0))
    context.fail("ellipsis and new axes are not supported");
  std::string text = context.source.plain(context.input(0));
  std::int64_t dimension = 0;
  for (std::size_t i = 0; i < begin.size(); ++i) {
    if (step.at(i) < 1) context.fail("steps below 1 are not supported");
    if (bit("shrink_axis_mask", i)) {
      text = "torch.select(" + text + ", " + std::to_string(dimension) + ", " + std::to_string(begin[i]) + ")";
      continue;
    }
    const std::int64_t from = bit("begin_mask", i) ? 0 : begin[i];
    const std::int64_t to = bit("end_mask", i) ? INT64_MAX : end.at(i);
    if (from != 0 || to != INT64_MAX || step[i] != 1)
      text = "torch.slice(" + text + ", " + std::to_string(dimension) + ", " + std::to_string(from) + ", " +
             std::to_string(to) + ", " + std::to_string(step[i]) + ")";
    ++dimension;
  }
  return {context.source.emit(text)};
}

Values gather(Context &context) {
  Source &source = context.source;
  if (context.node.integer("batch_dims", 0)) context.fail("batch dimensions are not supported");
  std::int64_t axis = context.inputs.size() > 2 ? context.integer(2) : 0;
  const auto rank = std::int64_t(context.input(0).rank());
  if (axis < 0) axis += rank;
  const std::string x = source.plain(context.input(0)), indices = source.plain(context.input(1));
  std::string sizes;
  const auto size = [&](const std::string &of, std::int64_t i) {
    sizes += (sizes.empty() ? "" : ", ") + of + ".size(" + std::to_string(i) + ")";
  };
  for (std::int64_t i = 0; i < axis; ++i) size(x, i);
  for (std::int64_t i = 0; i < std::int64_t(context.input(1).rank()); ++i) size(indices, i);
  for (std::int64_t i = axis + 1; i < rank; ++i) size(x, i);
  return {source.emit("torch.reshape(torch.index_select(" + x + ", " + std::to_string(axis) +
                      ", torch.reshape(torch.to(" + indices + ", 4), [-1])), [" + sizes + "])")};
}

Values top_k(Context &context) {
  const std::int64_t k = context.integer(1);
  return context.source.emit_all("torch.topk(" + context.source.plain(context.input(0)) + ", " + std::to_string(k) +
                                 ", -1, True, True)");
}

}  // namespace

/// Sizes of a reshape that follow the input: groups of input and output dimensions with equal products are matched
/// from the front; in each, a size that changes with the picture must be an input's own or the one −1.
std::string flexible_shape(Context &context, const Value &x, const Dims &target) {
  const Dims a = x.shape(0), b = x.shape(1);
  if (std::any_of(target.begin(), target.end(), [](auto size) { return size < 1; }))
    context.not_convolutional("reshapes to " + literal(target));
  std::vector<std::string> sizes;
  bool minus_one = false;
  std::size_t i = 0, o = 0;
  while (i < a.size() || o < target.size()) {
    const std::size_t first_in = i, first_out = o;
    std::int64_t in = 1, out = 1;
    bool varies = false;
    if (i < a.size()) varies = a[i] != b[i], in = a[i++];
    if (o < target.size()) out = target[o++];
    while (in != out || (o == target.size() && i < a.size()) || (i == a.size() && o < target.size())) {
      if ((in < out || o == target.size()) && i < a.size()) {
        varies = varies || a[i] != b[i];
        in *= a[i++];
      } else if (o < target.size()) {
        out *= target[o++];
      } else {
        context.fail("the new shape has another number of elements");
      }
    }
    if (varies && i - first_in == 1 && o - first_out == 1) {
      sizes.push_back("{}.size(" + std::to_string(first_in) + ")");
      continue;
    }
    if (!varies) {
      for (std::size_t k = first_out; k < o; ++k) sizes.push_back(std::to_string(target[k]));
      continue;
    }
    // Ones and factors that do not change stand; exactly one size of the group has to.
    std::int64_t fixed = 1;
    for (std::size_t k = first_in; k < i; ++k) fixed *= a[k] == b[k] ? a[k] : 1;
    bool placed = false;
    for (std::size_t k = first_out; k < o; ++k) {
      const bool stands = target[k] == 1 || (o - first_out > 1 && fixed % target[k] == 0 && fixed > 1);
      if (stands) {
        fixed /= target[k];
        sizes.push_back(std::to_string(target[k]));
      } else if (!placed && !minus_one) {
        placed = minus_one = true;
        sizes.push_back("-1");
      } else {
        context.not_convolutional("reshapes to " + literal(target) + ", where several sizes depend on the picture");
      }
    }
  }
  return "[" + join(sizes) + "]";
}

const std::vector<OperatorRow> &shape_operators() {
  static const std::vector<OperatorRow> rows{{"ConcatV2", concat},
                                             {"ExpandDims", expand_dims},
                                             {"GatherV2", gather},
                                             {"Pack", pack},
                                             {"Pad", pad},
                                             {"PadV2", pad},
                                             {"Reshape", reshape},
                                             {"Shape", shape_of},
                                             {"SparseToDense", sparse_to_dense},
                                             {"Split", split},
                                             {"SplitV", split_v},
                                             {"Squeeze", squeeze},
                                             {"StridedSlice", strided_slice},
                                             {"TopKV2", top_k},
                                             {"Transpose", transpose},
                                             {"Unpack", unpack}};
  return rows;
}

}  // namespace oneadapt::import
