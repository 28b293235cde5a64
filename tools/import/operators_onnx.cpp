// SPDX-License-Identifier: LGPL-2.1-or-later
// ONNX: the table of operators, and those that compute number by number or along axes.
#include <ATen/ExpandUtils.h>

#include <algorithm>
#include <map>

#include "onnx_helpers.h"
#include "operators.h"

namespace oneadapt::import {
namespace {

const std::map<std::string, const char *> unary_patterns{
    {"Abs", "torch.abs({})"},           {"Acos", "torch.acos({})"},       {"Acosh", "torch.acosh({})"},
    {"Asin", "torch.asin({})"},         {"Asinh", "torch.asinh({})"},     {"Atan", "torch.atan({})"},
    {"Atanh", "torch.atanh({})"},       {"Ceil", "torch.ceil({})"},       {"Cos", "torch.cos({})"},
    {"Cosh", "torch.cosh({})"},         {"Det", "torch.det({})"},         {"Erf", "torch.erf({})"},
    {"Exp", "torch.exp({})"},           {"Floor", "torch.floor({})"},     {"HardSwish", "torch.hardswish({})"},
    {"IsNaN", "torch.isnan({})"},       {"Log", "torch.log({})"},         {"Mish", "torch.mish({})"},
    {"Neg", "torch.neg({})"},           {"Not", "torch.logical_not({})"}, {"Reciprocal", "torch.reciprocal({})"},
    {"Relu", "torch.relu({})"},         {"Round", "torch.round({})"},     {"Sigmoid", "torch.sigmoid({})"},
    {"Sign", "torch.sign({})"},         {"Sin", "torch.sin({})"},         {"Sinh", "torch.sinh({})"},
    {"Softplus", "torch.softplus({})"}, {"Sqrt", "torch.sqrt({})"},       {"Tan", "torch.tan({})"},
    {"Tanh", "torch.tanh({})"}};

Values unary(Context &context) { return context.one(fill(unary_patterns.at(context.node.op), {context.in(0)})); }

/// Activations with constants of their own: attribute's name and default for each, in the pattern's order.
struct Activation {
  const char *pattern;
  std::vector<std::pair<const char *, double>> constants;
};
const std::map<std::string, Activation> activations{
    {"Celu", {"torch.celu({}, {})", {{"alpha", 1}}}},
    {"Elu", {"torch.elu({}, {})", {{"alpha", 1}}}},
    {"HardSigmoid", {"torch.clamp(torch.add(torch.mul({}, {}), {}), 0, 1)", {{"alpha", 0.2}, {"beta", 0.5}}}},
    {"LeakyRelu", {"torch.leaky_relu({}, {})", {{"alpha", 0.01}}}},
    {"Selu", {"torch.elu({}, {}, {})", {{"alpha", 1.67326319217681884765625}, {"gamma", 1.05070102214813232421875}}}},
    {"ThresholdedRelu", {"torch.threshold({}, {}, 0.0)", {{"alpha", 1}}}},
};

Values activate(Context &context) {
  const Activation &activation = activations.at(context.node.op);
  std::vector<std::string> arguments{context.in(0)};
  for (const auto &[name, fallback] : activation.constants)
    arguments.push_back(literal(context.node.number(name, fallback)));
  return context.one(fill(activation.pattern, arguments));
}

Values softsign(Context &context) {
  const std::string x = context.in(0);
  return context.one("torch.div(" + x + ", torch.add(torch.abs(" + x + "), 1))");
}

Values shrink(Context &context) {
  const std::string x = context.in(0), limit = literal(context.node.number("lambd", 0.5)),
                    bias = literal(context.node.number("bias", 0));
  return context.one("torch.add(torch.mul(torch.sub(" + x + ", " + bias + "), torch.gt(" + x + ", " + limit +
                     ")), torch.mul(torch.add(" + x + ", " + bias + "), torch.lt(" + x + ", -" + limit + ")))");
}

Values is_infinite(Context &context) {
  const std::string x = context.in(0);
  const bool negative = context.node.flag("detect_negative", true),
             positive = context.node.flag("detect_positive", true);
  if (negative && positive) return context.one("torch.isinf(" + x + ")");
  if (negative || positive) return context.one(std::string("torch.is") + (negative ? "neg" : "pos") + "inf(" + x + ")");
  return context.one("torch.zeros_like(" + x + ", dtype=11)");
}

Values clip(Context &context) {
  const std::string x = context.in(0);
  const auto limit = [&](std::size_t index, const char *attribute) -> std::string {
    if (context.has(index)) {
      Value &value = context.input(index);
      // A number that is known needs no tensor; integers stay integers only next to a tensor of their type.
      if (value.is_constant() && is_float(value)) return literal(context.number(index));
      return context.source.plain(value);
    }
    return context.node.attributes.count(attribute) ? literal(context.node.number(attribute, 0)) : "None";
  };
  std::string low = limit(1, "min"), high = limit(2, "max");
  if (low == "None" && high == "None") return {context.input(0)};
  const auto is_tensor = [](const std::string &s) { return s[0] == 'v' || s[0] == 'x' || s[0] == 's'; };
  if (is_tensor(low) != is_tensor(high) && low != "None" && high != "None")
    return context.one("torch.clamp(torch.clamp(" + x + ", " + low + ", None), None, " + high + ")");
  return context.one("torch.clamp(" + x + ", " + low + ", " + high + ")");
}

Values identity(Context &context) { return {context.input(0)}; }

Values dropout(Context &context) {
  if (context.has(2) && context.integer(2) && !(context.has(1) && context.number(1) == 0))
    context.fail("is in training mode; export the model in evaluation mode");
  Values results{context.input(0)};
  if (context.node.outputs > 1)
    results.push_back(context.source.emit("torch.ones_like(" + context.in(0) + ", dtype=11)"));
  return results;
}

/// ONNX's types as the numbers that TorchScript writes for its own; half precision is widened.
int torch_type(const Context &context, std::int64_t type) {
  static const std::map<std::int64_t, int> types{{1, 6},  {2, 0},  {3, 1},  {4, 4},  {5, 2},  {6, 3}, {7, 4},
                                                 {9, 11}, {10, 6}, {11, 7}, {12, 4}, {13, 4}, {16, 6}};
  const auto found = types.find(type);
  if (found == types.end()) context.fail("a cast to type " + text(type) + " is not supported");
  return found->second;
}

Values cast(Context &context) {
  return context.one("torch.to(" + context.in(0) + ", " + text(torch_type(context, context.node.integer("to", 1))) +
                     ")");
}

Values cast_like(Context &context) {
  return context.one("torch.to(" + context.in(0) + ", " + text(int(type_of(context.input(1)))) + ")");
}

// --- two values or more in, broadcast

const std::map<std::string, const char *> binary_patterns{
    {"Add", "torch.add({}, {})"},     {"And", "torch.logical_and({}, {})"}, {"Div", "torch.div({}, {})"},
    {"Equal", "torch.eq({}, {})"},    {"Greater", "torch.gt({}, {})"},      {"GreaterOrEqual", "torch.ge({}, {})"},
    {"Less", "torch.lt({}, {})"},     {"LessOrEqual", "torch.le({}, {})"},  {"Max", "torch.maximum({}, {})"},
    {"Min", "torch.minimum({}, {})"}, {"Mul", "torch.mul({}, {})"},         {"Or", "torch.logical_or({}, {})"},
    {"Sub", "torch.sub({}, {})"},     {"Sum", "torch.add({}, {})"},         {"Xor", "torch.logical_xor({}, {})"}};

void bound_broadcast(Context &context, const Value &a, const Value &b) {
  context.bound(at::infer_size(at::IntArrayRef(a.shape()), at::IntArrayRef(b.shape())));
}

/// The second operand; before opset 7 its dimensions stood at `axis` of the first one's.
std::string right_operand(Context &context) {
  std::string y = context.in(1);
  const auto rank = context.input(0).rank(), own = context.input(1).rank();
  if (context.opset >= 7 || !context.node.flag("broadcast") || !context.node.attributes.count("axis") || own >= rank)
    return y;
  const auto axis = axis_of(context, context.node.integer("axis", 0), rank);
  for (auto i = std::size_t(axis) + own; i < rank; ++i) y = "torch.unsqueeze(" + y + ", -1)";
  return y;
}

Values binary(Context &context) {
  const std::string &op = context.node.op;
  const std::string y = right_operand(context);
  if (context.opset >= 7) bound_broadcast(context, context.input(0), context.input(1));
  if (op == "Div" && !is_float(context.input(0)))
    return context.one("torch.div(" + context.in(0) + ", " + y + ", rounding_mode=\"trunc\")");
  return context.one(fill(binary_patterns.at(op), {context.in(0), y}));
}

Values variadic(Context &context) {
  const std::string &op = context.node.op;
  Value result = context.input(0);
  const char *pattern = binary_patterns.at(op == "Mean" ? "Sum" : op);
  for (std::size_t i = 1; i < context.inputs.size(); ++i) {
    bound_broadcast(context, result, context.input(i));
    result = context.source.emit(fill(pattern, {context.source.plain(result), context.in(i)}));
  }
  if (op == "Mean")
    result = context.source.emit("torch.div(" + context.source.plain(result) + ", " +
                                 text(std::int64_t(context.inputs.size())) + ")");
  return {result};
}

Values power(Context &context) {
  const std::string y = right_operand(context);
  const std::string result = "torch.pow(" + context.in(0) + ", " + y + ")";
  // The result has the type of the base.
  if (type_of(context.input(0)) == type_of(context.input(1))) return context.one(result);
  return context.one("torch.to(" + result + ", " + text(int(type_of(context.input(0)))) + ")");
}

Values modulo(Context &context) {
  return context.one(std::string(context.node.flag("fmod") ? "torch.fmod(" : "torch.remainder(") + context.in(0) +
                     ", " + context.in(1) + ")");
}

Values bit_shift(Context &context) {
  const std::string way = context.node.text("direction", "") == "LEFT" ? "left" : "right";
  return context.one("torch.bitwise_" + way + "_shift(" + context.in(0) + ", " + context.in(1) + ")");
}

Values where(Context &context) {
  bound_broadcast(context, context.input(1), context.input(2));
  bound_broadcast(context, context.input(0), context.input(1));
  return context.one("torch.where(" + context.in(0) + ", " + context.in(1) + ", " + context.in(2) + ")");
}

Values prelu(Context &context) {
  const std::string x = context.in(0);
  std::string slope = context.in(1);
  // Before opset 7 one slope a channel.
  if (context.opset < 7 && context.input(1).rank() == 1 && context.input(1).shape()[0] > 1)
    for (std::size_t i = 2; i < context.input(0).rank(); ++i) slope = "torch.unsqueeze(" + slope + ", -1)";
  return context.one("torch.where(torch.ge(" + x + ", 0), " + x + ", torch.mul(" + x + ", " + slope + "))");
}

// --- along axes

const std::map<std::string, const char *> reductions{{"ReduceL1", "torch.sum(torch.abs({}), {}, {})"},
                                                     {"ReduceL2", "torch.sqrt(torch.sum(torch.square({}), {}, {}))"},
                                                     {"ReduceLogSum", "torch.log(torch.sum({}, {}, {}))"},
                                                     {"ReduceLogSumExp", "torch.logsumexp({}, {}, {})"},
                                                     {"ReduceMax", "torch.amax({}, {}, {})"},
                                                     {"ReduceMean", "torch.mean({}, {}, {})"},
                                                     {"ReduceMin", "torch.amin({}, {}, {})"},
                                                     {"ReduceSum", "torch.sum({}, {}, {})"},
                                                     {"ReduceSumSquare", "torch.sum(torch.square({}), {}, {})"}};

Dims reduced_axes(Context &context) {
  const std::size_t rank = context.input(0).rank();
  Dims axes = axes_of(context, 1);
  for (auto &axis : axes) axis = axis_of(context, axis, rank);
  if (axes.empty()) axes = identity_perm(rank);
  return axes;
}

Values reduce(Context &context) {
  const bool keep = context.node.flag("keepdims", true);
  if (context.node.flag("noop_with_empty_axes") && axes_of(context, 1).empty()) return {context.input(0)};
  return context.one(
      fill(reductions.at(context.node.op), {context.in(0), literal(reduced_axes(context)), keep ? "True" : "False"}));
}

Values reduce_product(Context &context) {
  const bool keep = context.node.flag("keepdims", true);
  Dims axes = reduced_axes(context);
  std::sort(axes.rbegin(), axes.rend());
  std::string x = context.in(0);
  for (const auto axis : axes) x = "torch.prod(" + x + ", " + text(axis) + (keep ? ", True)" : ", False)");
  return context.one(x);
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

Values dequantize(Context &context) {
  const std::size_t rank = context.input(0).rank();
  const auto wide = [&](std::size_t i) {
    std::string x = context.in(i);
    if (context.input(i).rank() != 1 || context.input(i).shape()[0] == 1) return x;
    const auto axis = axis_of(context, context.node.integer("axis", 1), rank);
    for (auto k = std::size_t(axis) + 1; k < rank; ++k) x = "torch.unsqueeze(" + x + ", -1)";
    return x;
  };
  std::string x = "torch.to(" + context.in(0) + ", 6)";
  if (context.has(2)) x = "torch.sub(" + x + ", torch.to(" + wide(2) + ", 6))";
  return context.one("torch.mul(" + x + ", " + wide(1) + ")");
}

const std::vector<OperatorRow> &other_operators() {
  static const std::vector<OperatorRow> rows = [] {
    std::vector<OperatorRow> all{{"ArgMax", arg},
                                 {"ArgMin", arg},
                                 {"BitShift", bit_shift},
                                 {"Cast", cast},
                                 {"CastLike", cast_like},
                                 {"Clip", clip},
                                 {"CumSum", cumulative_sum},
                                 {"DequantizeLinear", dequantize},
                                 {"Dropout", dropout},
                                 {"Einsum", einsum},
                                 {"Gemm", gemm},
                                 {"Hardmax", softmax},
                                 {"Identity", identity},
                                 {"IsInf", is_infinite},
                                 {"LogSoftmax", softmax},
                                 {"MatMul", mat_mul},
                                 {"Mod", modulo},
                                 {"PRelu", prelu},
                                 {"Pow", power},
                                 {"ReduceProd", reduce_product},
                                 {"Shrink", shrink},
                                 {"Softmax", softmax},
                                 {"Softsign", softsign},
                                 {"Where", where}};
    for (const auto &[name, pattern] : unary_patterns) all.push_back({name.c_str(), unary});
    for (const auto &[name, activation] : activations) all.push_back({name.c_str(), activate});
    for (const auto &[name, pattern] : binary_patterns) all.push_back({name.c_str(), binary});
    for (const char *name : {"Max", "Mean", "Min", "Sum"}) all.push_back({name, variadic});
    for (const auto &[name, pattern] : reductions) all.push_back({name.c_str(), reduce});
    return all;
  }();
  return rows;
}

const std::map<std::string, Operator> &table() {
  static const std::map<std::string, Operator> operators = [] {
    std::map<std::string, Operator> all;
    for (const auto *rows : {&other_operators(), &onnx_shape_operators(), &onnx_window_operators(),
                             &onnx_index_operators(), &onnx_sequence_operators()})
      for (const auto &row : *rows) all[row.name] = row.convert;
    return all;
  }();
  return operators;
}

}  // namespace

Operator find_onnx_operator(const std::string &name) {
  const auto found = table().find(name);
  return found == table().end() ? nullptr : found->second;
}

std::vector<std::string> onnx_operator_names() {
  std::vector<std::string> names{"Constant"};
  for (const auto &[name, convert] : table()) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

std::string onnx_remedy(const std::string &name) {
  if (name == "NonMaxSuppression" || name == "NonZero" || name == "RoiAlign" || name == "Unique")
    return "export the model without its post-processing (oneadaptdnn suppresses overlapping boxes by itself), or end "
           "it before this node with --output";
  if (name == "If" || name == "Loop" || name == "Scan")
    return "export the model with fixed sizes, which leaves no branch or loop over";
  if (name.find("Quantize") != std::string::npos || name.find("Integer") != std::string::npos ||
      name.rfind("QLinear", 0) == 0)
    return "export the model before it is quantised; integers have no gradient";
  if (name.find('.') != std::string::npos)
    return "it is no operator of ONNX itself; export the model without operators of a run time's own";
  return "end the model before it with --output, or export it with other operators (--operators lists those supported)";
}

}  // namespace oneadapt::import
