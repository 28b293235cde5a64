// SPDX-License-Identifier: LGPL-2.1-or-later
// ONNX: operators that reduce or order along axes, and products of matrices.
#include <ATen/ExpandUtils.h>

#include <algorithm>
#include <limits>
#include <map>

#include "onnx_helpers.h"
#include "operators.h"

namespace oneadapt::import {
namespace {

// --- along axes

struct Reduction {
  const char *pattern;         ///< of input, axes, keepdims
  const char *of_each = "{}";  ///< what is left of it when nothing is reduced
  /// What LibTorch does with floating point only.
  bool in_double = false;
};
const std::map<std::string, Reduction> reductions{
    {"ReduceL1", {"torch.sum(torch.abs({}), {}, {})", "torch.abs({})"}},
    {"ReduceL2", {"torch.sqrt(torch.sum(torch.square({}), {}, {}))", "torch.abs({})", true}},
    {"ReduceLogSum", {"torch.log(torch.sum({}, {}, {}))", "torch.log({})", true}},
    {"ReduceLogSumExp", {"torch.logsumexp({}, {}, {})", "{}", true}},
    {"ReduceMax", {"torch.amax({}, {}, {})"}},
    {"ReduceMean", {"torch.mean({}, {}, {})", "{}", true}},
    {"ReduceMin", {"torch.amin({}, {}, {})"}},
    {"ReduceProd", {"torch.prod({}, {}, {})"}},  // of one axis
    {"ReduceSum", {"torch.sum({}, {}, {})"}},
    {"ReduceSumSquare", {"torch.sum(torch.square({}), {}, {})", "torch.square({})"}}};

/// All of them when none is named, in ascending order.
Dims reduced_axes(Context &context) {
  const std::size_t rank = context.input(0).rank();
  Dims axes = axes_of(context, 1);
  for (auto &axis : axes) axis = axis_of(context, axis, rank);
  if (axes.empty()) axes = identity_perm(rank);
  std::sort(axes.begin(), axes.end());
  axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
  return axes;
}

/// The most or the least of no numbers, which LibTorch refuses; nothing when there are some.
Values extreme_of_none(const Context &context, const Dims &axes, bool keep) {
  Dims shape = context.input(0).shape();
  const auto empty = [&](auto axis) { return shape[std::size_t(axis)] == 0; };
  if (std::none_of(axes.begin(), axes.end(), empty)) return {};
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    shape[std::size_t(*axis)] = 1;
    if (!keep) shape.erase(shape.begin() + *axis);
  }
  if (!is_float(context.input(0))) context.fail("reduces integers of which there are none");
  const double none = std::numeric_limits<double>::infinity();
  Value value;
  value.constant = at::full(shape, context.node.op == "ReduceMax" ? -none : none, at::dtype(type_of(context.input(0))));
  return {value};
}

Values reduce(Context &context) {
  const std::string &op = context.node.op;
  const bool keep = context.node.flag("keepdims", true);
  const bool nothing = context.node.flag("noop_with_empty_axes") && axes_of(context, 1).empty();
  const Dims axes = nothing ? Dims{} : reduced_axes(context);
  if (op == "ReduceMax" || op == "ReduceMin") {
    Values none = extreme_of_none(context, axes, keep);
    if (!none.empty()) return none;
  }
  const Reduction &reduction = reductions.at(op);
  const bool whole = !is_float(context.input(0));
  const std::string flag = keep ? "True" : "False";
  std::string x = context.in(0);
  if (nothing && std::string(reduction.of_each) == "{}") return {context.input(0)};
  if (whole && reduction.in_double) x = "torch.to(" + x + ", 7)";
  if (nothing)
    x = fill(reduction.of_each, {x});
  else if (op == "ReduceProd")
    for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) x = fill(reduction.pattern, {x, text(*axis), flag});
  else
    x = fill(reduction.pattern, {x, literal(axes), flag});
  // LibTorch's sums of integers are of 64 bits.
  return context.one(whole ? "torch.to(" + x + ", " + text(int(type_of(context.input(0)))) + ")" : x);
}

Values arg(Context &context) {
  const std::string function = context.node.op == "ArgMax" ? "torch.argmax(" : "torch.argmin(";
  const auto axis = axis_of(context, context.node.integer("axis", 0), context.input(0).rank());
  const std::string tail = ", " + text(axis) + (context.node.flag("keepdims", true) ? ", True)" : ", False)"),
                    x = context.in(0);
  if (!context.node.flag("select_last_index")) return context.one(function + x + tail);
  return context.one("torch.sub(" + x + ".size(" + text(axis) + ") - 1, " + function + "torch.flip(" + x + ", [" +
                     text(axis) + "])" + tail + ")");
}

