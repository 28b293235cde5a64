// SPDX-License-Identifier: LGPL-2.1-or-later
// ONNX: operators that pick and place values by index, and put them in order.
#include <map>

#include "onnx_helpers.h"
#include "operators.h"

namespace oneadapt::import {
namespace {

/// Indices from the end are negative; LibTorch wants none.
std::string indices(Context &context, std::size_t input, const std::string &size) {
  return "torch.remainder(torch.to(" + context.in(input) + ", 4), " + size + ")";
}

std::string size_text(const std::string &x, std::int64_t axis) { return x + ".size(" + text(axis) + ")"; }

Values gather(Context &context) {
  const std::size_t rank = context.input(0).rank(), index_rank = context.input(1).rank();
  const auto axis = axis_of(context, context.node.integer("axis", 0), rank);
  const std::string x = context.in(0), a = text(axis);
  if (context.input(1).is_constant() && index_rank == 0)
    return context.one("torch.select(" + x + ", " + a + ", " + text(context.integer(1)) + ")");
  const std::string flat =
      "torch.index_select(" + x + ", " + a + ", torch.reshape(" + indices(context, 1, size_text(x, axis)) + ", [-1]))";
  Dims shape = context.input(1).shape();
  for (std::size_t i = 0; i < rank; ++i)
    if (std::int64_t(i) != axis) shape.push_back(context.input(0).shape()[i]);
  context.bound(shape);
  if (index_rank == 1) return context.one(flat);
  std::string sizes;
  for (std::int64_t i = 0; i < axis; ++i) sizes += size_text(x, i) + ", ";
  for (std::size_t i = 0; i < index_rank; ++i) sizes += size_text(context.in(1), std::int64_t(i)) + ", ";
  for (auto i = axis + 1; i < std::int64_t(rank); ++i) sizes += size_text(x, i) + ", ";
  // A list of none has no type.
  if (sizes.empty()) return context.one("torch.squeeze(" + flat + ", 0)");
  return context.one("torch.reshape(" + flat + ", [" + sizes.substr(0, sizes.size() - 2) + "])");
}

Values gather_elements(Context &context) {
  const auto axis = axis_of(context, context.node.integer("axis", 0), context.input(0).rank());
  const std::string x = context.in(0);
  return context.one("torch.gather(" + x + ", " + text(axis) + ", " + indices(context, 1, size_text(x, axis)) + ")");
}

/// The index tensors of each dimension that the last one of `input` counts.
std::vector<std::string> index_columns(Context &context, std::size_t input, std::size_t first) {
  const Dims shape = context.input(input).shape();
  if (shape.empty()) context.fail("the indices have no dimension");
  const auto depth = shape.back();
  if (depth < 0 || std::size_t(depth) + first > context.input(0).rank())
    context.fail("the indices count more dimensions than the input has");
  std::vector<std::string> columns;
  for (std::int64_t i = 0; i < depth; ++i)
    columns.push_back("torch.select(" + context.in(input) + ", -1, " + text(i) + ")");
  return columns;
}

Values gather_nd(Context &context) {
  const auto batch = context.node.integer("batch_dims", 0);
  const std::string x = context.in(0), rows = context.in(1);
  if (batch < 0 || batch >= std::int64_t(context.input(1).rank())) context.fail("batch_dims is too large");
  std::vector<std::string> columns;
  const auto index_rank = std::int64_t(context.input(1).rank()) - 1;
  // A batch dimension's own index runs along it.
  for (std::int64_t i = 0; i < batch; ++i) {
    std::string shape;
    for (std::int64_t k = 0; k < index_rank; ++k) shape += std::string(k ? ", " : "") + (k == i ? "-1" : "1");
    columns.push_back("torch.reshape(torch.arange(" + size_text(x, i) + ", device=" + x + ".device), [" + shape + "])");
  }
  for (const auto &column : index_columns(context, 1, std::size_t(batch))) columns.push_back(column);
  return context.one("self.pick(" + x + ", [" + join(columns) + "])");
}

/// What becomes of numbers that several updates are for, as LibTorch calls it; "": the update stands.
std::string reduction_of(const Context &context) {
  static const std::map<std::string, const char *> names{
      {"none", ""}, {"add", "sum"}, {"mul", "prod"}, {"max", "amax"}, {"min", "amin"}};
  const std::string reduction = context.node.text("reduction", "none");
  const auto found = names.find(reduction);
  if (found == names.end()) context.fail("the reduction " + reduction + " is not supported");
  return found->second;
}

Values scatter_nd(Context &context) {
  const std::string reduction = reduction_of(context), columns = "[" + join(index_columns(context, 1, 0)) + "], ";
  if (reduction.empty() || reduction == "sum")
    return context.one("self.put(" + context.in(0) + ", " + columns + context.in(2) +
                       (reduction.empty() ? ", False)" : ", True)"));
  return context.one("self.put_reduced(" + context.in(0) + ", " + columns + context.in(2) + ", \"" + reduction + "\")");
}

Values scatter_elements(Context &context) {
  const auto axis = axis_of(context, context.node.integer("axis", 0), context.input(0).rank());
  const std::string x = context.in(0), reduction = reduction_of(context);
  const std::string arguments =
      x + ", " + text(axis) + ", " + indices(context, 1, size_text(x, axis)) + ", " + context.in(2);
  if (reduction.empty()) return context.one("torch.scatter(" + arguments + ")");
  if (reduction == "sum") return context.one("torch.scatter_add(" + arguments + ")");
  return context.one("torch.scatter_reduce(" + arguments + ", \"" + reduction + "\")");
}

Values top_k(Context &context) {
  const auto k = context.has(1) ? context.integer(1) : context.node.integer("k", 1);
  const auto axis = axis_of(context, context.node.integer("axis", -1), context.input(0).rank());
  return context.source.emit_all("torch.topk(" + context.in(0) + ", " + text(k) + ", " + text(axis) + ", " +
                                 (context.node.flag("largest", true) ? "True" : "False") + ", " +
                                 (context.node.flag("sorted", true) ? "True" : "False") + ")");
}

Values one_hot(Context &context) {
  const auto depth = context.integer(1);
  if (depth < 1) context.fail("the depth must be 1 or more");
  const auto rank = std::int64_t(context.input(0).rank()) + 1;
  const auto axis = axis_of(context, context.node.integer("axis", -1), std::size_t(rank));
  Dims shape = context.input(0).shape();
  shape.push_back(depth);
  context.bound(shape);
  std::string classes;
  for (std::int64_t i = 0; i < rank; ++i) classes += std::string(i ? ", " : "") + (i == axis ? "-1" : "1");
  // Out of range, on either side, is no class; from −depth on counts from the end.
  const std::string x = "torch.to(" + context.in(0) + ", 4)";
  const std::string index = "torch.where(torch.lt(" + x + ", 0), torch.add(" + x + ", " + text(depth) + "), " + x + ")";
  const std::string hit = "torch.eq(torch.unsqueeze(" + index + ", " + text(axis) + "), torch.reshape(torch.arange(" +
                          text(depth) + ", device=" + context.in(0) + ".device), [" + classes + "]))";
  const std::string values = context.in(2);
  return context.one("torch.where(" + hit + ", torch.select(" + values + ", 0, 1), torch.select(" + values +
                     ", 0, 0))");
}

Values trilu(Context &context) {
  const auto k = context.has(1) ? context.integer(1) : 0;
  return context.one(std::string(context.node.flag("upper", true) ? "torch.triu(" : "torch.tril(") + context.in(0) +
                     ", " + text(k) + ")");
}

}  // namespace

const std::vector<OperatorRow> &onnx_index_operators() {
  // Several rows a line.
  // clang-format off
  static const std::vector<OperatorRow> rows{
      {"Gather", gather, "axis"}, {"GatherElements", gather_elements, "axis"}, {"GatherND", gather_nd, "batch_dims"},
      {"OneHot", one_hot, "axis"}, {"Scatter", scatter_elements, "axis"},
      {"ScatterElements", scatter_elements, "axis reduction"}, {"ScatterND", scatter_nd, "reduction"},
      {"TopK", top_k, "axis k largest sorted"}, {"Trilu", trilu, "upper"}};
  // clang-format on
  return rows;
}

}  // namespace oneadapt::import
