// SPDX-License-Identifier: LGPL-2.1-or-later
// ONNX: the table of operators, and those that compute number by number.
#include <ATen/ExpandUtils.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

#include "onnx_helpers.h"
#include "operators.h"

namespace oneadapt::import {
namespace {

const std::map<std::string, const char *> unary_patterns{
    {"Abs", "torch.abs({})"},           {"Acos", "torch.acos({})"},
    {"Acosh", "torch.acosh({})"},       {"Asin", "torch.asin({})"},
    {"Asinh", "torch.asinh({})"},       {"Atan", "torch.atan({})"},
    {"Atanh", "torch.atanh({})"},       {"BitwiseNot", "torch.bitwise_not({})"},
    {"Ceil", "torch.ceil({})"},         {"Cos", "torch.cos({})"},
    {"Cosh", "torch.cosh({})"},         {"Det", "torch.det({})"},
    {"Erf", "torch.erf({})"},           {"Exp", "torch.exp({})"},
    {"Floor", "torch.floor({})"},       {"HardSwish", "torch.hardswish({})"},
    {"IsNaN", "torch.isnan({})"},       {"Log", "torch.log({})"},
    {"Mish", "torch.mish({})"},         {"Neg", "torch.neg({})"},
    {"Not", "torch.logical_not({})"},   {"Reciprocal", "torch.reciprocal({})"},
    {"Relu", "torch.relu({})"},         {"Round", "torch.round({})"},
    {"Sigmoid", "torch.sigmoid({})"},   {"Sign", "torch.sign({})"},
    {"Sin", "torch.sin({})"},           {"Sinh", "torch.sinh({})"},
    {"Softplus", "torch.softplus({})"}, {"Sqrt", "torch.sqrt({})"},
    {"Tan", "torch.tan({})"},           {"Tanh", "torch.tanh({})"}};

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

Values gelu(Context &context) {
  const std::string way = context.node.text("approximate", "none");
  if (way != "none" && way != "tanh") context.fail("approximate=" + way + " is not supported");
  return context.one("torch.gelu(" + context.in(0) + ", approximate=\"" + way + "\")");
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
  if (found == types.end()) context.fail("a cast to the type " + onnx_type_name(type) + " is not supported");
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

const std::map<std::string, const char *> binary_patterns{{"Add", "torch.add({}, {})"},
                                                          {"And", "torch.logical_and({}, {})"},
                                                          {"BitwiseAnd", "torch.bitwise_and({}, {})"},
                                                          {"BitwiseOr", "torch.bitwise_or({}, {})"},
                                                          {"BitwiseXor", "torch.bitwise_xor({}, {})"},
                                                          {"Div", "torch.div({}, {})"},
                                                          {"Equal", "torch.eq({}, {})"},
                                                          {"Greater", "torch.gt({}, {})"},
                                                          {"GreaterOrEqual", "torch.ge({}, {})"},
                                                          {"Less", "torch.lt({}, {})"},
                                                          {"LessOrEqual", "torch.le({}, {})"},
                                                          {"Max", "torch.maximum({}, {})"},
                                                          {"Min", "torch.minimum({}, {})"},
                                                          {"Mul", "torch.mul({}, {})"},
                                                          {"Or", "torch.logical_or({}, {})"},
                                                          {"Sub", "torch.sub({}, {})"},
                                                          {"Sum", "torch.add({}, {})"},
                                                          {"Xor", "torch.logical_xor({}, {})"}};

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

// --- numbers of few bits

/// Scale or zero point, as wide as the numbers: one for all of them, one a channel, or one a block of them (opset 21).
std::string quantiser(Context &context, std::size_t input) {
  const Dims numbers = context.input(0).shape(), shape = context.input(input).shape();
  const std::string x = context.in(input);
  const auto block = context.node.integer("block_size", 0);
  if (block < 0) context.fail("block_size=" + text(block) + " is out of range");
  if (!block && (shape.size() != 1 || shape[0] == 1)) return x;
  const auto axis = axis_of(context, context.node.integer("axis", 1), numbers.size());
  if (block) {
    if (shape.size() != numbers.size()) context.fail("the blocks do not fit the input's shape");
    context.bound({block, context.input(input).shape()[std::size_t(axis)]});
    return "torch.slice(torch.repeat_interleave(" + x + ", " + text(block) + ", " + text(axis) + "), " + text(axis) +
           ", 0, " + text(numbers[std::size_t(axis)]) + ")";
  }
  std::string wide = x;
  for (auto k = std::size_t(axis) + 1; k < numbers.size(); ++k) wide = "torch.unsqueeze(" + wide + ", -1)";
  return wide;
}

Values dequantize(Context &context) {
  std::string x = "torch.to(" + context.in(0) + ", 6)";
  if (context.has(2)) x = "torch.sub(" + x + ", torch.to(" + quantiser(context, 2) + ", 6))";
  return context.one("torch.mul(" + x + ", " + quantiser(context, 1) + ")");
}

const std::vector<OperatorRow> &other_operators() {
  static const std::vector<OperatorRow> rows = [] {
    // Attribute `saturate` of Cast says something about 8-bit floating point only.
    // Several rows a line.
    // clang-format off
    std::vector<OperatorRow> all{
        {"BitShift", bit_shift, "direction"}, {"Cast", cast, "saturate to"}, {"CastLike", cast_like, "saturate"},
        {"Clip", clip, "max min"}, {"DequantizeLinear", dequantize, "axis block_size"},
        {"Dropout", dropout, "is_test ratio seed"}, {"Gelu", gelu, "approximate"}, {"Identity", identity, ""},
        {"IsInf", is_infinite, "detect_negative detect_positive"}, {"Mod", modulo, "fmod"}, {"PRelu", prelu, ""},
        {"Pow", power, "axis broadcast"}, {"Shrink", shrink, "bias lambd"}, {"Softsign", softsign, ""},
        {"Where", where, ""}};
    // clang-format on
    for (const auto &[name, pattern] : unary_patterns) all.push_back({name.c_str(), unary, ""});
    for (const auto &[name, activation] : activations) {
      std::string attributes;
      for (const auto &[attribute, fallback] : activation.constants) attributes += std::string(attribute) + " ";
      all.push_back({name.c_str(), activate, attributes});
    }
    // Before opset 7 the second operand was put in place by attributes.
    for (const auto &[name, pattern] : binary_patterns) all.push_back({name.c_str(), binary, "axis broadcast"});
    for (const char *name : {"Max", "Mean", "Min", "Sum"}) all.push_back({name, variadic, ""});
    return all;
  }();
  return rows;
}

const std::map<std::string, OperatorRow> &table() {
  static const std::map<std::string, OperatorRow> operators = [] {
    std::map<std::string, OperatorRow> all;
    for (const auto *rows :
         {&other_operators(), &onnx_axis_operators(), &onnx_shape_operators(), &onnx_window_operators(),
          &onnx_norm_operators(), &onnx_resize_operators(), &onnx_index_operators(), &onnx_sequence_operators()})
      for (const auto &row : *rows) all.insert_or_assign(row.name, row);
    return all;
  }();
  return operators;
}

}  // namespace

Operator find_onnx_operator(const std::string &name) {
  const auto found = table().find(name);
  return found == table().end() ? nullptr : found->second.convert;
}

std::vector<std::string> onnx_unknown_attributes(const Node &node) {
  std::istringstream words(table().at(node.op).attributes);
  const std::set<std::string> known{std::istream_iterator<std::string>(words), {}};
  std::vector<std::string> unknown;
  for (const auto &[name, attribute] : node.attributes)
    if (!known.count(name)) unknown.push_back(name);
  return unknown;
}

std::vector<std::string> onnx_operator_names() {
  std::vector<std::string> names{"Constant"};
  for (const auto &[name, row] : table()) names.push_back(name);
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
    return "it is no operator of ONNX itself; export the model without operators of a run time's own, and put the "
           "model's own functions in their place (onnx.inliner.inline_local_functions)";
  return "end the model before it with --output, or export it with other operators (--operators lists those supported)";
}

}  // namespace oneadapt::import