/// Before opset 13 all dimensions from the axis on are one.
Values softmax(Context &context) {
  static const std::map<std::string, const char *> patterns{{"Softmax", "torch.softmax({}, {})"},
                                                            {"LogSoftmax", "torch.log_softmax({}, {})"}};
  const bool old = context.opset < 13;
  const std::size_t rank = context.input(0).rank();
  const auto axis = axis_of(context, context.node.integer("axis", old ? 1 : -1), rank);
  const std::string x = context.in(0);
  const bool merge = old && axis + 1 < std::int64_t(rank);
  const auto apply = [&](const std::string &of, std::int64_t along) {
    if (context.node.op == "Hardmax")
      return "torch.scatter(torch.zeros_like(" + of + "), " + text(along) + ", torch.argmax(" + of + ", " +
             text(along) + ", True), 1.0)";
    return fill(patterns.at(context.node.op), {of, text(along)});
  };
  if (!merge) return context.one(apply(x, axis));
  Value flat = context.source.emit("torch.flatten(" + x + ", " + text(axis) + ", -1)");
  return context.one("torch.reshape(" + apply(context.source.plain(flat), axis) + ", " + x + ".size())");
}

Values cumulative_sum(Context &context) {
  const auto axis = axis_of(context, context.integer(1), context.input(0).rank());
  const std::string a = text(axis), x = context.in(0);
  const bool reverse = context.node.flag("reverse");
  const auto flip = [&](const std::string &of) { return reverse ? "torch.flip(" + of + ", [" + a + "])" : of; };
  std::string sum = "torch.cumsum(" + flip(x) + ", " + a + ")";
  if (context.node.flag("exclusive")) sum = "torch.sub(" + sum + ", " + flip(x) + ")";
  return context.one(flip(sum));
}

// --- products

Values mat_mul(Context &context) {
  const Dims a = context.input(0).shape(), b = context.input(1).shape();
  if (a.size() > 1 && b.size() > 1) {
    Dims shape = at::infer_size(at::IntArrayRef(a.data(), a.size() - 2), at::IntArrayRef(b.data(), b.size() - 2));
    shape.push_back(a[a.size() - 2]);
    shape.push_back(b.back());
    context.bound(shape);
  }
  return context.one("torch.matmul(" + context.in(0) + ", " + context.in(1) + ")");
}

Values gemm(Context &context) {
  const auto side = [&](std::size_t i, const char *key) {
    const std::string x = context.in(i);
    if (context.input(i).rank() != 2) context.fail("expects matrices");
    return context.node.flag(key) ? "torch.t(" + x + ")" : x;
  };
  std::string result = "torch.matmul(" + side(0, "transA") + ", " + side(1, "transB") + ")";
  const double alpha = context.node.number("alpha", 1), beta = context.node.number("beta", 1);
  context.bound({context.input(0).shape()[context.node.flag("transA") ? 1 : 0],
                 context.input(1).shape()[context.node.flag("transB") ? 0 : 1]});
  if (alpha != 1) result = "torch.mul(" + result + ", " + literal(alpha) + ")";
  if (context.has(2)) {
    const std::string c = beta == 1 ? context.in(2) : "torch.mul(" + context.in(2) + ", " + literal(beta) + ")";
    result = "torch.add(" + result + ", " + c + ")";
  }
  return context.one(result);
}

Values einsum(Context &context) {
  const std::string equation = context.node.text("equation", "");
  if (equation.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ,.-> ") != std::string::npos)
    context.fail("the equation '" + equation + "' is none");
  std::string list;
  for (std::size_t i = 0; i < context.inputs.size(); ++i) list += (i ? ", " : "") + context.in(i);
  return context.one("torch.einsum(\"" + equation + "\", [" + list + "])");
}

}  // namespace

const std::vector<OperatorRow> &onnx_axis_operators() {
  static const std::vector<OperatorRow> rows = [] {
    // Several rows a line.
    // clang-format off
    std::vector<OperatorRow> all{
        {"ArgMax", arg, "axis keepdims select_last_index"}, {"ArgMin", arg, "axis keepdims select_last_index"},
        {"CumSum", cumulative_sum, "exclusive reverse"}, {"Einsum", einsum, "equation"},
        {"Gemm", gemm, "alpha beta broadcast transA transB"}, {"Hardmax", softmax, "axis"},
        {"LogSoftmax", softmax, "axis"}, {"MatMul", mat_mul, ""}, {"Softmax", softmax, "axis"}};
    // clang-format on
    for (const auto &[name, reduction] : reductions)
      all.push_back({name.c_str(), reduce, "axes keepdims noop_with_empty_axes"});
    return all;
  }();
  return rows;
}

}  // namespace oneadapt::import
