// SPDX-License-Identifier: LGPL-2.1-or-later
// What the operators of both dialects are written with.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "graph.h"
#include "source.h"

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

/// A row of the operators' tables.
struct OperatorRow {
  const char *name;
  Operator convert;
};
/// `pattern` with each {} replaced by the next argument.
std::string fill(const std::string &pattern, const std::vector<std::string> &arguments);

}  // namespace oneadapt::import
