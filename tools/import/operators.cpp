// SPDX-License-Identifier: LGPL-2.1-or-later
// The table of operators, and those that compute number by number or along axes.
#include "operators.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <optional>

namespace oneadapt::import {
namespace {

// --- one value in, one value of the same shape out: the order of dimensions does not matter

const std::map<std::string, const char *> unary_patterns{
    {"Abs", "torch.abs({})"},       {"Elu", "torch.elu({})"},           {"Exp", "torch.exp({})"},
    {"Floor", "torch.floor({})"},   {"Log", "torch.log({})"},           {"Neg", "torch.neg({})"},
    {"Relu", "torch.relu({})"},     {"Relu6", "torch.clamp({}, 0, 6)"}, {"Round", "torch.round({})"},
    {"Rsqrt", "torch.rsqrt({})"},   {"Sigmoid", "torch.sigmoid({})"},   {"Sqrt", "torch.sqrt({})"},
    {"Square", "torch.square({})"}, {"Tanh", "torch.tanh({})"}};

Values unary(Context &context) {
  const auto [x, perm] = context.as_stored(0);
  return {context.source.emit(fill(unary_patterns.at(context.node.op), {x}), perm)};
}

Values leaky_relu(Context &context) {
  const auto [x, perm] = context.as_stored(0);
  return {context.source.emit("torch.leaky_relu(" + x + ", " + literal(context.node.number("alpha", 0.2)) + ")", perm)};
}

Values identity(Context &context) { return {context.input(0)}; }

/// TensorFlow's type as the number that TorchScript writes for its own.
Values cast(Context &context) {
  static const std::map<std::string, int> types{{"DT_FLOAT", 6}, {"DT_INT32", 3}, {"DT_INT64", 4}, {"DT_BOOL", 11}};
  const auto type = context.node.text("DstT", "DT_FLOAT");
  if (!types.count(type)) context.fail("a cast to " + type + " is not supported");
  const auto [x, perm] = context.as_stored(0);
  return {context.source.emit("torch.to(" + x + ", " + std::to_string(types.at(type)) + ")", perm)};
}

// --- two values in, broadcast

const std::map<std::string, const char *> binary_patterns{{"Add", "torch.add({}, {})"},
                                                          {"AddV2", "torch.add({}, {})"},
                                                          {"BiasAdd", "torch.add({}, {})"},
                                                          {"Div", "torch.div({}, {})"},
                                                          {"Equal", "torch.eq({}, {})"},
                                                          {"FloorDiv", "torch.floor_divide({}, {})"},
                                                          {"FloorMod", "torch.remainder({}, {})"},
                                                          {"Greater", "torch.gt({}, {})"},
                                                          {"GreaterEqual", "torch.ge({}, {})"},
                                                          {"Less", "torch.lt({}, {})"},
                                                          {"Maximum", "torch.maximum({}, {})"},
                                                          {"Minimum", "torch.minimum({}, {})"},
                                                          {"Mul", "torch.mul({}, {})"},
                                                          {"Pow", "torch.pow({}, {})"},
                                                          {"RealDiv", "torch.div({}, {})"},
                                                          {"Sub", "torch.sub({}, {})"},
                                                          {"SquaredDifference", "torch.square(torch.sub({}, {}))"}};

/// Gives a value `rank` dimensions by ones in front.
std::string with_rank(Context &context, Value &value, const Dims &perm, std::size_t rank) {
  Source &source = context.source;
  const std::size_t missing = rank - value.rank();
  if (!missing) return source.stored(value, perm);
  if (value.is_constant()) {
    Dims shape(missing, 1);
    for (auto size : value.shape()) shape.push_back(size);
    Value wide;
    wide.constant = value.constant.reshape(shape);
    return source.stored(wide, perm);
  }
  std::string text = source.plain(value);
  for (std::size_t i = 0; i < missing; ++i) text = "torch.unsqueeze(" + text + ", 0)";
  Value wide = source.emit(text);
  return source.stored(wide, perm);
}

/// x + constant, when x is a convolution that nobody else reads and the constant has one number a channel.
std::optional<Value> add_as_bias(Context &context, std::size_t convolution, std::size_t addend) {
  Value &x = context.input(convolution), &b = context.input(addend);
  if (x.is_constant() || x.bias_slot < 0 || !x.pads.empty() || !b.is_constant() || !context.sole_reader.at(convolution))
    return {};
  const auto rank = x.rank();
  if (b.rank() > rank || !b.constant.is_floating_point()) return {};
  Dims shape(rank - b.rank(), 1);
  for (auto size : b.shape()) shape.push_back(size);
  at::Tensor bias = b.constant.reshape(shape);
  if (!x.perm.empty()) bias = bias.permute(inverse(x.perm));
  const auto channels = x.probes[0].size(1);
  if (bias.size(1) != channels || bias.numel() != channels) return {};
  return context.source.with_bias(x, bias.reshape({-1}));
}

Values binary(Context &context) {
  const std::string &op = context.node.op;
  Value &a = context.input(0), &b = context.input(1);
  if (op == "Add" || op == "AddV2" || op == "BiasAdd") {
    if (auto sum = add_as_bias(context, 0, 1)) return {*sum};
    if (op != "BiasAdd")
      if (auto sum = add_as_bias(context, 1, 0)) return {*sum};
  }
  if (op == "BiasAdd" && context.node.text("data_format", "NHWC") == "NCHW" && b.rank() == 1 && a.rank() > 2) {
    Dims shape(a.rank() - 1, 1);
    shape[0] = b.shape()[0];
    if (!b.is_constant()) context.fail("the bias must be a constant");
    Value wide;
    wide.constant = b.constant.reshape(shape);
    const Dims perm = a.is_constant() ? Dims{} : a.perm;
    return {context.source.emit(
        "torch.add(" + context.source.stored(a, perm) + ", " + with_rank(context, wide, perm, a.rank()) + ")", perm)};
  }
  const std::size_t rank = std::max(a.rank(), b.rank());
  Dims perm;
  for (const Value *v : {&a, &b})
    if (perm.empty() && !v->is_constant() && v->rank() == rank) perm = v->perm;
  const std::string left = with_rank(context, a, perm, rank), right = with_rank(context, b, perm, rank);
  return {context.source.emit(fill(binary_patterns.at(op), {left, right}), perm)};
}

Values add_all(Context &context) {
  const auto [first, perm] = context.as_stored(0);
  std::string sum = first;
  for (std::size_t i = 1; i < context.inputs.size(); ++i)
    sum = "torch.add(" + sum + ", " + context.source.stored(context.input(i), perm) + ")";
  return {context.source.emit(sum, perm)};
}

Values prelu(Context &context) {
  const auto [x, perm] = context.as_stored(0);
  const std::string slope = with_rank(context, context.input(1), perm, context.input(0).rank());
  return {
      context.source.emit("torch.where(torch.ge(" + x + ", 0), " + x + ", torch.mul(" + x + ", " + slope + "))", perm)};
}

// --- along axes

Values reduce(Context &context) {
  static const std::map<std::string, const char *> functions{
      {"Max", "amax"}, {"Mean", "mean"}, {"Min", "amin"}, {"Sum", "sum"}};
  const bool keep = context.node.flag("keep_dims");
  Value &value = context.input(0);
  Dims axes = context.ints(1);
  Dims perm = value.is_constant() || !keep ? Dims{} : value.perm;
  const std::string x = context.source.stored(value, perm);
  for (auto &axis : axes) {
    if (axis < 0) axis += std::int64_t(value.rank());
    if (!perm.empty()) axis = perm.at(std::size_t(axis));
  }
  return {context.source.emit(std::string("torch.") + functions.at(context.node.op) + "(" + x + ", " + literal(axes) +
                                  ", " + (keep ? "True" : "False") + ")",
                              perm)};
}

Values softmax(Context &context) {
  const auto [x, perm] = context.as_stored(0);
  const std::int64_t axis = perm.empty() ? -1 : perm.back();
  return {context.source.emit("torch.softmax(" + x + ", " + std::to_string(axis) + ")", perm)};
}

Values mat_mul(Context &context) {
  Source &source = context.source;
  const auto side = [&](std::size_t i, const char *key) {
    const std::string x = source.plain(context.input(i));
    return context.node.flag(key) ? "torch.transpose(" + x + ", 0, 1)" : x;
  };
  Value result = source.emit("torch.matmul(" + side(0, "transpose_a") + ", " + side(1, "transpose_b") + ")");
  std::size_t next = 2;
  for (const auto &fused : context.node.texts("fused_ops")) {
    if (fused == "BiasAdd")
      result = source.emit("torch.add(" + result.var + ", " + source.plain(context.input(next++)) + ")");
    else
      result = activation(context, fused, result);
  }
  return {result};
}

Values batch_mat_mul(Context &context) {
  const auto side = [&](std::size_t i, const char *key) {
    const std::string x = context.in(i);
    return context.node.flag(key) ? "torch.transpose(" + x + ", -2, -1)" : x;
  };
  return context.one("torch.matmul(" + side(0, "adj_x") + ", " + side(1, "adj_y") + ")");
}

const std::vector<OperatorRow> &other_operators() {
  static const std::vector<OperatorRow> rows = [] {
    std::vector<OperatorRow> all{
        {"Cast", cast},      {"Identity", identity},    {"LeakyRelu", leaky_relu},
        {"MatMul", mat_mul}, {"_FusedMatMul", mat_mul}, {"Max", reduce},
        {"Mean", reduce},    {"Min", reduce},           {"Sum", reduce},
        {"Prelu", prelu},    {"Softmax", softmax},      {"StopGradient", identity},
    };
    all.push_back({"AddN", add_all});
    for (const char *name : {"BatchMatMul", "BatchMatMulV2"}) all.push_back({name, batch_mat_mul});
    for (const auto &[name, pattern] : unary_patterns) all.push_back({name.c_str(), unary});
    for (const auto &[name, pattern] : binary_patterns) all.push_back({name.c_str(), binary});
    return all;
  }();
  return rows;
}

const std::map<std::string, Operator> &table() {
  static const std::map<std::string, Operator> operators = [] {
    std::map<std::string, Operator> all;
    for (const auto *rows : {&window_operators(), &shape_operators(), &other_operators()})
      for (const auto &row : *rows) all[row.name] = row.convert;
    return all;
  }();
  return operators;
}

}  // namespace

Value activation(Context &context, const std::string &name, Value value) {
  if (name == "LeakyRelu")
    return context.source.emit(
        "torch.leaky_relu(" + value.var + ", " + literal(context.node.number("leakyrelu_alpha", 0.2)) + ")",
        value.perm);
  const auto found = unary_patterns.find(name);
  if (found == unary_patterns.end()) context.fail("the fused operator " + name + " is not supported");
  return context.source.emit(fill(found->second, {value.var}), value.perm);
}

Operator find_operator(const std::string &name) {
  const auto found = table().find(name);
  return found == table().end() ? nullptr : found->second;
}

std::vector<std::string> operator_names() {
  std::vector<std::string> names{"Const", "Placeholder"};
  for (const auto &[name, convert] : table()) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace oneadapt::import
