// SPDX-License-Identifier: LGPL-2.1-or-later
// TensorFlow's operators, each written as TorchScript.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "source.h"
#include "tfjs.h"

namespace oneadapt::import {

/// What an operator sees of the node it converts.
struct Context {
  const Node &node;
  Source &source;
  std::vector<Value *> inputs;
  std::vector<bool> sole_reader;  ///< per input: nobody else reads it
  bool folding = false;           ///< all inputs are constants

  Value &input(std::size_t index) const;
  /// Inputs that must be known at import: sizes, axes, permutations. Throws ImportError when they are not.
  Dims ints(std::size_t index) const;
  std::int64_t integer(std::size_t index) const;
  double number(std::size_t index) const;
  const at::Tensor &constant(std::size_t index) const;
  /// An input as it lies in memory, and how the graph sees it: for operators that do not care about the order.
  std::pair<std::string, Dims> as_stored(std::size_t index) const;
  /// "node NAME (OP): " + what.
  [[noreturn]] void fail(const std::string &what) const;
  [[noreturn]] void not_convolutional(const std::string &what) const;
};

using Values = std::vector<Value>;
using Operator = Values (*)(Context &);

/// nullptr: unknown.
Operator find_operator(const std::string &name);
/// Alphabetical, "Const" and "Placeholder" included.
std::vector<std::string> operator_names();

/// A row of the operators' tables.
struct OperatorRow {
  const char *name;
  Operator convert;
};
const std::vector<OperatorRow> &window_operators();  ///< operators_window.cpp: convolutions, pools, resizes
const std::vector<OperatorRow> &shape_operators();   ///< operators_shape.cpp: reshapes, slices, joins, pads

/// Activations by the name that fused operators use too; `value` is not padded. Throws ImportError when unknown.
Value activation(Context &context, const std::string &name, Value value);

}  // namespace oneadapt::import
